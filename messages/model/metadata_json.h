#pragma once
// JSON in labels and annotations, and quantities in Kubernetes objects, for who reads them. For rooms that read these.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/pod_metadata.h"
#include "messages/model/result.h"

namespace tideline::model {
namespace metadata {

inline Error wrong(std::string what) {
  return {ErrorCode::kInvalidArgument, std::move(what)};
}

/// For an error: dump() recurses, and an annotation must not choose how deep.
inline std::string shown(const nlohmann::json& value) {
  if (value.is_structured()) return value.type_name();
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
      .substr(0, MetadataProblem::kMaxShownBytes);
}

inline Result<nlohmann::json> object_from(const std::string& text) {
  nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_discarded()) return wrong("not JSON");
  if (!document.is_object()) return wrong(fmt::format("want a JSON object, got {}", document.type_name()));
  return document;
}

/// A member of a ResourceList, as text or as a number; nullopt where it is absent or null. The error names the member.
template <class Unit>
Result<std::optional<Unit>> quantity(const nlohmann::json& resources, std::string_view name,
                                     Result<Unit> (*parse)(std::string_view), std::int64_t limit) {
  const auto found = resources.find(std::string(name));
  if (found == resources.end() || found->is_null()) return std::optional<Unit>();
  if (!found->is_string() && !found->is_number())
    return wrong(fmt::format("{} is {}; want a quantity", name, shown(*found)));
  const auto text = found->is_string() ? found->get<std::string>() : shown(*found);
  if (text.size() > MetadataProblem::kMaxShownBytes) return wrong(fmt::format("{} is too long", name));
  const auto parsed = parse(text);
  if (!parsed) return parsed.error().in(name);
  if (parsed->value() > limit) return wrong(fmt::format("{} is {}; want at most {}", name, parsed->value(), limit));
  return std::optional<Unit>(*parsed);
}

}  // namespace metadata
}  // namespace tideline::model
