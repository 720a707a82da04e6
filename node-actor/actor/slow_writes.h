#pragma once
// Memory limits that fall below what their group uses: within such a write the kernel reclaims, which may take seconds.
// They pass gate and journal like all others, and are then made one after the other by a process of their own
// (guard/slow_writer.h), so that the worker never waits for them.

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/slow_writer.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {

class SlowWrites {
 public:
  /// More are refused: each waits for those before it.
  static constexpr std::size_t kMostWaiting = 256;

  /// `tree` and `writer` must outlive it. Starts no process before the first write.
  SlowWrites(const kernel::CgroupTree& tree, kernel::Writer& writer, guard::SlowWriterConfig config);

  /// Whether this is a limit on memory below what its group uses now.
  bool may_block(const model::KernelWrite& write) const;
  /// As kernel::Writer::perform(), but that the file is written later, and `changed` says that it will be. A write of
  /// the same file that waits is replaced; one that is under way with another value is ended. Besides the writer's,
  /// errors are kOverloaded with kMostWaiting, and kUnavailable for a memory.max so low that the kernel would kill to
  /// reach it.
  model::Result<kernel::WriteOutcome> perform(const model::KernelWrite& write);
  /// The file is about to be written without this: no older value may come after that one.
  void withdraw(const model::KernelWrite& write);

  struct Refused {
    model::KernelWrite write;
    model::Error why;
  };
  /// To be called in each fast round, also where nothing waits, as a helper that nobody needs is ended here. Goes on
  /// with what waits; never blocks. What came to nothing since the last call, but for groups that are gone.
  /// What waits for a group that is held by now is dropped.
  std::vector<Refused> step(model::MonoTime now, const std::function<bool(const std::string& group)>& is_held);
  std::size_t waiting() const { return waiting_.size() + (under_way_ ? 1 : 0); }
  /// What waits is not written any more, and what is under way is ended. False: it is stuck in the kernel.
  bool forget();

 private:
  struct Waiting {
    model::KernelWrite write;
    kernel::FileIdentity file;
  };
  std::optional<std::string> why_it_would_kill(const model::KernelWrite& write) const;

  const kernel::CgroupTree& tree_;
  kernel::Writer& writer_;
  guard::SlowWriter slow_;
  std::deque<Waiting> waiting_;
  std::optional<Waiting> under_way_;
};

}  // namespace tideline::node
