#pragma once
// The limit on all of BE's memory that relief has in force (besteffort root: v2 memory.high, v1 memory.limit_in_bytes),
// and the reclaim of it. Nothing here waits: what lowers the limit may block, and is the slow writer's; what raises it
// is made at once. On v1 a reclaim moves the limit itself, so that no other write to it is made before that is over.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/drift_pace.h"
#include "node-actor/guard/journal.h"
#include "node-actor/guard/slow_writer.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {

class BeMemory {
 public:
  /// Passes a write through gate and journal and makes it.
  using Perform = std::function<model::Result<kernel::WriteOutcome>(const model::KernelWrite&)>;
  /// Passes it through gate and journal only: kernel::Writer::prepare().
  using Prepare = std::function<model::Result<kernel::PreparedWrite>(const model::KernelWrite&)>;
  /// Told of a write of a prepared one by the slow writer: what Perform tells of by itself. With the value of before.
  using Made = std::function<void(const model::KernelWrite&, const std::string&)>;

  /// The file is looked at again this often while a limit of ours is to be in force.
  static constexpr model::Duration kLook = std::chrono::seconds(1);
  /// v1: a limit stays so much above the use, lest the kernel reclaims before it takes it.
  static constexpr model::Bytes kV1Slack{8LL << 20};

  /// `tree`, `journal` and `slow` must outlive it.
  BeMemory(const kernel::CgroupTree& tree, const guard::Journal& journal, guard::SlowWriter& slow, Perform perform,
           Prepare prepare, Made made);

  /// Why this kernel has no way to it; "" = it has.
  const std::string& no_reclaim() const { return no_reclaim_; }
  const std::string& no_tighten() const { return no_tighten_; }
  /// An earlier worker's limit is in force.
  bool inherited() const { return inherited_; }
  /// In force now, of ours: an earlier worker's, too.
  const std::optional<model::Bytes>& tightened() const { return tightened_; }

  /// The limit that is to be; nullopt: what was there before us. To be called in each fast round. A limit of its own
  /// that is tighter stays. v1: not below what the group uses now, as the kernel would not take it at once; there it
  /// comes to by reclaim(). Only kFenced is an error to stop for; others are in problem() and tried again. A value that
  /// somebody else wrote over ours is answered at decide::DriftPace's rate; the gate tells of it.
  model::Result<void> tighten(std::optional<model::Bytes> limit, model::Reason reason, model::MonoTime now);
  /// Begins one reclaim; kOverloaded while busy. On v1 the limit file is journaled first; where a limit below the use
  /// is wanted, what the reclaim goes down to stays, and is not below that. kNotFound: there is no such group.
  model::Result<void> reclaim(model::Bytes bytes, model::MonoTime now);
  struct Reclaimed {
    model::Bytes asked;
    model::Bytes freed;
    model::Duration took{0};
    std::optional<model::Error> error;
  };
  /// The one that ended since the last call. To be called in each fast round.
  std::optional<Reclaimed> poll(model::MonoTime now);
  /// A write is under way, or a limit waits for it to end.
  bool busy() const { return flight_.has_value() || waits_; }
  const std::string& problem() const { return problem_; }
  /// A value over ours that the gate tells nothing of: the original, put back by somebody else.
  struct Overwritten {
    std::string found;
    std::string ours;
  };
  /// The first one since ours was written, once.
  std::optional<Overwritten> take_overwritten() { return std::exchange(overwritten_, std::nullopt); }
  /// Ends what is under way. To be called before anybody else in this process puts originals back.
  void stop();
  /// All originals were put back by somebody else in this process.
  void forget();

 private:
  struct Wanted {
    std::optional<model::Bytes> limit;
    model::Reason reason = model::Reason::kNone;
  };
  /// Of the slow writer.
  struct Flight {
    bool is_reclaim = false;
    bool stays = false;  // v1, of a reclaim: what it goes down to is the limit
    model::KernelWrite write;
    kernel::FileIdentity file;
    std::string before;                 // what the file held
    std::string original;               // as journaled; "" on v2 of a reclaim, which is about no file of ours
    std::optional<model::Bytes> limit;  // in force once it is through
    model::Bytes asked;                 // to be reclaimed
  };
  /// What the file holds now.
  struct Held {
    kernel::FileIdentity file;
    std::string raw;
    std::optional<model::Bytes> bytes;    // nullopt: no limit
    std::optional<std::string> original;  // as journaled
    bool foreign = false;                 // over a limit of ours, also the original
    bool is_told = false;                 // of that, by the gate
  };

  void look_for_knobs();
  model::Result<Held> look() const;
  std::string original_of_file(const kernel::FileIdentity& file) const;
  model::Result<void> push(model::MonoTime now);
  /// Only kFenced is kept.
  model::Result<void> settle(const model::Result<void>& done);
  model::Result<void> raise(const model::KernelWrite& write, std::optional<model::Bytes> limit, model::MonoTime now);
  model::Result<void> lower(const model::KernelWrite& write, const Held& held, std::optional<model::Bytes> limit,
                            model::MonoTime now);
  void in_force(std::optional<model::Bytes> limit, model::MonoTime now);
  void tighten_ended(const Flight& flight, const guard::SlowDone& done, model::MonoTime now);
  void lowered(const Flight& flight, model::MonoTime now);
  /// v1: a reclaim that was ended may have left the limit where it went down to.
  void put_limit_back(const Flight& flight);

  const kernel::CgroupTree& tree_;
  const guard::Journal& journal_;
  guard::SlowWriter& slow_;
  Perform perform_;
  Prepare prepare_;
  Made made_;
  bool v1_ = false;
  std::string file_;  // of the limit
  std::string no_reclaim_;
  std::string no_tighten_;
  bool knobs_known_ = false;
  bool inherited_ = false;
  std::optional<model::Bytes> tightened_;
  std::optional<Wanted> wanted_;
  std::optional<Flight> flight_;
  bool waits_ = false;  // the wanted limit waits for the slow writer
  bool stuck_ = false;  // a slow writer of ours does not end, and may finish its write when it does
  std::optional<model::MonoTime> looked_;
  decide::DriftPace pace_;
  std::optional<Overwritten> overwritten_;
  std::string problem_;
};

}  // namespace tideline::node
