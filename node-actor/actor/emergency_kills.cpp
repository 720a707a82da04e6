#include "node-actor/actor/emergency_kills.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "messages/model/eviction.h"

namespace tideline::node {
namespace {

std::string memory_text(const std::optional<model::Bytes>& used) {
  return used ? fmt::format("{} bytes", used->value()) : std::string("an unknown amount of memory");
}

}  // namespace

EmergencyKills::EmergencyKills(const kernel::CgroupTree& tree, Tell tell) : tree_(tree), tell_(std::move(tell)) {}

std::vector<model::PodUid> EmergencyKills::under_way() const {
  std::vector<model::PodUid> uids;
  for (const auto& each : kills_)
    uids.push_back(each.uid);
  return uids;
}

std::vector<model::PodUid> EmergencyKills::not_to_pick() const {
  auto uids = under_way();
  for (const auto& each : spared_)
    uids.push_back(each.uid);
  return uids;
}

void EmergencyKills::kill(const model::Pod& pod, std::optional<model::Bytes> used, const std::string& why,
                          model::MonoTime now) {
  if (std::any_of(kills_.begin(), kills_.end(), [&](const Kill& each) { return each.uid == pod.uid; })) return;
  auto subject = model::pod_subject(pod.name_space, pod.name, pod.uid);
  auto held = memory_text(used);
  const auto tell = [&](const std::string& after) {
    tell_(model::Controller::kMemoryRelief, model::Reason::kEmergencyKill, subject, "running, " + held, after);
  };
  const auto place = kernel::pod_kill_place(tree_, pod);
  // Without a grace period.
  auto begun =
      place ? kernel::PodKill::begin(*place, model::kZeroDuration, now) : model::Result<kernel::PodKill>(place.error());
  if (!begun) {
    log::warn("emergency-kill", "{}: not killed: {}", subject, begun.error().message());
    tell("not killed: " + begun.error().message());
    spared_.push_back({.uid = pod.uid, .until = now + kRetry});
    return;
  }
  log::warn("emergency-kill", "{}: killed with {}, {}", subject, held, why);
  tell("killed: " + why);
  kills_.push_back({.uid = pod.uid,
                    .subject = std::move(subject),
                    .kill = std::move(*begun),
                    .began = now,
                    .held = std::move(held)});
}

void EmergencyKills::step(model::MonoTime now) {
  std::erase_if(spared_, [&](const Spared& each) { return now >= each.until; });
  std::erase_if(kills_, [&](Kill& each) {
    const auto progress = each.kill.step(now);
    const std::chrono::duration<double> took = now - each.began;
    if (progress && progress->done()) {
      tell_(model::Controller::kMemoryRelief, model::Reason::kEmergencyKill, each.subject, "killed",
            fmt::format("gone after {:.1f} s with {}, {} SIGKILL", took.count(), each.held, progress->kills));
      spared_.push_back({.uid = each.uid, .until = now + kShows});
      return true;
    }
    if (now - each.began >= kSlow && !std::exchange(each.slow, true)) {
      const auto cause = !progress ? progress.error().message() : progress->last_failure;
      log::error("emergency-kill", "{}: not gone after {:.1f} s, tried on: {}", each.subject, took.count(),
                 cause.empty() ? "its processes do not die" : cause);
    }
    return false;
  });
}

}  // namespace tideline::node
