#include "k8s-bridge/api/budget.h"

#include <algorithm>
#include <cmath>

namespace tideline::k8s_api {
namespace {

constexpr std::array kHighestFirst{Priority::kHigh, Priority::kNormal, Priority::kLow};
// Sums of fractions of a token: what is short of one by less is one.
constexpr double kTokenSlack = 1e-6;

std::size_t queue_of(Priority priority) {
  return static_cast<std::size_t>(priority);
}

}  // namespace

bool Budget::enqueue(Id id, Priority priority) {
  if (waiting() >= limits_.max_waiting) return false;
  queues_[queue_of(priority)].insert(id);
  return true;
}

void Budget::withdraw(Id id) {
  for (auto& queue : queues_)
    queue.erase(id);
}

std::optional<Budget::Id> Budget::take(model::MonoTime now) {
  fill(now);
  if (tokens_ < 1 - kTokenSlack) return std::nullopt;
  for (const Priority priority : kHighestFirst) {
    auto& queue = queues_[queue_of(priority)];
    if (queue.empty() || !has_place(priority)) continue;
    if (priority != Priority::kHigh && now < held_until_) continue;
    const Id id = *queue.begin();
    queue.erase(queue.begin());
    tokens_ -= 1;
    ++in_flight_;
    return id;
  }
  return std::nullopt;
}

void Budget::done() {
  if (in_flight_ > 0) --in_flight_;
}

void Budget::hold(model::MonoTime until) {
  held_until_ = std::max(held_until_, until);
}

std::optional<model::MonoTime> Budget::next(model::MonoTime now) {
  fill(now);
  model::MonoTime token = now;
  if (tokens_ < 1 - kTokenSlack) {
    token = now + model::Duration(std::llround(std::ceil((1 - tokens_) / limits_.requests_a_second * 1e9)));
  }
  std::optional<model::MonoTime> earliest;
  for (const Priority priority : kHighestFirst) {
    if (queues_[queue_of(priority)].empty() || !has_place(priority)) continue;
    const model::MonoTime at = priority == Priority::kHigh ? token : std::max(token, held_until_);
    if (!earliest || at < *earliest) earliest = at;
  }
  return earliest;
}

std::size_t Budget::waiting() const {
  std::size_t sum = 0;
  for (const auto& queue : queues_)
    sum += queue.size();
  return sum;
}

void Budget::fill(model::MonoTime now) {
  if (now <= filled_) return;
  const double seconds = static_cast<double>((now - filled_).count()) / 1e9;
  tokens_ = std::min(limits_.burst, std::max(tokens_, 0.0) + seconds * limits_.requests_a_second);
  filled_ = now;
}

bool Budget::has_place(Priority priority) const {
  if (priority == Priority::kHigh || limits_.max_in_flight <= limits_.kept_for_high) {
    return in_flight_ < limits_.max_in_flight;
  }
  return in_flight_ < limits_.max_in_flight - limits_.kept_for_high;
}

}  // namespace tideline::k8s_api
