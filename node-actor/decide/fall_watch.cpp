#include "node-actor/decide/fall_watch.h"

namespace tideline::decide {

bool FallWatch::may_have_begun(const SuppressTerms& terms) {
  const bool is_known = terms.current.kind == CurrentLimit::Kind::kQuota && terms.from_fast_loop &&
                        terms.window_formula && terms.urgent_fall;
  if (!is_known) {
    was_below_ = false;
    return false;
  }
  const auto below = terms.current.quota - *terms.window_formula;
  const bool is_below = below >= terms.urgent_fall->percent(50);
  const bool has_begun = is_below && !was_below_;
  was_below_ = is_below;
  return has_begun && below < *terms.urgent_fall;
}

}  // namespace tideline::decide
