#pragma once
// Strict reading of a JSON object that people write: unknown fields and wrong types are errors with their path.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::node {

/// Reads fields of one JSON object; remembers the first problem with its path, so that callers read on and check once.
class JsonFields {
 public:
  using Json = nlohmann::json;

  /// `object` and `problem` outlive this. That it is no object is the first problem.
  JsonFields(const Json& object, std::string path, std::optional<model::Error>& problem);

  /// Every key must be one of these.
  void only(std::initializer_list<std::string_view> known);
  /// nullptr: absent or null.
  const Json* find(std::string_view key) const;
  /// "" if absent. At most 253 bytes.
  std::string text(std::string_view key, bool required);
  std::optional<int> integer(std::string_view key);
  template <class T>
  std::optional<T> choice(std::string_view key, std::optional<T> (*parse)(std::string_view), std::string_view wanted) {
    const std::string value = text(key, false);
    if (value.empty()) return std::nullopt;
    const auto parsed = parse(value);
    if (!parsed) fail(key, fmt::format("\"{}\" is none of {}", value, wanted));
    return parsed;
  }
  template <class T>
  std::optional<T> quantity(std::string_view key, model::Result<T> (*parse)(std::string_view), std::int64_t limit) {
    const auto text = quantity_text(key);
    if (!text) return std::nullopt;
    const auto parsed = parse(*text);
    if (!parsed) {
      fail(key, parsed.error().message());
      return std::nullopt;
    }
    if (parsed->value() > limit) {
      fail(key, fmt::format("\"{}\" is {}, limit {}", *text, parsed->value(), limit));
      return std::nullopt;
    }
    return *parsed;
  }

  /// key "": the object itself.
  void fail(std::string_view key, const std::string& what);
  std::string path(std::string_view key) const;
  std::optional<model::Error>& problem() { return problem_; }

 private:
  std::optional<std::string> quantity_text(std::string_view key);

  const Json& object_;
  std::string path_;
  std::optional<model::Error>& problem_;
};

}  // namespace tideline::node
