#include "coordinator/planner/demand_fit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "messages/model/report.h"

namespace tideline::planner {
namespace {

constexpr double kNoSecond = std::numeric_limits<double>::quiet_NaN();
/// Pods come and go within a window.
constexpr std::size_t kMostServices = 4 * model::ReportLimits::kMaxPods;
/// Less than this share of the median counts as that: an idle second has no logarithm.
constexpr double kLeastRatio = 0.05;
/// Of a normal distribution, times the median of the absolute values.
constexpr double kSigmaOfMedian = 1.4826;
constexpr double kUpperSigmas = 3.5;
constexpr double kLowerSigmas = 1.75;
constexpr double kUpperRatio = 1.5;
constexpr double kLowerRatio = 1.25;
constexpr double kFitDigits = 1e4;

bool is_second(double value) {
  return !std::isnan(value);
}

double middle_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double fitted(double value, double least, double most) {
  return std::clamp(std::round(value * kFitDigits) / kFitDigits, least, most);
}

}  // namespace

model::Result<void> DemandFit::add(std::int64_t at_s, std::string_view service, double cpu_millicores) {
  if (at_s < 0 || !std::isfinite(cpu_millicores) || cpu_millicores < 0) return {};
  if (at_s / window_s_ != window_) close();
  window_ = at_s / window_s_;
  auto found = values_.find(service);
  if (found == values_.end()) {
    if (values_.size() >= kMostServices) {
      return model::Error(model::ErrorCode::kOverloaded,
                          fmt::format("more than {} services in a window of {} s", kMostServices, window_s_));
    }
    found = values_.emplace(std::string(service), std::vector(static_cast<std::size_t>(window_s_), kNoSecond)).first;
  }
  found->second[static_cast<std::size_t>(at_s % window_s_)] = cpu_millicores;
  return {};
}

void DemandFit::close() {
  window_ = -1;
  auto services = deviations_of_window();
  values_.clear();
  std::vector<double> sizes;
  for (const auto& service : services) {
    for (const double value : service) {
      if (is_second(value)) sizes.push_back(std::abs(value));
    }
  }
  if (sizes.empty()) return;
  const double typical = kSigmaOfMedian * middle_of(sizes);
  std::vector<Deviations> noisy;
  for (auto& service : services) {
    take_bursts(service, typical);
    if (take_noise(service)) noisy.push_back(std::move(service));
  }
  take_shared(noisy);
}

/// Of services that were there for half of the window.
std::vector<DemandFit::Deviations> DemandFit::deviations_of_window() const {
  std::vector<Deviations> services;
  for (const auto& [name, values] : values_) {
    std::vector<double> known;
    std::copy_if(values.begin(), values.end(), std::back_inserter(known), is_second);
    if (2 * known.size() < values.size()) continue;
    const double median = middle_of(known);
    if (median < kLeastMillicores) continue;
    auto& service = services.emplace_back(values);
    for (double& value : service) {
      if (is_second(value)) value = std::log(std::max(value / median, kLeastRatio));
    }
  }
  return services;
}

void DemandFit::take_bursts(Deviations& service, double typical) {
  const double upper = std::max(kUpperSigmas * typical, std::log(kUpperRatio));
  const double lower = std::max(kLowerSigmas * typical, std::log(kLowerRatio));
  for (std::size_t first = 0; first < service.size();) {
    // What is not known is above nothing.
    if (!(service[first] > lower)) {
      ++first;
      continue;
    }
    std::size_t last = first;
    double most = 0;
    for (; last < service.size() && service[last] > lower; ++last)
      most = std::max(most, service[last]);
    if (most > upper) {
      ++bursts_;
      begins_ += first > 0 ? 1U : 0U;
      in_bursts_ += last - first;
      for (std::size_t second = first; second < last; ++second) {
        burst_ratios_ += std::exp(service[second]);
        service[second] = kNoSecond;
      }
    }
    first = last;
  }
}

bool DemandFit::take_noise(Deviations& service) {
  double sum = 0;
  std::size_t known = 0;
  for (const double value : service) {
    if (!is_second(value)) continue;
    sum += value;
    ++known;
  }
  if (known < 2) return false;
  double squares = 0;
  for (std::size_t second = 0; second < service.size(); ++second) {
    double& value = service[second];
    value -= sum / static_cast<double>(known);
    if (!is_second(value)) continue;
    squares += value * value;
    if (second == 0 || !is_second(service[second - 1])) continue;
    const double before = service[second - 1];
    products_ += before * value;
    neighbour_squares_ += (before * before + value * value) / 2;
  }
  quiet_ += known;
  freedoms_ += known - 1;
  squares_ += squares;
  if (squares <= 0) return false;
  const double deviation = std::sqrt(squares / static_cast<double>(known - 1));
  for (double& value : service)
    value /= deviation;
  return true;
}

void DemandFit::take_shared(const std::vector<Deviations>& services) {
  if (services.size() < 2) return;
  for (std::size_t second = 0; second < services.front().size(); ++second) {
    double sum = 0;
    double squares = 0;
    std::uint64_t known = 0;
    for (const auto& service : services) {
      const double value = service[second];
      if (!is_second(value)) continue;
      sum += value;
      squares += value * value;
      ++known;
    }
    if (known < 2) continue;
    shared_products_ += sum * sum - squares;
    shared_pairs_ += known * (known - 1);
  }
}

model::Result<DemandModel> DemandFit::finish() {
  close();
  if (quiet_ < kLeastSeconds) {
    return model::invalid(
        fmt::format("{} seconds of services that use {} millicores or more, in windows of {} s: want {} at least",
                    quiet_, kLeastMillicores, window_s_, kLeastSeconds));
  }
  DemandModel demand;
  const double usual_shared = demand.shared;
  const auto bursts = static_cast<double>(bursts_);
  const auto in_bursts = static_cast<double>(in_bursts_);
  const double shared = knows_shared() ? shared_products_ / static_cast<double>(shared_pairs_) : usual_shared;
  const auto value_of = [&](std::string_view key) {
    if (key == "sigma") return std::sqrt(squares_ / static_cast<double>(std::max<std::uint64_t>(freedoms_, 1)));
    if (key == "correlation") return neighbour_squares_ > 0 ? products_ / neighbour_squares_ : 0.0;
    if (key == "shared") return shared;
    if (key == "burstsPerHour") return 3'600 * static_cast<double>(begins_) / static_cast<double>(quiet_);
    if (key == "burstS") return bursts_ > 0 ? in_bursts / bursts : 1.0;
    return in_bursts_ > 0 ? burst_ratios_ / in_bursts : 1.0;  // burstFactor
  };
  demand_model_fields([&](const char* key, const char* /*what*/, const char* /*unit*/, double least, double most,
                          double& value) { value = fitted(value_of(key), least, most); },
                      demand);
  demand.service_seconds = seconds();
  demand.source = "";
  return demand;
}

}  // namespace tideline::planner
