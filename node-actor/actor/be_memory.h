#pragma once
// The limit on all of BE's memory that relief has in force (besteffort root: v2 memory.high, v1 memory.limit_in_bytes),
// and the reclaim of it. Nothing here waits: what may block is the slow writer's.

#include <functional>
#include <optional>
#include <string>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/journal.h"
#include "node-actor/guard/slow_writer.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {

class BeMemory {
 public:
  /// Passes a write through gate and journal and makes it, or leaves it to the slow writer where it may block.
  using Perform = std::function<model::Result<kernel::WriteOutcome>(const model::KernelWrite&)>;
  /// `tree`, `journal` and `slow` must outlive it.
  BeMemory(const kernel::CgroupTree& tree, const guard::Journal& journal, guard::SlowWriter& slow, Perform perform);

  /// Why this kernel has no way to it; "" = it has.
  const std::string& no_reclaim() const { return no_reclaim_; }
  const std::string& no_tighten() const { return no_tighten_; }
  /// An earlier worker's limit is in force.
  bool inherited() const;
  /// In force now, of ours.
  const std::optional<model::Bytes>& tightened() const { return tightened_; }

  /// The limit that is to be; nullopt: what was there before us. v1: never below what the group uses now, as the kernel
  /// would not take it at once. Only kFenced is an error to stop for; others are in problem() and tried again.
  model::Result<void> tighten(std::optional<model::Bytes> limit, model::Reason reason, model::MonoTime now);
  /// Begins one reclaim; not while one is under way. On v1 the limit file is journaled first.
  model::Result<void> reclaim(model::Bytes bytes, model::MonoTime now);
  struct Reclaimed {
    model::Bytes asked;
    model::Bytes freed;
    model::Duration took{0};
    std::optional<model::Error> error;
  };
  /// The one that ended since the last call.
  std::optional<Reclaimed> poll(model::MonoTime now);
  bool busy() const;
  const std::string& problem() const { return problem_; }
  /// All originals were put back by somebody else in this process.
  void forget();

 private:
  const kernel::CgroupTree& tree_;
  const guard::Journal& journal_;
  guard::SlowWriter& slow_;
  Perform perform_;
  std::string no_reclaim_;
  std::string no_tighten_;
  std::optional<model::Bytes> tightened_;
  std::string problem_;
};

}  // namespace tideline::node
