#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_program/against.h"
#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/fine_run.h"
#include "coordinator/planner_program/found.h"
#include "coordinator/planner_program/host_scenes.h"
#include "coordinator/planner_program/replay_options.h"

namespace tideline::planner_program {

model::Result<void> run_replay(const Options& options, Session& session) {
  const auto policy = choose_policy(options.policy);
  if (!policy) return policy.error();
  const auto demand = choose_demand(options);
  if (!demand) return demand.error();
  const bool fine = options.fine.wanted;
  auto scenes = HostScenes::open(options, session);
  if (!scenes) return scenes.error();
  if (auto good = check_windows(options.fine, scenes->frame()); !good) return good;
  PartFile about;
  about.shard = options.shard;
  about.by_host = options.by_host;
  auto key = scenes->key(policy->text + (fine ? planner::to_json(*demand) : std::string()));
  if (!key) return key.error();
  about.key = *std::move(key);
  const auto kept = kept_in(options.resume_directory, about.key);
  if (!kept) return kept.error();
  auto heading = scenes->heading("Replay", std::string(kReplayLive) + std::string(fine ? kFineLive : ""));
  if (!heading) return heading.error();
  about.name = options.name.empty() ? policy->name : options.name;
  about.policy = policy->text;
  about.data = fmt::format("{}; {}; {}", heading->data, heading->world, batch_fact(options));
  heading->preface.facts.push_back(policy->fact);
  heading->preface.facts.push_back(batch_fact(options));
  if (fine) {
    for (auto& fact : fine_facts(options, *demand))
      heading->preface.facts.push_back(std::move(fact));
    heading->notes_after.emplace_back(kFineNotModelled);
  }
  heading->notes_after.insert(heading->notes_after.end(), policy->notes.begin(), policy->notes.end());
  auto replaying = replay_options(options, *policy, session, "replay");
  replaying.fullest = options.fine.worst;
  if (!options.against.empty()) {
    auto difference = difference_from_recording(options.against, *scenes, replaying);
    if (!difference) return difference.error();
    heading->notes_after.push_back(*std::move(difference));
  }
  about.heading = *std::move(heading);
  auto found = over_hosts<planner::ReplayPart>(
      *scenes, session, "replay", *kept,
      [&](const HostScenes::View& view, planner::Progress progress) {
        auto asked = replaying;
        asked.progress = std::move(progress);
        return planner::replay_part(*view.data, *view.world, asked);
      },
      [](const std::string& text) { return planner::replay_part_from_json(text); });
  if (!found) return found.error();
  std::optional<planner::FinePart> looked_into;
  if (fine) {
    auto part = find_fine(options, *demand, *scenes, session, *kept, replaying, *found);
    if (!part) return part.error();
    looked_into = *std::move(part);
  }
  if (options.part_file.empty()) return deliver_replay(options.output, about, *std::move(found), looked_into);
  about.body = planner::to_json(*found);
  if (looked_into) about.body += planner::to_json(*looked_into);
  return write_part(options.part_file, about);
}

}  // namespace tideline::planner_program
