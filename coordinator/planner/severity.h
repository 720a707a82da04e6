#pragma once
// How bad violations are, as a count of each degree: as large for a fleet as for a host, and the same in any order.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace tideline::planner {

class SeverityCounts {
 public:
  static constexpr std::uint32_t kDegrees = 100'000;
  /// 0 <= severity <= 1, to the nearest of kDegrees parts.
  static std::uint32_t degree_of(double severity) {
    return static_cast<std::uint32_t>(std::lround(std::clamp(severity, 0.0, 1.0) * kDegrees));
  }

  /// degree <= kDegrees
  void add(std::uint32_t degree, std::uint64_t times = 1) {
    counts_[degree] += times;
    total_ += times;
  }
  void add(const SeverityCounts& other) {
    for (std::size_t degree = 0; degree < counts_.size(); ++degree)
      counts_[degree] += other.counts_[degree];
    total_ += other.total_;
  }
  std::uint64_t total() const { return total_; }
  /// Of each degree.
  const std::vector<std::uint64_t>& counts() const { return counts_; }

  /// The least severity that the share q of all does not exceed, 0 < q <= 1; 0 of none.
  double quantile(double q) const {
    const double wanted = q * static_cast<double>(total_);
    std::uint64_t sum = 0;
    for (std::size_t degree = 0; degree < counts_.size(); ++degree) {
      sum += counts_[degree];
      if (sum > 0 && static_cast<double>(sum) >= wanted) return static_cast<double>(degree) / kDegrees;
    }
    return 0;
  }

 private:
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kDegrees + 1);
  std::uint64_t total_ = 0;
};

/// The same in little, where few degrees are of many.
class SparseSeverities {
 public:
  void add(std::uint32_t degree, std::uint64_t times = 1) {
    if (times == 0) return;
    counts_[degree] += times;
    total_ += times;
  }
  void add(const SparseSeverities& other) {
    for (const auto& [degree, times] : other.counts_)
      add(degree, times);
  }
  std::uint64_t total() const { return total_; }
  const std::map<std::uint32_t, std::uint64_t>& counts() const { return counts_; }
  /// As of SeverityCounts.
  double quantile(double q) const {
    const double wanted = q * static_cast<double>(total_);
    std::uint64_t sum = 0;
    for (const auto& [degree, times] : counts_) {
      sum += times;
      if (static_cast<double>(sum) >= wanted) return static_cast<double>(degree) / SeverityCounts::kDegrees;
    }
    return 0;
  }
  friend bool operator==(const SparseSeverities&, const SparseSeverities&) = default;

 private:
  std::map<std::uint32_t, std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace tideline::planner
