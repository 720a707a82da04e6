#include "coordinator/traces/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "storage/columns/chunk.h"

namespace tideline::traces {
namespace {

bool is_blank_or_tab(char c) {
  return c == ' ' || c == '\t';
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

/// Bytes of the character of UTF-8 that the text begins with; 0 if it is none. The text is not empty.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  std::size_t size = 4;
  if (first < 0xF0) size = 3;
  if (first < 0xE0) size = 2;
  if (text.size() < size) return 0;
  // Needlessly long forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank_or_tab(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank_or_tab(text.back()))
    text.remove_suffix(1);
  return text;
}

void split_fields(std::string_view text, char separator, std::vector<std::string_view>& out) {
  out.clear();
  while (true) {
    const auto end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

bool CsvFields::read(std::string_view line) {
  if (line.find('"') == std::string_view::npos) {
    split_fields(line, ',', fields_);
    return true;
  }
  fields_.clear();
  unquoted_.clear();
  // Fields are views of it, so it must not move while it grows.
  unquoted_.reserve(line.size());
  std::size_t at = 0;
  while (true) {
    if (at == line.size() || line[at] != '"') {
      const auto comma = line.find(',', at);
      if (comma == std::string_view::npos) {
        fields_.push_back(line.substr(at));
        return true;
      }
      fields_.push_back(line.substr(at, comma - at));
      at = comma + 1;
      continue;
    }
    const std::size_t begin = unquoted_.size();
    for (bool open = true; open;) {
      const auto quote = line.find('"', at + 1);
      if (quote == std::string_view::npos) return false;
      unquoted_.append(line.substr(at + 1, quote - at - 1));
      at = quote + 1;
      open = at < line.size() && line[at] == '"';
      if (open) unquoted_ += '"';
    }
    fields_.push_back(std::string_view(unquoted_).substr(begin));
    if (at == line.size()) return true;
    if (line[at] != ',') return false;
    ++at;
  }
}

std::optional<double> number_from(std::string_view text) {
  text = trimmed(text);
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<std::int64_t> time_from(double seconds, std::int64_t epoch_s) {
  if (!(std::fabs(seconds) <= static_cast<double>(kMaxTime))) return std::nullopt;
  const std::int64_t time = epoch_s + std::llround(seconds);
  if (time < -kMaxTime || time > kMaxTime) return std::nullopt;
  return time;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > columns::ChunkLimits::kMaxName) return false;
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    if (size == 0 || is_control(text.front())) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string readable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    std::string_view shown = size == 0 ? "?" : text.substr(0, size);
    if (is_control(text.front())) shown = text.front() == '\t' ? " " : "?";
    if (out.size() + shown.size() > max_bytes) break;
    out += shown;
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

}  // namespace tideline::traces
