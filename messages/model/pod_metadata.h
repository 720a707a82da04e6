#pragma once
// What a pod's labels and annotations say, by the keys that koordlet reads. The text comes from whoever may create a
// pod: what cannot be used is a problem to report, and the rest holds.

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/pod.h"

namespace tideline::model {

inline constexpr std::string_view kQosClassLabel = "koordinator.sh/qosClass";
inline constexpr std::string_view kSubPriorityLabel = "koordinator.sh/priority";
inline constexpr std::string_view kEvictionEnabledLabel = "koordinator.sh/eviction-enabled";
inline constexpr std::string_view kCoreSchedGroupLabel = "koordinator.sh/core-sched-group-id";
inline constexpr std::string_view kCoreSchedPolicyLabel = "koordinator.sh/core-sched-policy";
inline constexpr std::string_view kEvictionPolicyAnnotation = "koordinator.sh/eviction-policy";
inline constexpr std::string_view kEvictionPriorityAnnotation = "koordinator.sh/eviction-priority";
inline constexpr std::string_view kCpuBurstAnnotation = "koordinator.sh/cpuBurst";
inline constexpr std::string_view kCpuQosAnnotation = "koordinator.sh/cpuQOS";
inline constexpr std::string_view kMemoryQosAnnotation = "koordinator.sh/memoryQOS";
inline constexpr std::string_view kResourceStatusAnnotation = "scheduling.koordinator.sh/resource-status";
inline constexpr std::string_view kExtendedResourceAnnotation = "node.koordinator.sh/extended-resource-spec";

/// All that apply_metadata() reads.
inline constexpr std::array kPodLabels{kQosClassLabel, kSubPriorityLabel, kEvictionEnabledLabel, kCoreSchedGroupLabel,
                                       kCoreSchedPolicyLabel};
inline constexpr std::array kPodAnnotations{
    kEvictionPolicyAnnotation, kEvictionPriorityAnnotation, kCpuBurstAnnotation,        kCpuQosAnnotation,
    kMemoryQosAnnotation,      kResourceStatusAnnotation,   kExtendedResourceAnnotation};

struct PodMetadata {
  std::map<std::string, std::string, std::less<>> labels;
  std::map<std::string, std::string, std::less<>> annotations;
  friend bool operator==(const PodMetadata&, const PodMetadata&) = default;
};

struct MetadataProblem {
  std::string key;
  std::string value;  // cut to kMaxShownBytes
  std::string why;    // and what holds instead
  static constexpr std::size_t kMaxShownBytes = 80;
  friend bool operator==(const MetadataProblem&, const MetadataProblem&) = default;
};
MetadataProblem metadata_problem(std::string_view key, std::string_view value, std::string why);

/// Fills qos, cpu_burst, cpu_qos, memory_qos, bound_cpus, core_sched, eviction (but for `terminating`) and the batch
/// resources of those containers that have none of their own. `pod` comes with its containers and with what holds
/// without a key: that stays where a key is absent or bad. A bad key is one problem and is ignored as a whole; a member
/// of cpuBurst, cpuQOS or memoryQOS that is not known is one too, and the others are taken. Keys that are in neither
/// list are ignored.
std::vector<MetadataProblem> apply_metadata(const PodMetadata& metadata, Pod& pod);

}  // namespace tideline::model
