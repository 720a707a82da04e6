#include "messages/http/secret.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace tideline::http {
namespace {

using model::invalid;
using model::Result;

// Tokens of identity providers with many groups have some ten kilobytes.
constexpr std::size_t kMaxSecretBytes = 64 * 1024;

Result<std::string_view> trimmed(const std::string& where, std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return invalid(where + ": empty");
  text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  if (text.size() > kMaxSecretBytes) return invalid(fmt::format("{}: longer than {} bytes", where, kMaxSecretBytes));
  return text;
}

}  // namespace

Result<std::string> secret_line(const std::string& where, std::string_view text) {
  const auto line = trimmed(where, text);
  if (!line) return line.error();
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(line->begin(), line->end(), is_control)) return invalid(where + ": want one line");
  return std::string(*line);
}

Result<std::string> bearer(const std::string& where, std::string_view text) {
  const auto token = trimmed(where, text);
  if (!token) return token.error();
  if (!std::all_of(token->begin(), token->end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return invalid(where + ": want one word of printable ASCII");
  }
  return "Bearer " + std::string(*token);
}

}  // namespace tideline::http
