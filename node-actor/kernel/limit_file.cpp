#include "node-actor/kernel/limit_file.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

LimitFile::LimitFile(const CgroupTree& tree, std::string group, model::Knob knob)
    : tree_(&tree),
      group_(std::move(group)),
      knob_(knob),
      directory_(tree.directory(group_, file_of(tree.version(), knob))) {
  if (!directory_) return;
  const auto file = file_of(tree.version(), knob);
  const auto period = period_file_of(tree.version());
  limit_ = KeptFile(fmt::format("{}/{}", *directory_, file));
  if (period != file) period_ = KeptFile(fmt::format("{}/{}", *directory_, period));
}

Result<KnobReading> LimitFile::read() {
  if (!directory_) return directory_.error();
  auto raw = text_of(limit_);
  if (!raw) return raw.error();
  if (period_.path().empty()) return limit_reading(*tree_, group_, knob_, *raw, *raw);
  const auto period = text_of(period_);
  if (!period) return period.error();
  return limit_reading(*tree_, group_, knob_, std::move(*raw), *period);
}

Result<std::string> LimitFile::text_of(KeptFile& file) {
  if (file.unlinked()) file = KeptFile(file.path());
  std::array<char, 4096> buffer;
  const auto text = file.read(buffer.data(), buffer.size());
  if (text) return std::string(text->substr(0, text->size() - (text->ends_with('\n') ? 1 : 0)));
  if (text.error().code() != ErrorCode::kNotFound || ::access(directory_->c_str(), F_OK) != 0) return text.error();
  return Error(ErrorCode::kUnsupported, text.error().message());
}

}  // namespace tideline::kernel
