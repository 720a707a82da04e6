#include "coordinator/planner/fine_sums.h"

namespace tideline::planner {
namespace {

constexpr double kTicksOfSecond = 10;
constexpr double kSecondsOfCoreHour = 3'600;

double seconds_of(std::uint64_t ticks) {
  return static_cast<double>(ticks) / kTicksOfSecond;
}

}  // namespace

std::uint64_t TickCounts::total() const {
  std::uint64_t sum = 0;
  for (const auto& [ticks, times] : counts_)
    sum += times;
  return sum;
}

std::uint64_t TickCounts::ticks() const {
  std::uint64_t sum = 0;
  for (const auto& [ticks, times] : counts_)
    sum += ticks * times;
  return sum;
}

std::uint64_t TickCounts::quantile(double q) const {
  const double wanted = q * static_cast<double>(total());
  std::uint64_t sum = 0;
  for (const auto& [ticks, times] : counts_) {
    sum += times;
    if (static_cast<double>(sum) >= wanted) return ticks;
  }
  return 0;
}

void FineSums::add(const FineSums& other) {
  ticks += other.ticks;
  at_risk += other.at_risk;
  suppressed += other.suppressed;
  writes += other.writes;
  used.add(other.used);
  batch.add(other.batch);
  late.add(other.late);
}

FineFigures FineSums::value() const {
  return {.host_s = seconds_of(ticks),
          .at_risk_s = seconds_of(at_risk),
          .suppressed_s = seconds_of(suppressed),
          .used_core_h = used.value() / kSecondsOfCoreHour,
          .batch_core_h = batch.value() / kSecondsOfCoreHour,
          .limit_writes = writes,
          .late = late.total(),
          .late_s = seconds_of(late.ticks()),
          .reaction_p50_s = seconds_of(late.quantile(0.5)),
          .reaction_p99_s = seconds_of(late.quantile(0.99)),
          .reaction_most_s = late.counts().empty() ? 0.0 : seconds_of(late.counts().rbegin()->first)};
}

}  // namespace tideline::planner
