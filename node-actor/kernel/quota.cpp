#include "node-actor/kernel/quota.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Result;

std::int64_t best_period_us(std::string_view kernel_release) {
  const auto dot = kernel_release.find('.');
  if (dot == std::string_view::npos) return kUsualPeriodUs;
  auto minor_text = kernel_release.substr(dot + 1);
  minor_text = minor_text.substr(0, minor_text.find_first_not_of("0123456789"));
  const auto major = parse_number(kernel_release.substr(0, dot));
  const auto minor = parse_number(minor_text);
  if (!major || !minor) return kUsualPeriodUs;
  return std::pair(*major, *minor) >= std::pair<std::int64_t, std::int64_t>(6, 18) ? kLongestPeriodUs : kUsualPeriodUs;
}

std::int64_t us_per_period(model::MilliCpu cpu, std::int64_t period_us) {
  constexpr std::int64_t kMostUs = (std::int64_t{1} << 44) - 1;
  const double us = static_cast<double>(cpu.value()) * static_cast<double>(period_us) / 1000.0;
  return static_cast<std::int64_t>(std::clamp(us, 0.0, static_cast<double>(kMostUs)));
}

Result<Quota> read_quota(const CgroupTree& tree, const std::string& group) {
  const bool v1 = tree.version() == CgroupVersion::kV1;
  Quota quota;
  quota.file = v1 ? "cpu.cfs_quota_us" : "cpu.max";
  const auto path = tree.path(group, quota.file);
  if (!path) return path.error();
  auto raw = read_value(*path);
  if (!raw) return raw.error();
  std::optional<CfsQuota> parsed;
  if (v1) {
    const auto period_path = tree.path(group, "cpu.cfs_period_us");
    if (!period_path) return period_path.error();
    const auto period = read_value(*period_path);
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

model::KernelWrite period_write(const std::string& group, std::int64_t period_us, model::Controller controller,
                                model::Reason reason) {
  return {.group = group,
          .file = "cpu.cfs_period_us",
          .value = fmt::format("{}", period_us),
          .controller = controller,
          .reason = reason};
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
    quota = fmt::format("{}", std::max(kMinQuotaUs, us_per_period(*limit, period_us)));
  }
  return {.group = group,
          .file = v1 ? "cpu.cfs_quota_us" : "cpu.max",
          .value = v1 ? quota : fmt::format("{} {}", quota, period_us),
          .controller = controller,
          .reason = reason};
}

}  // namespace tideline::kernel
