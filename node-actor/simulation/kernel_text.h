#pragma once
// How the files of a simulated host's cgroup v2 tree are called and what they hold, as events tell them. The driver is
// cgroupfs.

#include <cstdint>
#include <string>

#include "messages/model/knob.h"
#include "node-actor/decide/arbiter.h"

namespace tideline::simulation {

inline constexpr const char* kKubepods = "kubepods";
inline constexpr const char* kBestEffort = "kubepods/besteffort";
inline constexpr const char* kBurstable = "kubepods/burstable";

/// Relative to the tree's root: "kubepods/burstable/pod<uid>/<container id>".
std::string group_path(const model::GroupRef& group);
/// Of the two knobs that a simulated kernel has: "kubepods/besteffort/cpu.max".
std::string file_path(const decide::KnobRef& knob);
/// What the file holds at this value: "150000 100000", "max 100000", "39", "104857600".
std::string file_text(model::Knob knob, const model::KnobValue& value);
/// cpu.weight of cpu.shares, as kubelet has it: 1 + (shares - 2) * 9999 / 262142.
std::int64_t weight_of_shares(std::int64_t shares);

}  // namespace tideline::simulation
