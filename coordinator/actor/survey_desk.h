#pragma once
// Questions about all nodes, answered a slice at a time: whoever asks for little, and whatever else is to be done,
// comes in between. A plain value without a clock.

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "messages/model/ids.h"

namespace tideline::coordinator {

class SurveyDesk {
 public:
  struct Survey {
    /// Takes what is known of at most `most` nodes after `after`, in the order of their names; gives the last of them.
    /// nullopt: these were all. Each slice is as of its own instant, and a node that came or went meanwhile is in the
    /// answer or not.
    std::function<std::optional<model::NodeName>(const model::NodeName& after, std::size_t most)> slice;
    /// Once, after the last slice.
    std::function<void()> answer;
  };
  static constexpr std::size_t kSlice = 100;
  /// Each holds what it has of its answer, some 15 MB of 10,000 nodes: others are not begun before one of these is
  /// answered.
  static constexpr std::size_t kMostOpen = 8;

  /// Its first slice at once, which is all of a small fleet, unless kMostOpen are open.
  void begin(Survey survey) {
    if (open_.size() >= kMostOpen) {
      waiting_.push_back(std::move(survey));
    } else {
      step({std::move(survey), model::NodeName()});
    }
  }
  /// One slice more of the one that has waited longest for its next.
  void go_on() {
    if (open_.empty()) return;
    auto next = std::move(open_.front());
    open_.pop_front();
    step(std::move(next));
    while (open_.size() < kMostOpen && !waiting_.empty()) {
      auto first = std::move(waiting_.front());
      waiting_.pop_front();
      step({std::move(first), model::NodeName()});
    }
  }
  /// That are begun; 0: none waits either.
  std::size_t open() const { return open_.size(); }

 private:
  struct Open {
    Survey survey;
    model::NodeName after;
  };
  void step(Open open) {
    auto last = open.survey.slice(open.after, kSlice);
    if (!last) return open.survey.answer();
    open.after = *std::move(last);
    open_.push_back(std::move(open));
  }

  std::deque<Open> open_;
  std::deque<Survey> waiting_;
};

}  // namespace tideline::coordinator
