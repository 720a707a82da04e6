#pragma once
// Bytes as they come -> lines.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::files {

/// Lines as for_each_line() gives them. Holds no more than one of max_line bytes.
class LineSplitter {
 public:
  using Line = std::function<model::Result<void>(std::string_view line)>;
  /// `line` must outlive it.
  LineSplitter(std::size_t max_line, const Line& line) : max_line_(max_line), line_(line) {}

  model::Result<void> add(std::string_view bytes);
  /// The last line, where it has no end.
  model::Result<void> finish();

 private:
  void keep(std::string_view bytes);
  model::Result<void> give(std::string_view text);

  std::size_t max_line_;
  const Line& line_;
  std::string kept_;  // of a line whose end has not come
  bool begun_ = false;
};

}  // namespace tideline::files
