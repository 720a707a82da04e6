#pragma once
// What batch may use of a host over a step: the node's decision in closed form. The formula is the live one, on the
// means of the step; pace, dead band and growth of a limit act within seconds, and are over by the end of a step.

#include <optional>

#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/units.h"

namespace tideline::planner {

/// CPU of one host over one step.
struct HostDemand {
  model::MilliCpu capacity{};
  model::MilliCpu services{};  // used by services
  model::MilliCpu system{};
  model::MilliCpu wanted{};  // requested by batch, which uses no more
  /// What services and system leave.
  model::MilliCpu left() const;
};

struct BatchLimit {
  std::optional<model::MilliCpu> limit;  // nullopt: none
  /// kDisabled, kNotPressed: there is none. kPressed: workConserving, and batch would fill the host. Else as `rule`.
  model::Reason reason = model::Reason::kDisabled;
  model::Reason rule = model::Reason::kNone;  // where the number comes from, as of cpu_suppress and be_cpu_count
  model::MilliCpu threshold;
  model::MilliCpu non_be_used;
  model::MilliCpu formula;  // threshold - non_be_used; may be negative
  model::MilliCpu floor;
};

/// cfsQuota: the formula. cpuset: the formula in whole CPUs. workConserving: none, as weights hold batch, unless
/// services, system and what batch wants pass the capacity: then services wait for CPUs, and it is the formula.
BatchLimit batch_limit(const model::ThresholdPolicy& policy, const HostDemand& demand);

}  // namespace tideline::planner
