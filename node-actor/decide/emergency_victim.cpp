#include <algorithm>
#include <vector>

#include "node-actor/decide/memory_relief.h"
#include "node-actor/decide/victims.h"

namespace tideline::decide {

const model::Pod* emergency_victim(const std::vector<PodMemory>& pods, const std::vector<model::PodUid>& held,
                                   const std::vector<model::PodUid>& leaving) {
  const auto is_among = [](const std::vector<model::PodUid>& uids, const model::PodUid& uid) {
    return std::find(uids.begin(), uids.end(), uid) != uids.end();
  };
  std::vector<PodMemory> candidates;
  model::Bytes largest;
  for (const auto& each : pods) {
    if (each.pod == nullptr || !each.used || *each.used <= model::Bytes(0)) continue;
    const auto& pod = *each.pod;
    if (pod.qos != model::QosClass::kBe || pod.phase != model::PodPhase::kRunning || pod.eviction.terminating) continue;
    if (is_among(held, pod.uid) || is_among(leaving, pod.uid)) continue;
    candidates.push_back(each);
    largest = std::max(largest, *each.used);
  }
  const model::Bytes least(largest.value() / kLeastOfLargest);
  std::erase_if(candidates, [&](const PodMemory& each) { return *each.used < least; });
  const auto goes_first = [](const PodMemory& a, const PodMemory& b) {
    const int priority_a = eviction_priority_value(*a.pod);
    const int priority_b = eviction_priority_value(*b.pod);
    if (priority_a != priority_b) return priority_a < priority_b;
    if (*a.used != *b.used) return *a.used > *b.used;
    return a.pod->uid < b.pod->uid;
  };
  const auto first = std::min_element(candidates.begin(), candidates.end(), goes_first);
  return first == candidates.end() ? nullptr : first->pod;
}

}  // namespace tideline::decide
