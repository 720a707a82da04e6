#include "node-actor/kernel/quota.h"

#include <algorithm>

#include <fmt/format.h>

#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Result;

Result<Quota> read_quota(const CgroupTree& tree, const std::string& group) {
  const bool v1 = tree.version() == CgroupVersion::kV1;
  Quota quota;
  quota.file = v1 ? "cpu.cfs_quota_us" : "cpu.max";
  const auto path = tree.path(group, quota.file);
  if (!path) return path.error();
  auto raw = read_file(*path);
  if (!raw) return raw.error();
  std::optional<CfsQuota> parsed;
  if (v1) {
    const auto period_path = tree.path(group, "cpu.cfs_period_us");
    if (!period_path) return period_path.error();
    const auto period = read_file(*period_path);
    if (!period) return period.error();
    if (!parse_number(*period).has_value()) return malformed(*period_path, *period);
    parsed = parse_cfs(*raw, *period);
  } else {
    parsed = parse_cpu_max(*raw);
  }
  if (!parsed) return malformed(*path, *raw);
  quota.limit = limit_of(*parsed);
  quota.period_us = parsed->period_us;
  quota.raw = std::move(*raw);
  return quota;
}

Result<model::KernelWrite> quota_write(const CgroupTree& tree, const std::string& group,
                                       std::optional<model::MilliCpu> limit, model::Controller controller,
                                       model::Reason reason) {
  const auto now = read_quota(tree, group);
  if (!now) return now.error();
  return quota_write(tree.version(), now->period_us, group, limit, controller, reason);
}

model::KernelWrite quota_write(CgroupVersion version, std::int64_t period_us, const std::string& group,
                               std::optional<model::MilliCpu> limit, model::Controller controller,
                               model::Reason reason) {
  const bool v1 = version == CgroupVersion::kV1;
  std::string quota = v1 ? "-1" : "max";
  if (limit) {
    const double us = static_cast<double>(limit->value()) * static_cast<double>(period_us) / 1000.0;
    quota = fmt::format("{}", std::max(kMinQuotaUs, static_cast<std::int64_t>(us)));
  }
  return {.group = group,
          .file = v1 ? "cpu.cfs_quota_us" : "cpu.max",
          .value = v1 ? quota : fmt::format("{} {}", quota, period_us),
          .controller = controller,
          .reason = reason};
}

}  // namespace tideline::kernel
