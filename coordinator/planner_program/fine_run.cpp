#include "coordinator/planner_program/fine_run.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_program/cpu_time.h"
#include "coordinator/planner_view/figures.h"
#include "messages/model/json_text.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

constexpr std::size_t kMostSourceShown = 300;

bool holds_a_step(const planner::FineWindow& window, const planner::Dataset& frame) {
  const std::int64_t from_s = std::max(window.from_s, frame.begin_s);
  const auto next = static_cast<std::size_t>((from_s - frame.begin_s + frame.step_s - 1) / frame.step_s);
  return next < frame.steps && frame.time_of(next) < window.until_s;
}

}  // namespace

model::Result<planner::DemandModel> choose_demand(const Options& options) {
  if (options.fine.model_file.empty()) return planner::DemandModel{};
  const auto file = files::MappedFile::open(options.fine.model_file);
  if (!file) return file.error();
  auto demand = planner::demand_model_from_json(file->bytes());
  if (!demand) return demand.error().in(options.fine.model_file);
  return demand;
}

model::Result<void> check_windows(const FineCommand& fine, const planner::Dataset& frame) {
  using planner_view::utc_text;
  for (const auto& window : fine.windows) {
    if (holds_a_step(window, frame)) continue;
    return model::invalid(
        fmt::format("--fine: no step was chosen by --fine-window {}/{}: the data has steps of {} from {} to {}",
                    utc_text(window.from_s), utc_text(window.until_s), planner_view::length_text(frame.step_s),
                    utc_text(frame.begin_s), utc_text(frame.time_of(frame.steps))));
  }
  return {};
}

std::vector<std::string> fine_facts(const Options& options, const planner::DemandModel& demand) {
  std::string chosen;
  if (options.fine.worst > 0) chosen = fmt::format("the {} fullest host-steps", options.fine.worst);
  for (const auto& window : options.fine.windows) {
    chosen += fmt::format("{}{} to {}", chosen.empty() ? "" : ", ", planner_view::utc_text(window.from_s),
                          planner_view::utc_text(window.until_s));
  }
  std::string numbers;
  planner::demand_model_fields(
      [&numbers](const char* key, const char* /*what*/, const char* /*unit*/, double /*least*/, double /*most*/,
                 double value) { numbers += fmt::format(" {} {}", key, planner_view::amount(value)); },
      demand);
  return {fmt::format("tick by tick: {}; rounds of 100 ms and of 1 s, seed {}", chosen, options.fine.seed),
          fmt::format("services within a step: {}:{}", model::printable(demand.source, kMostSourceShown), numbers)};
}

model::Result<planner::FinePart> find_fine(const Options& options, const planner::DemandModel& demand,
                                           HostScenes& scenes, Session& session, const planner::Kept& kept,
                                           const planner::ReplayOptions& replaying,
                                           const planner::ReplayPart& replayed) {
  planner::FineOptions fine{.demand = demand,
                            .seed = options.fine.seed,
                            .choice = {.windows = planner::joined_windows(options.fine.windows), .host_steps = {}}};
  planner::FullestSteps fullest = replayed.fullest;
  for (const auto& step : fullest.steps())
    fine.choice.host_steps.push_back(step.at);
  std::sort(fine.choice.host_steps.begin(), fine.choice.host_steps.end());
  return over_hosts<planner::FinePart>(
      scenes, session, "tick by tick", planner::kept_as(kept, "fine-"),
      [&](const HostScenes::View& view, planner::Progress progress) {
        auto asked = replaying;
        asked.progress = std::move(progress);
        const double begun_s = process_cpu_s();
        auto part = planner::fine_part(*view.data, *view.world, asked, fine);
        if (part) {
          session.simulated.cpu_s += process_cpu_s() - begun_s;
          session.simulated.host_s += static_cast<double>(part->host_steps) * static_cast<double>(view.data->step_s) *
                                      static_cast<double>(planner::kFineVariations.size());
        }
        return part;
      },
      [](const std::string& text) { return planner::fine_part_from_json(text); });
}

}  // namespace tideline::planner_program
