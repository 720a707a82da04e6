#pragma once
// Names out of files, in errors.

#include <string>
#include <string_view>

namespace tideline::columns {

/// Control characters as '?': an error ends on a terminal.
inline std::string printable(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = '?';
  }
  return text;
}

}  // namespace tideline::columns
