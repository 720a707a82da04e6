#include "node-actor/kernel/group_memory.h"

#include <string_view>

namespace tideline::kernel {

using model::Bytes;

namespace {

std::optional<Bytes> parse_level(std::string_view text) {
  const auto bytes = parse_number(text);
  return bytes && *bytes >= 0 ? std::optional(Bytes(*bytes)) : std::nullopt;
}

std::optional<std::int64_t> parse_oom_kills(std::string_view text) {
  const auto kills = parse_keyed(text, "oom_kill");
  return kills && *kills >= 0 ? kills : std::nullopt;
}

}  // namespace

GroupMemory::GroupMemory(const CgroupTree& tree, const std::string& group, bool with_limit)
    : v1_(!tree.is_unified("memory.stat")) {
  const auto stat = tree.path(group, "memory.stat");
  if (!stat) {
    no_hierarchy_ = stat.error();
    return;
  }
  stat_ = KeptFile(*stat);
  const auto file = [&](std::string_view name) { return KeptFile(tree.path(group, name).value_or("")); };
  usage_ = file(v1_ ? "memory.usage_in_bytes" : "memory.current");
  if (with_limit) limit_ = file(v1_ ? "memory.limit_in_bytes" : "memory.max");
  if (!v1_) events_ = file("memory.events");
  memory_stall_ = {file("memory.pressure"), true};
  io_stall_ = {file("io.pressure"), true};
}

void GroupMemory::open_anew() {
  for (auto* file : {&stat_, &usage_, &limit_, &events_})
    *file = KeptFile(file->path());
  for (auto* stall : {&memory_stall_, &io_stall_})
    *stall = {KeptFile(stall->file.path()), true};
  without_cache_.reset();
  side_ = {};
}

void GroupMemory::read_levels(model::MonoTime now, ReadBuffer& buffer, Errors& errors) {
  if (no_hierarchy_) {
    errors.push_back(*no_hierarchy_);
    return;
  }
  without_cache_.reset();
  side_ = {};
  side_.stat_at = now;
  const bool v1 = v1_;
  if (const auto stat =
          take(stat_, buffer, errors, [v1](std::string_view text) { return parse_memory_stat(text, v1); })) {
    without_cache_ = stat->without_cache;
    side_.anon = stat->anon;
    side_.reclaimable = stat->reclaimable;
    side_.refaults = stat->refaults;
    side_.scanned = stat->scanned;
  }
  side_.usage = take(usage_, buffer, errors, parse_level);
  if (!limit_.path().empty()) {
    if (const auto limit = take(limit_, buffer, errors, parse_memory_limit)) side_.limit = limit->bytes;
  }
  if (!events_.path().empty()) side_.oom_kills = take(events_, buffer, errors, parse_oom_kills);
}

void GroupMemory::read_stalls(model::MemoryCounters& into, ReadBuffer& buffer, Errors& errors) {
  read_stall(memory_stall_, into.memory_stall, buffer, errors);
  read_stall(io_stall_, into.io_stall, buffer, errors);
}

void GroupMemory::read_stall(Stall& stall, std::optional<model::StallTotals>& into, ReadBuffer& buffer,
                             Errors& errors) {
  if (!stall.there) return;
  const auto text = stall.file.read(buffer.data(), buffer.size());
  // Absent, or there but switched off (psi=0, cgroup.pressure): nothing is wrong with it.
  stall.there = text.ok();
  if (!text) return;
  into = parse_pressure(*text);
  if (!into) errors.push_back(malformed(stall.file.path(), *text));
}

}  // namespace tideline::kernel
