#pragma once
// Core scheduling under resource-qos-config cpuPolicy coreSched: which pods may run beside each other on the SMT
// siblings of one core (Documentation/admin-guide/hw-vuln/core-scheduling.rst). Threads of one cookie may, and so may
// threads without one; all others wait for the core. Koordinator's hook CoreSched:
//   label core-sched-policy        "" by group, "none" no cookie, "exclusive" a cookie of the pod's own
//   label core-sched-group-id      pods of one id share a cookie; those without the label share one, too
//   coreExpeller of the pod's class  groups of its own: nobody of a class without it shares a core with them, whatever
//                                  the labels say. With the defaults LS and BE never do
// What is expelled is idle beside LS by schedIdle of beClass (cpu_qos.h), which holds under this policy as well.
//
// Unlike there an exclusive pod cannot be joined by a pod whose group id is its uid.

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"

namespace tideline::decide {

/// Those whose threads share one cookie.
struct CookieGroup {
  std::string id;           // core-sched-group-id
  model::PodUid exclusive;  // not empty: this pod's own, and `id` is empty
  bool expeller = false;
  friend bool operator==(const CookieGroup&, const CookieGroup&) = default;
  friend auto operator<=>(const CookieGroup&, const CookieGroup&) = default;
};
/// For people: "group 'web', expeller", "pod <uid> alone".
std::string text_of(const CookieGroup& group);

/// Of all threads of a pod, in every group below it.
struct CookieWant {
  model::GroupRef pod;
  std::optional<CookieGroup> group;  // nullopt: no cookie of ours
  friend bool operator==(const CookieWant&, const CookieWant&) = default;
};

/// One round: of every pod that has not ended, in their order. Nothing at all (all cookies of ours go) without policy,
/// under another cpuPolicy, in dry run of CPU QoS, and where the kernel has no core scheduling. A pod of a class that
/// is off, and a SYSTEM pod, gets none. cpu_qos() tells the features.
std::vector<CookieWant> core_sched(const std::vector<model::Pod>& pods, const model::KnobSet& knobs,
                                   const std::optional<model::NodePolicy>& policy);

}  // namespace tideline::decide
