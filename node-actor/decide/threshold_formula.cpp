#include "node-actor/decide/threshold_formula.h"

#include <algorithm>

#include "node-actor/decide/cpu_suppress.h"

namespace tideline::decide {

FormulaBounds formula_bounds(model::MilliCpu capacity, const model::ThresholdPolicy& policy) {
  FormulaBounds bounds{capacity.percent(policy.cpu_suppress_threshold_percent), kKernelMinimum};
  if (const auto min_percent = policy.cpu_suppress_min_percent) {
    bounds.floor = std::max(bounds.floor, capacity.percent(*min_percent));
  }
  return bounds;
}

model::MilliCpu non_be_use(model::MilliCpu node, model::MilliCpu be, model::MilliCpu non_be_pods,
                           model::MilliCpu reserved) {
  return std::max(node - be, non_be_pods + reserved);
}

FormulaLimit formula_limit(model::MilliCpu formula, model::MilliCpu floor, bool min_percent_set) {
  if (formula >= floor) return {formula, model::Reason::kThresholdFormula};
  return {floor,
          min_percent_set && floor > kKernelMinimum ? model::Reason::kMinPercentFloor : model::Reason::kKernelMinimum};
}

}  // namespace tideline::decide
