#include "storage/files/line_splitter.h"

#include <algorithm>
#include <cstdint>

namespace tideline::files {

model::Result<void> LineSplitter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (end == std::string_view::npos) {
      keep(part);
      return {};
    }
    bytes.remove_prefix(end + 1);
    if (begun_) keep(part);
    if (auto taken = give(begun_ ? std::string_view(kept_) : part); !taken) return taken;
  }
  return {};
}

model::Result<void> LineSplitter::finish() {
  return begun_ ? give(kept_) : model::Result<void>();
}

void LineSplitter::keep(std::string_view bytes) {
  begun_ = true;
  // One more than a line may have: it may be the "\r" of its end.
  const std::size_t most = max_line_ + (max_line_ == SIZE_MAX ? 0 : 1);
  kept_ += bytes.substr(0, most - std::min(most, kept_.size()));
}

model::Result<void> LineSplitter::give(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  auto taken = line_(text.substr(0, max_line_));
  kept_.clear();
  begun_ = false;
  return taken;
}

}  // namespace tideline::files
