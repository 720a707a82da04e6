#pragma once
// When the fast loop is to look again before its next tick: a spike of services that begins late in a window shows a
// part of itself there, too little to be urgent, and all of it only in the window after.

#include "node-actor/decide/cpu_suppress.h"

namespace tideline::decide {

class FallWatch {
 public:
  /// After each round of CPU suppress, with its terms. True where the newest window's formula came below the limit by
  /// half of an urgent fall (SuppressTerms::urgent_fall), and not by a whole one: read again after half of an interval.
  /// Not again until a window was above that: what lasts is no begin. A burst that is seen by that whole would have
  /// been by a whole window, had that begun with it.
  bool may_have_begun(const SuppressTerms& terms);

 private:
  bool was_below_ = false;
};

}  // namespace tideline::decide
