#include "k8s-bridge/translate/fields.h"

#include <cstdint>
#include <utility>

#include "messages/model/json_text.h"

namespace tideline::k8s {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

constexpr std::size_t kMaxKeyBytes = 160;
constexpr std::size_t kMaxWhyBytes = 320;

Error malformed(std::string message) {
  return {ErrorCode::kMalformed, std::move(message)};
}

Result<std::string> required(const json& metadata, std::string_view name) {
  const auto found = metadata.find(std::string(name));
  if (found == metadata.end() || found->is_null()) return malformed(fmt::format("metadata.{} is missing", name));
  if (!found->is_string()) return malformed(fmt::format("metadata.{} is {}; want text", name, brief(*found)));
  const auto& text = found->get_ref<const std::string&>();
  if (text.empty()) return malformed(fmt::format("metadata.{} is empty", name));
  if (text.size() > kMaxNameBytes) {
    return malformed(
        fmt::format("metadata.{} is {} of {} bytes, limit {}", name, brief(*found), text.size(), kMaxNameBytes));
  }
  return text;
}

}  // namespace

void Problems::add(std::string_view key, std::string_view value, std::string_view why) {
  if (found_.size() >= kMost) return;
  found_.push_back({.key = model::printable(key, kMaxKeyBytes),
                    .value = model::printable(value, model::MetadataProblem::kMaxShownBytes),
                    .why = model::printable(why, kMaxWhyBytes)});
}

void Problems::add_json(std::string_view key, const json& value, std::string_view why) {
  add(key, value.is_string() ? value.get<std::string>() : brief(value), why);
}

std::string brief(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return model::shown(value);
}

Fields::Fields(const json* object, std::string path, Problems& problems)
    : object_(object != nullptr && object->is_object() ? object : nullptr),
      path_(std::move(path)),
      problems_(problems) {}

std::string Fields::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

const json* Fields::find(std::string_view name) const {
  if (object_ == nullptr) return nullptr;
  const auto found = object_->find(std::string(name));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

const json* Fields::of_type(std::string_view name, bool (json::*is)() const noexcept, std::string_view wanted) const {
  const json* value = find(name);
  if (value == nullptr || (value->*is)()) return value;
  problems_.add_json(path(name), *value, fmt::format("want {}; it is ignored", wanted));
  return nullptr;
}

const json* Fields::object(std::string_view name) const {
  return of_type(name, &json::is_object, "an object");
}

const json* Fields::list(std::string_view name) const {
  return of_type(name, &json::is_array, "a list");
}

std::optional<std::string> Fields::text(std::string_view name, std::size_t max_bytes) const {
  const json* value = of_type(name, &json::is_string, "text");
  if (value == nullptr) return std::nullopt;
  const auto& found = value->get_ref<const std::string&>();
  if (found.size() <= max_bytes) return found;
  problems_.add_json(path(name), *value, fmt::format("{} bytes, limit {}; it is ignored", found.size(), max_bytes));
  return std::nullopt;
}

std::optional<int> Fields::integer(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  // Beyond 63 bits get<std::int64_t>() would wrap round.
  const bool fits = value->is_number_unsigned() ? value->get<std::uint64_t>() <= INT32_MAX
                                                : value->is_number_integer() && value->get<std::int64_t>() >= INT32_MIN;
  if (fits) return value->get<int>();
  problems_.add_json(path(name), *value, "want a 32-bit integer; it is ignored");
  return std::nullopt;
}

Result<ObjectKey> key_from(const json& object, bool has_namespace) {
  if (!object.is_object()) return malformed(fmt::format("{}; want an object", brief(object)));
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return malformed("metadata is missing or no object");
  ObjectKey key;
  std::string where;
  const auto take = [&](std::string_view name, std::string& into) -> Result<void> {
    auto text = required(*metadata, name);
    if (!text) return where.empty() ? text.error() : text.error().in(where);
    into = *std::move(text);
    return {};
  };
  if (auto ok = take("name", key.name); !ok) return ok.error();
  where = model::printable(key.name, kMaxNameBytes);
  if (has_namespace) {
    if (auto ok = take("namespace", key.name_space); !ok) return ok.error();
    where = model::printable(fmt::format("{}/{}", key.name_space, key.name), 2 * kMaxNameBytes);
  }
  if (auto ok = take("uid", key.uid); !ok) return ok.error();
  // Only ever compared for equality, so its absence costs nothing but that.
  const auto version = metadata->find("resourceVersion");
  if (version != metadata->end() && version->is_string() &&
      version->get_ref<const std::string&>().size() <= kMaxNameBytes) {
    key.resource_version = version->get<std::string>();
  }
  return key;
}

}  // namespace tideline::k8s
