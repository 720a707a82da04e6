#pragma once
// Reports of a node as one sends them, and a view that takes them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/fleet/clock_book.h"
#include "coordinator/fleet/fleet_view.h"

namespace tideline::fleet {

using model::Bytes;
using model::Incarnation;
using model::MilliCpu;
using model::MonoTime;
using model::NodeName;
using model::Reason;
using model::Report;
using model::Seq;
using model::WallTime;
using std::chrono::hours;
using std::chrono::seconds;

/// True time since an epoch of the test. Node and receiver read it through clocks of their own.
inline Arrival receiver(model::Duration since) {
  return {.mono = MonoTime{hours(1).count()} + since, .wall = WallTime{1'700'000'000'000 + since.count() / 1'000'000}};
}

struct Sender {
  std::string name = "n";
  std::uint64_t incarnation = 1;
  std::string boot = "boot-1";
  model::Duration wall_error{0};  // its wall clock minus the true time
  model::Duration booted{-hours(5)};

  Report report(std::uint64_t seq, model::Duration end) const {
    Report report;
    report.node = NodeName(name);
    report.incarnation = Incarnation(incarnation);
    report.seq = Seq(seq);
    report.mono = MonoTime{(end - booted).count()};
    report.wall = receiver(end + wall_error).wall;
    report.window = seconds(10);
    report.status.boot_id = boot;
    report.status.cpu_capacity = MilliCpu(32'000);
    model::NodeSample sample;
    sample.at = report.mono;
    sample.wall = report.wall;
    sample.window = seconds(10);
    sample.node_cpu = MilliCpu(5'000);
    sample.system_cpu = MilliCpu(1'000);
    sample.node_memory = Bytes(10'000);
    report.samples = {sample};
    return report;
  }
};

inline Report with(Report report, const std::function<void(Report&)>& change) {
  change(report);
  return report;
}

inline Report backfill(Report report) {
  report.lane = model::Lane::kBackfill;
  return report;
}

inline model::PodSummary pod(const std::string& uid, std::optional<std::int64_t> cpu,
                             std::optional<std::int64_t> memory) {
  model::PodSummary summary;
  summary.pod.change([&](model::Pod& made) { made.uid = model::PodUid(uid); });
  if (cpu) summary.cpu_milli = model::Spread{*cpu, *cpu, *cpu};
  if (memory) summary.memory_bytes = model::Spread{*memory, *memory, *memory};
  return summary;
}

inline Intake take(FleetView& fleet, const Report& report, model::Duration arrival) {
  const auto intake = fleet.intake(report, receiver(arrival));
  EXPECT_TRUE(intake.ok());
  return intake.value_or({});
}

/// History's clocks learn from it, too.
inline Intake take(FleetView& fleet, ClockBook& clocks, const Report& report, model::Duration arrival) {
  clocks.learn(report, receiver(arrival));
  return take(fleet, report, arrival);
}

inline std::vector<Reason> reasons(const std::vector<model::Event>& events) {
  std::vector<Reason> result;
  for (const auto& event : events)
    result.push_back(event.reason);
  return result;
}

inline NodeView view(const FleetView& fleet, model::Duration now, const std::string& name = "n") {
  return fleet.node(NodeName(name), receiver(now).mono).value_or(NodeView{});
}

}  // namespace tideline::fleet
