#include "admin-client/human.h"

#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "admin-client/time_text.h"

namespace tideline::tidectl {
namespace {

/// The character at the front of `text` and its length in bytes; 0 where it is no well-formed UTF-8.
struct Decoded {
  std::uint32_t code = 0;
  std::size_t length = 0;
};

Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  std::uint32_t code = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

bool harmless(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029;
  const bool reorders =
      (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F;
  return !control && !reorders;
}

}  // namespace

std::string safe_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded c = decode(text);
    if (c.length != 0 && harmless(c.code)) {
      out += text.substr(0, c.length);
    } else {
      out += '?';
    }
    text.remove_prefix(c.length == 0 ? 1 : c.length);
  }
  return out;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++width;
  }
  return width;
}

std::string cores(std::optional<model::MilliCpu> cpu) {
  if (!cpu) return "-";
  return fmt::format("{:.2f}", static_cast<double>(cpu->value()) / 1000);
}

std::string bytes(std::optional<model::Bytes> amount) {
  if (!amount) return "-";
  constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(amount->value());
  std::size_t unit = 0;
  while (std::abs(value) >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", amount->value()) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string percent(std::optional<double> ratio) {
  if (!ratio) return "-";
  return fmt::format("{:.1f} %", *ratio * 100);
}

std::string age(std::optional<model::Duration> duration) {
  return duration ? format_duration(*duration) : "-";
}

}  // namespace tideline::tidectl
