#pragma once
// CPU QoS of the classes: who yields to whom where both want the CPU (resource-qos-config cpuQOS, Koordinator's hooks
// GroupIdentity and CoreSched).
//
// Weight and idle compare siblings only (sched-design-CFS.rst), so what protects LS from the besteffort subtree is the
// weight of its root, and there alone. With beClass enabled:
//   besteffort root                        cpu-weight 2, as the kubelet makes it; never cpu-idle, which would keep the
//                                          kubelet from starting again (it writes cpu.shares, see order.h)
//   BE pods and containers below it        cpu-idle 1 if schedIdle is 1: orders BE among itself
//   BE-labelled pods beside LS pods        cpu-idle 1 if schedIdle is 1 and the kernel has it, else cpu-weight 2
// cpuPolicy groupIdentity adds bvt-warp where the kernel has it (Alibaba Cloud Linux) and has it switched on, which is
// not this node's to do; that it acts was never verified, and the features say so. It is the class's groupIdentity for
// its pods, of LS for the burstable root, of BE for the besteffort root, and 0 for kubepods.
//   LSE and LSR are lsrClass. A Guaranteed LSR pod follows lsClass where lsrClass is off. SYSTEM pods are left alone.
//   Annotation koordinator.sh/cpuQOS, of LS pods only: its own groupIdentity, the class's if it names none; 0 if it is
//   not enabled.
// schedIdle of lsrClass and lsClass is never applied: an idle LS pod would wait for its siblings.
// cpuPolicy coreSched gives pods core scheduling cookies instead (core_sched.h); coreExpeller belongs to it and means
// nothing under groupIdentity.

#include <optional>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

/// The kubelet's weight of the besteffort root: the least there is.
constexpr model::Number kLeastWeight{2};

/// The class whose cpuQOS a pod follows; nullptr: none, as SYSTEM pods.
const model::CpuQosPolicy* cpu_qos_class_of(const model::Pod& pod, const model::QosPolicy& qos);

/// One round. Pods that have ended and containers without id are left alone; without policy nothing is wanted.
/// Features: "cpuQOS.lsrClass", "cpuQOS.lsClass", "cpuQOS.beClass" always, "cpuQOS.annotation" if a pod has one that
/// counts. What a policy asks for and this kernel or build lacks is unsupported and names the knob, also where the rest
/// of the class is applied.
Wants cpu_qos(const std::vector<model::Pod>& pods, const model::KnobSet& knobs,
              const std::optional<model::NodePolicy>& policy);

}  // namespace tideline::decide
