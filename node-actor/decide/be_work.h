#pragma once
// What became of batch pods: how long each ran and how much CPU it used until it ended by itself or was evicted.

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// One pod of the pods list as it was read in this round.
struct BePodReading {
  const model::Pod* pod = nullptr;
  bool has_group = false;                   // its cgroup is there
  std::optional<model::Duration> cpu_time;  // used since its cgroup was made; nullopt: not known now
};

/// What is remembered from round to round. A pod is watched from its first round in phase Running with a cgroup until
/// it ends; what ended before the agent looked is not counted.
struct BeWorkState {
  struct Watched {
    std::string name_space;
    std::string name;
    model::MonoTime started;
    std::optional<model::Duration> cpu_time;
    model::PodPhase phase = model::PodPhase::kRunning;
    bool ended = false;  // counted; kept while it is listed
    std::uint64_t round = 0;
  };
  std::unordered_map<model::PodUid, Watched> pods;
  std::uint64_t round = 0;
  model::BeWork sums;
};

struct BePodEnd {
  model::PodUid uid;
  std::string name_space;
  std::string name;
  bool failed = false;
  model::Duration ran{0};
  std::optional<model::Duration> cpu_time;  // as last read; nullopt: never known
  std::string how;  // for people: "phase Succeeded", "its cgroup is gone", "not listed any more"
};

/// True: a running batch pod that begin_watching must be called for before the round.
bool is_unwatched(const BeWorkState& state, const BePodReading& reading);
void begin_watching(BeWorkState& state, const BePodReading& reading, model::MonoTime started);

/// One pod round; gives those that ended by themselves in it. `leaving`: pods that are being evicted, whose end is
/// evicted()'s to tell. Costs one look-up a batch pod.
std::vector<BePodEnd> be_work(BeWorkState& state, std::span<const BePodReading> pods,
                              std::span<const model::PodUid> leaving, model::MonoTime now);
/// An eviction of this pod is through; gives the CPU time that is lost, as far as it is known.
std::optional<model::Duration> evicted(BeWorkState& state, const model::PodUid& uid,
                                       std::optional<model::Duration> cpu_time);

}  // namespace tideline::decide
