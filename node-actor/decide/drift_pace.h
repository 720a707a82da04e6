#pragma once
// When a value that somebody else wrote into a file of ours is answered: the first one at once, and while they keep
// writing after 1, 2, 4 ... 30 s, so that a quarrel costs two writes a minute. Time comes in.

#include <chrono>
#include <optional>

#include "messages/model/units.h"

namespace tideline::decide {

class DriftPace {
 public:
  static constexpr model::Duration kFirstWait = std::chrono::seconds(1);
  static constexpr model::Duration kLongestWait = std::chrono::seconds(30);
  /// After as long without a foreign value the next one is the first again.
  static constexpr model::Duration kCalm = 2 * kLongestWait;

  /// The file holds a foreign value. `lower`: one that gives BE less than ours does, which is answered after
  /// kLongestWait at the earliest. True: the first one since ours was written, that is, to be told.
  bool found(model::MonoTime now, bool lower);
  /// The file holds ours, whoever wrote it.
  void gone() { since_.reset(); }
  /// Ours was written.
  void answered(model::MonoTime now);

  /// A foreign value was found and not answered yet.
  bool stands() const { return since_.has_value(); }
  /// One stands, and it is not its time yet.
  bool waits(model::MonoTime now) const;

 private:
  std::optional<model::MonoTime> since_;  // found, of the one that stands
  bool lower_ = false;
  std::optional<model::MonoTime> last_found_;
  std::optional<model::MonoTime> last_answer_;
  model::Duration wait_{0};  // after that answer
};

}  // namespace tideline::decide
