#include "coordinator/planner/batch_limit.h"

#include <algorithm>
#include <cstdint>

#include "node-actor/decide/be_cpu_count.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/threshold_formula.h"

namespace tideline::planner {
namespace {

using model::MilliCpu;
using model::Reason;

constexpr std::int64_t kMilliPerCpu = 1'000;

/// Of a host that is as many whole CPUs as its capacity holds.
void limit_to_cpus(MilliCpu capacity, BatchLimit& batch) {
  const int cpus = static_cast<int>(std::max<std::int64_t>(capacity.value() / kMilliPerCpu, 1));
  decide::SuppressTerms terms;
  terms.capacity = capacity;
  terms.formula = batch.formula;
  terms.floor = batch.floor;
  const decide::BeCpuCountInput input{.now = {}, .host_cpus = cpus, .pool_cpus = cpus, .current = std::nullopt};
  const auto counted = decide::be_cpu_count({}, input, terms).decision;
  batch.limit = MilliCpu(counted.count.value_or(cpus) * kMilliPerCpu);
  batch.rule = counted.rule;
}

}  // namespace

MilliCpu HostDemand::left() const {
  return std::max(capacity - system - services, MilliCpu(0));
}

BatchLimit batch_limit(const model::ThresholdPolicy& policy, const HostDemand& demand) {
  BatchLimit batch;
  const auto bounds = decide::formula_bounds(demand.capacity, policy);
  batch.threshold = bounds.threshold;
  batch.floor = bounds.floor;
  batch.non_be_used = decide::non_be_use(demand.services + demand.system, MilliCpu(0), demand.services, MilliCpu(0));
  batch.formula = batch.threshold - batch.non_be_used;
  if (!policy.enable) return batch;
  const bool by_weights = policy.cpu_suppress_policy == model::SuppressPolicy::kWorkConserving;
  if (by_weights && demand.services + demand.system + demand.wanted <= demand.capacity) {
    batch.reason = Reason::kNotPressed;
    return batch;
  }
  if (policy.cpu_suppress_policy == model::SuppressPolicy::kCpuset) {
    limit_to_cpus(demand.capacity, batch);
  } else {
    const auto limit = decide::formula_limit(batch.formula, batch.floor, policy.cpu_suppress_min_percent.has_value());
    batch.limit = limit.limit;
    batch.rule = limit.rule;
  }
  batch.reason = by_weights ? Reason::kPressed : batch.rule;
  return batch;
}

}  // namespace tideline::planner
