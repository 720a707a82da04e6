#include "k8s-bridge/api/wire.h"

#include <utility>

#include <fmt/format.h>

#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

constexpr std::size_t kMaxShownValueBytes = 80;
constexpr std::size_t kMaxMessageBytes = 300;

Error malformed(std::string message) {
  return {ErrorCode::kMalformed, std::move(message)};
}

Result<json> parse_object(std::string_view text, std::size_t max_bytes) {
  auto root = model::parse_json(text, {.max_bytes = max_bytes, .max_depth = WireLimits::kMaxDepth});
  if (root && !root->is_object()) return malformed("want an object, not " + model::shown(*root, kMaxShownValueBytes));
  return root;
}

/// A text of an object, "" where it is absent or null.
Result<std::string> text_member(const json& object, const char* name, std::size_t max_bytes) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) {
    return malformed(fmt::format("{}: want a text, not {}", name, model::shown(*found, kMaxShownValueBytes)));
  }
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("{}: {} bytes; at most {} are read", name, text.size(), max_bytes));
  }
  return text;
}

/// Of an object or a list: metadata.resourceVersion, which must be there.
Result<std::string> version_of(const json& metadata) {
  auto version = text_member(metadata, "resourceVersion", WireLimits::kMaxVersionBytes);
  if (version && version->empty()) return malformed("metadata.resourceVersion: missing");
  return version;
}

Result<const json*> metadata_of(const json& object) {
  const auto found = object.find("metadata");
  if (found == object.end()) return malformed("metadata: missing");
  if (!found->is_object())
    return malformed("metadata: want an object, not " + model::shown(*found, kMaxShownValueBytes));
  return &*found;
}

std::string short_text(const json& object, const char* name, std::size_t max_bytes) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return model::printable(found->get_ref<const std::string&>(), max_bytes);
}

std::optional<WatchEvent::Kind> kind_from(std::string_view type) {
  if (type == "ADDED" || type == "MODIFIED") return WatchEvent::Kind::kChanged;
  if (type == "DELETED") return WatchEvent::Kind::kDeleted;
  if (type == "BOOKMARK") return WatchEvent::Kind::kBookmark;
  if (type == "ERROR") return WatchEvent::Kind::kError;
  return std::nullopt;
}

}  // namespace

Result<ListPage> parse_list_page(std::string_view text, std::size_t max_bytes) {
  auto root = parse_object(text, max_bytes);
  if (!root) return root.error();
  const auto metadata = metadata_of(*root);
  if (!metadata) return metadata.error();
  ListPage page;
  auto version = version_of(**metadata);
  if (!version) return version.error();
  page.resource_version = *std::move(version);
  auto token = text_member(**metadata, "continue", WireLimits::kMaxContinueBytes);
  if (!token) return token.error();
  page.continue_token = *std::move(token);
  const auto items = root->find("items");
  if (items == root->end()) return malformed("items: missing");
  if (items->is_null()) return page;  // a list of none, to some servers
  if (!items->is_array()) return malformed("items: want a list, not " + model::shown(*items, kMaxShownValueBytes));
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (!(*items)[i].is_object()) {
      return malformed(
          fmt::format("items[{}]: want an object, not {}", i, model::shown((*items)[i], kMaxShownValueBytes)));
    }
  }
  page.items = std::move(*items);
  return page;
}

Result<WatchEvent> parse_watch_event(std::string_view line, std::size_t max_bytes) {
  auto root = parse_object(line, max_bytes);
  if (!root) return root.error();
  const auto type = text_member(*root, "type", kMaxShownValueBytes);
  if (!type) return type.error();
  const auto kind = kind_from(*type);
  if (!kind) {
    return malformed(fmt::format("type: want ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, not \"{}\"",
                                 model::printable(*type, kMaxShownValueBytes)));
  }
  const auto object = root->find("object");
  if (object == root->end()) return malformed("object: missing");
  if (!object->is_object())
    return malformed("object: want an object, not " + model::shown(*object, kMaxShownValueBytes));
  WatchEvent event;
  event.kind = *kind;
  if (event.kind != WatchEvent::Kind::kError) {
    const auto metadata = metadata_of(*object);
    if (!metadata) return metadata.error().in("object");
    auto version = version_of(**metadata);
    if (!version) return version.error().in("object");
    event.resource_version = *std::move(version);
  }
  event.object = std::move(*object);
  return event;
}

std::optional<ApiStatus> api_status(const json& object) {
  if (!object.is_object() || short_text(object, "kind", kMaxShownValueBytes) != "Status") return std::nullopt;
  ApiStatus status;
  if (const auto code = object.find("code"); code != object.end() && code->is_number_integer()) {
    status.code = code->get<std::int64_t>();
  }
  status.reason = short_text(object, "reason", kMaxShownValueBytes);
  status.message = short_text(object, "message", kMaxMessageBytes);
  return status;
}

std::string describe(const ApiStatus& status) {
  std::string text = std::to_string(status.code);
  if (!status.reason.empty()) text += " " + status.reason;
  if (!status.message.empty()) text += ": " + status.message;
  return text;
}

}  // namespace tideline::k8s_api
