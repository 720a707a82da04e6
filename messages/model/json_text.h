#pragma once
// JSON text from outside -> a document tree, bounded and without exceptions.

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::model {

struct JsonLimits {
  std::size_t max_bytes = 1 << 20;
  std::size_t max_depth = 32;  // nested objects and lists
};

/// Refuses duplicate keys and what is beyond the limits (kOverloaded). The error gives line, column and byte (each from
/// 1); kMalformed for anything that is no JSON.
Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits);

/// The longest beginning of at most `max_bytes` that does not end within a character of UTF-8.
std::string_view beginning(std::string_view text, std::size_t max_bytes);

/// For an error message: on one line, control characters as "?"; at most `max_bytes`, cut between characters, then
/// "...".
std::string printable(std::string_view text, std::size_t max_bytes);

/// The value as JSON for an error message: one line, printable, at most `max_bytes`, then "...".
std::string shown(const nlohmann::json& value, std::size_t max_bytes = 80);

}  // namespace tideline::model
