#pragma once
// What replays count, summed so that the sum is the same in whatever parts it is made.

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "coordinator/planner/exact_sum.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/replay_fields.h"

namespace tideline::planner {

struct ExactTotals {
  std::array<ExactSum, kTotalsFields> sums = {};  // in the order of totals_fields()

  void add(const ReplayTotals& totals) {
    std::size_t at = 0;
    totals_fields(
        [&](const char*, const char*, const char*, const auto& value) {
          if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(value)>>) {
            sums[at++].add_whole(value);
          } else {
            sums[at++].add(value);
          }
        },
        totals);
  }
  void add(const ExactTotals& other) {
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i].add(other.sums[i]);
  }
  ReplayTotals value() const {
    ReplayTotals totals;
    std::size_t at = 0;
    totals_fields(
        [&](const char*, const char*, const char*, auto& value) {
          if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(value)>>) {
            value = sums[at++].whole();
          } else {
            value = sums[at++].value();
          }
        },
        totals);
    return totals;
  }
  friend bool operator==(const ExactTotals&, const ExactTotals&) = default;
};

/// A stretch of the course: sums over hosts and steps, of CPU in millicores.
struct ExactPoint {
  static constexpr std::size_t kCpus = 5;
  std::array<ExactSum, kCpus> cpu = {};  // capacity, requested, used, offered, batch used
  std::uint64_t violations = 0;
  std::uint64_t evictions = 0;
  std::uint64_t at_risk = 0;

  void add(const ReplayPoint& host) {
    const std::array<double, kCpus> values = {host.capacity, host.requested, host.used, host.offered, host.batch_used};
    for (std::size_t i = 0; i < kCpus; ++i)
      cpu[i].add(values[i]);
    violations += host.violations;
    evictions += host.evictions;
    at_risk += host.at_risk;
  }
  void add(const ExactPoint& other) {
    for (std::size_t i = 0; i < kCpus; ++i)
      cpu[i].add(other.cpu[i]);
    violations += other.violations;
    evictions += other.evictions;
    at_risk += other.at_risk;
  }
  /// Means over so many steps and hosts, in cores of one host.
  ReplayPoint value(std::int64_t time_s, double steps, double hosts) const {
    const double scale = 1 / (1'000 * steps * hosts);
    return {.time_s = time_s,
            .capacity = cpu[0].value() * scale,
            .requested = cpu[1].value() * scale,
            .used = cpu[2].value() * scale,
            .offered = cpu[3].value() * scale,
            .batch_used = cpu[4].value() * scale,
            .violations = static_cast<std::uint32_t>(violations),
            .evictions = static_cast<std::uint32_t>(evictions),
            .at_risk = static_cast<std::uint32_t>(at_risk)};
  }
  friend bool operator==(const ExactPoint&, const ExactPoint&) = default;
};

}  // namespace tideline::planner
