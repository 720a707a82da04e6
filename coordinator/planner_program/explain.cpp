#include <fmt/format.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/host_scenes.h"
#include "coordinator/planner_program/recorded_events.h"
#include "coordinator/planner_program/replay_options.h"
#include "coordinator/planner_view/figures.h"

namespace tideline::planner_program {

model::Result<void> run_explain(const Options& options, Session& session) {
  const auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  auto scenes = HostScenes::open(options, session);
  if (!scenes) return scenes.error();
  const auto host = scenes->host_number(options.explain.host);
  if (!host) return host.error();
  if (auto on = session.go_on(); !on) return on;
  // Of a recorded host nothing else is read.
  const auto view = scenes->view_of(*host);
  if (!view) return view.error();
  const auto& world = *view->world;
  const std::size_t number = *host - world.first_host;
  const auto moment = planner::explain_moment(*view->data, world, replay_options(options, *policy, session, "explain"),
                                              number, options.explain.at_s);
  if (!moment) return moment.error();
  auto heading = scenes->heading("Explanation", kReplayLive);
  if (!heading) return heading.error();
  auto& facts = heading->preface.facts;
  facts.insert(facts.begin(), fmt::format("{} with {} workloads at {}", scenes->host_name(*host),
                                          world.hosts[number].size(), planner_view::utc_text(options.explain.at_s)));
  facts.push_back(policy->fact);
  facts.push_back(batch_fact(options));
  heading->notes_after.insert(heading->notes_after.end(), policy->notes.begin(), policy->notes.end());
  if (world.recorded) {
    const auto events = recorded_events(options.files.front(), scenes->host_name(*host), options.explain.at_s);
    if (!events) return events.error();
    for (const auto& event : *events)
      heading->notes_after.push_back("Recorded: " + event);
  }
  const auto preface = preface_of(*heading, view->data->counts);
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, *moment); },
                                  .json = [&] { return planner_view::json_of(preface, *moment); },
                                  .page = [&] { return planner_view::html_of(preface, *moment); }});
}

}  // namespace tideline::planner_program
