#pragma once
// The arithmetic of the threshold formula (cpu_suppress.h), without samples and rounds: one for the live loop and for
// whoever asks what it comes to on means over longer times.

#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// What the policy makes of a capacity.
struct FormulaBounds {
  model::MilliCpu threshold;  // capacity * cpuSuppressThresholdPercent / 100
  model::MilliCpu floor;      // max(capacity * cpuSuppressMinPercent / 100, kKernelMinimum of cpu_suppress.h)
};
FormulaBounds formula_bounds(model::MilliCpu capacity, const model::ThresholdPolicy& policy);

/// max(node - BE, non-BE pods + reserved). The formula is the threshold less this, and may be negative.
model::MilliCpu non_be_use(model::MilliCpu node, model::MilliCpu be, model::MilliCpu non_be_pods,
                           model::MilliCpu reserved);

/// What a limit should be, and by which rule.
struct FormulaLimit {
  model::MilliCpu limit;
  model::Reason rule = model::Reason::kNone;  // kThresholdFormula, kMinPercentFloor or kKernelMinimum
};
/// The formula, or the floor where that is more. `min_percent_set`: the policy has a cpuSuppressMinPercent.
FormulaLimit formula_limit(model::MilliCpu formula, model::MilliCpu floor, bool min_percent_set);

}  // namespace tideline::decide
