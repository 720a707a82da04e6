#pragma once

#include <memory>
#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// The fast loop's counters, each one pread of a file kept open.
class FastReader {
 public:
  explicit FastReader(const CgroupTree& tree);
  ~FastReader();
  FastReader(FastReader&&) noexcept;
  FastReader& operator=(FastReader&&) noexcept;

  /// Stamps with CLOCK_MONOTONIC read beside the counters. A besteffort root that is gone gives be_cpu nullopt and is
  /// looked for again at the next read. An unreadable or garbled file is an error with path and text; be_periods and
  /// the group of all pods, without which all goes on, are nullopt then. That group is read only `with_pods`: on cgroup
  /// v2 the kernel sums up all groups below it for that.
  model::Result<model::FastCounters> read(bool with_pods = false);

  /// From the next read on these groups, and only these, are in `be_outside`. One that is not there is looked for at
  /// every read.
  void watch_outside(const CgroupTree& tree, const std::vector<std::string>& groups);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tideline::kernel
