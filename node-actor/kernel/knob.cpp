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
using model::MemoryLimit;
using model::Number;
using model::Result;

namespace {

constexpr std::int64_t kFewestShares = 2;
constexpr std::int64_t kMostShares = 262'144;
constexpr std::int64_t kMostWeight = 10'000;

std::int64_t kernel_shares(std::int64_t shares) {
  return std::clamp(shares, kFewestShares, kMostShares);
}

bool is_memory(Knob knob) {
  switch (knob) {
    case Knob::kMemoryMin:
    case Knob::kMemoryLow:
    case Knob::kMemoryHigh:
    case Knob::kMemoryLimit:
    case Knob::kSoftLimit:
    case Knob::kPageCacheSize:
      return true;
    default:
      return false;
  }
}

/// A group that is held to nothing cannot run.
bool has_least(Knob knob) {
  return knob == Knob::kMemoryLimit || knob == Knob::kMemoryHigh;
}

std::int64_t page_bytes() {
  static const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  return page;
}

/// What the kernel keeps of it. nullopt: none.
std::optional<std::int64_t> whole_pages(const MemoryLimit& limit) {
  if (!limit.bytes || limit.bytes->value() >= kNoMemoryLimit) return std::nullopt;
  return limit.bytes->value() / page_bytes() * page_bytes();
}

/// What is written for it.
std::optional<std::int64_t> bytes_to_write(Knob knob, const MemoryLimit& limit) {
  auto bytes = whole_pages(limit);
  if (bytes && has_least(knob)) bytes = std::max(*bytes, page_bytes());
  return bytes;
}

/// Whether the value is of the kind that the knob takes, and within it.
bool fits(Knob knob, const KnobValue& value) {
  const auto* limit = std::get_if<Limit>(&value);
  const auto* number = std::get_if<Number>(&value);
  const auto* memory = std::get_if<MemoryLimit>(&value);
  const auto within = [&](std::int64_t least, std::int64_t most) {
    return number != nullptr && number->value >= least && number->value <= most;
  };
  const auto bytes = [&] { return memory != nullptr && memory->bytes && memory->bytes->value() >= 0; };
  switch (knob) {
    case Knob::kCpuQuota:
      return limit != nullptr;
    case Knob::kCpuBurst:
      return limit != nullptr && limit->cpu && limit->cpu->value() >= 0;
    case Knob::kCpuWeight:
      return number != nullptr;
    case Knob::kCpuIdle:
    case Knob::kOomGroup:
    case Knob::kUsePriorityOom:
    case Knob::kPageCacheEnable:
    case Knob::kPageCacheSync:
      return within(0, 1);
    case Knob::kBvtWarp:
      return within(-1, 2);
    case Knob::kCpuset:
      return std::holds_alternative<CpuSet>(value) && !std::get<CpuSet>(value).empty();
    case Knob::kCoreSched:
      return false;
    case Knob::kMemoryMin:
    case Knob::kMemoryLow:
    case Knob::kPageCacheSize:
      return bytes();
    case Knob::kMemoryHigh:
    case Knob::kMemoryLimit:
    case Knob::kSoftLimit:
      return bytes() || (memory != nullptr && !memory->bytes);
    case Knob::kWmarkRatio:
      return within(0, 100);
    case Knob::kWmarkScaleFactor:
      return within(1, 1000);
    case Knob::kWmarkMinAdj:
      return within(-25, 50);
    case Knob::kMemoryPriority:
      return within(0, 12);
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
  const auto version = version_of(tree, knob);
  reading.file = file_of(version, knob);
  auto raw = read_file_of(tree, group, reading.file);
  if (!raw) return raw.error();
  reading.raw = std::move(*raw);
  const auto number = parse_number(reading.raw);
  const bool may_be_negative = knob == Knob::kBvtWarp || knob == Knob::kWmarkMinAdj;
  if (!number || (*number < 0 && !may_be_negative)) {
    return malformed_file(tree, group, reading.file, reading.raw);
  }
  const bool is_weight = knob == Knob::kCpuWeight && version == CgroupVersion::kV2;
  reading.value = Number{is_weight && *number > 0 ? shares_of_weight(*number) : *number};
  return reading;
}

Error no_such_file(CgroupVersion version, Knob knob) {
  return {ErrorCode::kUnsupported, fmt::format("cgroup {} has no {}", name_of(version), model::name_of(knob))};
}

Result<KnobReading> read_memory(const CgroupTree& tree, const std::string& group, Knob knob) {
  KnobReading reading;
  const auto version = version_of(tree, knob);
  reading.file = file_of(version, knob);
  if (reading.file.empty()) return no_such_file(version, knob);
  auto raw = read_file_of(tree, group, reading.file);
  if (!raw) return raw.error();
  reading.raw = std::move(*raw);
  const auto limit = parse_memory_limit(reading.raw);
  if (!limit) return malformed_file(tree, group, reading.file, reading.raw);
  reading.value = *limit;
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

/// The two files that only v1 has are older than "max".
std::string memory_text(CgroupVersion version, Knob knob, const MemoryLimit& limit) {
  if (const auto bytes = bytes_to_write(knob, limit)) return fmt::format("{}", *bytes);
  const bool v1_only = version == CgroupVersion::kV1 && (knob == Knob::kMemoryLimit || knob == Knob::kSoftLimit);
  return v1_only ? "-1" : "max";
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
    case Knob::kMemoryMin:
      return "memory.min";
    case Knob::kMemoryLow:
      return "memory.low";
    case Knob::kMemoryHigh:
      return "memory.high";
    case Knob::kMemoryLimit:
      return v1 ? "memory.limit_in_bytes" : "memory.max";
    case Knob::kSoftLimit:
      return v1 ? "memory.soft_limit_in_bytes" : "";
    case Knob::kOomGroup:
      return "memory.oom.group";
    case Knob::kWmarkRatio:
      return "memory.wmark_ratio";
    case Knob::kWmarkScaleFactor:
      return "memory.wmark_scale_factor";
    case Knob::kWmarkMinAdj:
      return "memory.wmark_min_adj";
    case Knob::kMemoryPriority:
      return "memory.priority";
    case Knob::kUsePriorityOom:
      return "memory.use_priority_oom";
    case Knob::kPageCacheEnable:
      return "memory.pagecache_limit.enable";
    case Knob::kPageCacheSize:
      return "memory.pagecache_limit.size";
    case Knob::kPageCacheSync:
      return "memory.pagecache_limit.sync";
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
  // Its name in either version says the controller.
  const auto file = file_of(CgroupVersion::kV1, knob);
  if (file.empty() || file.starts_with("cpu.") || !tree.directory({}, file)) return tree.version();
  return tree.is_unified(file) ? CgroupVersion::kV2 : CgroupVersion::kV1;
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
    case Knob::kCoreSched:
      return Error(ErrorCode::kUnsupported, "core-sched has no file");
    default:
      return is_memory(knob) ? read_memory(tree, group, knob) : read_number(tree, group, knob);
  }
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
  if (write.file.empty()) return no_such_file(version, knob);
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
    case Knob::kCpuset:
      write.value = std::get<CpuSet>(value).text();
      break;
    default:
      write.value = is_memory(knob) ? memory_text(version, knob, std::get<MemoryLimit>(value))
                                    : fmt::format("{}", std::get<Number>(value).value);
  }
  return write;
}

std::optional<KnobValue> value_of(CgroupVersion version, std::int64_t period_us, Knob knob, std::string_view raw) {
  if (knob == Knob::kCpuset) {
    auto set = CpuSet::parse(raw);
    return set ? std::optional<KnobValue>(std::move(*set)) : std::nullopt;
  }
  if (is_memory(knob)) {
    const auto limit = parse_memory_limit(raw);
    return limit ? std::optional<KnobValue>(*limit) : std::nullopt;
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
  if (is_memory(knob)) {
    const auto held = parse_memory_limit(raw);
    return held && whole_pages(*held) == bytes_to_write(knob, std::get<MemoryLimit>(value));
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
