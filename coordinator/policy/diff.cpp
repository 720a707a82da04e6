#include "coordinator/policy/diff.h"

#include <type_traits>
#include <utility>

namespace tideline::policy {
namespace {

template <class Whole>
std::vector<Difference> diff_by(std::optional<Scalar> (*KeySpec::*read)(const Whole&), const Whole& before,
                                const Whole& after) {
  std::vector<Difference> differences;
  for (const KeySpec& key : key_table()) {
    if (!(key.*read)) continue;
    auto of_before = (key.*read)(before);
    auto of_after = (key.*read)(after);
    if (of_before != of_after) differences.push_back({&key, std::move(of_before), std::move(of_after)});
  }
  if constexpr (std::is_same_v<Whole, model::NodePolicy>) {
    for (const KeySpec& result : result_table()) {
      auto of_before = (result.*read)(before);
      auto of_after = (result.*read)(after);
      if (of_before != of_after) differences.push_back({&result, std::move(of_before), std::move(of_after)});
    }
  }
  return differences;
}

}  // namespace

std::vector<Difference> diff(const model::NodePolicy& before, const model::NodePolicy& after) {
  return diff_by(&KeySpec::read, before, after);
}

std::vector<Difference> diff(const FleetPolicy& before, const FleetPolicy& after) {
  return diff_by(&KeySpec::read_fleet, before, after);
}

}  // namespace tideline::policy
