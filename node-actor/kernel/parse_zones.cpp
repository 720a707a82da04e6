#include "node-actor/kernel/parse_zones.h"

#include <array>
#include <limits>

#include "node-actor/kernel/parse.h"

namespace tideline::kernel {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> count_of(std::string_view text) {
  const auto value = parse_number(text);
  return value && *value >= 0 ? value : std::nullopt;
}

std::optional<int> index_of(std::string_view text) {
  const auto value = count_of(text);
  constexpr std::int64_t kMostIndex = 1 << 20;
  return value && *value <= kMostIndex ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

}  // namespace

std::optional<model::Bytes> parse_node_meminfo(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto line = next_line(text);
    if (next_word(line) != "Node") continue;
    (void)next_word(line);  // its number
    const auto left = line;
    const auto word = next_word(line);
    if (word.ends_with(':') && word.substr(0, word.size() - 1) == key) return parse_meminfo(left, key);
  }
  return std::nullopt;
}

std::optional<std::vector<std::pair<int, std::int64_t>>> parse_stat_cpus(std::string_view text) {
  constexpr std::string_view kCpu = "cpu";
  // Behind user, nice and system come idle and iowait, then irq and softirq.
  constexpr std::array<bool, 7> kUsed = {true, true, true, false, false, true, true};
  std::vector<std::pair<int, std::int64_t>> cpus;
  while (!text.empty()) {
    auto line = next_line(text);
    const auto name = next_word(line);
    if (!name.starts_with(kCpu)) return cpus;
    if (name == kCpu) continue;
    const auto cpu = index_of(name.substr(kCpu.size()));
    if (!cpu) return std::nullopt;
    std::int64_t sum = 0;
    for (const bool used : kUsed) {
      const auto ticks = count_of(next_word(line));
      if (!ticks || (used && *ticks > kMax - sum)) return std::nullopt;
      if (used) sum += *ticks;
    }
    cpus.emplace_back(*cpu, sum);
  }
  return std::nullopt;
}

std::optional<std::vector<model::Duration>> parse_usage_percpu(std::string_view text) {
  std::vector<model::Duration> cpus;
  text = trimmed(text);
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
    const auto ns = count_of(word);
    if (!ns) return std::nullopt;
    cpus.emplace_back(*ns);
  }
  return cpus.empty() ? std::nullopt : std::optional(std::move(cpus));
}

std::optional<std::vector<std::pair<int, std::int64_t>>> parse_numa_stat(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto line = next_line(text);
    auto name = next_word(line);
    name = name.substr(0, name.find('='));
    if (name != key) continue;
    std::vector<std::pair<int, std::int64_t>> nodes;
    for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
      const auto equals = word.find('=');
      if (!word.starts_with('N') || equals == std::string_view::npos) return std::nullopt;
      const auto node = index_of(word.substr(1, equals - 1));
      const auto value = count_of(word.substr(equals + 1));
      if (!node || !value) return std::nullopt;
      nodes.emplace_back(*node, *value);
    }
    return nodes;
  }
  return std::nullopt;
}

}  // namespace tideline::kernel
