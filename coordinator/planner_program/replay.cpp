#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/compare.h"
#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/replay_options.h"
#include "coordinator/planner_program/scene.h"

namespace tideline::planner_program {

model::Result<void> run_replay(const Options& options, Session& session) {
  auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  const auto scene = load_scene(options);
  if (!scene) return scene.error();
  if (auto on = session.go_on(); !on) return on;
  auto result = planner::replay(scene->data, scene->world, replay_options(options, *policy, session, "replay"));
  if (!result) return result.error();
  auto preface = preface_of("Replay", kReplayLive, options, *scene);
  preface.facts.push_back(policy->fact);
  preface.facts.push_back(batch_fact(options));
  for (auto& note : policy->notes)
    preface.notes.push_back(std::move(note));
  planner::SavedReplay saved;
  saved.name = options.name.empty() ? policy->name : options.name;
  saved.policy = policy->text;
  saved.data =
      fmt::format("{}; {}; {}", data_line(options, scene->data), world_line(options, *scene), batch_fact(options));
  saved.notes = preface.notes;
  saved.result = *std::move(result);
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, saved); },
                                  .json = [&] { return planner::to_json(saved, options.by_host); },
                                  .page = [&] { return planner_view::html_of(preface, saved); }});
}

}  // namespace tideline::planner_program
