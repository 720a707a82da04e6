#include "coordinator/prometheus/write_request.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include <snappy.h>

namespace tideline::prometheus {
namespace {

constexpr std::string_view kNameLabel = "__name__";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
// The NaN that Prometheus takes for the end of a series (its package model/value, StaleNaN).
constexpr std::uint64_t kStaleBits = 0x7ff0000000000002;
constexpr std::size_t kDoubleBytes = 8;

// A field's number and the kind of its value.
constexpr char kFirstBytes = 0x0a;
constexpr char kSecondBytes = 0x12;
constexpr char kFirstDouble = 0x09;
constexpr char kSecondVarint = 0x10;

std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

/// Of a field that holds so many bytes.
std::size_t field_size(std::size_t bytes) {
  return 1 + varint_size(bytes) + bytes;
}

void append_field(std::string& out, char tag, std::string_view bytes) {
  out += tag;
  append_varint(out, bytes.size());
  out += bytes;
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  out += kFirstBytes;
  append_varint(out, field_size(name.size()) + field_size(value.size()));
  append_field(out, kFirstBytes, name);
  append_field(out, kSecondBytes, value);
}

/// Bytes of the character of UTF-8 that the text begins with; 0 if it is none. The text is not empty. By the table of
/// well-formed sequences in the Unicode Standard (3-7).
std::size_t utf8_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return size;
}

}  // namespace

std::string label_value(std::string_view text) {
  std::string value;
  while (!text.empty()) {
    const std::size_t size = utf8_size(text);
    const std::string_view character = size == 0 ? kReplacement : text.substr(0, size);
    if (value.size() + character.size() > kMaxLabelValueBytes) break;
    value += character;
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return value;
}

SeriesLabels::SeriesLabels(std::vector<Label> labels) {
  std::erase_if(labels, [](const Label& label) { return label.value.empty(); });
  // By bytes, where capitals come before _ and all else behind it.
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
  for (const auto& label : labels)
    append_label(label.name < kNameLabel ? before_ : after_, label.name, label.value);
}

void SeriesLabels::append(std::string& request, std::string_view name, double value, model::WallTime at) const {
  append_bits(request, name, std::bit_cast<std::uint64_t>(value), at);
}

void SeriesLabels::append_stale(std::string& request, std::string_view name, model::WallTime at) const {
  append_bits(request, name, kStaleBits, at);
}

void SeriesLabels::append_bits(std::string& request, std::string_view name, std::uint64_t bits,
                               model::WallTime at) const {
  const auto stamp = static_cast<std::uint64_t>(at.ms);
  const std::size_t sample = 1 + kDoubleBytes + 1 + varint_size(stamp);
  const std::size_t named = field_size(field_size(kNameLabel.size()) + field_size(name.size()));
  request += kFirstBytes;
  append_varint(request, before_.size() + named + after_.size() + field_size(sample));
  request += before_;
  append_label(request, kNameLabel, name);
  request += after_;
  request += kSecondBytes;
  append_varint(request, sample);
  request += kFirstDouble;
  for (std::size_t i = 0; i < kDoubleBytes; ++i)
    request += static_cast<char>((bits >> (8 * i)) & 0xff);
  request += kSecondVarint;
  append_varint(request, stamp);
}

std::string compressed(std::string_view request) {
  std::string block;
  snappy::Compress(request.data(), request.size(), &block);
  return block;
}

}  // namespace tideline::prometheus
