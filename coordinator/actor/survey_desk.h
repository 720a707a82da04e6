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

  /// Its first slice at once, which is all of a small fleet.
  void begin(Survey survey) { step({std::move(survey), model::NodeName()}); }
  /// One slice more of the one that has waited longest for its next.
  void go_on() {
    if (open_.empty()) return;
    auto next = std::move(open_.front());
    open_.pop_front();
    step(std::move(next));
  }
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
};

}  // namespace tideline::coordinator
