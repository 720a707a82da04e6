#pragma once

#include <cstdint>
#include <string>

#include "messages/model/cpu_set.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/kernel_root.h"

namespace tideline::kernel {

/// The host's online CPUs, of /sys/devices/system/cpu/online; container quotas and affinities do not change them.
class OnlineCpus {
 public:
  explicit OnlineCpus(const KernelRoot& root) : file_(root.sys + "/devices/system/cpu/online") {}

  /// One pread. True: cpus() are others than before, as they are after the first look. An error names the file and its
  /// text, and leaves cpus() as they were.
  model::Result<bool> look();

  const model::CpuSet& cpus() const { return cpus_; }
  /// 1000 for each.
  model::MilliCpu capacity() const { return model::MilliCpu(std::int64_t{1000} * cpus_.size()); }

 private:
  KeptFile file_;
  std::string text_;
  model::CpuSet cpus_;
};

}  // namespace tideline::kernel
