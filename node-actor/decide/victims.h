#pragma once
// Whom to evict for CPU and for memory, in which order, and how far that goes: the choosing part of Koordinator's
// BECPUEvict, CPUAllocatableEvict, CPUEvict, BEMemoryEvict, MemoryAllocatableEvict and MemoryEvict.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// The triggers, in the order they are served. Each counts what an eviction releases in its own currency. Values are
/// stored: never renumber.
enum class EvictTask : std::uint8_t {
  kBeSatisfaction,    // BECPUEvict: batch-cpu requests below the besteffort root
  kBatchAllocatable,  // CPUAllocatableEvict: batch-cpu requests of batch pods
  kCpuAllocatable,    // CPUAllocatableEvict: cpu requests of pods that are neither batch nor mid
  kNodeUsage,         // CPUEvict: CPU used
  // Memory, in bytes (memory_evict.h).
  kBeMemory,                // BEMemoryEvict: memory used
  kBatchMemoryAllocatable,  // MemoryAllocatableEvict: batch-memory requests of batch pods
  kMemoryAllocatable,       // MemoryAllocatableEvict: memory requests of pods that are neither batch nor mid
  kNodeMemory,              // MemoryEvict: memory used
};
constexpr std::size_t kEvictTasks = 4;  // of CPU
constexpr std::size_t kMemoryEvictTasks = 4;
constexpr std::array<EvictTask, kMemoryEvictTasks> kAllMemoryEvictTasks = {
    EvictTask::kBeMemory, EvictTask::kBatchMemoryAllocatable, EvictTask::kMemoryAllocatable, EvictTask::kNodeMemory};
constexpr std::array<EvictTask, kEvictTasks> kAllEvictTasks = {EvictTask::kBeSatisfaction, EvictTask::kBatchAllocatable,
                                                               EvictTask::kCpuAllocatable, EvictTask::kNodeUsage};
/// Whether it is one of kAllMemoryEvictTasks, which count bytes; the others count millicores.
constexpr bool is_of_memory(EvictTask task) {
  return static_cast<std::size_t>(task) >= kEvictTasks;
}
/// Its place in kAllEvictTasks or kAllMemoryEvictTasks.
constexpr std::size_t place_of(EvictTask task) {
  return static_cast<std::size_t>(task) - (is_of_memory(task) ? kEvictTasks : 0);
}
/// kCpuEvict or kMemoryEvict: whose evictions those for this task are.
model::Controller controller_of(EvictTask task);
/// Its feature: "cpuEvict.beSatisfaction", ".allocatable" (both resources), ".nodeUsage"; "memoryEvict.beUsage",
/// ".allocatable" (both resources), ".nodeUsage".
std::string_view feature_of(EvictTask task);
/// Koordinator's name, as annotation koordinator.sh/eviction-policy has it: "BECPUEvict" ...
std::string_view gate_of(EvictTask task);

/// What a task counts, in its currency: millicores or bytes. Amounts of different currencies do not meet; which one it
/// is says the task that goes with it.
class EvictAmount {
 public:
  constexpr EvictAmount() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): both are amounts.
  constexpr EvictAmount(model::MilliCpu cpu) : value_(cpu.value()) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr EvictAmount(model::Bytes memory) : value_(memory.value()) {}
  constexpr std::int64_t value() const { return value_; }

  friend constexpr auto operator<=>(EvictAmount, EvictAmount) = default;
  friend constexpr EvictAmount operator+(EvictAmount a, EvictAmount b) { return of(a.value_ + b.value_); }
  friend constexpr EvictAmount operator-(EvictAmount a, EvictAmount b) { return of(a.value_ - b.value_); }
  constexpr EvictAmount& operator+=(EvictAmount other) { return *this = *this + other; }
  constexpr EvictAmount& operator-=(EvictAmount other) { return *this = *this - other; }
  /// As Quantity::percent().
  constexpr EvictAmount percent(double percent) const { return of(model::MilliCpu(value_).percent(percent).value()); }

 private:
  static constexpr EvictAmount of(std::int64_t value) {
    EvictAmount made;
    made.value_ = value;
    return made;
  }
  std::int64_t value_ = 0;
};
/// For people: "1500 millicores", "104857600 bytes".
std::string text_of(EvictTask task, EvictAmount amount);

/// spec.priority unless it is absent or 0, else the default of the pod's tier: prod 9500, mid 7500, batch 5500, free
/// 3500. Koordinator lets pods without a priority tie with all others, which is no order.
int eviction_priority_value(const model::Pod& pod);

/// A pod that runs, with what is known of it now.
struct RunningPod {
  const model::Pod* pod = nullptr;
  std::optional<model::MilliCpu> used;                // nullopt: no fresh reading
  std::optional<model::Bytes> memory = std::nullopt;  // without page cache: what its end frees; likewise
};

/// The running ones of `pods`, with their use from `sample` (nullptr: no fresh one). Finished pods use nothing and ask
/// for nothing, and those that have not started do not yet. The pointers live as long as `pods` does.
std::vector<RunningPod> running_pods(std::span<const model::Pod> pods, const model::NodeSample* sample);

/// What the task's trigger counts of this pod, which is what its leaving releases; 0: nothing. Requests are bounded by
/// ReportLimits.
EvictAmount released_by(EvictTask task, const RunningPod& pod, const model::ThresholdPolicy& policy);

/// Whether the pod's eviction-policy allows the task's feature.
bool allows(const model::Pod& pod, EvictTask task);

/// Whether the task may take this pod. All: QoS BE, runs, is not on its way out, its eviction-policy allows the
/// feature, and its leaving releases something. kBeSatisfaction and kBeMemory: no label is needed. The others: label
/// eviction-enabled, a priority of at most evictEnabledPriorityThreshold (kNodeUsage, kNodeMemory) or
/// allocatableEvictPriorityThreshold, and a fresh reading of its use. Koordinator would also take LSE, LSR and LS pods
/// that are labelled so.
bool may_evict(EvictTask task, const RunningPod& pod, const model::ThresholdPolicy& policy);

/// Strict order of candidates. kBeSatisfaction: priority, then use per request, highest first (no reading counts as no
/// use). kBeMemory: priority, then memory used, most first. The others: eviction-priority, priority, sub-priority
/// (absent: the priority), lowest first; then what is released, most first. Last by uid.
bool goes_before(EvictTask task, const RunningPod& a, const RunningPod& b, const model::ThresholdPolicy& policy);

/// Pods that are on their way out already.
struct Leaving {
  std::vector<model::PodUid> credited;  // asked for before or in this round; terminating ones need not be in it
  std::vector<model::PodUid> barred;    // not to be asked for again now, and not expected to go either
};

/// What a pod that is leaving has part in.
struct EvictCredit {
  model::PodUid uid;
  EvictAmount amount;
};

struct Picked {
  EvictAmount credited;              // of terminating pods and Leaving::credited
  std::vector<EvictCredit> credits;  // which these are
  EvictAmount released;              // of `victims`
  std::vector<RunningPod> victims;   // in order; without the last one `target` is not reached
  std::size_t candidates = 0;        // that there were, before the walk
};

/// Walks the candidates until `target` is reached by what is credited and picked.
Picked pick_victims(EvictTask task, EvictAmount target, std::span<const RunningPod> pods, const Leaving& leaving,
                    const model::ThresholdPolicy& policy);

}  // namespace tideline::decide
