#pragma once
// What an API server sends as JSON: pages of lists, events of watches, its own errors. Bounded in bytes and depth, and
// checked as far as this room reads it; what the objects hold is their readers'.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::k8s_api {

struct WireLimits {
  static constexpr std::size_t kMaxDepth = 64;
  static constexpr std::size_t kMaxVersionBytes = 256;         // of a resourceVersion
  static constexpr std::size_t kMaxContinueBytes = 16 * 1024;  // of a list's token for its next page
};

struct ListPage {
  std::string resource_version;
  std::string continue_token;                      // "" = the last page
  nlohmann::json items = nlohmann::json::array();  // objects
};
/// The error says what is wrong and where in the text.
model::Result<ListPage> parse_list_page(std::string_view text, std::size_t max_bytes);

struct WatchEvent {
  enum class Kind : std::uint8_t { kChanged, kDeleted, kBookmark, kError };
  Kind kind = Kind::kChanged;    // kChanged: ADDED and MODIFIED
  std::string resource_version;  // "" of kError only
  nlohmann::json object;
};
model::Result<WatchEvent> parse_watch_event(std::string_view line, std::size_t max_bytes);

/// A metav1.Status.
struct ApiStatus {
  std::int64_t code = 0;
  std::string reason;
  std::string message;
};
/// nullopt where the object is none.
std::optional<ApiStatus> api_status(const nlohmann::json& object);
/// "410 Expired: too old resource version: 1 (2)", on one line and bounded.
std::string describe(const ApiStatus& status);

}  // namespace tideline::k8s_api
