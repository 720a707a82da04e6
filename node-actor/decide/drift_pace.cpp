#include "node-actor/decide/drift_pace.h"

#include <algorithm>

namespace tideline::decide {

bool DriftPace::found(model::MonoTime now, bool lower) {
  if (last_found_ && now - *last_found_ > kCalm) wait_ = model::kZeroDuration;
  last_found_ = now;
  lower_ = lower;
  if (since_) return false;
  since_ = now;
  return true;
}

void DriftPace::answered(model::MonoTime now) {
  if (!since_) return;
  since_.reset();
  last_answer_ = now;
  wait_ = wait_ == model::kZeroDuration ? kFirstWait : std::min(2 * wait_, kLongestWait);
}

bool DriftPace::waits(model::MonoTime now) const {
  if (!since_) return false;
  auto due = last_answer_ ? *last_answer_ + wait_ : *since_;
  if (lower_) due = std::max(due, *since_ + kLongestWait);
  return now < due;
}

}  // namespace tideline::decide
