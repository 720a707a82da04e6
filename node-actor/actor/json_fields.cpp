#include "node-actor/actor/json_fields.h"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

namespace tideline::node {
namespace {

using Json = JsonFields::Json;

constexpr std::size_t kMaxShownBytes = 64;
constexpr std::size_t kMaxTextBytes = 253;

/// A value for an error text: dump() recurses, and a file must not choose how deep.
std::string shown(const Json& value) {
  if (value.is_structured()) return value.type_name();
  auto text = value.dump();
  return text.size() <= kMaxShownBytes ? text : fmt::format("{} of {} bytes", value.type_name(), text.size());
}

}  // namespace

JsonFields::JsonFields(const Json& object, std::string path, std::optional<model::Error>& problem)
    : object_(object), path_(std::move(path)), problem_(problem) {
  if (!object.is_object()) fail("", fmt::format("want an object, got {}", object.type_name()));
}

void JsonFields::only(std::initializer_list<std::string_view> known) {
  if (!object_.is_object()) return;
  for (const auto& [key, value] : object_.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail(key, fmt::format("unknown field; known are {}", fmt::join(known, ", ")));
    }
  }
}

const Json* JsonFields::find(std::string_view key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(std::string(key));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string JsonFields::text(std::string_view key, bool required) {
  const Json* value = find(key);
  if (value == nullptr) {
    if (required) fail(key, "missing");
    return {};
  }
  if (!value->is_string()) {
    fail(key, fmt::format("want text, got {}", shown(*value)));
    return {};
  }
  auto result = value->get<std::string>();
  if (required && result.empty()) fail(key, "empty");
  if (result.size() > kMaxTextBytes) fail(key, fmt::format("{} bytes, limit {}", result.size(), kMaxTextBytes));
  return result;
}

std::optional<int> JsonFields::integer(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  // Beyond 63 bits get<std::int64_t>() would wrap round.
  const bool fits = value->is_number_unsigned() ? value->get<std::uint64_t>() <= INT32_MAX
                                                : value->is_number_integer() && value->get<std::int64_t>() >= INT32_MIN;
  if (!fits) {
    fail(key, fmt::format("want a 32-bit integer, got {}", shown(*value)));
    return std::nullopt;
  }
  return value->get<int>();
}

std::optional<std::string> JsonFields::quantity_text(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  auto text = value->is_string() ? value->get<std::string>() : shown(*value);
  if ((!value->is_string() && !value->is_number()) || text.size() > kMaxShownBytes) {
    fail(key, fmt::format("want a quantity, got {}", shown(*value)));
    return std::nullopt;
  }
  return text;
}

void JsonFields::fail(std::string_view key, const std::string& what) {
  if (problem_) return;
  problem_ = model::Error(model::ErrorCode::kInvalidArgument, key.empty() ? fmt::format("{}: {}", path_, what)
                                                                          : fmt::format("{}.{}: {}", path_, key, what));
}

std::string JsonFields::path(std::string_view key) const {
  return fmt::format("{}.{}", path_, key);
}

}  // namespace tideline::node
