#include "messages/model/knob.h"

#include <fmt/format.h>

namespace tideline::model {

GroupRef root_of(KubeQos qos) {
  return {GroupRef::Level::kRoot, qos, {}, {}};
}

GroupRef group_of(const Pod& pod) {
  return {GroupRef::Level::kPod, pod.kube_qos, pod.uid, {}};
}

GroupRef group_of(const Pod& pod, const Container& container) {
  return {GroupRef::Level::kContainer, pod.kube_qos, pod.uid, container.id};
}

std::string text_of(const GroupRef& group) {
  switch (group.level) {
    case GroupRef::Level::kRoot:
      return fmt::format("{} root", name_of(group.qos));
    case GroupRef::Level::kPod:
      return fmt::format("pod {}", group.pod.str());
    case GroupRef::Level::kContainer:
      return fmt::format("pod {} container {}", group.pod.str(), group.container_id);
  }
  return "unknown";
}

std::string_view name_of(Knob knob) {
  switch (knob) {
    case Knob::kCpuQuota:
      return "cpu-quota";
    case Knob::kCpuBurst:
      return "cpu-burst";
    case Knob::kCpuWeight:
      return "cpu-weight";
    case Knob::kCpuIdle:
      return "cpu-idle";
    case Knob::kBvtWarp:
      return "bvt-warp";
    case Knob::kCpuset:
      return "cpuset";
    case Knob::kCoreSched:
      return "core-sched";
    case Knob::kMemoryMin:
      return "memory-min";
    case Knob::kMemoryLow:
      return "memory-low";
    case Knob::kMemoryHigh:
      return "memory-high";
    case Knob::kMemoryLimit:
      return "memory-limit";
    case Knob::kSoftLimit:
      return "soft-limit";
    case Knob::kOomGroup:
      return "oom-group";
    case Knob::kWmarkRatio:
      return "wmark-ratio";
    case Knob::kWmarkScaleFactor:
      return "wmark-scale-factor";
    case Knob::kWmarkMinAdj:
      return "wmark-min-adj";
    case Knob::kMemoryPriority:
      return "memory-priority";
    case Knob::kUsePriorityOom:
      return "use-priority-oom";
    case Knob::kPageCacheEnable:
      return "page-cache-enable";
    case Knob::kPageCacheSize:
      return "page-cache-size";
    case Knob::kPageCacheSync:
      return "page-cache-sync";
  }
  return "unknown";
}

std::string text_of(const KnobValue& value) {
  if (const auto* limit = std::get_if<Limit>(&value)) {
    return limit->cpu ? fmt::format("{} millicores", limit->cpu->value()) : "no limit";
  }
  if (const auto* number = std::get_if<Number>(&value)) return fmt::format("{}", number->value);
  if (const auto* memory = std::get_if<MemoryLimit>(&value)) {
    return memory->bytes ? fmt::format("{} bytes", memory->bytes->value()) : "no limit";
  }
  return std::get<CpuSet>(value).text();
}

bool KnobSet::has(Knob knob) const {
  return why_not(knob).empty();
}

std::string KnobSet::why_not(Knob knob) const {
  for (const auto& support : knobs) {
    if (support.knob != knob) continue;
    if (support.supported) return {};
    return support.why.empty() ? fmt::format("{} is not supported", name_of(knob)) : support.why;
  }
  return fmt::format("{} was not probed", name_of(knob));
}

}  // namespace tideline::model
