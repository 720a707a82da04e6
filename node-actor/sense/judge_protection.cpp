#include "node-actor/sense/judge_protection.h"

#include <fmt/format.h>

namespace tideline::sense {

using model::GroupWeight;

namespace {

std::string shown(const GroupWeight& group) {
  const std::string idle = group.idle ? ", cpu.idle 1" : "";
  return fmt::format("{} {} {}{}", group.group, group.file, group.weight.value_or(0), idle);
}

model::Protection judge_weights(const model::SiblingWeights& weights) {
  const auto& best_effort = weights.best_effort;
  if (!best_effort.error.empty()) return {.verified = false, .why = best_effort.error};
  if (!best_effort.weight) return {.verified = false, .why = fmt::format("{}: weight unknown", best_effort.group)};
  if (!weights.error.empty()) return {.verified = false, .why = weights.error};

  const GroupWeight* lightest = nullptr;
  for (const auto& sibling : weights.siblings) {
    if (!sibling.error.empty()) return {.verified = false, .why = sibling.error};
    if (!sibling.weight) return {.verified = false, .why = fmt::format("{}: weight unknown", sibling.group)};
    // An idle group comes after every group that is not, whatever its weight file shows.
    if (sibling.idle) {
      return {.verified = false, .why = fmt::format("{}: holds LS and is idle", shown(sibling))};
    }
    if (lightest == nullptr || *sibling.weight < *lightest->weight) lightest = &sibling;
  }
  if (lightest == nullptr) {
    return {.verified = true, .why = fmt::format("{}; no group beside it holds a pod", shown(best_effort))};
  }
  const std::string both = fmt::format("{}; lightest beside it {}", shown(best_effort), shown(*lightest));
  if (best_effort.idle) return {.verified = true, .why = both};

  const double sum = static_cast<double>(*best_effort.weight) + static_cast<double>(*lightest->weight);
  const double share = sum > 0 ? static_cast<double>(*best_effort.weight) / sum : 1.0;
  return {.verified = share <= kMaxBeShare,
          .why = fmt::format("{}: BE gets {:.1f} % of a CPU at worst", both, share * 100)};
}

}  // namespace

model::Protection judge_protection(const model::SiblingWeights& weights, const std::vector<std::string>& be_beside_ls) {
  auto protection = judge_weights(weights);
  if (!protection.verified || be_beside_ls.empty()) return protection;
  const auto others = be_beside_ls.size() > 1 ? fmt::format(" and {} more", be_beside_ls.size() - 1) : std::string();
  return {.verified = false,
          .why = fmt::format("BE pod {}{} runs outside the besteffort root, beside LS", be_beside_ls.front(), others)};
}

std::vector<std::string> be_beside_ls(const std::vector<model::Pod>& pods) {
  std::vector<std::string> names;
  for (const auto& pod : pods) {
    if (pod.qos != model::QosClass::kBe || pod.kube_qos == model::KubeQos::kBestEffort) continue;
    if (pod.phase == model::PodPhase::kRunning) names.push_back(pod.name_space + "/" + pod.name);
  }
  return names;
}

}  // namespace tideline::sense
