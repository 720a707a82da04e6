#pragma once
// Pods that the API server evicts, until they are gone: kubelet ends them, by their own grace period, and nobody here
// does.

#include <span>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/evict_serve.h"

namespace tideline::decide {

/// The list of pods shows within this that an evicted pod is on its way out, or else it does not go.
constexpr model::Duration kEvictionShows = std::chrono::seconds(30);

struct EvictedPods {
  struct Row {
    EvictVictim victim;
    model::MonoTime since;
    model::MonoTime shows_by;  // see kEvictionShows
    /// False: it is asked for no longer, and the API server may have been asked before that was known.
    bool sure = true;
    bool seen = false;  // on its way out, in the list of pods
  };
  std::vector<Row> rows;  // one a pod
};

/// It is evicted: by the coordinator's word or by the list of pods.
void leaves(EvictedPods& evicted, const EvictVictim& victim, model::MonoTime now);
/// It was on its way to the API server, and is asked for no longer.
void may_leave(EvictedPods& evicted, const EvictVictim& victim, model::MonoTime now);
/// Goes on with one of an earlier worker.
void goes_on(EvictedPods& evicted, const EvictVictim& victim, model::MonoTime since, model::MonoTime now);
/// Those that leave for sure.
std::vector<model::PodUid> leaving_for_sure(const EvictedPods& evicted);

struct SeenOff {
  std::vector<EvictedPods::Row> after_all;  // of may_leave(): they leave. One that is gone is in `gone`, too.
  std::vector<EvictedPods::Row> gone;
  std::vector<EvictedPods::Row> stayed;  // not seen on their way out within kEvictionShows
};

/// One round. `listed`: all pods of the host, as Kubernetes told them last. `without_group`: those of them whose cgroup
/// is gone: the list may be old. One that leaves for sure is gone when it is listed no more, has ended or has no
/// cgroup. One that may leave does when it is seen on its way out or is listed no more; it does not when it ended by
/// itself, or is not seen within kEvictionShows. Rows of what is gone, stayed or does not leave are dropped.
SeenOff see_off(EvictedPods& evicted, std::span<const model::Pod> listed, std::span<const model::PodUid> without_group,
                model::MonoTime now);

}  // namespace tideline::decide
