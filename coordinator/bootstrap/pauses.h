#pragma once
// Which nodes got a certificate a moment ago. A plain value without a clock.

#include <deque>
#include <set>
#include <utility>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::bootstrap {

class Pauses {
 public:
  explicit Pauses(model::Duration pause) : pause_(pause) {}

  /// Whether the pause that began last for it is not over. No instant is before one that was given earlier.
  bool holds(const model::NodeName& node, model::MonoTime now) {
    while (!begun_.empty() && begun_.front().first + pause_ <= now) {
      nodes_.erase(begun_.front().second);
      begun_.pop_front();
    }
    return nodes_.contains(node);
  }
  /// To be called for a node that has none.
  void begin(const model::NodeName& node, model::MonoTime now) {
    if (nodes_.insert(node).second) begun_.emplace_back(now, node);
  }

 private:
  const model::Duration pause_;
  std::deque<std::pair<model::MonoTime, model::NodeName>> begun_;
  std::set<model::NodeName> nodes_;  // of begun_
};

}  // namespace tideline::bootstrap
