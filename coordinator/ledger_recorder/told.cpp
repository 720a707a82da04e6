#include "coordinator/ledger_recorder/told.h"

#include <vector>

#include "messages/codec/report_bytes.h"

namespace tideline::ledger_recorder {
namespace {

using ReportPtr = std::shared_ptr<const model::Report>;

constexpr std::size_t kPodWeight = 1024;
constexpr std::size_t kEventWeight = 512;

std::string text_of_bytes(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::size_t weight_of(const Told& told) {
  std::size_t weight = sizeof(Told);
  if (const auto* report = std::get_if<ReportPtr>(&told.what)) {
    const model::Report& of = **report;
    weight += sizeof(model::Report) + kPodWeight * of.pods.size() + sizeof(model::NodeSample) * of.samples.size() +
              kEventWeight * of.events.size();
  } else if (const auto* account = std::get_if<ToldAccount>(&told.what)) {
    weight += sizeof(model::ZoneAccount) * account->account.zones.size();
  }
  return weight;
}

void take_in(const Told& told, Standing& standing) {
  if (const auto* policy = std::get_if<ToldPolicy>(&told.what)) {
    standing.policy = *policy;
  } else if (const auto* node = std::get_if<ledger::NodeTold>(&told.what)) {
    if (told.kind == ledger::RecordKind::kOpened) {
      standing.sessions[node->node] = node->incarnation;
    } else {
      standing.sessions.erase(node->node);
    }
  }
}

model::Result<std::string> body_of(const Told& told) {
  if (const auto* policy = std::get_if<ToldPolicy>(&told.what)) {
    return ledger::body_of(ledger::PolicyTold{policy->version, policy->policy->documents});
  }
  if (const auto* node = std::get_if<ledger::NodeTold>(&told.what)) return ledger::body_of(*node);
  if (const auto* report = std::get_if<ReportPtr>(&told.what)) {
    const auto bytes = codec::to_bytes(**report);
    if (!bytes) return bytes.error();
    return text_of_bytes(*bytes);
  }
  if (const auto* account = std::get_if<ToldAccount>(&told.what)) {
    return ledger::body_of(account->account, account->predicted);
  }
  return model::Error(model::ErrorCode::kInternal, "a loss is no record");
}

}  // namespace tideline::ledger_recorder
