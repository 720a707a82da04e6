#include "coordinator/forecast/windows.h"

#include <algorithm>
#include <cmath>

namespace tideline::forecast {

double ratio_of(double used, double limit) {
  // So that ratios of limits next to nothing stay numbers that can be added and squared.
  constexpr double kMostRatio = 1e6;
  if (limit > 0) return std::min(used / limit, kMostRatio);
  return used > 0 ? 1 : 0;
}

void WindowMoments::push(std::size_t window, double value) {
  if (values_.empty()) origin_ = value;
  const double distance = value - origin_;
  sum_ += distance;
  squares_ += distance * distance;
  if (values_.size() < window) {
    values_.push_back(value);
    if (values_.size() == window) settle();
    return;
  }
  const double gone = values_[next_] - origin_;
  sum_ -= gone;
  squares_ -= gone * gone;
  values_[next_] = value;
  if (++next_ < window) return;
  next_ = 0;
  settle();
}

void WindowMoments::settle() {
  double sum = 0;
  for (const double value : values_)
    sum += value - origin_;
  origin_ += sum / static_cast<double>(values_.size());
  sum_ = 0;
  squares_ = 0;
  for (const double value : values_) {
    const double distance = value - origin_;
    sum_ += distance;
    squares_ += distance * distance;
  }
}

void WindowMoments::clear() {
  values_.clear();
  next_ = 0;
  sum_ = 0;
  squares_ = 0;
}

double WindowMoments::mean() const {
  return values_.empty() ? 0 : origin_ + sum_ / static_cast<double>(values_.size());
}

double WindowMoments::deviation() const {
  if (values_.size() < 2) return 0;
  const auto count = static_cast<double>(values_.size());
  return std::sqrt(std::max(squares_ - sum_ * sum_ / count, 0.0) / (count - 1));
}

void WindowMax::push(std::size_t window, double value) {
  while (falling_.size() > head_ && falling_.back().value <= value)
    falling_.pop_back();
  falling_.push_back({now_, value});
  if (falling_[head_].at + window <= now_) ++head_;
  ++now_;
  if (head_ < window) return;
  falling_.erase(falling_.begin(), falling_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
}

void WindowMax::clear() {
  falling_.clear();
  head_ = 0;
  now_ = 0;
}

double WindowMax::max() const {
  return falling_.empty() ? 0 : falling_[head_].value;
}

void WindowRanks::push(std::size_t window, double value) {
  const auto place = std::lower_bound(sorted_.begin(), sorted_.end(), value);
  if (values_.size() < window) {
    values_.push_back(value);
    sorted_.insert(place, value);
    return;
  }
  const auto old = std::lower_bound(sorted_.begin(), sorted_.end(), values_[next_]);
  // Only what lies between the two moves by one place.
  if (place > old) {
    std::move(old + 1, place, old);
    *(place - 1) = value;
  } else {
    std::move_backward(place, old, old + 1);
    *place = value;
  }
  values_[next_] = value;
  if (++next_ == window) next_ = 0;
}

double WindowRanks::at(double share) const {
  if (sorted_.empty()) return 0;
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted_.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted_.size() - 1);
  return sorted_[below] + (sorted_[above] - sorted_[below]) * (place - static_cast<double>(below));
}

}  // namespace tideline::forecast
