#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/replay_fields.h"
#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/fine_view.h"
#include "coordinator/planner_view/report.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

using planner::ReplayEventKind;
using planner::ReplayTotals;

constexpr std::size_t kMaxBars = 40;
constexpr std::size_t kMaxHostRows = 20;
constexpr std::size_t kMaxDayRows = 400;
constexpr std::size_t kMaxEventRows = 20;
constexpr std::int64_t kDaySeconds = 86'400;

double share_of(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

double violation_rate(const ReplayTotals& totals) {
  return share_of(static_cast<double>(totals.violations), static_cast<double>(totals.violation_checks));
}

double host_seconds(const planner::ReplayResult& result) {
  return static_cast<double>(result.totals.host_steps) * static_cast<double>(result.step_s);
}

/// What a total is a part of, and how much of it: "31.20 % of capacity".
std::string part_text(std::string_view key, const planner::ReplayResult& result) {
  const ReplayTotals& all = result.totals;
  const auto of = [](double part, double whole, std::string_view what) {
    return whole > 0 ? fmt::format("{} % of {}", percent(part / whole), what) : std::string();
  };
  if (key == "requestedCoreH") return of(all.requested_core_h, all.capacity_core_h, "capacity");
  if (key == "usedCoreH") return of(all.used_core_h, all.capacity_core_h, "capacity");
  if (key == "offeredCoreH") return of(all.offered_core_h, all.capacity_core_h, "capacity");
  if (key == "batchUsedCoreH") return of(all.batch_used_core_h, all.offered_core_h, "offered");
  if (key == "batchWastedCoreH") return of(all.batch_wasted_core_h, all.batch_used_core_h, "batch used");
  if (key == "suppressedS") return of(all.suppressed_s, host_seconds(result), "all host time");
  if (key == "atRiskS") return of(all.at_risk_s, host_seconds(result), "all host time");
  if (key == "deficits") {
    return of(static_cast<double>(all.deficits), static_cast<double>(all.host_steps), "host-steps");
  }
  if (key == "violations") {
    return of(static_cast<double>(all.violations), static_cast<double>(all.violation_checks), "violation checks");
  }
  return "";
}

Section result_section(const planner::SavedReplay& replay) {
  const planner::ReplayResult& result = replay.result;
  Table table({{"what", Kind::kWords}, {"amount"}, {"unit", Kind::kWords}, {"share", Kind::kWords}});
  const auto put = [&](const char* key, const char* what, const char* unit, const auto& value) {
    using Value = std::remove_cvref_t<decltype(value)>;
    const std::string text = std::is_integral_v<Value> ? fmt::format("{}", value) : amount(static_cast<double>(value));
    table.row({what, text, unit, part_text(key, result)});
  };
  planner::totals_fields(put, result.totals);
  for (const auto& [what, seconds] : {std::pair("completion of a batch pod, p50", result.completion_p50_s),
                                      std::pair("completion of a batch pod, p90", result.completion_p90_s),
                                      std::pair("completion of a batch pod, p99", result.completion_p99_s)}) {
    table.row({what, result.totals.batch_completed > 0 ? amount(seconds) : "", "s", ""});
  }
  return {
      .title = "Result",
      .paragraphs = {fmt::format("{} on {}: {} hosts, {} to {}, steps of {}.", replay.name, replay.data, result.hosts,
                                 utc_text(result.begin_s), utc_text(result.end_s), length_text(result.step_s))},
      .table = std::move(table)};
}

Figure course_figure(const planner::ReplayResult& result) {
  TimePlot plot{
      .title = "Capacity, requests, use and offer over time", .unit = "cores a host", .times = {}, .series = {}};
  struct Series {
    const char* name;
    int color;
    Curve curve;
    double planner::ReplayPoint::*value;
  };
  const std::array<Series, 5> all = {
      Series{"services use", 0, Curve::kStacked, &planner::ReplayPoint::used},
      Series{"batch uses, upon it", 1, Curve::kStacked, &planner::ReplayPoint::batch_used},
      Series{"offered to batch", 2, Curve::kLine, &planner::ReplayPoint::offered},
      Series{"services request", 3, Curve::kLine, &planner::ReplayPoint::requested},
      Series{"capacity", 5, Curve::kDashed, &planner::ReplayPoint::capacity}};
  for (const auto& point : result.course)
    plot.times.push_back(point.time_s);
  for (const auto& each : all) {
    PlotSeries series{.name = each.name, .color = each.color, .curve = each.curve, .values = {}};
    for (const auto& point : result.course)
      series.values.push_back(point.*each.value);
    plot.series.push_back(std::move(series));
  }
  return {svg_of(plot), "Means over all hosts. Use is filled, batch upon services; the lines count from zero."};
}

Figure event_figure(const planner::ReplayResult& result) {
  LanePlot plot{.title = "When something stood", .begin_s = result.begin_s, .end_s = result.end_s, .lanes = {}};
  constexpr std::array<int, 5> kLaneColors = {4, 4, 3, 2, 4};
  for (std::size_t i = 0; i < planner::kReplayEventKinds.size(); ++i) {
    Lane lane{
        .name = std::string(planner::name_of(planner::kReplayEventKinds[i])), .color = kLaneColors[i], .stretches = {}};
    for (const auto& event : result.events) {
      if (event.kind == planner::kReplayEventKinds[i]) lane.stretches.push_back({event.begin_s, event.end_s});
    }
    plot.lanes.push_back(std::move(lane));
  }
  return {svg_of(plot), "On how many hosts at a time: the darker, the more."};
}

Section event_section(const planner::ReplayResult& result, Form form) {
  Table table({{"kind", Kind::kWords}, {"stretches"}, {"hosts"}, {"host-hours"}, {"largest (cores)"}});
  for (const ReplayEventKind kind : planner::kReplayEventKinds) {
    std::uint64_t count = 0;
    double seconds = 0;
    double largest = 0;
    std::vector<bool> hosts(result.hosts);
    for (const auto& event : result.events) {
      if (event.kind != kind) continue;
      ++count;
      seconds += static_cast<double>(event.end_s) - static_cast<double>(event.begin_s);
      largest = std::max(largest, event.cores);
      if (event.host < hosts.size()) hosts[event.host] = true;
    }
    table.row({std::string(planner::name_of(kind)), fmt::format("{}", count),
               fmt::format("{}", std::count(hosts.begin(), hosts.end(), true)), amount(seconds / 3'600),
               amount(largest)});
  }
  Section section{.title = "Events", .table = std::move(table)};
  if (result.events_left_out > 0) {
    section.paragraphs.push_back(fmt::format("Of the first {}; {} later ones were counted in the result and not kept.",
                                             result.events.size(), result.events_left_out));
  }
  if (form == Form::kPage) section.figures.push_back(event_figure(result));
  return section;
}

Section largest_section(const planner::ReplayResult& result) {
  std::vector<const planner::ReplayEvent*> all;
  for (const auto& event : result.events) {
    if (event.kind == ReplayEventKind::kViolation || event.kind == ReplayEventKind::kDeficit) all.push_back(&event);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const planner::ReplayEvent* a, const planner::ReplayEvent* b) { return a->cores > b->cores; });
  Table table({{"host", Kind::kWords}, {"begin", Kind::kWords}, {"kind", Kind::kWords}, {"length"}, {"most (cores)"}});
  for (std::size_t i = 0; i < std::min(all.size(), kMaxEventRows); ++i) {
    table.row({planner::host_name(result, all[i]->host), utc_text(all[i]->begin_s),
               std::string(planner::name_of(all[i]->kind)), length_text(all[i]->end_s - all[i]->begin_s),
               amount(all[i]->cores)});
  }
  return {.title = "Largest violations and deficits", .table = std::move(table)};
}

std::vector<std::string> totals_cells(const std::string& name, const ReplayTotals& totals) {
  return {name,
          amount(totals.capacity_core_h),
          amount(totals.used_core_h),
          amount(totals.offered_core_h),
          percent(share_of(totals.offered_core_h, totals.capacity_core_h)),
          amount(totals.batch_used_core_h),
          fmt::format("{}", totals.evictions),
          amount(totals.at_risk_s),
          percent(violation_rate(totals), 3)};
}

Table totals_table(const char* first) {
  return Table({{first, Kind::kWords},
                {"capacity (core-h)"},
                {"used (core-h)"},
                {"offered (core-h)"},
                {"offered (%)"},
                {"batch used (core-h)"},
                {"evictions"},
                {"at risk (host-s)"},
                {"violations (%)"}});
}

Section day_section(const planner::ReplayResult& result) {
  Table table = totals_table("day (UTC)");
  const std::int64_t into = (result.begin_s % kDaySeconds + kDaySeconds) % kDaySeconds;
  for (std::size_t i = 0; i < std::min(result.days.size(), kMaxDayRows); ++i) {
    const std::int64_t day = result.begin_s - into + static_cast<std::int64_t>(i) * kDaySeconds;
    table.row(totals_cells(utc_day(day), result.days[i]));
  }
  Section section{.title = "Days", .table = std::move(table)};
  if (result.days.size() > kMaxDayRows) {
    section.paragraphs.push_back(fmt::format("The first {} of {}.", kMaxDayRows, result.days.size()));
  }
  return section;
}

Figure host_figure(const planner::ReplayResult& result) {
  BarPlot plot{.title = "Offered to batch, by host", .unit = "% of capacity", .bars = {}};
  for (std::size_t i = 0; i < std::min(result.by_host.size(), kMaxBars); ++i) {
    const double share = share_of(result.by_host[i].offered_core_h, result.by_host[i].capacity_core_h);
    plot.bars.push_back({.label = planner::host_name(result, i), .value = share * 100, .text = percent(share) + " %"});
  }
  return {svg_of(plot), result.by_host.size() > kMaxBars
                            ? fmt::format("The first {} of {} hosts.", kMaxBars, result.by_host.size())
                            : "All hosts."};
}

Section host_section(const planner::ReplayResult& result, Form form) {
  std::vector<std::size_t> order(result.by_host.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return result.by_host[a].violation_core_h > result.by_host[b].violation_core_h;
  });
  Table table = totals_table("host");
  for (std::size_t i = 0; i < std::min(order.size(), kMaxHostRows); ++i)
    table.row(totals_cells(planner::host_name(result, order[i]), result.by_host[order[i]]));
  Section section{.title = "Hosts", .table = std::move(table)};
  if (order.size() > kMaxHostRows) {
    section.paragraphs.push_back(
        fmt::format("The {} of {} whose violations are the largest, in core-h.", kMaxHostRows, order.size()));
  }
  if (form == Form::kPage) section.figures.push_back(host_figure(result));
  return section;
}

std::vector<Section> replay_sections(const planner::SavedReplay& replay, Form form) {
  std::vector<Section> sections = {result_section(replay)};
  if (form == Form::kPage) sections.front().figures.push_back(course_figure(replay.result));
  if (replay.fine) {
    for (auto& section : fine_sections(*replay.fine, replay.result, form))
      sections.push_back(std::move(section));
  }
  sections.push_back(event_section(replay.result, form));
  sections.push_back(largest_section(replay.result));
  sections.push_back(day_section(replay.result));
  if (!replay.result.by_host.empty()) sections.push_back(host_section(replay.result, form));
  sections.push_back({.title = "Policy", .preformatted = replay.policy});
  return sections;
}

}  // namespace

std::string text_of(const Preface& preface, const planner::SavedReplay& replay) {
  return report_text(preface, replay_sections(replay, Form::kText));
}

std::string html_of(const Preface& preface, const planner::SavedReplay& replay) {
  return report_page(preface, replay_sections(replay, Form::kPage));
}

}  // namespace tideline::planner_view
