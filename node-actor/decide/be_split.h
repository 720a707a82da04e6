#pragma once
// The limit of CPU suppress is one for all of BE. Where BE-labelled pods run outside the besteffort root (their
// Kubernetes QoS is Burstable or Guaranteed) it is divided between the root and each of them:
//
//   root = whole - sum of what the pods outside may use       at least kKernelMinimum
//
// Max-min fair over BE pods: the root weighs as much as it has pods, a pod outside one. Who uses less than its part
// keeps a quarter more than it uses, and at least a tenth of its fair part; what is left of the whole goes to those
// that use all of theirs, in equal parts, and where there is none to the root. Koordinator counts such pods as BE and
// limits the root alone.
//
// The fast loop owns the root's quota and decides the whole, so that a fall of it is taken from the root at once; the
// parts follow in the pod round, as wants.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

/// Of its part; who uses as much would use more.
constexpr int kHungryPercent = 90;
/// Of its use; the part of who does not.
constexpr int kHeadroomPercent = 125;
/// Of its fair part; the least part of who uses next to nothing.
constexpr int kIdlePercent = 10;
/// A part moves by at least this much of itself and kLeastQuota: each write of a quota hands out a period's runtime.
constexpr int kPartBandPercent = 10;
/// Between two changes of a part the second of which is a rise. A fall does not wait.
constexpr model::Duration kPartPace = std::chrono::milliseconds(1900);

/// A BE pod outside the besteffort root whose group is there.
struct OutsidePod {
  struct Container {
    std::string id;
    std::optional<model::MilliCpu> own_limit;
    friend bool operator==(const Container&, const Container&) = default;
  };
  model::PodUid uid;
  model::KubeQos qos = model::KubeQos::kBurstable;  // where its group lies
  std::optional<model::MilliCpu> used;              // nullopt: not read
  std::optional<model::MilliCpu> own_limit;         // the quota it has without us; nullopt: none
  std::vector<Container> containers;                // those whose groups are there
  /// Its part is in force. Else (hands-off, a refused write) it counts with what it uses, if that is more.
  bool held = true;
  friend bool operator==(const OutsidePod&, const OutsidePod&) = default;
};
/// BE by label, outside the besteffort root by its Kubernetes QoS, and it may have processes.
bool is_outside_be(const model::Pod& pod);

struct BeSplitInput {
  model::MonoTime now;
  std::optional<model::MilliCpu> whole;      // the limit on all of BE in force; nullopt: none
  model::MilliCpu root;                      // the root's quota in force
  std::optional<model::MilliCpu> root_used;  // nullopt: not read
  int root_pods = 0;                         // BE pods below the root that may have processes
  std::vector<OutsidePod> pods;
};

/// What is remembered from round to round.
struct BeSplitState {
  struct Part {
    model::MilliCpu limit;
    model::MonoTime changed;
    friend bool operator==(const Part&, const Part&) = default;
  };
  std::map<model::PodUid, Part> parts;
  std::optional<model::MilliCpu> root;  // in the last round; nullopt: that had no split
  friend bool operator==(const BeSplitState&, const BeSplitState&) = default;
};

struct BeSplit {
  struct Part {
    model::PodUid uid;
    model::MilliCpu limit;  // >= kKernelMinimum
    bool binds = true;      // false: the quota it has without us is not above it, and nothing is wanted
    friend bool operator==(const Part&, const Part&) = default;
  };
  std::vector<Part> pods;    // as in the input
  model::MilliCpu in_force;  // what the pods may use now
  model::MilliCpu outside;   // the same, with what the next round is to give them
  model::MilliCpu root;      // the root's part
  int not_held = 0;
  friend bool operator==(const BeSplit&, const BeSplit&) = default;
};

struct BeSplitStep {
  BeSplitState state;
  std::optional<BeSplit> split;  // nullopt: no limit, or no pod outside
};

/// One pod round.
///
/// * The sum of all that held pods and root may use is at most the whole, but for kKernelMinimum of each: a BE that is
///   stopped may hold a lock of the kernel that LS waits for.
/// * A part falls in the round that sees it. It rises at kPartPace, on a fresh reading of its own, and only into what
///   root and others have left already: the root falls first, in `root`.
/// * Use that was not read: the part stays, or falls with the whole. A pod that had no part gets its fair one: it had
///   no limit before.
/// * Targets are absolute. Equal inputs give equal parts, whatever the order of the pods.
BeSplitStep be_split(const BeSplitState& state, const BeSplitInput& input);

/// Quotas for the pods, and on v1 for those of their containers that would have more (Reason::kOutsideBe). Feature
/// "cpuSuppress.outside", where there is such a pod and `enabled`: what the parts are; inactive without a limit;
/// unsupported without a quota.
Wants outside_wants(const std::optional<BeSplit>& split, const BeSplitInput& input, const model::KnobSet& knobs,
                    bool enabled);

struct RootInput {
  model::MilliCpu root;      // its quota in force
  model::MilliCpu whole;     // the limit on all of BE in force
  model::MilliCpu in_force;  // of the split, or what the pods outside use
  model::MilliCpu outside;   // likewise
  bool is_due = false;       // change_is_due() at kPace
  bool may_raise = false;
};
/// The root's quota while the whole stays, or nullopt where it stays as it is. It falls at once by what the pods may
/// use now beyond the whole. By what the next round is to give them it falls, and it rises, when a write is due and
/// moves it by 5 % or more; a rise needs `may_raise`, too.
std::optional<model::MilliCpu> rebalanced_root(const RootInput& input);

}  // namespace tideline::decide
