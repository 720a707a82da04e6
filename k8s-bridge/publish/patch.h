#pragma once
// The merge patch of a Node's status.

#include <array>
#include <optional>
#include <string>

#include "k8s-bridge/publish/values.h"

namespace tideline::publish {

struct Patch {
  std::string uid;  // "" = of whatever Node has the name
  Values values;
  std::array<bool, kResources> sets{};  // false: the resource is left alone
  /// nullopt: left alone; "" = removed.
  std::optional<std::string> account = {};
  std::optional<std::string> origin = {};
  std::optional<std::string> normalization = {};
  std::optional<std::string> amplification = {};
};

/// JSON. The uid makes the API server refuse it for another Node of the name.
std::string merge_patch(const Patch& patch);

}  // namespace tideline::publish
