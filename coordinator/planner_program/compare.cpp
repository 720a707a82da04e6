#include "coordinator/planner/compare.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/scene.h"

namespace tideline::planner_program {
namespace {

bool have_names_of_their_own(const std::vector<planner::SavedReplay>& replays) {
  std::set<std::string> names;
  return std::all_of(replays.begin(), replays.end(), [&](const planner::SavedReplay& replay) {
    return !replay.name.empty() && names.insert(replay.name).second;
  });
}

/// What all of them say, once; what only some do, with their names.
std::vector<std::string> notes_of(const std::vector<planner::SavedReplay>& replays) {
  std::map<std::string_view, std::set<std::size_t>> told;
  std::vector<std::string_view> order;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    for (const auto& note : replays[i].notes) {
      auto& by = told[note];
      if (by.empty()) order.push_back(note);
      by.insert(i);
    }
  }
  std::vector<std::string> notes;
  for (const std::string_view note : order) {
    const auto& by = told[note];
    std::vector<std::string_view> names;
    names.reserve(by.size());
    for (const std::size_t i : by)
      names.push_back(replays[i].name);
    notes.push_back(by.size() == replays.size() ? std::string(note)
                                                : fmt::format("{}: {}", fmt::join(names, ", "), note));
  }
  return notes;
}

}  // namespace

model::Result<void> run_compare(const Options& options, Session& session) {
  std::vector<planner::SavedReplay> replays;
  for (const auto& path : options.files) {
    if (auto on = session.go_on(); !on) return on;
    const auto file = files::MappedFile::open(path);
    if (!file) return file.error();
    auto replay = planner::replay_from_json(file->bytes());
    if (!replay) return replay.error().in(path);
    replays.push_back(*std::move(replay));
  }
  if (!have_names_of_their_own(replays)) {
    for (std::size_t i = 0; i < replays.size(); ++i)
      replays[i].name = stem_of(options.files[i]);
  }
  const auto comparison = planner::compare(replays, session.progress("compare"));
  if (!comparison) return comparison.error();
  planner_view::Preface preface;
  preface.title = fmt::format("Comparison of {} replays", replays.size());
  preface.command = options.command_line;
  for (const auto& replay : replays)
    preface.facts.push_back(fmt::format("{}: {}", replay.name, replay.data));
  preface.notes = notes_of(replays);
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, *comparison); },
                                  .json = [&] { return planner_view::json_of(preface, *comparison); },
                                  .page = [&] { return planner_view::html_of(preface, *comparison); }});
}

}  // namespace tideline::planner_program
