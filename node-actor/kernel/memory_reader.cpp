#include "node-actor/kernel/memory_reader.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

#include "node-actor/kernel/group_cpu_file.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Bytes;
using model::ErrorCode;

namespace {

constexpr model::Duration kZoneinfoEvery = std::chrono::minutes(1);
/// A zone tells some 150 bytes of each CPU.
constexpr std::size_t kMostZoneinfoBytes = std::size_t{4} << 20;

void take_meminfo(std::string_view text, const std::string& path, model::HostMemoryCounters& into, Errors& errors) {
  into.total = parse_meminfo(text, "MemTotal");
  into.available = parse_meminfo(text, "MemAvailable");
  into.free = parse_meminfo(text, "MemFree");
  if (!into.total || !into.available) errors.push_back(malformed(path, text));
}

std::optional<Bytes> bytes_of_pages(std::int64_t pages) {
  static const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(pages, page, &bytes)) return std::nullopt;
  return Bytes(bytes);
}

}  // namespace

struct FastMemoryReader::State {
  using Buffer = std::array<char, 4096>;
  struct Group {
    GroupCpuFile usage;
    KeptFile limit;  // an empty path is not read
    std::uint64_t inode = 0;
  };

  explicit State(const CgroupTree& tree) : meminfo(tree.root().proc + "/meminfo") {
    const bool v1 = !tree.is_unified("memory.stat");
    const auto files_of = [&](const std::string& name, bool with_limit) -> std::optional<Group> {
      const auto directory = tree.directory(name, "memory.stat");
      if (!directory) return std::nullopt;
      Group group{.usage = GroupCpuFile(*directory, v1 ? "memory.usage_in_bytes" : "memory.current"),
                  .limit = KeptFile(),
                  .inode = 0};
      if (with_limit) group.limit = KeptFile(*directory + (v1 ? "/memory.limit_in_bytes" : "/memory.max"));
      return group;
    };
    kubepods = files_of(tree.kubepods(), true);
    best_effort = files_of(tree.best_effort(), false);
  }

  void read(std::optional<Group>& group, model::MemoryCounters& into, Errors& errors) {
    if (!group) return;
    const auto text = group->usage.read(buffer.data(), buffer.size());
    if (!text && text.error().code() != ErrorCode::kNotFound) errors.push_back(text.error());
    if (text) {
      const auto bytes = parse_number(*text);
      if (bytes && *bytes >= 0) {
        into.usage = Bytes(*bytes);
      } else {
        errors.push_back(malformed(group->usage.path(), *text));
      }
    }
    const bool made_again = group->usage.inode() != group->inode;
    group->inode = group->usage.inode();
    if (group->inode == 0 || group->limit.path().empty()) return;
    if (made_again) group->limit = KeptFile(group->limit.path());
    const auto limit_text = group->limit.read(buffer.data(), buffer.size());
    if (!limit_text) {
      if (limit_text.error().code() != ErrorCode::kNotFound) errors.push_back(limit_text.error());
      return;
    }
    const auto limit = parse_memory_limit(*limit_text);
    if (!limit) {
      errors.push_back(malformed(group->limit.path(), *limit_text));
      return;
    }
    into.limit = limit->bytes;
  }

  KeptFile meminfo;
  std::optional<Group> kubepods;  // none: no memory hierarchy, which the pod loop says
  std::optional<Group> best_effort;
  Buffer buffer;
};

FastMemoryReader::FastMemoryReader(const CgroupTree& tree) : state_(std::make_unique<State>(tree)) {}
FastMemoryReader::~FastMemoryReader() = default;
FastMemoryReader::FastMemoryReader(FastMemoryReader&&) noexcept = default;
FastMemoryReader& FastMemoryReader::operator=(FastMemoryReader&&) noexcept = default;

model::FastMemoryCounters FastMemoryReader::read(model::MonoTime now, Errors& errors) {
  State& state = *state_;
  model::FastMemoryCounters counters;
  counters.at = now;
  if (const auto text = state.meminfo.read(state.buffer.data(), state.buffer.size())) {
    take_meminfo(*text, state.meminfo.path(), counters.host, errors);
  } else {
    errors.push_back(text.error());
  }
  state.read(state.kubepods, counters.kubepods, errors);
  state.read(state.best_effort, counters.best_effort, errors);
  if (state.best_effort) counters.be_inode = state.best_effort->inode;
  return counters;
}

struct HostMemoryReader::State {
  explicit State(const KernelRoot& root)
      : meminfo(root.proc + "/meminfo"), vmstat(root.proc + "/vmstat"), zoneinfo(root.proc + "/zoneinfo") {}

  void read_vmstat(model::HostMemoryCounters& into, ReadBuffer& buffer, Errors& errors) {
    const auto text = vmstat.read_list(buffer.data(), buffer.size());
    if (!text) {
      if (text.error().code() != ErrorCode::kNotFound) errors.push_back(text.error());
      return;
    }
    const auto found = parse_vmstat(*text);
    if (!found) {
      errors.push_back(malformed(vmstat.path(), *text));
      return;
    }
    into.alloc_stalls = found->alloc_stalls;
    into.direct_scanned = found->direct_scanned;
  }

  void read_zoneinfo(Errors& errors) {
    low_watermark.reset();
    const auto text = read_file(zoneinfo, kMostZoneinfoBytes);
    if (!text) {
      if (text.error().code() != ErrorCode::kNotFound) errors.push_back(text.error());
      return;
    }
    if (const auto pages = parse_low_watermark(*text)) low_watermark = bytes_of_pages(*pages);
    if (!low_watermark) errors.push_back(malformed(zoneinfo, *text));
  }

  KeptFile meminfo;
  KeptFile vmstat;
  std::string zoneinfo;
  std::optional<model::MonoTime> zoneinfo_at;  // when it was read last
  std::optional<Bytes> low_watermark;
};

HostMemoryReader::HostMemoryReader(const KernelRoot& root) : state_(std::make_unique<State>(root)) {}
HostMemoryReader::~HostMemoryReader() = default;
HostMemoryReader::HostMemoryReader(HostMemoryReader&&) noexcept = default;
HostMemoryReader& HostMemoryReader::operator=(HostMemoryReader&&) noexcept = default;

model::HostMemoryCounters HostMemoryReader::read(model::MonoTime now, ReadBuffer& buffer, Errors& errors, bool vmstat) {
  State& state = *state_;
  model::HostMemoryCounters counters;
  if (const auto text = state.meminfo.read(buffer.data(), buffer.size())) {
    take_meminfo(*text, state.meminfo.path(), counters, errors);
  } else {
    errors.push_back(text.error());
  }
  if (vmstat) state.read_vmstat(counters, buffer, errors);
  if (!state.zoneinfo_at || now - *state.zoneinfo_at >= kZoneinfoEvery) {
    state.zoneinfo_at = now;
    state.read_zoneinfo(errors);
  }
  counters.low_watermark = state.low_watermark;
  return counters;
}

}  // namespace tideline::kernel
