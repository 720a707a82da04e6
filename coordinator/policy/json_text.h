#pragma once
// JSON of policy documents, within Limits.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "coordinator/policy/limits.h"
#include "messages/model/json_text.h"

namespace tideline::policy {

inline model::Result<nlohmann::json> parse_json(std::string_view text) {
  return model::parse_json(text, {.max_bytes = Limits::kMaxTextBytes, .max_depth = Limits::kMaxDepth});
}

/// Of at most Limits::kMaxShownBytes.
inline std::string shown(const nlohmann::json& value) {
  return model::shown(value, Limits::kMaxShownBytes);
}

}  // namespace tideline::policy
