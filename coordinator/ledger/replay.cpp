#include "coordinator/ledger/replay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "coordinator/fleet/usage_average.h"
#include "coordinator/ledger/account_text.h"
#include "coordinator/ledger/input.h"
#include "coordinator/ledger/steps.h"
#include "coordinator/policy/policy.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::ledger {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

// Of 36 years since a boot, and of the year 9999: sums with them are far from the end of all numbers.
constexpr std::int64_t kLastMonoNs = std::int64_t{1} << 60;
constexpr std::int64_t kLastWallMs = 253'402'300'800'000;

fleet::FleetOptions options_of(const BeginTold& begin) {
  fleet::FleetOptions options;
  options.max_nodes = Replay::kMostNodes;
  options.aggregate = begin.aggregate;
  return options;
}

}  // namespace

Replay::Replay(ReadReport read_report)
    : read_report_(std::move(read_report)), fleet_(options_), rollout_(model::Epoch()) {}

Result<void> Replay::take(const Record& record) {
  const fleet::Arrival at{record.mono, record.wall};
  if (record.kind != RecordKind::kBegin && !begun_) {
    return Error(ErrorCode::kMalformed, "a record stands before the first begin");
  }
  if (record.mono.ns < 0 || record.mono.ns > kLastMonoNs || record.wall.ms < 0 || record.wall.ms > kLastWallMs) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("a record of {} ns, {} ms, which no clock shows", record.mono.ns, record.wall.ms));
  }
  if (!verdict_.first) verdict_.first = record.wall;
  verdict_.last = record.wall;
  switch (record.kind) {
    case RecordKind::kBegin: {
      const auto told = begin_from(record.body);
      return told ? begin(*told) : told.error();
    }
    case RecordKind::kPolicy: {
      const auto told = policy_from(record.body);
      return told ? take_policy(*told) : told.error();
    }
    case RecordKind::kOpened: {
      const auto told = node_from(record.body);
      return told ? open(*told, at) : told.error();
    }
    case RecordKind::kClosed: {
      const auto told = node_from(record.body);
      return told ? close(*told, at) : told.error();
    }
    case RecordKind::kReport:
      return take_report(record, at);
    case RecordKind::kForgotten: {
      const auto told = node_from(record.body);
      if (!told) return told.error();
      forget(*told);
      return {};
    }
    case RecordKind::kAccount: {
      const auto told = account_from(record.body);
      if (!told) return told.error();
      hold(*told, record);
      return {};
    }
  }
  ++verdict_.unknown;
  return {};
}

Result<void> Replay::begin(const BeginTold& begin) {
  const bool is_next_file = std::exchange(goes_on_, false);
  const bool same_life = begun_ && begun_->epoch == begin.epoch;
  const bool goes_on = is_next_file && same_life && begun_->stretch == begin.stretch &&
                       begun_->piece + 1 == begin.piece && begun_->aggregate == begin.aggregate;
  if (!same_life) ++verdict_.lives;
  begun_ = begin;
  if (goes_on) return {};
  ++verdict_.stretches;
  verdict_.lost += begin.lost;
  whole_ = begin.stretch == 1 && begin.piece == 1;
  options_ = options_of(begin);
  fleet_ = fleet::FleetView(options_);
  rollout_ = policy::Rollout(begin.epoch);
  nodes_.clear();
  return {};
}

Result<void> Replay::take_policy(const PolicyTold& told) {
  auto parsed = policy::parse(told.documents);
  if (!parsed) return parsed.error().in(fmt::format("policy of version {}", told.version.value()));
  ++verdict_.policies;
  rollout_.set(std::make_shared<const policy::ClusterPolicy>(*std::move(parsed)), told.version);
  return {};
}

Result<void> Replay::open(const NodeTold& told, const fleet::Arrival& at) {
  if (const auto event = fleet_.connected(told.node, at, told.incarnation); !event) return event.error();
  ++verdict_.sessions;
  session_opened(fleet_, rollout_, told.node);
  return {};
}

Result<void> Replay::close(const NodeTold& told, const fleet::Arrival& at) {
  if (const auto event = fleet_.disconnected(told.node, at); !event) return event.error();
  rollout_.closed(told.node);
  return {};
}

Result<void> Replay::take_report(const Record& record, const fleet::Arrival& at) {
  const auto report = read_report_(record.body);
  if (!report) return report.error().in("report");
  const auto intake = fleet_.intake(*report, at);
  if (!intake) return intake.error();
  ++verdict_.reports;
  Known& node = known(report->node);
  if (intake->outcome != fleet::IntakeOutcome::kLive) {
    add_difference(report->node, record, {},
                   {fmt::format("report {} of incarnation {}: taken as the newest, and not taken here",
                                report->seq.value(), report->incarnation.value())});
    return {};
  }
  if (!node.whole) node.settling.take(*report, fleet::SlotClock(options_.aggregate).slot(at.mono));
  node.incarnation = report->incarnation;
  node.report = report->seq;
  (void)report_taken(rollout_, *report);
  return {};
}

void Replay::forget(const NodeTold& told) {
  fleet_.forget(told.node);
  rollout_.forget(told.node);
  nodes_.erase(told.node);
  if (!whole_) nodes_[told.node].whole = true;
}

Replay::Known& Replay::known(const model::NodeName& node) {
  const auto [found, is_new] = nodes_.try_emplace(node);
  if (is_new) found->second.whole = whole_;
  return found->second;
}

void Replay::hold(const AccountTold& told, const Record& record) {
  ++verdict_.accounts;
  const auto found = nodes_.find(told.node);
  const bool is_whole = found == nodes_.end() ? whole_ : found->second.whole;
  if (!is_whole && (found == nodes_.end() || !found->second.settling.is_settled())) {
    ++verdict_.unsettled;
    return;
  }
  ++verdict_.held;
  const auto policy = rollout_.wanted(told.node).value_or(model::NodePolicy{});
  const auto input = input_of(told.node, fleet_.usage(told.node), policy, told.predicted);
  Json computed = account_json(reclaim::reclaim(input, policy.colocation, record.mono));
  if (!is_whole && !found->second.settling.knows_zones()) {
    if (const auto zones = told.account.find("zones"); zones != told.account.end()) computed["zones"] = *zones;
  }
  if (text_of(computed) == text_of(told.account)) return;
  add_difference(told.node, record, policy.version, differences(told.account, computed, kMostTerms));
}

void Replay::add_difference(const model::NodeName& node, const Record& record, model::PolicyVersion policy,
                            std::vector<std::string> terms) {
  ++verdict_.different;
  if (verdict_.differences.size() == kMostDifferences) return;
  const Known& of = known(node);
  verdict_.differences.push_back({.node = node,
                                  .at = record.wall,
                                  .mono = record.mono,
                                  .incarnation = of.incarnation,
                                  .report = of.report,
                                  .policy = policy,
                                  .terms = std::move(terms)});
}

}  // namespace tideline::ledger
