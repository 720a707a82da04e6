#pragma once
// What a policy would have done on those days. Each host at each step: the live account (coordinator/reclaim) of what
// its workloads request and use, what batch there takes of the offer, and the live threshold formula
// (node-actor/decide) of what batch may use. What lies within a step is not modelled: the loops are in closed form.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/world.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::planner {

/// What batch there is to run.
enum class BatchDemand : std::uint8_t {
  kFill,  // as much as is offered, always: the most that a policy can give
  kTasks  // the data's tasks, queued by their begin and repeated to the end of the range where asked for
};

struct ReplayOptions {
  model::ColocationPolicy colocation;  // of all hosts
  model::ThresholdPolicy threshold;    // likewise: resource-threshold-config
  BatchDemand demand = BatchDemand::kFill;
  double pod_cpu_millicores = 1'000;  // kFill: of one batch pod
  double pod_memory_mib = 2'048;
  std::int64_t pod_runtime_s = 3'600;  // kFill: CPU time at full speed that one takes
  bool repeat_tasks = false;           // the tasks' days are laid end to end over the range, whenever they were
  std::int64_t horizon_s = 3'600;      // of violations
  Parallel parallel;                   // the answer is the same for any
  Progress progress;
  std::size_t fullest = 0;  // host-steps that replay_part() names: those in which a host was fullest
};

/// Sums over the range; *_core_h are core-hours. See docs/planner.md for each.
struct ReplayTotals {
  std::uint64_t host_steps = 0;
  double capacity_core_h = 0;
  double requested_core_h = 0;  // by services
  double used_core_h = 0;       // by services
  double offered_core_h = 0;    // to batch, by the account
  double batch_used_core_h = 0;
  double batch_wasted_core_h = 0;  // of it, by pods that were evicted before their end
  std::uint64_t batch_completed = 0;
  std::uint64_t evictions = 0;
  double suppressed_s = 0;     // host-seconds in which batch could have used more than the limit let it
  double at_risk_s = 0;        // host-seconds in which services and batch together filled the host to its last percent
  std::uint64_t deficits = 0;  // host-steps whose account is one
  /// A violation: in the steps of the next `horizon` the same workloads used more than the account had left them.
  std::uint64_t violation_checks = 0;
  std::uint64_t violations = 0;
  double violation_core_h = 0;  // by how much, each step
  double offered_memory_gib_h = 0;
};

/// One point of a course: means over the hosts and over the steps from its time to the next point's, in cores of one
/// host. What is counted is the sum over them.
struct ReplayPoint {
  std::int64_t time_s = 0;
  double capacity = 0;
  double requested = 0;
  double used = 0;
  double offered = 0;
  double batch_used = 0;
  std::uint32_t violations = 0;
  std::uint32_t evictions = 0;
  std::uint32_t at_risk = 0;  // hosts that were, at any of these steps
};

enum class ReplayEventKind : std::uint8_t { kDeficit, kViolation, kEviction, kSuppressed, kAtRisk };
/// A stretch in which something stood, of one host.
struct ReplayEvent {
  ReplayEventKind kind{};
  std::uint32_t host = 0;
  std::int64_t begin_s = 0;
  std::int64_t end_s = 0;
  double cores = 0;  // the most by which, or how much was evicted
  friend bool operator==(const ReplayEvent&, const ReplayEvent&) = default;
};

struct ReplayResult {
  std::size_t hosts = 0;
  std::int64_t begin_s = 0;
  std::int64_t end_s = 0;
  std::int64_t step_s = 0;
  ReplayTotals totals;
  std::vector<ReplayTotals> days;  // by UTC day, for resampling; each that the range touches
  std::vector<ReplayTotals> by_host;
  std::vector<std::string> host_names;  // as recorded; empty: they have numbers alone
  std::vector<ReplayPoint> course;      // at most kMaxPoints, evenly over the range
  std::vector<ReplayEvent> events;      // by begin, host, kind; the first kMaxEvents
  std::uint64_t events_left_out = 0;
  /// Completion times of batch pods, s: quantiles 0.5, 0.9, 0.99; 0 where none completed.
  double completion_p50_s = 0;
  double completion_p90_s = 0;
  double completion_p99_s = 0;
};
inline constexpr std::size_t kMaxPoints = 2'000;
inline constexpr std::size_t kMaxEvents = 100'000;
std::string_view name_of(ReplayEventKind kind);
/// "node-0007", or the name that was recorded.
std::string host_name(const ReplayResult& result, std::size_t host);
/// Of how many steps each point of a course is, but for the last.
inline std::size_t course_stride(std::size_t steps) {
  return steps > kMaxPoints ? (steps + kMaxPoints - 1) / kMaxPoints : 1;
}

/// kInvalidArgument for options, a world or data that are none, and names the value: a world of other data, or of some
/// of a fleet's hosts alone, a step or a horizon of no length, a batch pod of nothing or larger than a host, no task
/// that could be queued, more than a century. kOverloaded where more tasks wait than can be kept. kUnavailable: stopped
/// by Progress.
model::Result<ReplayResult> replay(const Dataset& data, const World& world, const ReplayOptions& options);

/// What batch may use of one host, by its number in the world, at each step of replay() of the same: the limit, or the
/// host's capacity where there is none; nullopt: the host is not there. kInvalidArgument also for a demand of tasks,
/// which are queued for all hosts together.
model::Result<std::vector<std::optional<model::MilliCpu>>> limits_by_step(const Dataset& data, const World& world,
                                                                          const ReplayOptions& options,
                                                                          std::size_t host);

/// One host, by its number in the world, at one moment: the whole decision, as the live coordinator explains it, and
/// the limit with its terms; the numbers are those of the step that holds the moment in replay() of the same.
/// kInvalidArgument also where the host was not there then.
struct Moment {
  std::string account_text;  // lines
  std::string suppress_text;
};
model::Result<Moment> explain_moment(const Dataset& data, const World& world, const ReplayOptions& options,
                                     std::size_t host, std::int64_t time_s);

}  // namespace tideline::planner
