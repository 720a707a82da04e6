#include "coordinator/planner_view/fine_view.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

using planner::FineFigures;
using planner::FineReport;

template <class Value>
std::string figure_text(Value value) {
  if constexpr (std::is_integral_v<Value>) {
    return fmt::format("{}", value);
  } else {
    return amount(value);
  }
}

std::vector<std::string> cells_of(const FineFigures& figures) {
  std::vector<std::string> cells;
  planner::fine_fields([&cells](const char* /*key*/, const char* /*what*/, const char* /*unit*/, bool /*closed*/,
                                auto value) { cells.push_back(figure_text(value)); },
                       figures);
  return cells;
}

/// Side by side: the closed form, and the loops by the model.
Section beside_section(const FineReport& report, const planner::ReplayResult& result) {
  Table table({{"what", Kind::kWords}, {"default mode"}, {"tick by tick"}, {"unit", Kind::kWords}});
  const auto fine = cells_of(report.variants.empty() ? FineFigures() : report.variants.front());
  std::size_t row = 0;
  planner::fine_fields(
      [&](const char* /*key*/, const char* what, const char* unit, bool closed, auto value) {
        table.row({what, closed ? figure_text(value) : "", fine[row++], unit});
      },
      report.closed);
  return {.title = "Tick by tick",
          .paragraphs = {fmt::format(
              "{} host-steps of {} with the node's own loops, in rounds of 100 ms and of 1 s, beside services that "
              "move within the step; seed {}. Batch is above what it may where it uses more than the closed form of "
              "that moment allows, by what the live loop calls urgent: so long the limit has not followed.",
              report.host_steps, length_text(result.step_s), report.seed)},
          .table = std::move(table)};
}

Figure risk_figure(const FineReport& report) {
  BarPlot plot{.title = "At risk, by what services do within a step", .unit = "host-s", .bars = {}};
  plot.bars.push_back(
      {.label = "default mode", .value = report.closed.at_risk_s, .text = amount(report.closed.at_risk_s), .color = 5});
  for (std::size_t i = 0; i < std::min(report.variants.size(), planner::kFineVariations.size()); ++i) {
    plot.bars.push_back({.label = std::string(planner::kFineVariations[i].name),
                         .value = report.variants[i].at_risk_s,
                         .text = amount(report.variants[i].at_risk_s),
                         .color = i == 0 ? 4 : 0});
  }
  return {svg_of(plot), "Of the same host-steps."};
}

Section sensitivity_section(const FineReport& report, Form form) {
  std::vector<TableColumn> columns = {{"variation", Kind::kWords}};
  planner::fine_fields(
      [&columns](const char* key, const char* what, const char* unit, bool /*closed*/, auto /*value*/) {
        if (std::string_view(key) != "hostS") columns.push_back({fmt::format("{} ({})", what, unit)});
      },
      report.closed);
  Table table(std::move(columns));
  for (std::size_t i = 0; i < std::min(report.variants.size(), planner::kFineVariations.size()); ++i) {
    auto cells = cells_of(report.variants[i]);
    cells.front() = std::string(planner::kFineVariations[i].name);  // in place of what was looked into
    table.row(std::move(cells));
  }
  Section section{.title = "Sensitivity to what services do within a step",
                  .paragraphs = {"The same steps under other models: noise is times sigma, bursts are times as often."},
                  .table = std::move(table)};
  if (form == Form::kPage) section.figures.push_back(risk_figure(report));
  return section;
}

Section steps_section(const FineReport& report, const planner::ReplayResult& result) {
  Table table({{"host", Kind::kWords},
               {"begin", Kind::kWords},
               {"at risk, default mode (s)"},
               {"at risk (s)"},
               {"suppressed (s)"},
               {"changes of the limit"}});
  for (const auto& step : report.steps) {
    table.row({planner::host_name(result, step.host), utc_text(step.begin_s), amount(step.closed_at_risk_s),
               amount(step.at_risk_s), amount(step.suppressed_s), fmt::format("{}", step.limit_writes)});
  }
  return {.title = "Steps longest at risk, tick by tick", .table = std::move(table)};
}

}  // namespace

Table demand_table(const planner::DemandModel& demand) {
  Table table({{"what", Kind::kWords}, {"value"}, {"unit", Kind::kWords}});
  planner::demand_model_fields(
      [&table](const char* /*key*/, const char* what, const char* unit, double /*least*/, double /*most*/,
               double value) {
        table.row({what, amount(value), unit});
      },
      demand);
  table.row({"fitted from", fmt::format("{}", demand.service_seconds), "seconds of services"});
  return table;
}

std::vector<Section> fine_sections(const FineReport& report, const planner::ReplayResult& result, Form form) {
  return {beside_section(report, result),
          sensitivity_section(report, form),
          steps_section(report, result),
          {.title = "Services within a step",
           .paragraphs = {fmt::format("The demand model: {}.", report.demand.source)},
           .table = demand_table(report.demand)}};
}

}  // namespace tideline::planner_view
