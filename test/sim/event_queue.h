#pragma once
// What happens in virtual time, in order: earlier first, and of one time what was planned first.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace tideline::sim {

class EventQueue {
 public:
  using Action = std::function<void()>;

  /// ns since the begin.
  std::int64_t now() const { return now_; }
  void at(std::int64_t time, Action action) {
    planned_.push_back({time, ++planned_ever_, std::move(action)});
    std::push_heap(planned_.begin(), planned_.end(), is_later);
  }
  void after(std::int64_t delay, Action action) { at(now_ + delay, std::move(action)); }

  /// Does what is next. False: nothing is planned.
  bool step() {
    if (planned_.empty()) return false;
    std::pop_heap(planned_.begin(), planned_.end(), is_later);
    const Event event = std::move(planned_.back());
    planned_.pop_back();
    now_ = event.time;
    event.action();
    return true;
  }
  std::size_t size() const { return planned_.size(); }

 private:
  struct Event {
    std::int64_t time = 0;
    std::uint64_t number = 0;
    Action action;
  };
  static bool is_later(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.number > b.number;
  }

  std::int64_t now_ = 0;
  std::uint64_t planned_ever_ = 0;
  std::vector<Event> planned_;  // a heap, the next one first
};

}  // namespace tideline::sim
