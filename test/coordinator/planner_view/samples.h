#pragma once
// One of each answer, with names that mean something in HTML and on a terminal.

#include <string>
#include <vector>

#include "coordinator/planner/replay_fields.h"
#include "coordinator/planner_view/view.h"

namespace tideline::planner_view {

inline constexpr const char* kNasty = "<script>alert('x')</script> & \"q\" \x1b[31m";
inline constexpr std::int64_t kJuly = 1'372'636'800;  // 2013-07-01T00:00:00Z

inline Preface nasty_preface() {
  return {.title = std::string("Title ") + kNasty,
          .command = std::string("tideline-planner ") + kNasty,
          .facts = {std::string("fact ") + kNasty, "time base: 5 min"},
          .notes = {std::string("note ") + kNasty}};
}

inline planner::ReplayTotals sample_totals(double factor) {
  planner::ReplayTotals totals;
  totals.host_steps = 288;
  totals.capacity_core_h = 1'536;
  totals.requested_core_h = 1'000;
  totals.used_core_h = 100 * factor;
  totals.offered_core_h = 480;
  totals.batch_used_core_h = 240;
  totals.batch_wasted_core_h = 24;
  totals.batch_completed = 216;
  totals.evictions = 12;
  totals.suppressed_s = 864;
  totals.at_risk_s = 300;
  totals.deficits = 1;
  totals.violation_checks = 200;
  totals.violations = 3;
  totals.violation_core_h = 0.25;
  totals.offered_memory_gib_h = 900;
  return totals;
}

inline planner::SavedReplay sample_replay() {
  planner::SavedReplay replay;
  replay.name = kNasty;
  replay.policy = std::string("{\"name\": \"") + kNasty + "\"}\n{}";
  replay.data = "july.tla";
  auto& result = replay.result;
  result.hosts = 2;
  result.begin_s = kJuly;
  result.end_s = kJuly + 86'400;
  result.step_s = 300;
  result.totals = sample_totals(2);
  result.days = {sample_totals(2)};
  result.by_host = {sample_totals(1), sample_totals(3)};
  for (int i = 0; i < 288; ++i) {
    planner::ReplayPoint point;
    point.time_s = kJuly + i * 300;
    point.capacity = 64;
    point.requested = 40 + i % 7;
    point.used = 5 + i % 11;
    point.offered = 20 - i % 5;
    point.batch_used = 12;
    result.course.push_back(point);
  }
  result.events = {{planner::ReplayEventKind::kViolation, 1, kJuly + 600, kJuly + 900, 2.5},
                   {planner::ReplayEventKind::kSuppressed, 0, kJuly + 3'600, kJuly + 7'200, 1},
                   {planner::ReplayEventKind::kDeficit, 0, kJuly + 36'000, kJuly + 36'300, 4}};
  result.completion_p50_s = 3'700;
  result.completion_p90_s = 5'000;
  result.completion_p99_s = 9'000;
  return replay;
}

/// A replay that was looked into.
inline planner::SavedReplay sample_fine() {
  auto replay = sample_replay();
  auto& fine = replay.fine.emplace();
  fine.demand.source = std::string("node-7.rec ") + kNasty;
  fine.demand.service_seconds = 7'200;
  fine.seed = 5;
  fine.host_steps = 3;
  fine.closed = {.host_s = 900, .at_risk_s = 300, .suppressed_s = 600, .used_core_h = 2, .batch_core_h = 1};
  for (std::size_t i = 0; i < planner::kFineVariations.size(); ++i) {
    auto& figures = fine.variants.emplace_back(fine.closed);
    figures.at_risk_s = 100.5 * static_cast<double>(i + 1);
    figures.limit_writes = 10 + i;
    figures.late = 4;
    figures.late_s = 1.2;
    figures.reaction_p50_s = 0.1;
    figures.reaction_p99_s = 0.9;
    figures.reaction_most_s = 0.9;
  }
  fine.steps = {{.host = 1,
                 .begin_s = kJuly + 600,
                 .closed_at_risk_s = 300,
                 .at_risk_s = 60.5,
                 .suppressed_s = 200,
                 .limit_writes = 7}};
  return replay;
}

inline std::vector<planner::ForecastScore> sample_scores() {
  std::vector<planner::ForecastScore> scores(3);
  const char* names[] = {"limit", "nsigma:5", kNasty};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i].spec.text = names[i];
    scores[i].checks = 1'000;
    scores[i].violations = i * 7;
    scores[i].severity_p50 = 0.01 * static_cast<double>(i);
    scores[i].severity_p99 = 0.1 * static_cast<double>(i);
    scores[i].savings = 0.3 * static_cast<double>(i);
  }
  return scores;
}

inline planner::Sweep sample_sweep(bool replays) {
  planner::Sweep sweep;
  sweep.accepted_risk = 0.01;
  for (int i = 0; i < 5; ++i) {
    planner::SweepPoint point;
    point.setting = i == 4 ? kNasty : "cpuReclaimThresholdPercent=" + std::to_string(40 + i * 10);
    point.savings = 0.1 * i;
    point.risk = 0.004 * i;
    if (replays) point.totals = sample_totals(i);
    sweep.points.push_back(point);
  }
  planner::judge(sweep);
  return sweep;
}

inline planner::Capacity sample_capacity() {
  planner::Capacity capacity;
  capacity.hosts_now = 42;
  capacity.hosts_needed = 30;
  capacity.hosts_to_give_back = {10, 12, 13};
  capacity.risk_at_needed = 0.0099;
  capacity.batch_pods = {100, 110, 115};
  capacity.batch_pods_without_fragmentation = 150;
  capacity.notes = {kNasty};
  return capacity;
}

inline planner::Comparison sample_comparison() {
  planner::Comparison comparison;
  comparison.names = {"before", kNasty};
  comparison.rows = {{"offered", "core-h", {100, 120}}, {"violation rate", "%", {0, 1}}};
  comparison.events = {{planner::ReplayEventKind::kViolation, {1, 2}, {std::string("node-0007: in A ") + kNasty}}};
  comparison.warnings = {kNasty};
  return comparison;
}

inline planner::Moment sample_moment() {
  return {.account_text = std::string("capacity 64\nsystem ") + kNasty, .suppress_text = "limit 20"};
}

}  // namespace tideline::planner_view
