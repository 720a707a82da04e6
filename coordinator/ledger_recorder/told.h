#pragma once
// One thing that the recorder is told, until it becomes a record.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "coordinator/fleet/arrival.h"
#include "coordinator/ledger/recording.h"
#include "coordinator/policy/policy.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::ledger_recorder {

struct ToldPolicy {
  std::shared_ptr<const policy::ClusterPolicy> policy;
  model::PolicyVersion version;
};
struct ToldAccount {
  model::Reclaimed account;
  profile::Reclaimable predicted;
};

/// What a recording that begins anew has to say first: the policy, and whose sessions are open.
struct Standing {
  ToldPolicy policy;  // null: none was loaded
  std::map<model::NodeName, model::Incarnation> sessions;
};
/// In the place of those that were lost.
struct ToldLoss {
  std::uint64_t lost = 0;
  Standing standing;
};

struct Told {
  ledger::RecordKind kind{};  // of a loss kBegin
  fleet::Arrival at;
  std::variant<ToldLoss, ToldPolicy, ledger::NodeTold, std::shared_ptr<const model::Report>, ToldAccount> what;
};

/// What it holds, about.
std::size_t weight_of(const Told& told);
/// Of anything but a loss.
void take_in(const Told& told, Standing& standing);
/// Of anything but a loss: kInvalidArgument for a report that no bytes can hold.
model::Result<std::string> body_of(const Told& told);

}  // namespace tideline::ledger_recorder
