#include "node-actor/actor/evictions.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"

namespace tideline::node {
namespace {

std::string subject_of(const decide::EvictVictim& victim) {
  return fmt::format("pod {}/{} {}", victim.name_space, victim.name, victim.uid.str());
}

/// What eviction costs, for whoever counts wasted work.
std::string cost_of(const decide::EvictVictim& victim) {
  std::string text = "running";
  if (victim.used) text += fmt::format(", {} millicores", victim.used->value());
  if (victim.cpu_time_used) {
    text += fmt::format(", {:.1f} s of CPU used so far", std::chrono::duration<double>(*victim.cpu_time_used).count());
  }
  return text;
}

}  // namespace

void Evictions::begin(const decide::EvictVictim& victim, const std::vector<model::Pod>& pods, model::MonoTime now) {
  const auto is_leaving = [&](const Leaving& each) { return each.victim.uid == victim.uid; };
  // One that does not die is picked again, and is under way already.
  if (std::any_of(leaving_.begin(), leaving_.end(), is_leaving)) return;
  const auto pod = std::find_if(pods.begin(), pods.end(), [&](const auto& each) { return each.uid == victim.uid; });
  if (pod == pods.end()) return;
  const auto place = kernel::pod_kill_place(tree_, *pod);
  auto kill = place ? kernel::PodKill::begin(*place, kGrace, now) : model::Result<kernel::PodKill>(place.error());
  if (!kill) {
    log::warn("eviction", "{}: {}", subject_of(victim), kill.error().message());
    tell_(model::Controller::kCpuEvict, victim.reason, subject_of(victim), cost_of(victim),
          "not evicted: " + kill.error().message());
    return;
  }
  log::info("eviction", "{}: {}, {}", subject_of(victim), model::name_of(victim.reason), cost_of(victim));
  tell_(model::Controller::kCpuEvict, victim.reason, subject_of(victim), cost_of(victim),
        fmt::format("asked to end, {} s of grace; {}", std::chrono::duration_cast<std::chrono::seconds>(kGrace).count(),
                    victim.id));
  leaving_.push_back({victim, now, std::move(*kill)});
}

void Evictions::round(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods,
                      bool dry_run, model::MonoTime now) {
  for (const auto& victim : victims) {
    if (dry_run) {
      tell_(model::Controller::kCpuEvict, model::Reason::kDryRun, subject_of(victim), cost_of(victim),
            fmt::format("would be evicted: {}", model::name_of(victim.reason)));
    } else {
      begin(victim, pods, now);
    }
  }
  std::erase_if(leaving_, [&](Leaving& leaving) {
    const auto progress = leaving.kill.step(now);
    if (!progress) log::warn("eviction", "{}: {}", subject_of(leaving.victim), progress.error().message());
    if (!progress || !progress->done()) return false;
    tell_(model::Controller::kCpuEvict, leaving.victim.reason, subject_of(leaving.victim), "leaving",
          fmt::format("gone after {:.1f} s, {} SIGTERM, {} SIGKILL",
                      std::chrono::duration<double>(now - leaving.since).count(), progress->terms, progress->kills));
    return true;
  });
}

}  // namespace tideline::node
