#include "coordinator/actor/computed_accounts.h"

#include <chrono>

namespace tideline::coordinator {

std::vector<ComputedAccount> computed_accounts(const std::vector<LedgerBook::Change>& changes) {
  std::vector<ComputedAccount> computed;
  computed.reserve(changes.size());
  for (const auto& change : changes) {
    const bool rested = change.before && change.before->data_age;
    if (!change.now.data_age && !rested) continue;
    computed.push_back({change.now, change.policy.resource_diff_threshold,
                        std::chrono::seconds(change.policy.update_time_threshold_seconds), change.scaling});
  }
  return computed;
}

}  // namespace tideline::coordinator
