#include "coordinator/traces/header.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "coordinator/traces/fields.h"

namespace tideline::traces {
namespace {

constexpr std::size_t kMaxShownName = 80;
constexpr std::size_t kMaxShownHeader = 240;

std::string header_text(std::span<const std::string_view> header) {
  std::string text;
  for (const std::string_view field : header) {
    if (!text.empty()) text += ", ";
    text += readable(trimmed(field), kMaxShownName);
    if (text.size() > kMaxShownHeader) return readable(text, kMaxShownHeader) + "...";
  }
  return text;
}

}  // namespace

model::Result<std::vector<std::size_t>> find_columns(std::string_view place, std::span<const std::string_view> header,
                                                     std::span<const std::string_view> wanted) {
  std::vector<std::size_t> places;
  places.reserve(wanted.size());
  for (const std::string_view name : wanted) {
    const auto is_it = [name](std::string_view field) { return trimmed(field) == trimmed(name); };
    const auto first = std::find_if(header.begin(), header.end(), is_it);
    if (first == header.end()) {
      return model::invalid(fmt::format("{}: no column \"{}\"; the header has {}", place, readable(name, kMaxShownName),
                                        header_text(header)));
    }
    if (std::find_if(first + 1, header.end(), is_it) != header.end()) {
      return model::invalid(fmt::format("{}: column \"{}\" comes twice", place, readable(name, kMaxShownName)));
    }
    places.push_back(static_cast<std::size_t>(first - header.begin()));
  }
  return places;
}

}  // namespace tideline::traces
