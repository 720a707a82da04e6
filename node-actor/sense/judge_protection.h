#pragma once

#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/pod.h"
#include "messages/model/sample.h"

namespace tideline::sense {

/// Most of a CPU that BE may take from a sibling that holds LS.
constexpr double kMaxBeShare = 0.05;

/// Verified iff the besteffort root is idle (and no LS sibling is), or its weight is at most kMaxBeShare of itself plus
/// the lightest LS sibling's. Anything unreadable is unverified with that error as the why.
/// A BE-labelled pod that runs outside the besteffort root (`be_beside_ls`) competes with LS at its own weight, which
/// nobody looks at yet: unverified, naming it.
model::Protection judge_protection(const model::SiblingWeights& weights,
                                   const std::vector<std::string>& be_beside_ls = {});

/// Names of the running BE-labelled pods whose Kubernetes QoS puts them outside the besteffort root.
std::vector<std::string> be_beside_ls(const std::vector<model::Pod>& pods);

}  // namespace tideline::sense
