#pragma once
// A set of CPUs as the kernel writes it: cpuset.cpus "0-3,8" (cgroup-v1/cpusets.rst, "List Format").

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::model {

class CpuSet {
 public:
  /// Highest CPU number taken from a text: the largest NR_CPUS a kernel is built with is 8192.
  static constexpr int kMaxCpu = 8191;

  CpuSet() = default;
  CpuSet(std::initializer_list<int> cpus) : CpuSet(std::vector<int>(cpus)) {}
  /// In any order, with repeats; negative numbers are left out.
  explicit CpuSet(std::vector<int> cpus);

  /// "" is the empty set. kMalformed names the text: anything but numbers and rising ranges, or beyond kMaxCpu.
  static Result<CpuSet> parse(std::string_view text);
  /// The kernel's own spelling, "0-3,8"; "" for the empty set.
  std::string text() const;

  const std::vector<int>& cpus() const { return cpus_; }  // rising, without repeats
  int size() const { return static_cast<int>(cpus_.size()); }
  bool empty() const { return cpus_.empty(); }
  bool contains(int cpu) const;
  /// Every CPU of `other` is in this set.
  bool contains(const CpuSet& other) const;

  friend CpuSet operator|(const CpuSet& a, const CpuSet& b);
  friend CpuSet operator&(const CpuSet& a, const CpuSet& b);
  friend CpuSet operator-(const CpuSet& a, const CpuSet& b);
  friend bool operator==(const CpuSet&, const CpuSet&) = default;

 private:
  std::vector<int> cpus_;
};

}  // namespace tideline::model
