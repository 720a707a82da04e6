#pragma once
// What controllers want of the kernel: values of knobs of groups, absolute and complete. Each round a controller says
// everything it wants; what it no longer wants goes back to what was there before. The arbiter settles several wants of
// one knob, and only then does a want become a write in this kernel's spelling.

#include <vector>

#include "messages/model/action.h"
#include "messages/model/knob.h"
#include "messages/model/reason.h"
#include "messages/model/report.h"

namespace tideline::decide {

/// 1 ms of a 100 ms period, the kernel's least quota (min_cfs_quota_period) and kubelet's: no quota below it is wanted.
constexpr model::MilliCpu kLeastQuota{10};
/// A page where pages are largest (arm64): a limit on memory below it is one of nothing to such a kernel.
constexpr model::Bytes kLeastMemoryLimit{64LL << 10};

struct Want {
  model::GroupRef group;
  model::Knob knob = model::Knob::kCpuQuota;
  model::KnobValue value;
  model::Controller controller = model::Controller::kNone;
  model::Reason reason = model::Reason::kNone;
  friend bool operator==(const Want&, const Want&) = default;
};

/// What every pod-round controller hands out.
struct Wants {
  std::vector<Want> wants;
  std::vector<model::FeatureState> features;  // for NodeStatus.features: each thing the policy asks for is in it
  friend bool operator==(const Wants&, const Wants&) = default;
};

}  // namespace tideline::decide
