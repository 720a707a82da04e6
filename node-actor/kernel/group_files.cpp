#include "node-actor/kernel/group_files.h"

#include "node-actor/kernel/cpu_counter.h"

namespace tideline::kernel {

using model::ErrorCode;
using model::GroupCounters;

namespace {

/// A group that uses less than this part of a CPU is quiet.
constexpr int kQuietPart = 1000;

}  // namespace

std::optional<GroupFiles::Throttling> GroupFiles::parse_throttling(std::string_view text) {
  const auto periods = parse_keyed(text, "nr_periods");
  const auto throttled = parse_keyed(text, "nr_throttled");
  if (!periods || !throttled || *periods < 0 || *throttled < 0) return std::nullopt;
  return Throttling{.periods = *periods, .throttled = *throttled};
}

GroupFiles::GroupFiles(const CgroupTree& tree, std::string group, Memory memory, ThreadContext* threads)
    : group_(std::move(group)),
      v1_(!tree.is_unified("cpu.stat")),
      directory_(tree.directory(group_, group_cpu_file(tree.version()))),
      stat_path_(tree.path(group_, "cpu.stat")),
      pressure_path_(tree.path(group_, "cpu.pressure")),
      threads_path_(tree.directory(group_, "tasks")),
      threads_(threads),
      cpu_(directory_ ? GroupCpuFile(*directory_, group_cpu_file(tree.version())) : GroupCpuFile()) {
  if (memory != Memory::kNotRead) memory_.emplace(tree, group_, memory == Memory::kReadWithLimit);
}

GroupCounters GroupFiles::read(model::MonoTime now, Detail detail, ReadBuffer& buffer, Errors& errors) {
  GroupCounters counters;
  if (!directory_) {
    errors.push_back(directory_.error());
    return counters;
  }
  const auto text = cpu_.read(buffer.data(), buffer.size());
  if (!text && text.error().code() != ErrorCode::kNotFound) errors.push_back(text.error());
  is_quiet_ = false;
  if (cpu_.inode() == 0) return counters;
  if (cpu_.inode() != inode_) open_anew(cpu_.inode());
  counters.inode = inode_;
  if (text) {
    counters.cpu = parse_group_cpu(*text, v1_);
    if (!counters.cpu) errors.push_back(malformed(cpu_.path(), *text));
  }
  take_cpu(counters.cpu, now);
  if (v1_ && detail.throttling_unless_quiet && is_quiet_ && throttling_) {
    counters.nr_periods = throttling_->periods;
    counters.nr_throttled = throttling_->throttled;
  } else if (detail.throttling || !v1_) {
    read_throttling(counters, text ? std::optional(*text) : std::nullopt, buffer, errors);
  }
  if (memory_) read_memory(counters, now, detail, buffer, errors);
  if (threads_ != nullptr && detail.waiting) read_waiting(counters, now, buffer, errors);
  return counters;
}

void GroupFiles::open_anew(std::uint64_t inode) {
  inode_ = inode;
  stat_ = KeptFile(stat_path_.value_or(""));
  pressure_ = KeptFile(pressure_path_.value_or(""));
  has_pressure_ = pressure_path_.ok();
  delay_.reset();
  if (memory_) memory_->open_anew();
  memory_was_read_ = false;
  last_cpu_.reset();
  throttling_.reset();
}

void GroupFiles::take_cpu(const std::optional<model::Duration>& cpu, model::MonoTime now) {
  // Divided, as whatever the file says must not overflow.
  is_quiet_ = cpu && last_cpu_ && *cpu >= *last_cpu_ && *cpu - *last_cpu_ < (now - last_at_) / kQuietPart;
  last_cpu_ = cpu;
  last_at_ = now;
}

void GroupFiles::read_throttling(GroupCounters& counters, std::optional<std::string_view> cpu_text, ReadBuffer& buffer,
                                 Errors& errors) {
  std::optional<Throttling> found;
  if (v1_) {
    found = take(stat_, buffer, errors, parse_throttling);
  } else if (cpu_text) {
    found = parse_throttling(*cpu_text);
    // The lines are left out of a group for which the cpu controller is not enabled.
    const bool absent = cpu_text->find("nr_periods") == std::string_view::npos;
    if (!found && !absent) errors.push_back(malformed(cpu_.path(), *cpu_text));
  }
  if (found && throttling_ && found->throttled != throttling_->throttled) is_quiet_ = false;
  throttling_ = found;
  if (!found) return;
  counters.nr_periods = found->periods;
  counters.nr_throttled = found->throttled;
}

void GroupFiles::read_memory(GroupCounters& counters, model::MonoTime now, Detail detail, ReadBuffer& buffer,
                             Errors& errors) {
  if (detail.memory || !memory_was_read_ || !memory_->there()) {
    memory_->read_levels(now, buffer, errors);
    memory_was_read_ = true;
  }
  counters.memory = memory_->without_cache();
  counters.memory_side = memory_->side();
  if (detail.stalls) memory_->read_stalls(counters.memory_side, buffer, errors);
}

void GroupFiles::read_waiting(GroupCounters& counters, model::MonoTime now, ReadBuffer& buffer, Errors& errors) {
  if (has_pressure_) {
    const auto text = pressure_.read(buffer.data(), buffer.size());
    if (text) {
      counters.cpu_stall = parse_pressure(*text);
      if (!counters.cpu_stall) errors.push_back(malformed(pressure_.path(), *text));
      return;
    }
    // Absent, or there but switched off (psi=0): this kernel's threads have to be asked.
    has_pressure_ = false;
  }
  if (!threads_->counted || !threads_path_) return;
  if (!delay_) delay_ = std::make_unique<ThreadDelay>(*threads_, *threads_path_);
  const auto delay = delay_->read(now, counters.cpu);
  if (delay) {
    counters.run_delay = *delay;
  } else {
    errors.push_back(delay.error());
  }
}

}  // namespace tideline::kernel
