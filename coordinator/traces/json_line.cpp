#include "coordinator/traces/json_line.h"

namespace tideline::traces {
namespace {

constexpr std::string_view kJsonBlanks = " \t\r\n";

/// Where the text that begins with the quote at `at` has its closing one.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i;
    }
  }
  return text.size();
}

bool is_key(std::string_view text, std::size_t quote) {
  const auto next = text.find_first_not_of(kJsonBlanks, quote + 1);
  return next != std::string_view::npos && text[next] == ':';
}

}  // namespace

std::size_t line_of_key(std::string_view text, std::span<const std::string_view> path) {
  std::size_t line = 1;
  std::size_t found_on = 1;
  std::size_t depth = 0;
  std::size_t found = 0;  // keys of the path
  for (std::size_t i = 0; i < text.size() && found < path.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      // The object in which the next key should be ends.
      if (depth <= found) return found_on;
    } else if (c == '"') {
      const std::size_t end = closing_quote(text, i);
      const std::string_view content = text.substr(i + 1, end < text.size() ? end - i - 1 : std::string_view::npos);
      if (depth == found + 1 && content == path[found] && is_key(text, end)) {
        ++found;
        found_on = line;
      }
      i = end;
    }
  }
  return found_on;
}

}  // namespace tideline::traces
