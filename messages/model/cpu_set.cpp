#include "messages/model/cpu_set.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

namespace tideline::model {
namespace {

/// Takes a number off the front; -1: there is none, or it is beyond kMaxCpu.
int take_number(std::string_view& text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value > CpuSet::kMaxCpu) return -1;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

Error malformed(std::string_view text) {
  constexpr std::size_t kMaxShown = 64;
  return {ErrorCode::kMalformed, fmt::format("\"{}\" is no list of CPUs such as \"0-3,8\" (0..{})",
                                             text.substr(0, kMaxShown), CpuSet::kMaxCpu)};
}

}  // namespace

CpuSet::CpuSet(std::vector<int> cpus) : cpus_(std::move(cpus)) {
  std::erase_if(cpus_, [](int cpu) { return cpu < 0; });
  std::sort(cpus_.begin(), cpus_.end());
  cpus_.erase(std::unique(cpus_.begin(), cpus_.end()), cpus_.end());
}

Result<CpuSet> CpuSet::parse(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  const std::string_view whole = text;
  std::vector<int> cpus;
  while (!text.empty()) {
    const int first = take_number(text);
    if (first < 0) return malformed(whole);
    int last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      last = take_number(text);
      if (last < first) return malformed(whole);
    }
    // Ranges may overlap, and a short text must not make a long list.
    constexpr std::size_t kMostListed = 2 * (static_cast<std::size_t>(kMaxCpu) + 1);
    if (cpus.size() + static_cast<std::size_t>(last - first) >= kMostListed) return malformed(whole);
    for (int cpu = first; cpu <= last; ++cpu)
      cpus.push_back(cpu);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return malformed(whole);
    text.remove_prefix(1);
  }
  return CpuSet(std::move(cpus));
}

std::string CpuSet::text() const {
  std::string text;
  for (std::size_t i = 0; i < cpus_.size();) {
    std::size_t last = i;
    while (last + 1 < cpus_.size() && cpus_[last + 1] == cpus_[last] + 1)
      ++last;
    if (!text.empty()) text += ',';
    text += last == i ? fmt::format("{}", cpus_[i]) : fmt::format("{}-{}", cpus_[i], cpus_[last]);
    i = last + 1;
  }
  return text;
}

bool CpuSet::contains(int cpu) const {
  return std::binary_search(cpus_.begin(), cpus_.end(), cpu);
}

bool CpuSet::contains(const CpuSet& other) const {
  return std::includes(cpus_.begin(), cpus_.end(), other.cpus_.begin(), other.cpus_.end());
}

CpuSet operator|(const CpuSet& a, const CpuSet& b) {
  CpuSet both;
  std::set_union(a.cpus_.begin(), a.cpus_.end(), b.cpus_.begin(), b.cpus_.end(), std::back_inserter(both.cpus_));
  return both;
}

CpuSet operator&(const CpuSet& a, const CpuSet& b) {
  CpuSet common;
  std::set_intersection(a.cpus_.begin(), a.cpus_.end(), b.cpus_.begin(), b.cpus_.end(),
                        std::back_inserter(common.cpus_));
  return common;
}

CpuSet operator-(const CpuSet& a, const CpuSet& b) {
  CpuSet rest;
  std::set_difference(a.cpus_.begin(), a.cpus_.end(), b.cpus_.begin(), b.cpus_.end(), std::back_inserter(rest.cpus_));
  return rest;
}

}  // namespace tideline::model
