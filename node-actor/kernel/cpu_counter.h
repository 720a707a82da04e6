#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

/// The CPU time in cpuacct.usage (v1) or a group's cpu.stat (v2).
std::optional<model::Duration> parse_group_cpu(std::string_view text, bool v1);

/// File that holds a group's CPU time.
constexpr std::string_view group_cpu_file(CgroupVersion version) {
  return version == CgroupVersion::kV1 ? "cpuacct.usage" : "cpu.stat";
}

/// All CPU time used on the host, without idle, iowait and steal: the root group's counter where the hierarchy's true
/// root is mounted (cpuacct.usage; v2 cpu.stat user + system, since its usage_usec counts steal), else /proc/stat.
class NodeCpuCounter {
 public:
  explicit NodeCpuCounter(const CgroupTree& tree);
  model::Result<model::Duration> read();

 private:
  enum class Source { kCpuacct, kCpuStat, kProcStat };
  std::optional<model::Duration> parse(std::string_view text) const;

  Source source_ = Source::kProcStat;
  KeptFile file_;
};

}  // namespace tideline::kernel
