#include "coordinator/planner/sweep.h"

#include <utility>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/replay_options.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_program/score_options.h"

namespace tideline::planner_program {
namespace {

model::Result<void> deliver_sweep(const Options& options, const planner_view::Preface& preface,
                                  const planner::Sweep& sweep) {
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, sweep); },
                                  .json = [&] { return planner_view::json_of(preface, sweep); },
                                  .page = [&] { return planner_view::html_of(preface, sweep); }});
}

model::Result<void> over_forecasts(const Options& options, const Scene& scene, Session& session) {
  const auto scoring = score_options(options, scene.data, session, "sweep");
  const auto sweep = planner::sweep_forecasts(scene.data, scene.world, options.prediction.forecasts, scoring,
                                              options.sweep.accepted_risk);
  if (!sweep) return sweep.error();
  auto preface = preface_of("Sweep", kPredictorsLive, options, scene);
  for (auto& fact : score_facts(scoring, scene.data))
    preface.facts.push_back(std::move(fact));
  return deliver_sweep(options, preface, *sweep);
}

model::Result<void> over_policies(const Options& options, ChosenPolicy& policy, const Scene& scene, Session& session) {
  const auto sweep = planner::sweep_policy(scene.data, scene.world, replay_options(options, policy, session, "sweep"),
                                           options.sweep.knob, options.sweep.values, options.sweep.accepted_risk);
  if (!sweep) return sweep.error();
  auto preface = preface_of("Sweep", kReplayLive, options, scene);
  preface.facts.push_back(policy.fact);
  preface.facts.push_back(batch_fact(options));
  for (auto& note : policy.notes)
    preface.notes.push_back(std::move(note));
  return deliver_sweep(options, preface, *sweep);
}

}  // namespace

model::Result<void> run_sweep(const Options& options, Session& session) {
  auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  const auto scene = load_scene(options);
  if (!scene) return scene.error();
  if (auto on = session.go_on(); !on) return on;
  if (options.sweep.knob == planner::SweepKnob::kForecast) return over_forecasts(options, *scene, session);
  return over_policies(options, *policy, *scene, session);
}

}  // namespace tideline::planner_program
