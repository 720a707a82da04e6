#include "coordinator/fleet/usage_window.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace tideline::fleet {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t second_of(model::MonoTime at) {
  return at.ns / kSecondNs;
}

std::size_t place_of(std::int64_t second) {
  constexpr auto kAll = UsageWindow::kSeconds;
  return static_cast<std::size_t>(((second % kAll) + kAll) % kAll);
}

template <class Unit>
float value_of(const std::optional<Unit>& amount) {
  return amount ? static_cast<float>(amount->value()) : kUnknown;
}

/// `sorted` is not empty.
template <class Unit>
Unit percentile(const std::vector<float>& sorted, std::size_t percent) {
  const std::size_t rank = std::max<std::size_t>((sorted.size() * percent + 99) / 100, 1);
  return Unit(std::llround(sorted[rank - 1]));
}

template <class Unit>
void fill_spread(model::MetricSpread& spread, std::optional<Unit> model::MetricUse::*resource,
                 std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  spread.average.*resource = Unit(std::llround(sum / static_cast<double>(values.size())));
  spread.p50.*resource = percentile<Unit>(values, 50);
  spread.p90.*resource = percentile<Unit>(values, 90);
  spread.p95.*resource = percentile<Unit>(values, 95);
  spread.p99.*resource = percentile<Unit>(values, 99);
}

}  // namespace

void UsageWindow::take(const model::Report& report) {
  if (report.samples.empty()) return;
  if (cpu_.empty() || report.status.boot_id != boot_id_) {
    boot_id_ = report.status.boot_id;
    cpu_.assign(kSeconds, kUnknown);
    memory_.assign(kSeconds, kUnknown);
    newest_ = second_of(report.samples.front().at);
  }
  for (const auto& sample : report.samples) {
    const std::int64_t second = second_of(sample.at);
    if (second < newest_) continue;
    for (std::int64_t skipped = std::max(newest_ + 1, second - kSeconds + 1); skipped < second; ++skipped)
      cpu_[place_of(skipped)] = memory_[place_of(skipped)] = kUnknown;
    newest_ = second;
    cpu_[place_of(second)] = value_of(sample.node_cpu);
    memory_[place_of(second)] = value_of(sample.node_memory);
  }
}

std::optional<std::vector<float>> UsageWindow::values_of(const std::vector<float>& ring, std::int64_t seconds) const {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(seconds));
  std::int64_t first = 0;
  std::int64_t last = 0;
  for (std::int64_t second = newest_ - seconds + 1; second <= newest_; ++second) {
    const float value = ring[place_of(second)];
    if (std::isnan(value)) continue;
    if (values.empty()) first = second;
    last = second;
    values.push_back(value);
  }
  if (values.empty() || 2 * (last - first + 1) <= seconds) return std::nullopt;
  return values;
}

std::optional<model::MetricSpread> UsageWindow::over(model::Duration span) const {
  if (cpu_.empty()) return std::nullopt;
  const auto seconds =
      std::clamp<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(span).count(), 1, kSeconds);
  model::MetricSpread spread;
  spread.span = std::chrono::seconds(seconds);
  auto cpu = values_of(cpu_, seconds);
  auto memory = values_of(memory_, seconds);
  if (!cpu && !memory) return std::nullopt;
  if (cpu) fill_spread(spread, &model::MetricUse::cpu, *std::move(cpu));
  if (memory) fill_spread(spread, &model::MetricUse::memory, *std::move(memory));
  return spread;
}

}  // namespace tideline::fleet
