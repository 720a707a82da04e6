#include "node-actor/kernel/capabilities.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/knob.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Knob;

namespace {

constexpr std::array kKnobs = {
    Knob::kCpuQuota,       Knob::kCpuBurst,         Knob::kCpuWeight,     Knob::kCpuIdle,
    Knob::kBvtWarp,        Knob::kCpuset,           Knob::kMemoryMin,     Knob::kMemoryLow,
    Knob::kMemoryHigh,     Knob::kMemoryLimit,      Knob::kSoftLimit,     Knob::kOomGroup,
    Knob::kWmarkRatio,     Knob::kWmarkScaleFactor, Knob::kWmarkMinAdj,   Knob::kMemoryPriority,
    Knob::kUsePriorityOom, Knob::kPageCacheEnable,  Knob::kPageCacheSize, Knob::kPageCacheSync};

/// Whether only Alibaba Cloud Linux has the file in this version.
bool is_alibabas(Knob knob, CgroupVersion version) {
  switch (knob) {
    case Knob::kWmarkRatio:
    case Knob::kWmarkScaleFactor:
    case Knob::kWmarkMinAdj:
    case Knob::kMemoryPriority:
    case Knob::kUsePriorityOom:
    case Knob::kPageCacheEnable:
    case Knob::kPageCacheSize:
    case Knob::kPageCacheSync:
      return true;
    case Knob::kMemoryMin:
    case Knob::kMemoryLow:
    case Knob::kMemoryHigh:
    case Knob::kOomGroup:
      return version == CgroupVersion::kV1;
    default:
      return false;
  }
}

bool has_word(std::string_view text, std::string_view wanted) {
  for (auto line = next_line(text);; line = next_line(text)) {
    for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
      if (word == wanted) return true;
    }
    if (text.empty()) return false;
  }
}

constexpr std::string_view kUnverified = "its effect is not verified";

std::string_view controller_of(std::string_view file) {
  return file.substr(0, file.find('.'));
}

/// The topmost cgroup.subtree_control above `group` that does not pass the controller down: there enabling it begins.
std::optional<std::string> where_left_out(const CgroupTree& tree, std::string_view group, std::string_view file) {
  for (std::size_t end = 0; end < group.size(); ++end) {
    if (end != 0 && group[end] != '/') continue;
    const auto parent = tree.directory(group.substr(0, end), file);
    if (!parent) return std::nullopt;
    auto path = *parent + "/cgroup.subtree_control";
    const auto text = read_file(path);
    if (text && !has_word(*text, controller_of(file))) return path;
  }
  return std::nullopt;
}

std::string why_absent(const CgroupTree& tree, Knob knob, std::string_view file, const std::string& directory) {
  if (::access(directory.c_str(), F_OK) != 0) return fmt::format("{}: {}", directory, std::strerror(errno));
  if (tree.is_unified(file)) {
    if (const auto path = where_left_out(tree, tree.best_effort(), file)) {
      return fmt::format("{}: the {} controller is not enabled in {}", file, controller_of(file), *path);
    }
  }
  const auto version = version_of(tree, knob);
  if (!is_alibabas(knob, version)) return fmt::format("this kernel has no {} (looked for it in {})", file, directory);
  // A stock kernel has some of them in the other version.
  const bool in_neither = is_alibabas(knob, CgroupVersion::kV2);
  return fmt::format("only Alibaba Cloud Linux has {}{} (looked for it in {})", file,
                     in_neither ? std::string() : fmt::format(" on cgroup {}", name_of(version)), directory);
}

/// Alibaba Cloud Linux switches bvt-warp as a whole; "" where it is on or has no switch.
std::string why_switched_off(const CgroupTree& tree) {
  const auto path = tree.root().proc + "/sys/kernel/sched_group_identity_enabled";
  const auto text = read_file(path);
  if (!text) return text.error().code() == model::ErrorCode::kNotFound ? std::string() : text.error().message();
  return trimmed(*text) == "0" ? path + " is 0" : std::string();
}

std::string_view demand_of(const model::KnobSupport& support, const KernelOrder& order) {
  switch (support.knob) {
    case Knob::kCpuQuota:
      return order.quota_within_parent ? "at most that of each group above" : "";
    case Knob::kCpuBurst:
      return order.burst_within_quota ? "at most the group's quota" : "";
    case Knob::kCpuWeight:
      return order.idle_takes_weight ? "refused while cpu.idle is 1" : "";
    case Knob::kCpuIdle:
      return order.idle_takes_weight ? "changes the weight" : "";
    case Knob::kCpuset:
      return order.cpuset_within_parent ? "within that of the group above, around those below" : "";
    case Knob::kMemoryMin:
    case Knob::kMemoryLow:
      return "counts within that of each group above";
    case Knob::kMemoryHigh:
      return "below what is used the writer waits until that is reclaimed";
    case Knob::kMemoryLimit:
      return support.file == "memory.max" ? "below what is used the kernel reclaims, then kills"
                                          : "refused below what cannot be reclaimed";
    case Knob::kSoftLimit:
      return "counts only where the whole host runs short";
    case Knob::kOomGroup:
    case Knob::kPageCacheEnable:
    case Knob::kPageCacheSize:
    case Knob::kPageCacheSync:
    case Knob::kWmarkRatio:
    case Knob::kWmarkScaleFactor:
    case Knob::kWmarkMinAdj:
    case Knob::kMemoryPriority:
    case Knob::kUsePriorityOom:
      return is_alibabas(support.knob, CgroupVersion::kV2) ? kUnverified : "";
    case Knob::kBvtWarp:
    case Knob::kCoreSched:
      return kUnverified;
  }
  return "";
}

/// "" where the knob can be read and written.
std::string why_not(const CgroupTree& tree, Knob knob, std::string_view file) {
  if (file.empty()) return fmt::format("cgroup {} has no {}", name_of(version_of(tree, knob)), model::name_of(knob));
  const auto directory = tree.directory(tree.best_effort(), file);
  if (!directory) {
    return fmt::format("{}: no mounted cgroup hierarchy has the {} controller", file, controller_of(file));
  }
  const auto path = fmt::format("{}/{}", *directory, file);
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return why_absent(tree, knob, file, *directory);
  if (const auto reading = read_knob(tree, tree.best_effort(), knob); !reading) return reading.error().message();
  // Opening a cgroup's file changes nothing, and unlike access(2) it meets every bar that a write would.
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, "open for writing", path).message();
  return knob == Knob::kBvtWarp ? why_switched_off(tree) : std::string();
}

}  // namespace

model::KnobSet probe_knobs(const CgroupTree& tree) {
  model::KnobSet found;
  for (const auto knob : kKnobs) {
    const auto file = file_of(version_of(tree, knob), knob);
    auto why = why_not(tree, knob, file);
    const bool supported = why.empty();
    found.knobs.push_back({.knob = knob, .supported = supported, .file = std::string(file), .why = std::move(why)});
  }
  return found;
}

KernelOrder kernel_order(const CgroupTree& tree, std::string_view kernel_release) {
  KernelOrder order;
  order.quota_within_parent = version_of(tree, Knob::kCpuQuota) == CgroupVersion::kV1;
  order.cpuset_within_parent = version_of(tree, Knob::kCpuset) == CgroupVersion::kV1;
  // "5.10.134-16.al8.x86_64"
  const auto at = kernel_release.find(".al");
  const auto digit = at == std::string_view::npos ? at : at + 3;
  order.burst_within_quota =
      digit >= kernel_release.size() || kernel_release[digit] < '0' || kernel_release[digit] > '9';
  return order;
}

void tell(const KernelOrder& order, model::KnobSet& knobs) {
  for (auto& support : knobs.knobs) {
    if (support.supported) support.why = demand_of(support, order);
  }
}

}  // namespace tideline::kernel
