#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/replay_options.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

/// "7", "node-7" or "node-0007".
std::optional<std::size_t> host_number(std::string_view text) {
  constexpr std::string_view kPrefix = "node-";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  std::size_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

model::Result<void> run_explain(const Options& options, Session& session) {
  auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  const auto scene = load_scene(options);
  if (!scene) return scene.error();
  if (auto on = session.go_on(); !on) return on;
  const auto host = host_number(options.explain.host);
  if (!host || *host >= scene->world.hosts.size()) {
    return model::invalid(fmt::format("--host {}: want one of {} to {}", model::printable(options.explain.host, 80),
                                      planner::host_name(0), planner::host_name(scene->world.hosts.size() - 1)));
  }
  const auto moment = planner::explain_moment(
      scene->data, scene->world, replay_options(options, *policy, session, "explain"), *host, options.explain.at_s);
  if (!moment) return moment.error();
  auto preface = preface_of("Explanation", kReplayLive, options, *scene);
  preface.facts.insert(preface.facts.begin(),
                       fmt::format("{} with {} workloads at {}", planner::host_name(*host),
                                   scene->world.hosts[*host].size(), planner_view::utc_text(options.explain.at_s)));
  preface.facts.push_back(policy->fact);
  preface.facts.push_back(batch_fact(options));
  for (auto& note : policy->notes)
    preface.notes.push_back(std::move(note));
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, *moment); },
                                  .json = [&] { return planner_view::json_of(preface, *moment); },
                                  .page = [&] { return planner_view::html_of(preface, *moment); }});
}

}  // namespace tideline::planner_program
