#pragma once
// How good predictions were, held against what pods used then.

#include <cstdint>

#include "coordinator/profile/prediction_policy.h"

namespace tideline::profile {

/// What one predictor says of one resource on one node; millicores or bytes.
struct Prediction {
  double requested = 0;    // by the pods that are known long enough
  double reclaimable = 0;  // of it, what all of them together are predicted not to need; margin taken off
};

/// Of one predictor and resource, over all nodes since the start.
struct Score {
  std::uint64_t checks = 0;      // minutes of nodes in which something was predicted not to be needed
  std::uint64_t violations = 0;  // of them, those in which some of that was needed after all
  double excess = 0;             // sum over violations of how much of it; millicores or bytes

  /// `used`: the most that these pods used together in a report of the minute for which the prediction stood.
  void check(const Prediction& prediction, double used) {
    if (prediction.reclaimable <= 0) return;
    ++checks;
    const double left = prediction.requested - prediction.reclaimable;
    if (used <= left) return;
    ++violations;
    excess += used - left;
  }
};

using Scores = PerPredictor<PerResource<Score>>;

}  // namespace tideline::profile
