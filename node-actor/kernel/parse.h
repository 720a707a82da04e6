#pragma once
// Texts of kernel files as numbers. No allocation; nullopt for anything that is not exactly what the kernel writes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/knob.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::kernel {

std::string_view trimmed(std::string_view text);
/// Takes the first line off `text`.
std::string_view next_line(std::string_view& text);
/// Takes the first word off `text`, words being separated by blanks; empty at the end.
std::string_view next_word(std::string_view& text);

/// A whole text that is one decimal number.
std::optional<std::int64_t> parse_number(std::string_view text);
/// The number behind `key` in lines of "key number"; nullopt when the line is missing or not a number.
std::optional<std::int64_t> parse_keyed(std::string_view text, std::string_view key);
/// "MemTotal:  24682416 kB" of /proc/meminfo.
std::optional<model::Bytes> parse_meminfo(std::string_view text, std::string_view key);

struct MemoryStat {
  model::Bytes without_cache;               // active_anon + inactive_anon + unevictable
  std::optional<model::Bytes> anon;         // anon (v1: rss) + shmem
  std::optional<model::Bytes> reclaimable;  // active_file + inactive_file, and slab_reclaimable where it is told
  std::optional<std::int64_t> refaults;     // workingset_refault_file + _anon; of before 5.9 workingset_refault
  std::optional<std::int64_t> scanned;      // pgscan
};
/// memory.stat; on v1 those lines that count the groups below, too, "total_<key>". nullopt where `without_cache` is not
/// told, or one of these lines is no counter.
std::optional<MemoryStat> parse_memory_stat(std::string_view text, bool v1);

/// What a v1 group without a limit reads, and more: the most pages there are, of 64 KiB at most.
constexpr std::int64_t kNoMemoryLimit = 0x7fff'ffff'ffff'0000;
/// memory.max and its kind: bytes or "max". Also v1's spelling of none: kNoMemoryLimit or more, and "-1" that is
/// written for it.
std::optional<model::MemoryLimit> parse_memory_limit(std::string_view text);

struct VmStat {
  std::optional<std::int64_t> alloc_stalls;    // allocstall_* of all zones; of before 4.10 allocstall
  std::optional<std::int64_t> direct_scanned;  // pgscan_direct
};
/// /proc/vmstat. nullopt where one of these lines is no counter; not told is nullopt within.
std::optional<VmStat> parse_vmstat(std::string_view text);
/// The "low" watermarks of all zones in /proc/zoneinfo together, in pages.
std::optional<std::int64_t> parse_low_watermark(std::string_view text);

/// psi.rst: "some avg10=.. avg60=.. avg300=.. total=<us>" and, where there is one, the "full" line.
std::optional<model::StallTotals> parse_pressure(std::string_view text);
/// First line of /proc/stat: ticks of user, nice, system, irq and softirq.
std::optional<std::int64_t> parse_stat_ticks(std::string_view text);

struct SchedStat {
  model::Duration run{0};
  model::Duration delay{0};
  std::int64_t timeslices = 0;
};
/// /proc/<tid>/schedstat: run time and run delay in ns, number of timeslices.
std::optional<SchedStat> parse_schedstat(std::string_view text);
/// CPUs in a list such as "0-3,8"; nullopt for anything else.
std::optional<std::int64_t> count_cpus(std::string_view text);

struct CfsQuota {
  std::optional<std::int64_t> quota_us;  // nullopt: none
  std::int64_t period_us = 0;
};
/// v2 cpu.max: "max 100000" or "<quota> <period>".
std::optional<CfsQuota> parse_cpu_max(std::string_view text);
/// v1 cpu.cfs_quota_us with cpu.cfs_period_us; any negative quota is none.
std::optional<CfsQuota> parse_cfs(std::string_view quota, std::string_view period);
/// The quota as CPU, rounded to nearest.
std::optional<model::MilliCpu> limit_of(const CfsQuota& quota);

struct CgroupMount {
  std::string root;         // which group of the hierarchy is shown; "/.." and up: above this process' namespace
  std::string mount_point;  // as this process sees it
  bool unified = false;
  std::vector<std::string> controllers;  // v1 only
};
/// The cgroup lines of a mountinfo (proc_pid_mountinfo(5)), in their order. Lines of other shapes are passed over.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

/// kMalformed with path and, shortened and printable, the text.
model::Error malformed(std::string_view path, std::string_view text);

}  // namespace tideline::kernel
