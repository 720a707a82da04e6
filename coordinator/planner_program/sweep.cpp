#include "coordinator/planner/sweep.h"

#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/sweep_part.h"
#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/found.h"
#include "coordinator/planner_program/host_scenes.h"
#include "coordinator/planner_program/kept_files.h"
#include "coordinator/planner_program/replay_options.h"

namespace tideline::planner_program {
namespace {

model::Result<void> over_forecasts(const Options& options, Session& session) {
  auto found = find_scores(options, "Sweep", session);
  if (!found) return found.error();
  PartFile& about = found->about;
  about.kind = PartKind::kForecastSweep;
  about.accepted_risk = options.sweep.accepted_risk;
  if (options.part_file.empty()) return deliver_sweep(options.output, about, found->part);
  about.body = planner::to_json(found->part);
  return write_part(options.part_file, about);
}

model::Result<void> over_policies(const Options& options, Session& session) {
  const auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  auto scenes = HostScenes::open(options, session);
  if (!scenes) return scenes.error();
  PartFile about;
  about.kind = PartKind::kPolicySweep;
  about.shard = options.shard;
  about.accepted_risk = options.sweep.accepted_risk;
  auto key = scenes->key(policy->text);
  if (!key) return key.error();
  about.key = *std::move(key);
  const auto kept = kept_in(options.resume_directory, about.key);
  if (!kept) return kept.error();
  auto heading = scenes->heading("Sweep", kReplayLive);
  if (!heading) return heading.error();
  heading->preface.facts.push_back(policy->fact);
  heading->preface.facts.push_back(batch_fact(options));
  heading->notes_after.insert(heading->notes_after.end(), policy->notes.begin(), policy->notes.end());
  about.heading = *std::move(heading);
  const auto replaying = replay_options(options, *policy, session, "sweep");
  // Points are kept one by one, and not each stretch of hosts besides.
  const auto found = over_hosts<planner::SweepPart>(
      *scenes, session, "sweep", {},
      [&](const HostScenes::View& view, planner::Progress progress) {
        auto asked = replaying;
        asked.progress = std::move(progress);
        const auto prefix =
            fmt::format("hosts-{}-{}-", view.world->first_host, view.world->first_host + view.world->hosts.size());
        return planner::sweep_part(*view.data, *view.world, asked, options.sweep.knob, options.sweep.values,
                                   planner::kept_as(*kept, prefix));
      },
      [](const std::string& text) { return planner::sweep_part_from_json(text); });
  if (!found) return found.error();
  if (options.part_file.empty()) return deliver_sweep(options.output, about, *found);
  about.body = planner::to_json(*found);
  return write_part(options.part_file, about);
}

}  // namespace

model::Result<void> run_sweep(const Options& options, Session& session) {
  const bool forecasts = options.sweep.knob == planner::SweepKnob::kForecast;
  return forecasts ? over_forecasts(options, session) : over_policies(options, session);
}

}  // namespace tideline::planner_program
