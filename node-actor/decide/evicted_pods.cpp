#include "node-actor/decide/evicted_pods.h"

#include <algorithm>
#include <utility>

namespace tideline::decide {
namespace {

using Row = EvictedPods::Row;

bool has_stopped(const model::Pod& pod) {
  return pod.phase == model::PodPhase::kSucceeded || pod.phase == model::PodPhase::kFailed;
}

void keep_row(EvictedPods& evicted, Row row) {
  std::erase_if(evicted.rows, [&](const Row& known) { return known.victim.uid == row.victim.uid; });
  evicted.rows.push_back(std::move(row));
}

const model::Pod* listed_pod(std::span<const model::Pod> pods, const model::PodUid& uid) {
  const auto pod = std::find_if(pods.begin(), pods.end(), [&](const model::Pod& each) { return each.uid == uid; });
  return pod == pods.end() ? nullptr : &*pod;
}

/// One that may leave, of which this round shows whether it does. True: it is dropped.
bool does_not_leave(Row& row, const model::Pod* pod, model::MonoTime now, SeenOff& seen) {
  if (pod == nullptr || pod->eviction.terminating) {
    row.sure = true;
    seen.after_all.push_back(row);
    return false;
  }
  return has_stopped(*pod) || now >= row.shows_by;
}

}  // namespace

void leaves(EvictedPods& evicted, const EvictVictim& victim, model::MonoTime now) {
  goes_on(evicted, victim, now, now);
}

void may_leave(EvictedPods& evicted, const EvictVictim& victim, model::MonoTime now) {
  keep_row(evicted, {.victim = victim, .since = now, .shows_by = now + kEvictionShows, .sure = false, .seen = false});
}

void goes_on(EvictedPods& evicted, const EvictVictim& victim, model::MonoTime since, model::MonoTime now) {
  keep_row(evicted, {.victim = victim, .since = since, .shows_by = now + kEvictionShows, .sure = true, .seen = false});
}

std::vector<model::PodUid> leaving_for_sure(const EvictedPods& evicted) {
  std::vector<model::PodUid> uids;
  for (const auto& row : evicted.rows) {
    if (row.sure) uids.push_back(row.victim.uid);
  }
  return uids;
}

SeenOff see_off(EvictedPods& evicted, std::span<const model::Pod> listed, std::span<const model::PodUid> without_group,
                model::MonoTime now) {
  SeenOff seen;
  std::erase_if(evicted.rows, [&](Row& row) {
    const auto* pod = listed_pod(listed, row.victim.uid);
    if (!row.sure && does_not_leave(row, pod, now, seen)) return true;
    if (!row.sure) return false;
    const bool has_group = std::find(without_group.begin(), without_group.end(), row.victim.uid) == without_group.end();
    if (pod == nullptr || has_stopped(*pod) || !has_group) {
      seen.gone.push_back(row);
      return true;
    }
    row.seen = row.seen || pod->eviction.terminating;
    if (row.seen || now < row.shows_by) return false;
    seen.stayed.push_back(row);
    return true;
  });
  return seen;
}

}  // namespace tideline::decide
