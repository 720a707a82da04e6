#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

using planner::Comparison;

/// Of rows in this unit there are bars: they are what a policy is chosen by.
constexpr std::string_view kPlottedUnit = "core-h";

double value_at(const planner::ComparedRow& row, std::size_t i) {
  return i < row.values.size() ? row.values[i] : NAN;
}

/// "+12.3 %" of the first; "" where there is no such share.
std::string change_text(const planner::ComparedRow& row, std::size_t i) {
  const double first = value_at(row, 0);
  const double share = (value_at(row, i) - first) / std::abs(first);
  if (!std::isfinite(share)) return "";
  const std::string text = fixed(share * 100, 1);
  return (share > 0 && text != "0.0" ? "+" : "") + text;
}

Section quantity_section(const Comparison& comparison) {
  std::vector<TableColumn> columns = {{"what", Kind::kWords}, {"unit", Kind::kWords}};
  for (std::size_t i = 0; i < comparison.names.size(); ++i) {
    columns.push_back({comparison.names[i]});
    if (i > 0) columns.push_back({"change (%)"});
  }
  Table table(std::move(columns));
  for (const auto& row : comparison.rows) {
    std::vector<std::string> cells = {row.what, row.unit};
    for (std::size_t i = 0; i < comparison.names.size(); ++i) {
      cells.push_back(amount(value_at(row, i)));
      if (i > 0) cells.push_back(change_text(row, i));
    }
    table.row(std::move(cells));
  }
  return {.title = "Side by side", .table = std::move(table)};
}

std::vector<Figure> quantity_figures(const Comparison& comparison) {
  std::vector<Figure> figures;
  for (const auto& row : comparison.rows) {
    const bool shown = row.unit == kPlottedUnit &&
                       std::any_of(row.values.begin(), row.values.end(), [](double value) { return value > 0; });
    if (!shown) continue;
    BarPlot plot{.title = row.what, .unit = row.unit, .bars = {}};
    for (std::size_t i = 0; i < comparison.names.size(); ++i)
      plot.bars.push_back({.label = comparison.names[i], .value = value_at(row, i), .color = static_cast<int>(i)});
    figures.push_back({svg_of(plot), fmt::format("{} ({})", row.what, row.unit)});
  }
  return figures;
}

std::vector<Section> event_sections(const Comparison& comparison) {
  std::vector<TableColumn> columns = {{"events", Kind::kWords}};
  for (const auto& name : comparison.names)
    columns.push_back({name});
  Table table(std::move(columns));
  std::vector<Section> sections(1);
  for (const auto& events : comparison.events) {
    std::vector<std::string> cells = {std::string(planner::name_of(events.kind))};
    for (const auto count : events.counts)
      cells.push_back(fmt::format("{}", count));
    table.row(std::move(cells));
    if (events.differ.empty()) continue;
    sections.push_back(
        {.title = fmt::format("Where they differ: {}", planner::name_of(events.kind)), .items = events.differ});
  }
  sections.front() = {.title = "Events", .table = std::move(table)};
  return sections;
}

std::vector<Section> comparison_sections(const Comparison& comparison, Form form) {
  std::vector<Section> sections;
  if (!comparison.warnings.empty()) sections.push_back({.title = "Take care", .items = comparison.warnings});
  sections.push_back(quantity_section(comparison));
  if (form == Form::kPage) sections.back().figures = quantity_figures(comparison);
  for (auto& section : event_sections(comparison))
    sections.push_back(std::move(section));
  return sections;
}

}  // namespace

std::string text_of(const Preface& preface, const Comparison& comparison) {
  return report_text(preface, comparison_sections(comparison, Form::kText));
}

std::string html_of(const Preface& preface, const Comparison& comparison) {
  return report_page(preface, comparison_sections(comparison, Form::kPage));
}

std::string json_of(const Preface& preface, const Comparison& comparison) {
  auto json = report_json("tideline-comparison", preface);
  json["names"] = comparison.names;
  auto& rows = json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : comparison.rows)
    rows.push_back({{"what", row.what}, {"unit", row.unit}, {"values", row.values}});
  auto& events = json["events"] = nlohmann::ordered_json::array();
  for (const auto& each : comparison.events) {
    events.push_back(
        {{"kind", std::string(planner::name_of(each.kind))}, {"counts", each.counts}, {"differ", each.differ}});
  }
  json["warnings"] = comparison.warnings;
  return dumped(json);
}

}  // namespace tideline::planner_view
