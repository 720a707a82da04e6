#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"

namespace tideline::planner_view {
namespace {

using traces::ImportReport;
using traces::RowClass;

std::string_view fate_text(traces::Fate fate) {
  switch (fate) {
    case traces::Fate::kKept:
      return "kept";
    case traces::Fate::kRepaired:
      return "repaired";
    case traces::Fate::kRefused:
      break;
  }
  return "refused";
}

/// visit(class, lines, example) of those that there are, and of what is kept always.
template <class Visit>
void row_classes(const ImportReport& report, Visit&& visit) {
  for (std::size_t i = 0; i < traces::kRowClasses; ++i) {
    const auto row = static_cast<RowClass>(i);
    if (report.rows[i] > 0 || row == RowClass::kKept) visit(row, report.rows[i], report.examples[i]);
  }
}

std::vector<Section> import_sections(const ImportReport& report) {
  Table table({{"lines"}, {"class", Kind::kWords}, {"fate", Kind::kWords}, {"meaning", Kind::kWords}});
  std::vector<std::string> examples;
  row_classes(report, [&](RowClass row, std::uint64_t lines, const std::string& example) {
    table.row({fmt::format("{}", lines), std::string(traces::name_of(row)),
               std::string(fate_text(traces::fate_of(row))), std::string(traces::meaning_of(row))});
    if (!example.empty()) examples.push_back(fmt::format("{}: {}", traces::name_of(row), example));
  });
  std::vector<Section> sections = {{.title = "Lines", .table = std::move(table)}};
  if (!examples.empty()) sections.push_back({.title = "The first of each", .items = std::move(examples)});
  return sections;
}

std::vector<std::string> import_facts(const ImportReport& report) {
  std::vector<std::string> facts = {
      fmt::format("{} lines, {} series, {} gaps within them", report.lines(), report.series, report.gaps)};
  if (report.series > 0) facts.push_back(fmt::format("{} to {}", utc_text(report.first), utc_text(report.last)));
  if (report.step_s > 0) facts.push_back(fmt::format("most common step: {}", length_text(report.step_s)));
  return facts;
}

}  // namespace

std::string text_of(std::string_view file, const ImportReport& report) {
  return report_text(
      {.title = fmt::format("Import of {}", file), .command = {}, .facts = import_facts(report), .notes = report.notes},
      import_sections(report));
}

std::string json_of(std::string_view file, const ImportReport& report) {
  nlohmann::ordered_json json = {
      {"schema", "tideline-import"}, {"version", 1},        {"file", std::string(file)}, {"lines", report.lines()},
      {"series", report.series},     {"gaps", report.gaps}, {"stepS", report.step_s},    {"firstS", report.first},
      {"lastS", report.last}};
  auto& rows = json["rows"] = nlohmann::ordered_json::array();
  row_classes(report, [&](RowClass row, std::uint64_t lines, const std::string& example) {
    rows.push_back({{"class", std::string(traces::name_of(row))},
                    {"fate", std::string(fate_text(traces::fate_of(row)))},
                    {"lines", lines},
                    {"meaning", std::string(traces::meaning_of(row))},
                    {"example", example}});
  });
  json["notes"] = report.notes;
  return dumped(json);
}

}  // namespace tideline::planner_view
