#pragma once
// What one effective policy says and another does not, by the key table: a key that can be set is compared.

#include <optional>
#include <vector>

#include "coordinator/policy/keys.h"
#include "messages/model/policy.h"

namespace tideline::policy {

struct Difference {
  const KeySpec* key = nullptr;  // into key_table(), or result_table()
  std::optional<Scalar> before;  // nullopt: unset
  std::optional<Scalar> after;
  friend bool operator==(const Difference&, const Difference&) = default;
};

/// In the tables' order. Version and epoch are no keys: policies that differ in these alone do not differ.
std::vector<Difference> diff(const model::NodePolicy& before, const model::NodePolicy& after);
/// The same of what holds for the whole fleet.
std::vector<Difference> diff(const FleetPolicy& before, const FleetPolicy& after);

}  // namespace tideline::policy
