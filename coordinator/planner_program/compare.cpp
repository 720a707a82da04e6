#include "coordinator/planner/compare.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

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
  const auto comparison = planner::compare(replays);
  if (!comparison) return comparison.error();
  planner_view::Preface preface;
  preface.title = fmt::format("Comparison of {} replays", replays.size());
  preface.command = options.command_line;
  for (const auto& replay : replays)
    preface.facts.push_back(fmt::format("{}: {}", replay.name, replay.data));
  return deliver(options.output, {.text = [&] { return planner_view::text_of(*comparison); },
                                  .json = [&] { return planner_view::json_of(*comparison); },
                                  .page = [&] { return planner_view::html_of(preface, *comparison); }});
}

}  // namespace tideline::planner_program
