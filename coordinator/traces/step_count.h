#pragma once
// How far rows lie apart.

#include <cstddef>
#include <cstdint>
#include <map>

namespace tideline::traces {

class StepCount {
 public:
  /// Of different distances so many are kept; a further one counts as the nearest of them.
  static constexpr std::size_t kMaxDistances = 4096;

  /// distance: s between two neighbours of one series, > 0.
  void add(std::int64_t distance);
  /// The most common distance, of several the shortest; 0 without any.
  std::int64_t step() const;
  /// How many are longer than one and a half steps.
  std::uint64_t gaps() const;

 private:
  std::map<std::int64_t, std::uint64_t> counts_;
};

}  // namespace tideline::traces
