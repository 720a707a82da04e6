#pragma once
// Bytes as the golden files have them: in hex, 32 a line.

#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace tideline::codec {

inline std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    text += fmt::format("{:02x}{}", static_cast<unsigned>(bytes[i]), i % 32 == 31 ? "\n" : "");
  return text;
}

inline std::vector<std::byte> unhex(const std::string& text) {
  std::vector<std::byte> bytes;
  std::string digits;
  for (const char c : text) {
    if (c == '\n') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

}  // namespace tideline::codec
