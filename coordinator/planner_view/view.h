#pragma once
// What the planner found, for people: tables for a terminal, JSON for programs, and a page with plots that needs
// nothing but itself.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/capacity.h"
#include "coordinator/planner/compare.h"
#include "coordinator/planner/demand_model.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/score.h"
#include "coordinator/planner/sweep.h"
#include "coordinator/traces/import.h"

namespace tideline::planner_view {

/// What stands over each report: time base, seed, what is the live code and what is not modelled.
struct Preface {
  std::string title;
  std::string command;             // that made it
  std::vector<std::string> facts;  // "time base: 300 s", "world: 42 hosts of 64 cores" ...
  std::vector<std::string> notes;  // what was made of the data; what is not modelled
};

/// Lines. What came from data has no control characters.
std::string text_of(const Preface& preface, const planner::SavedReplay& replay);
std::string text_of(const Preface& preface, std::span<const planner::ForecastScore> scores);
std::string text_of(const Preface& preface, const planner::Sweep& sweep);
std::string text_of(const Preface& preface, const planner::Capacity& capacity);
std::string text_of(const Preface& preface, const planner::Moment& moment);
std::string text_of(const Preface& preface, const planner::Comparison& comparison);
std::string text_of(const Preface& preface, const planner::DemandModel& demand);
std::string text_of(std::string_view file, const traces::ImportReport& report);

/// An object of one line, its keys always in the same order; bytes that are no UTF-8 become U+FFFD. Those of a replay
/// and of a demand model are planner::to_json().
std::string json_of(const Preface& preface, std::span<const planner::ForecastScore> scores);
std::string json_of(const Preface& preface, const planner::Sweep& sweep);
std::string json_of(const Preface& preface, const planner::Capacity& capacity);
std::string json_of(const Preface& preface, const planner::Moment& moment);
std::string json_of(const Preface& preface, const planner::Comparison& comparison);
std::string json_of(std::string_view file, const traces::ImportReport& report);

/// One HTML page: inline style, inline SVG, no script, nothing fetched. All text from data is escaped.
std::string html_of(const Preface& preface, const planner::SavedReplay& replay);
std::string html_of(const Preface& preface, std::span<const planner::ForecastScore> scores);
std::string html_of(const Preface& preface, const planner::Sweep& sweep);
std::string html_of(const Preface& preface, const planner::Capacity& capacity);
std::string html_of(const Preface& preface, const planner::Moment& moment);
std::string html_of(const Preface& preface, const planner::Comparison& comparison);

}  // namespace tideline::planner_view
