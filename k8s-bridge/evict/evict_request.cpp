#include "k8s-bridge/evict/evict_request.h"

#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::evict {
namespace {

/// Names have none of what is escaped; whoever writes others must not choose the path.
std::string escaped(std::string_view part) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  // A path with these parts is another.
  if (part == "." || part == "..") return part == "." ? "%2E" : "%2E%2E";
  std::string text;
  for (const char c : part) {
    if (kPlain.find(c) != std::string_view::npos) {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return text;
}

}  // namespace

std::string eviction_path(const k8s::ObjectKey& pod) {
  return fmt::format("/api/v1/namespaces/{}/pods/{}/eviction", escaped(pod.name_space), escaped(pod.name));
}

std::string eviction_body(const k8s::ObjectKey& pod, const std::string& version) {
  const nlohmann::json eviction{{"apiVersion", version},
                                {"kind", "Eviction"},
                                {"metadata", {{"name", pod.name}, {"namespace", pod.name_space}}},
                                {"deleteOptions", {{"preconditions", {{"uid", pod.uid}}}}}};
  return eviction.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace tideline::evict
