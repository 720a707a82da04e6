#pragma once
// The besteffort root's quota, with its period where that is a file of its own: limits it, and puts back what was
// there.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/guard/journal.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {

class BeQuota {
 public:
  /// Performs one write through the guard's gate, and tells of it.
  using Perform = std::function<model::Result<kernel::WriteOutcome>(const model::KernelWrite&)>;

  /// `period_us`: of our limits. What an earlier worker of `journal` found there is what release() puts back.
  BeQuota(const kernel::CgroupTree& tree, const guard::Journal& journal, std::int64_t period_us, Perform perform);

  /// An earlier worker of the journal limited BE: the quota is ours to release.
  bool inherited() const { return inherited_; }

  /// Sets the limit. Our period is taken only when there was no quota before: on v1 it is written first, while no quota
  /// of a parent or child can be in its way; refused, the kernel's stays and the limit is reckoned by it.
  model::Result<decide::CurrentLimit> limit(model::MilliCpu limit, model::Reason reason);
  /// Puts back quota and period as they were before our first limit.
  model::Result<decide::CurrentLimit> release(model::Reason reason);

  /// A quota that somebody else wrote over ours.
  struct Foreign {
    std::string file;
    std::string found;
    std::string ours;
  };
  /// What the file holds, if that is not our last limit, by our period; nullopt also without a limit of this worker's.
  std::optional<Foreign> foreign() const;

  /// Whatever is there from now on is not ours; what release() puts back stays.
  void disown() { written_.reset(); }
  /// Quota and period are as they were: what is there from now on is what the next limit gives back.
  void forget();

  /// "cpu.max" or "cpu.cfs_quota_us" if the besteffort root is there and the kernel gives it no such file; else "".
  std::string missing_knob() const;

 private:
  /// As the files held it.
  struct Before {
    std::string quota;
    std::int64_t period_us = 0;
  };
  struct Written {
    std::string quota;  // in the file's own spelling
    std::int64_t period_us = 0;
  };
  bool v1() const { return tree_.version() == kernel::CgroupVersion::kV1; }
  /// False: the kernel refused. Errors: kFenced.
  model::Result<bool> set_period(std::int64_t period_us, model::Reason reason);

  const kernel::CgroupTree& tree_;
  std::int64_t period_us_;
  Perform perform_;
  std::optional<Before> before_;
  std::optional<Written> written_;  // of our limit in force
  bool inherited_ = false;
};

}  // namespace tideline::node
