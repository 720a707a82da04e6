#pragma once
// Texts that others cause, each told once, of a bounded number that is remembered: the oldest goes first.

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>

namespace tideline::bridge {

class ToldOnce {
 public:
  explicit ToldOnce(std::size_t most) : most_(most) {}

  /// Whether it is new.
  bool admit(const std::string& text) {
    if (most_ == 0 || !known_.insert(text).second) return false;
    order_.push_back(text);
    if (order_.size() > most_) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

 private:
  std::size_t most_;
  std::unordered_set<std::string> known_;
  std::deque<std::string> order_;
};

}  // namespace tideline::bridge
