#include "coordinator/planner/fine_choice.h"

#include <tuple>

namespace tideline::planner {
namespace {

bool is_fuller(const FullStep& a, const FullStep& b) {
  return std::tie(b.share, a.at.step, a.at.host) < std::tie(a.share, b.at.step, b.at.host);
}

}  // namespace

std::vector<FineWindow> joined_windows(std::vector<FineWindow> windows) {
  std::sort(windows.begin(), windows.end(), [](const FineWindow& a, const FineWindow& b) {
    return std::tie(a.from_s, a.until_s) < std::tie(b.from_s, b.until_s);
  });
  std::vector<FineWindow> joined;
  for (const FineWindow& window : windows) {
    if (window.from_s >= window.until_s) continue;
    if (!joined.empty() && window.from_s <= joined.back().until_s) {
      joined.back().until_s = std::max(joined.back().until_s, window.until_s);
    } else {
      joined.push_back(window);
    }
  }
  return joined;
}

void FullestSteps::add(const FullStep& step) {
  if (most_ == 0) return;
  steps_.push_back(step);
  // Sorted now and then: that is less than keeping them in order.
  if (steps_.size() >= 2 * most_ + 64) keep_most();
}

void FullestSteps::add(const FullestSteps& other) {
  most_ = std::max(most_, other.most_);
  for (const FullStep& step : other.steps_)
    add(step);
}

const std::vector<FullStep>& FullestSteps::steps() {
  keep_most();
  return steps_;
}

void FullestSteps::keep_most() {
  std::sort(steps_.begin(), steps_.end(), is_fuller);
  if (steps_.size() > most_) steps_.resize(most_);
}

}  // namespace tideline::planner
