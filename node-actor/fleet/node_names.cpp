#include "node-actor/fleet/node_names.h"

#include <fmt/format.h>

namespace tideline::rehearsal {

model::Result<void> check_prefix(const std::string& prefix) {
  constexpr std::size_t kMost = 40;
  const bool good =
      prefix.size() <= kMost && prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
  const auto holds = [&](const char* what) { return prefix.find(what) != std::string::npos; };
  if (good && !holds(".-") && !holds("-.") && !prefix.starts_with('-') && !prefix.starts_with('.') && !holds(".."))
    return {};
  return model::invalid(
      fmt::format("prefix '{}': want at most {} of a-z, 0-9, '-' and '.', a letter or digit first", prefix, kMost));
}

std::string node_name(const std::string& prefix, std::size_t index) {
  return fmt::format("{}{:05}", prefix, index);
}

link::TlsFiles node_files(const std::string& directory, const std::string& node) {
  return {.certificate = fmt::format("{}/node-{}.crt", directory, node),
          .key = fmt::format("{}/node-{}.key", directory, node),
          .ca = directory + "/ca.crt"};
}

}  // namespace tideline::rehearsal
