#include "coordinator/planner/sweep.h"

#include <utility>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/found.h"
#include "coordinator/planner_program/kept_files.h"
#include "coordinator/planner_program/replay_options.h"
#include "coordinator/planner_program/scene.h"

namespace tideline::planner_program {
namespace {

model::Result<void> deliver_sweep(const Options& options, const planner_view::Preface& preface,
                                  const planner::Sweep& sweep) {
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, sweep); },
                                  .json = [&] { return planner_view::json_of(preface, sweep); },
                                  .page = [&] { return planner_view::html_of(preface, sweep); }});
}

model::Result<void> over_forecasts(const Options& options, Session& session) {
  const auto found = find_scores(options, "Sweep", session);
  if (!found) return found.error();
  const auto scores = planner::scores_of(found->part);
  if (!scores) return scores.error();
  const auto sweep = planner::sweep_of(*scores, options.sweep.accepted_risk);
  if (!sweep) return sweep.error();
  return deliver_sweep(options, preface_of(found->about.heading, found->part.counts), *sweep);
}

model::Result<void> over_policies(const Options& options, Session& session) {
  const auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  const auto source = open_source(options, session);
  if (!source) return source.error();
  const auto scene = load_scene(options, *source);
  if (!scene) return scene.error();
  if (auto on = session.go_on(); !on) return on;
  const auto key = key_of(options, *source, policy->text);
  if (!key) return key.error();
  const auto kept = kept_in(options.resume_directory, *key);
  if (!kept) return kept.error();
  const auto sweep =
      planner::sweep_policy(scene->data, scene->world, replay_options(options, *policy, session, "sweep"),
                            options.sweep.knob, options.sweep.values, options.sweep.accepted_risk, *kept);
  if (!sweep) return sweep.error();
  auto heading = heading_of("Sweep", kReplayLive, options, *scene);
  heading.preface.facts.push_back(policy->fact);
  heading.preface.facts.push_back(batch_fact(options));
  heading.notes_after.insert(heading.notes_after.end(), policy->notes.begin(), policy->notes.end());
  return deliver_sweep(options, preface_of(heading, scene->data.counts), *sweep);
}

}  // namespace

model::Result<void> run_sweep(const Options& options, Session& session) {
  const bool forecasts = options.sweep.knob == planner::SweepKnob::kForecast;
  return forecasts ? over_forecasts(options, session) : over_policies(options, session);
}

}  // namespace tideline::planner_program
