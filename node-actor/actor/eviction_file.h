#pragma once
// Evictions that have begun, and what batch pods made of their CPU, on disk: a worker that dies leaves nothing
// half-done behind.

#include <optional>
#include <string>
#include <vector>

#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/evict_serve.h"
#include "node-actor/kernel/pod_kill.h"

namespace tideline::node {

struct KeptEviction {
  decide::EvictVictim victim;                 // `releases` and `used` are not kept
  model::Reason told = model::Reason::kNone;  // of its events
  kernel::PodKillPlace place;                 // with the identity of its cgroup: another of that name is another pod's
  model::MonoTime since;
  model::MonoTime deadline;  // of the grace period
};

/// One that the API server carries out.
struct KeptApiEviction {
  decide::EvictVictim victim;  // as in KeptEviction
  model::MonoTime since;
};

struct KeptEvictions {
  std::vector<KeptEviction> under_way;
  std::vector<KeptApiEviction> through_api = {};
  std::optional<model::MonoTime> last_alone;  // newest eviction without the coordinator's leave
};

/// Empty: none was kept, or in another boot, where no such cgroup is any more. kMalformed names the file.
model::Result<KeptEvictions> load_evictions(const std::string& state_dir, const std::string& boot_id);
/// Durable when it returns, and either the old or the new one is there after a crash.
model::Result<void> keep_evictions(const std::string& state_dir, const std::string& boot_id,
                                   const KeptEvictions& evictions);

model::Result<model::BeWork> load_be_work(const std::string& state_dir);
model::Result<void> keep_be_work(const std::string& state_dir, const model::BeWork& work);

}  // namespace tideline::node
