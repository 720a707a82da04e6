#include "coordinator/policy/selector.h"

#include <algorithm>

namespace tideline::policy {
namespace {

bool holds(const Requirement& requirement, const Labels& labels) {
  const auto label = labels.find(requirement.key);
  const bool present = label != labels.end();
  const auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), label->second) != requirement.values.end();
  };
  switch (requirement.op) {
    case Requirement::Operator::kIn:
      return present && listed();
    case Requirement::Operator::kNotIn:
      return !present || !listed();
    case Requirement::Operator::kExists:
      return present;
    case Requirement::Operator::kDoesNotExist:
      return !present;
  }
  return false;
}

}  // namespace

bool Selector::matches(const Labels& labels) const {
  for (const auto& [key, value] : match_labels) {
    const auto label = labels.find(key);
    if (label == labels.end() || label->second != value) return false;
  }
  return std::all_of(match_expressions.begin(), match_expressions.end(),
                     [&](const Requirement& requirement) { return holds(requirement, labels); });
}

}  // namespace tideline::policy
