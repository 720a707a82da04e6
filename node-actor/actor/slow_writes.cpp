#include "node-actor/actor/slow_writes.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "node-actor/guard/journal.h"
#include "node-actor/kernel/parse.h"

namespace tideline::node {
namespace {

constexpr std::string_view kV1MemoryLimit = "memory.limit_in_bytes";
constexpr std::string_view kV2MemoryMax = "memory.max";

bool limits_memory(std::string_view file) {
  return file == kV1MemoryLimit || file == kV2MemoryMax || file == "memory.high";
}

/// nullopt: none, or not known.
std::optional<std::int64_t> use_of_group(const kernel::CgroupTree& tree, const model::KernelWrite& write) {
  // memory.high is a file of either version.
  const auto path = tree.path(write.group, tree.is_unified(write.file) ? "memory.current" : "memory.usage_in_bytes");
  if (!path) return std::nullopt;
  const auto text = kernel::read_value(*path);
  return text ? kernel::parse_number(*text) : std::nullopt;
}

}  // namespace

SlowWrites::SlowWrites(const kernel::CgroupTree& tree, kernel::Writer& writer, guard::SlowWriterConfig config)
    : tree_(tree), writer_(writer), slow_(std::move(config)) {}

bool SlowWrites::may_block(const model::KernelWrite& write) const {
  if (!limits_memory(write.file)) return false;
  const auto limit = kernel::parse_number(write.value);
  if (!limit || *limit < 0) return false;
  const auto usage = use_of_group(tree_, write);
  return usage && *limit < *usage;
}

std::optional<std::string> SlowWrites::why_it_would_kill(const model::KernelWrite& write) const {
  if (write.file != kV2MemoryMax) return std::nullopt;
  const auto limit = kernel::parse_number(write.value);
  const auto usage = use_of_group(tree_, write);
  const auto path = tree_.path(write.group, "memory.stat");
  const auto stat = path ? kernel::read_file(*path) : model::Result<std::string>(path.error());
  if (!limit || !usage || !stat) return "what the group can give back is not known";
  const auto cache =
      kernel::parse_keyed(*stat, "active_file").value_or(0) + kernel::parse_keyed(*stat, "inactive_file").value_or(0);
  if (*usage - cache <= *limit) return std::nullopt;
  return fmt::format("{} bytes of its {} cannot be given back, and the kernel would kill for them", *usage - cache,
                     *usage);
}

model::Result<kernel::WriteOutcome> SlowWrites::perform(const model::KernelWrite& write) {
  const auto is_this = [&](const Waiting& each) {
    return each.write.group == write.group && each.write.file == write.file;
  };
  const auto known = std::find_if(waiting_.begin(), waiting_.end(), is_this);
  if (known == waiting_.end() && waiting_.size() >= kMostWaiting) {
    return model::Error(model::ErrorCode::kOverloaded, fmt::format("{}/{} not written: {} other writes wait",
                                                                   write.group, write.file, waiting_.size()));
  }
  if (const auto why = why_it_would_kill(write)) {
    return model::Error(model::ErrorCode::kUnavailable,
                        fmt::format("{}/{} not written: {}", write.group, write.file, *why));
  }
  // On its way already: the kernel shows a value of v1 only once the group fits it.
  bool is_under_way = under_way_ && is_this(*under_way_);
  if (is_under_way && under_way_->write.value != write.value) {
    // The journal knows two values of a file as ours: what it holds, and what is written next. A third one that
    // comes true beside them would pass for somebody else's, which no restore touches.
    under_way_.reset();
    slow_.stop();
    is_under_way = false;
  }
  auto prepared = writer_.prepare(write);
  if (!prepared) return prepared.error();
  kernel::WriteOutcome outcome{.old_value = std::move(prepared->old_value), .changed = false};
  if (!prepared->changes || is_under_way) {
    // An older value that waits is not wanted any more.
    if (known != waiting_.end()) waiting_.erase(known);
    return outcome;
  }
  outcome.changed = known == waiting_.end() || known->write.value != write.value;
  Waiting next{write, std::move(prepared->file)};
  if (known != waiting_.end()) {
    *known = std::move(next);
  } else {
    waiting_.push_back(std::move(next));
  }
  return outcome;
}

void SlowWrites::withdraw(const model::KernelWrite& write) {
  if (waiting() == 0 || !limits_memory(write.file)) return;
  const auto is_this = [&](const Waiting& each) {
    return each.write.group == write.group && each.write.file == write.file;
  };
  std::erase_if(waiting_, is_this);
  if (!under_way_ || !is_this(*under_way_)) return;
  under_way_.reset();
  slow_.stop();
}

std::vector<SlowWrites::Refused> SlowWrites::step(model::MonoTime now,
                                                  const std::function<bool(const std::string& group)>& is_held) {
  std::vector<Refused> refused;
  auto done = slow_.poll(now);
  if (under_way_) {
    if (!done) return refused;
    const auto ended = std::exchange(under_way_, std::nullopt);
    if (!done->result && done->result.error().code() != model::ErrorCode::kNotFound) {
      // Ended at its deadline, v2's limit is in force all the same.
      const auto found = kernel::read_value(ended->file.path);
      if (!found || !guard::same_value(ended->file.path, *found, ended->write.value)) {
        refused.push_back({ended->write, done->result.error()});
      }
    }
  }
  while (!under_way_ && !waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (is_held(next.write.group)) continue;
    const guard::SlowRequest request{
        .kind = guard::SlowRequest::Kind::kWrite, .file = next.file, .value = next.write.value, .bytes = 0};
    if (const auto begun = slow_.begin(request, now); !begun) {
      refused.push_back({std::move(next.write), begun.error()});
      continue;
    }
    under_way_ = std::move(next);
  }
  return refused;
}

bool SlowWrites::forget() {
  waiting_.clear();
  under_way_.reset();
  return slow_.stop();
}

}  // namespace tideline::node
