#pragma once
// Lines of fields between separators, read by the names that the file's header gives them.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "coordinator/traces/fields.h"
#include "coordinator/traces/header.h"
#include "messages/model/result.h"

namespace tideline::traces {

class NamedFields {
 public:
  explicit NamedFields(char separator = ',') : separator_(separator) {}

  /// Fields of a line, as they stand there.
  const std::vector<std::string_view>& split(std::string_view line) {
    split_fields(line, separator_, fields_);
    return fields_;
  }
  /// The line that was split last is the header. Errors as find_columns().
  model::Result<void> name(std::string_view place, std::span<const std::string_view> wanted) {
    auto places = find_columns(place, fields_, wanted);
    if (!places) return places.error();
    places_ = *std::move(places);
    width_ = fields_.size();
    return {};
  }
  /// Splits a line; false: it has more or fewer fields than the header.
  bool row(std::string_view line) { return split(line).size() == width_; }
  /// Of the line that was split last, the field of wanted[which]; valid as long as that line.
  std::string_view operator[](std::size_t which) const { return fields_[places_[which]]; }

 private:
  char separator_;
  std::size_t width_ = 0;
  std::vector<std::size_t> places_;
  std::vector<std::string_view> fields_;
};

}  // namespace tideline::traces
