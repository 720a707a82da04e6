#pragma once
// JSON text from outside -> a document tree, bounded and without exceptions.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::policy {

/// Refuses duplicate keys, more than Limits::kMaxDepth levels and more than Limits::kMaxTextBytes bytes. The error
/// gives line, column and byte (each from 1).
model::Result<nlohmann::json> parse_json(std::string_view text);

/// The value as JSON for an error message: one line, printable, at most Limits::kMaxShownBytes, then "...".
std::string shown(const nlohmann::json& value);

}  // namespace tideline::policy
