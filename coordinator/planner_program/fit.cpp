#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/recorded_run.h"
#include "coordinator/planner_program/recorded_services.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::size_t kMostRecordingName = 200;

std::string recordings_title(const std::vector<std::string>& paths) {
  const auto first = model::printable(name_of(paths.front()), kMostRecordingName);
  return paths.size() == 1 ? first : fmt::format("{} and {} more", first, paths.size() - 1);
}

Result<void> read_services(const Options& options, Session& session, RecordedServices& services) {
  for (const auto& path : options.files) {
    // RECORDING.1 is read with RECORDING.
    const auto whole = path.ends_with(".1") ? path.substr(0, path.size() - 2) : std::string();
    if (std::find(options.files.begin(), options.files.end(), whole) != options.files.end()) continue;
    const auto line = [&](std::string_view text) -> Result<void> {
      if (auto on = session.go_on(); !on) return on;
      return services.line(text);
    };
    if (auto read = for_each_recorded_line(path, line); !read) return read;
    services.close();
  }
  return {};
}

}  // namespace

Result<void> run_fit(const Options& options, Session& session) {
  RecordedServices services(options.fit_window_s);
  if (auto read = read_services(options, session, services); !read) return read;
  const auto title = recordings_title(options.files);
  if (services.rounds() == 0) {
    return model::invalid(fmt::format("{}: has no round of pods of a second{}{}{}", title,
                                      services.other_rounds() > 0 ? ", and some of another length" : "",
                                      services.bad_lines() > 0 ? "; a line is none: " : "", services.first_bad()));
  }
  auto demand = services.finish();
  if (!demand) return demand.error().in(title);
  demand->source = fmt::format("{}, windows of {}", title, planner_view::length_text(options.fit_window_s));
  planner_view::Preface preface{.title = fmt::format("Fit of {}", title),
                                .command = options.command_line,
                                .facts = {fmt::format("rounds of pods: {} of a second, {} of another length",
                                                      services.rounds(), services.other_rounds())},
                                .notes = {}};
  if (services.bad_lines() > 0) {
    preface.notes.push_back(
        fmt::format("{} lines are none of a recording, the first: {}", services.bad_lines(), services.first_bad()));
  }
  if (!services.knows_shared()) {
    preface.notes.emplace_back(
        "No two services were seen at a time: how much they have in common is the usual model's, and not fitted.");
  }
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, *demand); },
                                  .json = [&] { return planner::to_json(*demand); }});
}

}  // namespace tideline::planner_program
