#include <utility>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_program/score_options.h"

namespace tideline::planner_program {

model::Result<void> run_predictors(const Options& options, Session& session) {
  const auto scene = load_scene(options);
  if (!scene) return scene.error();
  if (auto on = session.go_on(); !on) return on;
  const auto scoring = score_options(options, scene->data, session, "predictors");
  const auto scores = planner::score(scene->data, scene->world, options.prediction.forecasts, scoring);
  if (!scores) return scores.error();
  auto preface = preface_of("Predictors", kPredictorsLive, options, *scene);
  for (auto& fact : score_facts(scoring, scene->data))
    preface.facts.push_back(std::move(fact));
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, *scores); },
                                  .json = [&] { return planner_view::json_of(preface, *scores); },
                                  .page = [&] { return planner_view::html_of(preface, *scores); }});
}

}  // namespace tideline::planner_program
