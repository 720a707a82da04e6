#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/replay_fields.h"
#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"
#include "coordinator/planner_view/svg_plot.h"
#include "messages/model/json_text.h"

namespace tideline::planner_view {
namespace {

using planner::Sweep;

/// A sweep over predictors replays nothing.
bool has_replays(const Sweep& sweep) {
  return std::any_of(sweep.points.begin(), sweep.points.end(),
                     [](const planner::SweepPoint& point) { return point.totals.host_steps > 0; });
}

/// A point that could be taken and is within the risk is passed over only where nothing was checked.
std::string_view why_none(const Sweep& sweep) {
  const bool any_within = std::any_of(sweep.points.begin(), sweep.points.end(), [&](const planner::SweepPoint& point) {
    return planner::can_be_taken(point) && point.risk <= sweep.accepted_risk;
  });
  return any_within ? "nothing was checked" : "no point that can be taken is within it";
}

std::string recommendation_text(const Sweep& sweep) {
  const auto risk = percent(sweep.accepted_risk, 3);
  if (!sweep.recommended || *sweep.recommended >= sweep.points.size()) {
    return fmt::format("At an accepted risk of {} % there is nothing to recommend: {}.", risk, why_none(sweep));
  }
  const auto& point = sweep.points[*sweep.recommended];
  return fmt::format("At an accepted risk of {} %: {}, with savings of {} % and a risk of {} %.", risk,
                     model::printable(point.setting, 200), percent(point.savings), percent(point.risk, 3));
}

Figure frontier_figure(const Sweep& sweep) {
  ScatterPlot plot{.title = "Frontier of savings against risk",
                   .x_title = "savings (%)",
                   .y_title = "violations (% of checks)",
                   .points = {},
                   .y_limit = sweep.accepted_risk * 100,
                   .limit_name = "accepted risk"};
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const auto& point = sweep.points[i];
    plot.points.push_back({.label = point.setting,
                           .x = point.savings * 100,
                           .y = point.risk * 100,
                           .on_frontier = point.on_frontier,
                           .chosen = sweep.recommended == i});
  }
  return {svg_of(plot), "Right is cheaper, low is safer; the ring is the recommended point."};
}

std::vector<Section> sweep_sections(const Sweep& sweep, Form form) {
  const bool replays = has_replays(sweep);
  std::vector<TableColumn> columns = {
      {"setting", Kind::kWords}, {"savings (%)"}, {"risk (%)"}, {"severity p99 (%)"}, {"frontier", Kind::kWords}};
  if (replays) {
    for (const char* title : {"offered (core-h)", "batch used (core-h)", "evictions", "at risk (host-s)"})
      columns.push_back({title});
  }
  Table table(std::move(columns));
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const auto& point = sweep.points[i];
    const char* mark = sweep.recommended == i ? "recommended" : point.on_frontier ? "yes" : "";
    std::vector<std::string> cells = {point.setting, percent(point.savings), percent(point.risk, 3),
                                      percent(point.severity_p99), mark};
    if (replays) {
      cells.push_back(amount(point.totals.offered_core_h));
      cells.push_back(amount(point.totals.batch_used_core_h));
      cells.push_back(fmt::format("{}", point.totals.evictions));
      cells.push_back(amount(point.totals.at_risk_s));
    }
    table.row(std::move(cells));
  }
  Section section{.title = "Settings", .paragraphs = {recommendation_text(sweep)}, .table = std::move(table)};
  if (form == Form::kPage) section.figures.push_back(frontier_figure(sweep));
  return {std::move(section)};
}

}  // namespace

std::string text_of(const Preface& preface, const Sweep& sweep) {
  return report_text(preface, sweep_sections(sweep, Form::kText));
}

std::string html_of(const Preface& preface, const Sweep& sweep) {
  return report_page(preface, sweep_sections(sweep, Form::kPage));
}

std::string json_of(const Preface& preface, const Sweep& sweep) {
  auto json = report_json("tideline-sweep", preface);
  json["acceptedRisk"] = sweep.accepted_risk;
  json["recommended"] = nullptr;
  if (sweep.recommended && *sweep.recommended < sweep.points.size()) {
    json["recommended"] = sweep.points[*sweep.recommended].setting;
  }
  const bool replays = has_replays(sweep);
  auto& list = json["points"] = nlohmann::ordered_json::array();
  for (const auto& point : sweep.points) {
    nlohmann::ordered_json object = {{"setting", point.setting},
                                     {"savings", point.savings},
                                     {"risk", point.risk},
                                     {"severityP99", point.severity_p99},
                                     {"onFrontier", point.on_frontier}};
    if (replays) {
      auto& totals = object["totals"] = nlohmann::ordered_json::object();
      const auto put = [&totals](const char* key, const char* /*what*/, const char* /*unit*/, const auto& value) {
        totals[key] = value;
      };
      planner::totals_fields(put, point.totals);
    }
    list.push_back(std::move(object));
  }
  return dumped(json);
}

}  // namespace tideline::planner_view
