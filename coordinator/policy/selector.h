#pragma once
// Kubernetes LabelSelector (meta/v1): which nodes an entry of nodeConfigs / nodeStrategies is for.

#include <map>
#include <string>
#include <vector>

namespace tideline::policy {

using Labels = std::map<std::string, std::string>;

struct Requirement {
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;  // kIn, kNotIn: at least one; else empty
  friend bool operator==(const Requirement&, const Requirement&) = default;
};

/// All requirements must hold; without any, every node matches. kNotIn holds for a node that lacks the key.
struct Selector {
  Labels match_labels;
  std::vector<Requirement> match_expressions;
  bool matches(const Labels& labels) const;
  friend bool operator==(const Selector&, const Selector&) = default;
};

}  // namespace tideline::policy
