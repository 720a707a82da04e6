#pragma once

#include "messages/model/counters.h"
#include "messages/model/sample.h"

namespace tideline::sense {

/// Most of a CPU that BE may take from a sibling that holds LS.
constexpr double kMaxBeShare = 0.05;

/// Verified iff the besteffort root is idle (and no LS sibling is), or its weight is at most kMaxBeShare of itself plus
/// the lightest LS sibling's. Anything unreadable is unverified with that error as the why.
model::Protection judge_protection(const model::SiblingWeights& weights);

}  // namespace tideline::sense
