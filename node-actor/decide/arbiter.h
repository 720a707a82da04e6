#pragma once
// One value per knob of a group, out of everything the controllers want, by declared precedence. What did not win stays
// beside the winner, for `explain`.
//
// Precedence, the first one there wins:
//   cpu-quota   cpuset (a bound pod has no quota) > cpu-burst > cpu-suppress and batch-limits: the tighter one
//   cpu-burst   cpu-burst
//   cpu-weight  cpu-qos by the pod's annotation > cpu-qos by class > batch-limits
//   cpu-idle    cpu-qos by the pod's annotation > cpu-qos by class
//   bvt-warp    cpu-qos by the pod's annotation > cpu-qos by class
//   cpuset      CPUs the pod is bound to > cpu-suppress (also kSuppressedCpus of the cpuset controller) > pools
//   memory-limit  batch-limits (batch memory)
//   memory-min, memory-low, memory-high, soft-limit, oom-group, wmark-ratio, wmark-scale-factor, wmark-min-adj,
//   memory-priority, use-priority-oom, page-cache-enable, -size, -sync
//               memory-qos
// A controller that is not in its knob's line comes after those that are. Wants of one rank: the tighter one, then the
// lower number of the controller and of the reason, so that the order of the wants means nothing.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/policy.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

struct KnobRef {
  model::GroupRef group;
  model::Knob knob = model::Knob::kCpuQuota;
  friend bool operator==(const KnobRef&, const KnobRef&) = default;
  friend auto operator<=>(const KnobRef&, const KnobRef&) = default;
};

/// An operator keeps the agent off a group and everything below it. Ends by itself.
struct HandsOff {
  model::GroupRef group;
  model::MonoTime expires;  // in force before it
  std::string who;
  std::string reason;
  friend bool operator==(const HandsOff&, const HandsOff&) = default;
};

struct Overruled {
  enum class Cause {
    kOutranked,
    kDryRun,  // would have won if its mechanism were not in dry run
  };
  Want want;
  Cause cause = Cause::kOutranked;
  friend bool operator==(const Overruled&, const Overruled&) = default;
};

/// Why a settled value is not written.
enum class HeldBack {
  kNone,
  kDryRun,    // only mechanisms in dry run want it
  kHandsOff,  // neither written nor restored
  kIdle,      // the weight of a group that is to be idle: the kernel takes none (sched_group_set_shares)
};
std::string_view name_of(Overruled::Cause cause);  // "outranked", "dry-run"
std::string_view name_of(HeldBack held_back);      // "none", "dry-run", "hands-off", "idle"

struct Settled {
  model::GroupRef group;
  model::Knob knob = model::Knob::kCpuQuota;
  model::KnobValue value;
  model::Controller controller = model::Controller::kNone;
  model::Reason reason = model::Reason::kNone;
  std::vector<Overruled> overruled;  // best first
  HeldBack held_back = HeldBack::kNone;
  std::string held_by;  // kHandsOff: "<who>: <reason>"
  friend bool operator==(const Settled&, const Settled&) = default;
};

struct Settlement {
  std::vector<Settled> settled;  // by group and knob
  /// Wants that no kernel takes, or that would stop a group: a value of another knob's type, a quota of nothing, an
  /// empty cpuset, a number out of its range, a memory-limit or memory-high below kLeastMemoryLimit, a memory-min,
  /// memory-low or page-cache-size of "no limit" or below 0. They count as not there.
  std::vector<Want> refused;
  std::vector<HandsOff> hands_off;  // those in force
  /// nullptr: nobody wants this knob.
  const Settled* find(const KnobRef& knob) const;
  friend bool operator==(const Settlement&, const Settlement&) = default;
};

/// One round. A mechanism in dry run never displaces a want that is to be written.
Settlement settle(const std::vector<Want>& wants, const model::DryRun& dry_run, const std::vector<HandsOff>& hands_off,
                  model::MonoTime now);

/// What was settled last, and of what.
struct LastSettlement {
  std::vector<Want> wants;
  model::DryRun dry_run;
  std::vector<HandsOff> hands_off;
  std::shared_ptr<const Settlement> settlement;  // nullptr: nothing yet
};
/// settle(), or the settlement of before, the very object, where it would be equal. `last` becomes this one.
std::shared_ptr<const Settlement> settle_again(LastSettlement& last, std::vector<Want> wants,
                                               const model::DryRun& dry_run, const std::vector<HandsOff>& hands_off,
                                               model::MonoTime now);

/// Of the knobs the agent owns, those to be put back: nobody wants them, or only mechanisms in dry run do. Never one
/// under hands-off, nor the weight of a group that is to be idle: that goes back once it is not. In the order of
/// `owned`.
std::vector<KnobRef> unwanted(const std::vector<KnobRef>& owned, const Settlement& settlement);

}  // namespace tideline::decide
