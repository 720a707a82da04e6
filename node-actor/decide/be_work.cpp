#include "node-actor/decide/be_work.h"

#include <algorithm>

namespace tideline::decide {
namespace {

using model::PodPhase;
using Watched = BeWorkState::Watched;

bool has_finished(PodPhase phase) {
  return phase == PodPhase::kSucceeded || phase == PodPhase::kFailed;
}

void add(model::BeWork::Sum& sum, const std::optional<model::Duration>& cpu_time) {
  ++sum.pods;
  sum.cpu += cpu_time.value_or(model::kZeroDuration);
}

BePodEnd end_of(BeWorkState& state, const model::PodUid& uid, Watched& watched, std::string how, model::MonoTime now) {
  watched.ended = true;
  const bool failed = watched.phase == PodPhase::kFailed;
  add(failed ? state.sums.failed : state.sums.completed, watched.cpu_time);
  return {uid, watched.name_space, watched.name, failed, now - watched.started, watched.cpu_time, std::move(how)};
}

}  // namespace

bool is_unwatched(const BeWorkState& state, const BePodReading& reading) {
  return reading.pod->qos == model::QosClass::kBe && reading.pod->phase == PodPhase::kRunning && reading.has_group &&
         !state.pods.contains(reading.pod->uid);
}

void begin_watching(BeWorkState& state, const BePodReading& reading, model::MonoTime started) {
  const auto& pod = *reading.pod;
  state.pods[pod.uid] = {.name_space = pod.name_space,
                         .name = pod.name,
                         .started = started,
                         .cpu_time = reading.cpu_time,
                         .phase = pod.phase,
                         .ended = false,
                         .round = state.round};
}

std::vector<BePodEnd> be_work(BeWorkState& state, std::span<const BePodReading> pods,
                              std::span<const model::PodUid> leaving, model::MonoTime now) {
  std::vector<BePodEnd> ends;
  const auto is_leaving = [&](const model::PodUid& uid) {
    return std::find(leaving.begin(), leaving.end(), uid) != leaving.end();
  };
  ++state.round;
  std::size_t listed = 0;
  for (const auto& reading : pods) {
    if (reading.pod->qos != model::QosClass::kBe) continue;
    const auto found = state.pods.find(reading.pod->uid);
    if (found == state.pods.end()) continue;
    ++listed;
    auto& watched = found->second;
    watched.round = state.round;
    if (watched.ended) continue;
    if (reading.cpu_time) watched.cpu_time = reading.cpu_time;
    watched.phase = reading.pod->phase;
    if (is_leaving(found->first)) continue;
    if (has_finished(watched.phase)) {
      ends.push_back(end_of(state, found->first, watched, "phase " + std::string(model::name_of(watched.phase)), now));
    } else if (!reading.has_group) {
      ends.push_back(end_of(state, found->first, watched, "its cgroup is gone", now));
    }
  }
  if (listed == state.pods.size()) return ends;
  for (auto entry = state.pods.begin(); entry != state.pods.end();) {
    auto& [uid, watched] = *entry;
    const bool unlisted = watched.round != state.round;
    if (!unlisted || (!watched.ended && is_leaving(uid))) {
      ++entry;
      continue;
    }
    if (!watched.ended) ends.push_back(end_of(state, uid, watched, "not listed any more", now));
    entry = state.pods.erase(entry);
  }
  return ends;
}

std::optional<model::Duration> evicted(BeWorkState& state, const model::PodUid& uid,
                                       std::optional<model::Duration> cpu_time) {
  const auto found = state.pods.find(uid);
  if (found != state.pods.end()) {
    if (found->second.ended) return std::nullopt;
    found->second.ended = true;
    if (found->second.cpu_time) cpu_time = found->second.cpu_time;
  }
  add(state.sums.evicted, cpu_time);
  return cpu_time;
}

}  // namespace tideline::decide
