#include "node-actor/kernel/parse.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace tideline::kernel {

using model::Bytes;
using model::Duration;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view next_word(std::string_view& text) {
  const auto first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trimmed(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

namespace {

/// A counter: a number that is not negative.
std::optional<std::int64_t> parse_count(std::string_view text) {
  const auto value = parse_number(text);
  return value && *value >= 0 ? value : std::nullopt;
}

std::optional<std::int64_t> scaled(std::optional<std::int64_t> value, std::int64_t factor) {
  if (!value || *value > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return *value * factor;
}

/// nullopt where one is, or they do not fit.
std::optional<std::int64_t> sum_of(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  std::int64_t sum = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

std::optional<Duration> total_of(std::string_view line) {
  constexpr std::string_view kTotal = "total=";
  for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
    if (!word.starts_with(kTotal)) continue;
    const auto ns = scaled(parse_count(word.substr(kTotal.size())), 1000);
    if (ns) return Duration(*ns);
  }
  return std::nullopt;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr == text.data() + i + 4 && code < 256) {
      out.push_back(static_cast<char>(code));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool is_v1_controller(std::string_view name) {
  constexpr std::array<std::string_view, 14> kNames = {"cpu",     "cpuacct", "cpuset",   "memory",     "devices",
                                                       "freezer", "net_cls", "net_prio", "perf_event", "blkio",
                                                       "hugetlb", "pids",    "rdma",     "misc"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

std::optional<std::int64_t> parse_keyed(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto line = next_line(text);
    if (next_word(line) == key) return parse_number(line);
  }
  return std::nullopt;
}

std::optional<Bytes> parse_meminfo(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto line = next_line(text);
    auto word = next_word(line);
    if (!word.ends_with(':') || word.substr(0, word.size() - 1) != key) continue;
    const auto number = next_word(line);
    if (trimmed(line) != "kB") return std::nullopt;
    const auto bytes = scaled(parse_count(number), 1024);
    return bytes ? std::optional(Bytes(*bytes)) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<MemoryStat> parse_memory_stat(std::string_view text, bool v1) {
  enum Key : std::size_t {
    kActiveAnon,
    kInactiveAnon,
    kUnevictable,
    kAnon,
    kShmem,
    kActiveFile,
    kInactiveFile,
    kSlab,
    kRefaultFile,
    kRefaultAnon,
    kRefault,
    kScanned,
    kKeys
  };
  constexpr std::array<std::string_view, kKeys> kNames = {"active_anon",
                                                          "inactive_anon",
                                                          "unevictable",
                                                          "anon",
                                                          "shmem",
                                                          "active_file",
                                                          "inactive_file",
                                                          "slab_reclaimable",
                                                          "workingset_refault_file",
                                                          "workingset_refault_anon",
                                                          "workingset_refault",
                                                          "pgscan"};
  const std::string_view prefix = v1 ? "total_" : "";
  std::array<std::optional<std::int64_t>, kKeys> found;
  while (!text.empty()) {
    auto line = next_line(text);
    auto word = next_word(line);
    if (!word.starts_with(prefix)) continue;
    word.remove_prefix(prefix.size());
    if (v1 && word == "rss") word = kNames[kAnon];
    const auto name = std::find(kNames.begin(), kNames.end(), word);
    if (name == kNames.end()) continue;
    const auto count = parse_count(line);
    if (!count) return std::nullopt;
    found[static_cast<std::size_t>(name - kNames.begin())] = count;
  }
  const auto bytes = [](std::optional<std::int64_t> sum) { return sum ? std::optional(Bytes(*sum)) : std::nullopt; };
  const auto without_cache = sum_of(sum_of(found[kActiveAnon], found[kInactiveAnon]), found[kUnevictable]);
  if (!without_cache) return std::nullopt;
  MemoryStat stat{.without_cache = Bytes(*without_cache),
                  .anon = bytes(sum_of(found[kAnon], found[kShmem])),
                  .reclaimable = bytes(sum_of(found[kActiveFile], found[kInactiveFile])),
                  .refaults = sum_of(found[kRefaultFile], found[kRefaultAnon]),
                  .scanned = found[kScanned]};
  if (stat.reclaimable && found[kSlab]) stat.reclaimable = bytes(sum_of(stat.reclaimable->value(), found[kSlab]));
  if (!stat.refaults) stat.refaults = found[kRefault];
  return stat;
}

std::optional<model::MemoryLimit> parse_memory_limit(std::string_view text) {
  text = trimmed(text);
  if (text == "max" || text == "-1") return model::MemoryLimit{};
  const auto bytes = parse_count(text);
  if (!bytes) return std::nullopt;
  if (*bytes >= kNoMemoryLimit) return model::MemoryLimit{};
  return model::MemoryLimit{Bytes(*bytes)};
}

std::optional<VmStat> parse_vmstat(std::string_view text) {
  constexpr std::string_view kStalls = "allocstall";
  VmStat stat;
  while (!text.empty()) {
    auto line = next_line(text);
    const auto word = next_word(line);
    const bool stalls = word.starts_with(kStalls) && (word.size() == kStalls.size() || word[kStalls.size()] == '_');
    if (!stalls && word != "pgscan_direct") continue;
    const auto count = parse_count(line);
    if (!count) return std::nullopt;
    if (!stalls) {
      stat.direct_scanned = count;
      continue;
    }
    stat.alloc_stalls = sum_of(stat.alloc_stalls.value_or(0), count);
    if (!stat.alloc_stalls) return std::nullopt;
  }
  return stat;
}

std::optional<std::int64_t> parse_low_watermark(std::string_view text) {
  std::optional<std::int64_t> pages;
  while (!text.empty()) {
    auto line = next_line(text);
    if (next_word(line) != "low") continue;
    pages = sum_of(pages.value_or(0), parse_count(line));
    if (!pages) return std::nullopt;
  }
  return pages;
}

std::optional<model::StallTotals> parse_pressure(std::string_view text) {
  std::optional<Duration> some;
  Duration full{0};
  while (!text.empty()) {
    auto line = next_line(text);
    const auto kind = next_word(line);
    if (kind == "some") {
      some = total_of(line);
    } else if (kind == "full") {
      const auto total = total_of(line);
      if (!total) return std::nullopt;
      full = *total;
    }
  }
  if (!some) return std::nullopt;
  return model::StallTotals{.some = *some, .full = full};
}

std::optional<std::int64_t> parse_stat_ticks(std::string_view text) {
  auto line = next_line(text);
  if (next_word(line) != "cpu") return std::nullopt;
  // user nice system idle iowait irq softirq steal guest guest_nice; guest time is in user already.
  constexpr std::array<bool, 7> kUsed = {true, true, true, false, false, true, true};
  std::int64_t sum = 0;
  for (const bool used : kUsed) {
    const auto ticks = parse_count(next_word(line));
    if (!ticks || __builtin_add_overflow(sum, used ? *ticks : 0, &sum)) return std::nullopt;
  }
  return sum;
}

std::optional<SchedStat> parse_schedstat(std::string_view text) {
  text = trimmed(text);
  const auto run = parse_count(next_word(text));
  const auto delay = parse_count(next_word(text));
  const auto slices = parse_count(next_word(text));
  if (!run || !delay || !slices || !trimmed(text).empty()) return std::nullopt;
  return SchedStat{.run = Duration(*run), .delay = Duration(*delay), .timeslices = *slices};
}

std::optional<std::int64_t> count_cpus(std::string_view text) {
  constexpr std::int64_t kMaxCpus = 1 << 16;
  text = trimmed(text);
  std::int64_t count = 0;
  std::int64_t next = 0;  // the list is ascending
  while (true) {
    const auto comma = std::min(text.find(','), text.size());
    const auto range = text.substr(0, comma);
    const auto dash = std::min(range.find('-'), range.size());
    const auto first = parse_count(range.substr(0, dash));
    const auto last = dash < range.size() ? parse_count(range.substr(dash + 1)) : first;
    if (!first || !last || *first < next || *last < *first || *last >= kMaxCpus) return std::nullopt;
    count += *last - *first + 1;
    next = *last + 1;
    if (comma == text.size()) return count;
    text.remove_prefix(comma + 1);
  }
}

std::optional<CfsQuota> parse_cpu_max(std::string_view text) {
  text = trimmed(text);
  const auto quota = next_word(text);
  const auto period = parse_number(text);
  if (!period || *period <= 0) return std::nullopt;
  if (quota == "max") return CfsQuota{.quota_us = std::nullopt, .period_us = *period};
  const auto us = parse_count(quota);
  if (!us) return std::nullopt;
  return CfsQuota{.quota_us = us, .period_us = *period};
}

std::optional<CfsQuota> parse_cfs(std::string_view quota, std::string_view period) {
  const auto us = parse_number(quota);
  const auto period_us = parse_number(period);
  if (!us || !period_us || *period_us <= 0) return std::nullopt;
  return CfsQuota{.quota_us = *us < 0 ? std::nullopt : us, .period_us = *period_us};
}

std::optional<model::MilliCpu> limit_of(const CfsQuota& quota) {
  if (!quota.quota_us) return std::nullopt;
  return model::cpu_rate(std::chrono::microseconds(std::min<std::int64_t>(*quota.quota_us, 1'000'000'000'000)),
                         std::chrono::microseconds(std::min<std::int64_t>(quota.period_us, 1'000'000'000'000)));
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  while (!mountinfo.empty()) {
    auto line = next_line(mountinfo);
    constexpr std::string_view kSeparator = " - ";
    const auto separator = line.find(kSeparator);
    if (separator == std::string_view::npos) continue;
    auto left = line.substr(0, separator);
    auto right = line.substr(separator + kSeparator.size());
    next_word(left);  // mount id
    next_word(left);  // parent id
    next_word(left);  // device
    CgroupMount mount;
    mount.root = unescaped(next_word(left));
    mount.mount_point = unescaped(next_word(left));
    if (!mount.root.starts_with('/') || !mount.mount_point.starts_with('/')) continue;
    const auto type = next_word(right);
    next_word(right);  // source
    if (type == "cgroup2") {
      mount.unified = true;
      mounts.push_back(std::move(mount));
    } else if (type == "cgroup") {
      auto options = next_word(right);
      while (!options.empty()) {
        const auto comma = std::min(options.find(','), options.size());
        const auto option = options.substr(0, comma);
        options.remove_prefix(std::min(comma + 1, options.size()));
        if (is_v1_controller(option)) mount.controllers.emplace_back(option);
      }
      if (!mount.controllers.empty()) mounts.push_back(std::move(mount));
    }
  }
  return mounts;
}

model::Error malformed(std::string_view path, std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string shown;
  for (const char c : text.substr(0, kShown))
    shown.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  if (text.size() > kShown) shown += "...";
  return {model::ErrorCode::kMalformed, fmt::format("{}: unexpected text '{}'", path, shown)};
}

}  // namespace tideline::kernel
