#pragma once
// What a node wants to do to the kernel, as data until the one writer performs it.

#include <string>

#include "messages/model/reason.h"
#include "messages/model/units.h"

namespace tideline::model {

/// Which mechanism wants a write. Values are stored: never renumber.
enum class Controller : std::uint8_t {
  kNone = 0,
  kCpuSuppress = 1,
  kGuard = 2,
  kCoordinator = 3,
  kCpuBurst = 4,
  kCpuQos = 5,
  kCpuset = 6,
  kBatchLimits = 7,
  kCpuEvict = 8,
  kMemoryQos = 9,
  kMemoryRelief = 10,  // reclaim, tightening and emergency kills
  kMemoryEvict = 11,
  kBeWork = 12,  // not a mechanism: what became of batch pods
};
std::string_view name_of(Controller controller);

/// One change of one kernel file, before it is made.
struct KernelWrite {
  std::string group;  // cgroup relative to the tree's root, e.g. "kubepods/besteffort"
  std::string file;   // knob in this kernel's spelling, e.g. "cpu.cfs_quota_us" (v1) or "cpu.max" (v2)
  std::string value;  // exactly what is written, without newline
  Controller controller = Controller::kNone;
  Reason reason = Reason::kNone;
  friend bool operator==(const KernelWrite&, const KernelWrite&) = default;
};

/// One thing that happened, kept in history beside the samples.
struct Event {
  WallTime at;
  Controller controller = Controller::kNone;
  Reason reason = Reason::kNone;
  std::string subject;  // file, pod or object
  std::string old_value;
  std::string new_value;
  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace tideline::model
