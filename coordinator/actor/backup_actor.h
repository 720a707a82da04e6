#pragma once
// Makes backups of history when an administrator asks for one. They may take minutes: nobody else waits for it.

#include <atomic>
#include <memory>
#include <string>

#include "coordinator/actor/history_counts.h"
#include "coordinator/actor/series_messages.h"
#include "storage/series/store_care.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// Lets one backup in at a time. Thread-safe.
class BackupDoor {
 public:
  /// False: another one is under way.
  bool enter() { return !taken_.exchange(true); }
  void leave() { taken_ = false; }
  /// The one that is under way is given up, and none is made from now on.
  void close() { closed_ = true; }
  bool is_closed() const { return closed_; }

 private:
  std::atomic<bool> taken_{false};
  std::atomic<bool> closed_{false};
};

/// Blocks on the disk: spawn it detached. It stops once the door is closed.
class BackupActor : public caf::event_based_actor {
 public:
  /// `directory`: absolute; "" = none is set.
  BackupActor(caf::actor_config& config, std::shared_ptr<store::HistoryStore> store, std::string directory,
              std::shared_ptr<BackupDoor> door, std::shared_ptr<HistoryCounts> counts);
  caf::behavior make_behavior() override;

 private:
  model::Result<admin::BackupMade> make(const admin::Caller& caller);

  std::shared_ptr<store::HistoryStore> store_;
  series::StoreCare* care_;  // the store; null: it makes none
  std::string directory_;
  std::shared_ptr<BackupDoor> door_;
  std::shared_ptr<HistoryCounts> counts_;
};

}  // namespace tideline::coordinator
