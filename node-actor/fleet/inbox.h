#pragma once
// What the link's thread tells the thread that runs the fleet.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/eviction.h"
#include "messages/model/hands_off.h"
#include "messages/model/ids.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/units.h"

namespace tideline::rehearsal {

/// Whose note it is. What comes late from an earlier life of a node's client means nothing to the next one.
struct NoteOf {
  std::size_t node = 0;
  std::uint64_t life = 0;
};

struct LinkNote {
  enum class Kind : std::uint8_t {
    kConnected,
    kDisconnected,
    kAcked,
    kRefused,
    kPolicy,
    kHandsOff,
    kObjects,
    kPace,
    kEvictions,
    kBatch
  } kind = Kind::kConnected;
  NoteOf of = {};
  model::MonoTime at = {};
  model::Seq seq = {};                                          // kAcked, kRefused; of kConnected what is acked through
  model::Epoch epoch = {};                                      // kConnected: of the coordinator
  std::shared_ptr<const model::NodePolicy> policy = {};         // kPolicy
  std::shared_ptr<const model::HandsOffOrder> hands_off = {};   // kHandsOff
  std::shared_ptr<const model::EvictionAnswer> evictions = {};  // kEvictions
  std::shared_ptr<const model::NodeObjects> objects = {};       // kObjects, of who hears of them
  std::uint64_t number = 0;                                     // kObjects: of the set
  model::BatchAllocatable batch = {};                           // kBatch
  model::Duration interval = {};                                // kPace: reports come at it
  model::Duration length = {};                                  // kPace: for so long
  bool for_good = false;                                        // kRefused: it will never be taken
  std::string why = {};                                         // kDisconnected, kRefused
};

class Inbox {
 public:
  void put(LinkNote note) {
    {
      const std::lock_guard lock(mutex_);
      notes_.push_back(std::move(note));
    }
    arrived_.notify_one();
  }
  /// What has come, oldest first; waits for at most `longest` where that is nothing.
  std::vector<LinkNote> take(model::Duration longest) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, longest, [this]() { return !notes_.empty(); });
    return std::exchange(notes_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<LinkNote> notes_;
};

}  // namespace tideline::rehearsal
