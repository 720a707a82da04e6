#include "node-actor/kernel/knob.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/quota.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::CpuSet;
using model::Error;
using model::ErrorCode;
using model::GroupRef;
using model::Knob;
using model::KnobValue;
using model::Limit;
using model::Number;
using model::Result;

namespace {

constexpr std::int64_t kFewestShares = 2;
constexpr std::int64_t kMostShares = 262'144;
constexpr std::int64_t kMostWeight = 10'000;

std::int64_t kernel_shares(std::int64_t shares) {
  return std::clamp(shares, kFewestShares, kMostShares);
}

/// Whether the value is of the kind that the knob takes, and within it.
bool fits(Knob knob, const KnobValue& value) {
  const auto* limit = std::get_if<Limit>(&value);
  const auto* number = std::get_if<Number>(&value);
  switch (knob) {
    case Knob::kCpuQuota:
      return limit != nullptr;
    case Knob::kCpuBurst:
      return limit != nullptr && limit->cpu && limit->cpu->value() >= 0;
    case Knob::kCpuWeight:
      return number != nullptr;
    case Knob::kCpuIdle:
      return number != nullptr && (number->value == 0 || number->value == 1);
    case Knob::kBvtWarp:
      return number != nullptr && number->value >= -1 && number->value <= 2;
    case Knob::kCpuset:
      return std::holds_alternative<CpuSet>(value) && !std::get<CpuSet>(value).empty();
    case Knob::kCoreSched:
      return false;
  }
  return false;
}

/// The text of a file, an absent one in a group that is there being kUnsupported.
Result<std::string> read_file_of(const CgroupTree& tree, const std::string& group, std::string_view file) {
  const auto directory = tree.directory(group, file);
  if (!directory) return directory.error();
  auto text = read_value(fmt::format("{}/{}", *directory, file));
  if (text || text.error().code() != ErrorCode::kNotFound || ::access(directory->c_str(), F_OK) != 0) return text;
  return Error(ErrorCode::kUnsupported, text.error().message());
}

Error malformed_file(const CgroupTree& tree, const std::string& group, std::string_view file, std::string_view text) {
  return malformed(tree.path(group, file).value_or(std::string(file)), text);
}

Result<KnobReading> read_limit(const CgroupTree& tree, const std::string& group, Knob knob) {
  const auto file = file_of(tree.version(), knob);
  auto raw = read_file_of(tree, group, file);
  if (!raw) return raw.error();
  const auto period_file = period_file_of(tree.version());
  const auto period = file == period_file ? raw : read_file_of(tree, group, period_file);
  if (!period) return period.error();
  return limit_reading(tree, group, knob, std::move(*raw), *period);
}

Result<KnobReading> read_number(const CgroupTree& tree, const std::string& group, Knob knob) {
  KnobReading reading;
  reading.file = file_of(tree.version(), knob);
  auto raw = read_file_of(tree, group, reading.file);
  if (!raw) return raw.error();
  reading.raw = std::move(*raw);
  const auto number = parse_number(reading.raw);
  if (!number || (knob != Knob::kBvtWarp && *number < 0)) {
    return malformed_file(tree, group, reading.file, reading.raw);
  }
  const bool is_weight = knob == Knob::kCpuWeight && tree.version() == CgroupVersion::kV2;
  reading.value = Number{is_weight && *number > 0 ? shares_of_weight(*number) : *number};
  return reading;
}

Result<KnobReading> read_cpuset(const CgroupTree& tree, const std::string& group) {
  KnobReading reading;
  const auto version = version_of(tree, Knob::kCpuset);
  reading.file = file_of(version, Knob::kCpuset);
  auto raw = read_file_of(tree, group, reading.file);
  if (!raw) return raw.error();
  reading.raw = std::move(*raw);
  auto own = CpuSet::parse(reading.raw);
  if (!own) return malformed_file(tree, group, reading.file, reading.raw);
  reading.value = std::move(*own);
  const auto* effective_file = version == CgroupVersion::kV1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective";
  if (const auto text = read_file_of(tree, group, effective_file)) {
    auto effective = CpuSet::parse(*text);
    if (!effective) return malformed_file(tree, group, effective_file, *text);
    reading.effective = std::move(*effective);
  }
  return reading;
}

bool same_us(std::int64_t a, std::int64_t b) {
  return std::abs(a - b) <= 1;
}

bool same_quota(CgroupVersion version, std::int64_t period_us, const Limit& limit, std::string_view raw) {
  std::optional<CfsQuota> held;
  if (version == CgroupVersion::kV2) {
    held = parse_cpu_max(raw);
  } else if (const auto us = parse_number(raw)) {
    held = CfsQuota{.quota_us = *us < 0 ? std::nullopt : us, .period_us = period_us};
  }
  if (!held) return false;
  if (!limit.cpu || !held->quota_us) return !limit.cpu && !held->quota_us;
  return same_us(std::max(kMinQuotaUs, us_per_period(*limit.cpu, held->period_us)), *held->quota_us);
}

}  // namespace

std::string_view file_of(CgroupVersion version, Knob knob) {
  const bool v1 = version == CgroupVersion::kV1;
  switch (knob) {
    case Knob::kCpuQuota:
      return v1 ? "cpu.cfs_quota_us" : "cpu.max";
    case Knob::kCpuBurst:
      return v1 ? "cpu.cfs_burst_us" : "cpu.max.burst";
    case Knob::kCpuWeight:
      return v1 ? "cpu.shares" : "cpu.weight";
    case Knob::kCpuIdle:
      return "cpu.idle";
    case Knob::kBvtWarp:
      return "cpu.bvt_warp_ns";
    case Knob::kCpuset:
      return "cpuset.cpus";
    case Knob::kCoreSched:
      return "";
  }
  return "";
}

std::string_view period_file_of(CgroupVersion version) {
  return version == CgroupVersion::kV1 ? "cpu.cfs_period_us" : "cpu.max";
}

Result<KnobReading> limit_reading(const CgroupTree& tree, const std::string& group, Knob knob, std::string raw,
                                  const std::string& period) {
  const bool v1 = tree.version() == CgroupVersion::kV1;
  KnobReading reading;
  reading.file = file_of(tree.version(), knob);
  reading.raw = std::move(raw);
  const auto with_period = v1 ? parse_cfs("-1", period) : parse_cpu_max(period);
  if (!with_period) return malformed_file(tree, group, period_file_of(tree.version()), period);
  reading.period_us = with_period->period_us;

  if (knob == Knob::kCpuQuota) {
    const auto quota = v1 ? parse_cfs(reading.raw, period) : parse_cpu_max(reading.raw);
    if (!quota) return malformed_file(tree, group, reading.file, reading.raw);
    reading.value = Limit{limit_of(*quota)};
  } else {
    const auto us = parse_number(reading.raw);
    if (!us || *us < 0) return malformed_file(tree, group, reading.file, reading.raw);
    reading.value = Limit{limit_of({.quota_us = us, .period_us = reading.period_us})};
  }
  return reading;
}

CgroupVersion version_of(const CgroupTree& tree, Knob knob) {
  if (knob != Knob::kCpuset) return tree.version();
  return tree.is_unified("cpuset.cpus") ? CgroupVersion::kV2 : CgroupVersion::kV1;
}

std::int64_t weight_of_shares(std::int64_t shares) {
  return 1 + (kernel_shares(shares) - kFewestShares) * (kMostWeight - 1) / (kMostShares - kFewestShares);
}

std::int64_t shares_of_weight(std::int64_t weight) {
  const auto above_least = std::clamp<std::int64_t>(weight, 1, kMostWeight) - 1;
  // Rounded up: rounded down they would make a smaller weight again.
  return kFewestShares + (above_least * (kMostShares - kFewestShares) + kMostWeight - 2) / (kMostWeight - 1);
}

Result<std::string> group_path(const CgroupTree& tree, const GroupRef& group) {
  if (group.level == GroupRef::Level::kContainer) {
    return tree.container_group(group.qos, group.pod, group.container_id);
  }
  std::string path =
      group.level == GroupRef::Level::kRoot ? tree.qos_group(group.qos) : tree.pod_group(group.qos, group.pod);
  const auto directory = tree.directory(path, "cpu.stat");
  if (!directory) return directory.error();
  std::error_code ignored;
  if (std::filesystem::is_directory(*directory, ignored)) return path;
  return Error(ErrorCode::kNotFound, fmt::format("{}: {} is not there", model::text_of(group), *directory));
}

Result<KnobReading> read_knob(const CgroupTree& tree, const std::string& group, Knob knob) {
  switch (knob) {
    case Knob::kCpuQuota:
    case Knob::kCpuBurst:
      return read_limit(tree, group, knob);
    case Knob::kCpuset:
      return read_cpuset(tree, group);
    case Knob::kCpuWeight:
    case Knob::kCpuIdle:
    case Knob::kBvtWarp:
      break;
    case Knob::kCoreSched:
      return Error(ErrorCode::kUnsupported, "core-sched has no file");
  }
  return read_number(tree, group, knob);
}

Result<model::KernelWrite> knob_write(const CgroupTree& tree, const std::string& group, Knob knob,
                                      const KnobValue& value, model::Controller controller, model::Reason reason) {
  std::int64_t period_us = 0;
  if (knob == Knob::kCpuQuota || knob == Knob::kCpuBurst) {
    const auto now = read_limit(tree, group, Knob::kCpuQuota);
    if (!now) return now.error();
    period_us = now->period_us;
  }
  return knob_write(version_of(tree, knob), period_us, group, knob, value, controller, reason);
}

Result<model::KernelWrite> knob_write(CgroupVersion version, std::int64_t period_us, const std::string& group,
                                      Knob knob, const KnobValue& value, model::Controller controller,
                                      model::Reason reason) {
  model::KernelWrite write{.group = group,
                           .file = std::string(file_of(version, knob)),
                           .value = {},
                           .controller = controller,
                           .reason = reason};
  if (!fits(knob, value)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} of {}: '{}' is no value of {}", write.file, group, text_of(value), name_of(knob)));
  }
  switch (knob) {
    case Knob::kCpuQuota:
      return quota_write(version, period_us, group, std::get<Limit>(value).cpu, controller, reason);
    case Knob::kCpuBurst:
      write.value = fmt::format("{}", us_per_period(*std::get<Limit>(value).cpu, period_us));
      break;
    case Knob::kCpuWeight: {
      const auto shares = std::get<Number>(value).value;
      write.value = fmt::format("{}", version == CgroupVersion::kV1 ? kernel_shares(shares) : weight_of_shares(shares));
      break;
    }
    case Knob::kCpuIdle:
    case Knob::kBvtWarp:
      write.value = fmt::format("{}", std::get<Number>(value).value);
      break;
    case Knob::kCpuset:
      write.value = std::get<CpuSet>(value).text();
      break;
    case Knob::kCoreSched:
      break;  // fits no value
  }
  return write;
}

std::optional<KnobValue> value_of(CgroupVersion version, std::int64_t period_us, Knob knob, std::string_view raw) {
  if (knob == Knob::kCpuset) {
    auto set = CpuSet::parse(raw);
    return set ? std::optional<KnobValue>(std::move(*set)) : std::nullopt;
  }
  if (knob == Knob::kCpuQuota && version == CgroupVersion::kV2) {
    const auto quota = parse_cpu_max(raw);
    return quota ? std::optional<KnobValue>(Limit{limit_of(*quota)}) : std::nullopt;
  }
  const auto number = parse_number(raw);
  if (!number) return std::nullopt;
  if (knob == Knob::kCpuQuota) {
    const auto quota_us = *number < 0 ? std::nullopt : number;
    return Limit{limit_of({.quota_us = quota_us, .period_us = period_us})};
  }
  if (knob == Knob::kCpuBurst) return Limit{limit_of({.quota_us = number, .period_us = period_us})};
  const bool is_weight = knob == Knob::kCpuWeight && version == CgroupVersion::kV2;
  return Number{is_weight && *number > 0 ? shares_of_weight(*number) : *number};
}

bool same(CgroupVersion version, std::int64_t period_us, Knob knob, const KnobValue& value, std::string_view raw) {
  if (!fits(knob, value)) return false;
  if (knob == Knob::kCpuQuota) return same_quota(version, period_us, std::get<Limit>(value), raw);
  if (knob == Knob::kCpuset) {
    const auto held = CpuSet::parse(raw);
    return held && *held == std::get<CpuSet>(value);
  }
  const auto held = parse_number(raw);
  if (!held) return false;
  if (knob == Knob::kCpuBurst) {
    return *held >= 0 && same_us(us_per_period(*std::get<Limit>(value).cpu, period_us), *held);
  }
  const auto wanted = std::get<Number>(value).value;
  if (knob != Knob::kCpuWeight) return *held == wanted;
  return *held == (version == CgroupVersion::kV1 ? kernel_shares(wanted) : weight_of_shares(wanted));
}

bool same(const CgroupTree& tree, Knob knob, const KnobValue& value, const KnobReading& reading) {
  return same(version_of(tree, knob), reading.period_us, knob, value, reading.raw);
}

}  // namespace tideline::kernel
