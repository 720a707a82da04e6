#include "node-actor/sense/window.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tideline::sense {

ReportWindow::ReportWindow(std::size_t max_samples) : max_samples_(std::max<std::size_t>(1, max_samples)) {}

void ReportWindow::Fold::add(std::int64_t value) {
  min = count == 0 ? value : std::min(min, value);
  max = count == 0 ? value : std::max(max, value);
  sum += static_cast<double>(value);
  ++count;
}

std::optional<model::Spread> ReportWindow::Fold::spread() const {
  if (count == 0) return std::nullopt;
  const double mean = sum / static_cast<double>(count);
  return model::Spread{.min = min, .mean = static_cast<std::int64_t>(std::llround(mean)), .max = max};
}

void ReportWindow::Mean::add(const std::optional<double>& value) {
  if (!value) return;
  sum += *value;
  ++count;
}

std::optional<double> ReportWindow::Mean::mean() const {
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

void ReportWindow::PressureMean::add(const std::optional<model::Pressure>& value) {
  if (!value) return;
  some.add(value->some);
  full.add(value->full);
}

std::optional<model::Pressure> ReportWindow::PressureMean::mean() const {
  if (some.count == 0) return std::nullopt;
  return model::Pressure{.some = some.mean().value_or(0), .full = full.mean().value_or(0)};
}

void ReportWindow::PodFold::add(const model::MemorySignals& signals) {
  memory_pressure.add(signals.memory);
  io_pressure.add(signals.io);
  refaults.add(signals.refaults);
  scanned.add(signals.scanned);
  if (signals.oom_kills) oom_kills = oom_kills.value_or(0) + *signals.oom_kills;
}

model::MemorySignals ReportWindow::PodFold::signals() const {
  model::MemorySignals signals;
  signals.memory = memory_pressure.mean();
  signals.io = io_pressure.mean();
  signals.refaults = refaults.mean();
  signals.scanned = scanned.mean();
  signals.oom_kills = oom_kills;
  return signals;
}

void ReportWindow::add(model::NodeSample sample) {
  for (const auto& use : sample.pods) {
    auto& fold = pods_[use.uid];
    if (use.cpu) fold.cpu.add(use.cpu->value());
    if (use.memory) fold.memory.add(use.memory->value());
    fold.throttled.add(use.throttled_ratio);
    fold.delay.add(use.run_delay);
    fold.add(use.memory_signals);
  }
  for (const auto& use : sample.applications) {
    auto& fold = application_folds_[use.group];
    if (use.cpu) fold.cpu.add(use.cpu->value());
    if (use.memory) fold.memory.add(use.memory->value());
  }
  applications_ = std::exchange(sample.applications, {});
  if (!sample.zones.empty()) zones_ = std::exchange(sample.zones, {});
  sample.pods.clear();
  if (samples_.size() == max_samples_) samples_.erase(samples_.begin());
  samples_.push_back(std::move(sample));
}

model::PodSummary ReportWindow::summary_of(model::SharedPod pod) const {
  model::PodSummary summary;
  if (const auto found = pods_.find(pod->uid); found != pods_.end()) {
    const auto& fold = found->second;
    summary.cpu_milli = fold.cpu.spread();
    summary.memory_bytes = fold.memory.spread();
    summary.throttled_ratio = fold.throttled.mean();
    summary.run_delay = fold.delay.mean();
    summary.memory_signals = fold.signals();
  }
  summary.pod = std::move(pod);
  return summary;
}

std::vector<model::PodSummary> ReportWindow::summaries(const std::vector<model::Pod>& pods) const {
  std::vector<model::PodSummary> summaries;
  summaries.reserve(pods.size());
  for (const auto& pod : pods)
    summaries.push_back(summary_of(pod));
  return summaries;
}

std::vector<model::PodSummary> ReportWindow::summaries_of(const model::SharedPods& pods) const {
  std::vector<model::PodSummary> summaries;
  summaries.reserve(pods.size());
  for (const auto& pod : pods)
    summaries.push_back(summary_of(pod));
  return summaries;
}

std::vector<model::HostApplicationSummary> ReportWindow::applications() const {
  std::vector<model::HostApplicationSummary> summaries;
  summaries.reserve(applications_.size());
  for (const auto& use : applications_) {
    model::HostApplicationSummary summary{use.name, use.tier, use.qos, use.group, use.state, {}, {}};
    if (const auto found = application_folds_.find(use.group); found != application_folds_.end()) {
      summary.cpu_milli = found->second.cpu.spread();
      summary.memory_bytes = found->second.memory.spread();
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

void ReportWindow::clear() {
  samples_.clear();
  pods_.clear();
  application_folds_.clear();
  applications_.clear();
  zones_.clear();
}

}  // namespace tideline::sense
