#pragma once
// Memory QoS by class and pod (Koordinator's CgroupReconcile; reference: resource-qos-config memoryQOS, annotation
// koordinator.sh/memoryQOS).
//
//   memory-min  request * minLimitPercent / 100                    QoS root (sum of its pods), pod, container
//   memory-low  request * lowLimitPercent / 100, >= min if > 0     likewise
//   memory-high floor_page(request + (limit or node allocatable - request) * throttlingPercent / 100), >= min
//               none where throttlingPercent is 0                  container
//   wmark-*     as configured                                      pod, container
//   priority, use-priority-oom, oom-group                          pod, container
//   page-cache  size = explicit, at most the limit, or limit * percent / 100; 0: off      pod
// request: memory requested, of BE pods batch-memory; of a pod at least its containers' together. Floors are whole
// pages. The root of Guaranteed is kubepods itself: its floor is the sum of all three, as a floor below one of a group
// above does nothing.
//
// A value that does nothing (0, false) is not wanted: the file is as it was before us. So what kubelet has set of its
// own (memory.min of its MemoryQoS, memory.oom.group) stays where the policy says nothing.
//
// Besides, what protects LS where a kernel has no floors (stock cgroup v1): the soft-limit of the besteffort root, and
// of BE pods outside of it, is kBeSoftLimit while beClass is enabled, so that global reclaim takes BE's pages first.
// Reason::kReclaimFirst.
//
// Where this differs from Koordinator: the default wmarkRatio of 95 is not written where the class's memoryQOS is
// disabled; a class that is disabled wants nothing, so that originals come back, where Koordinator writes zeros over
// them; pods that have ended count for nothing; SYSTEM pods are left alone, also where they have the annotation.

#include <optional>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/units.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

constexpr model::Bytes kBeSoftLimit{0};

struct MemoryQosInput {
  /// Stands for the limit of a container without one; nullopt: not known, and such a container has no memory-high.
  std::optional<model::Bytes> node_allocatable;
  model::Bytes page{4096};
  bool is_v1 = false;  // of the memory controller
};
/// One round. Features "memoryQOS.lsrClass", ".lsClass", ".beClass": what is set for how many pods; inactive where the
/// class is disabled; unsupported, with the knob and why, for each value asked for that this kernel has no file of.
/// Besides "memoryQOS.annotation" if a pod has one that sets something.
Wants memory_qos(const std::vector<model::Pod>& pods, const model::KnobSet& knobs, const MemoryQosInput& input,
                 const std::optional<model::NodePolicy>& policy);

/// What is in force for this pod: override, then template ("auto": Koordinator's values), then class. nullopt: nothing.
/// Fields of an override count also where the class is disabled, the others do nothing then. Every field is in its
/// range.
std::optional<model::MemoryQosPolicy> effective_memory_qos(const model::Pod& pod, const model::QosPolicy& policy);

/// oom_score_adj that a pod's processes are to have. BE pods, wherever they lie: 1000, so that the kernel's last resort
/// picks batch; others are left to kubelet, and so are BE pods whose annotation says "none". Only while beClass
/// memoryQOS is enabled.
struct OomScoreWant {
  model::PodUid pod;
  int score = 1000;
  friend bool operator==(const OomScoreWant&, const OomScoreWant&) = default;
};
std::vector<OomScoreWant> oom_scores(const std::vector<model::Pod>& pods,
                                     const std::optional<model::NodePolicy>& policy);

}  // namespace tideline::decide
