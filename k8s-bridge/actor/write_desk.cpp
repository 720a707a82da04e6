#include "k8s-bridge/actor/write_desk.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "k8s-bridge/actor/notes.h"
#include "k8s-bridge/actor/write_answer.h"

namespace tideline::bridge {
namespace {

bool is_urgent(publish::WriteReason reason) {
  return reason == publish::WriteReason::kFall || reason == publish::WriteReason::kWithdraw;
}

k8s_api::Request request_of(publish::Write write) {
  k8s_api::Request request;
  request.method = k8s_api::Method::kMergePatch;
  request.path = fmt::format("/api/v1/nodes/{}/status", write.node.str());
  request.body = std::move(write.body);
  if (is_urgent(write.reason)) {
    request.priority = k8s_api::Priority::kHigh;
  } else {
    // A fall of the same node may come meanwhile.
    request.deadline = std::chrono::seconds(3);
  }
  return request;
}

}  // namespace

WriteDesk::WriteDesk(Out out, publish::PublishOptions options) : out_(std::move(out)), publisher_(options) {}

void WriteDesk::offer(const coordinator::ComputedAccount& computed, model::MonoTime now) {
  publish::Offer offer;
  offer.account = computed.account;
  offer.diff_threshold = computed.diff_threshold;
  offer.least_interval = computed.update_threshold;
  offer.scaling = computed.scaling;
  publisher_.offer(offer, now);
  touched_ = true;
}

void WriteDesk::observed(const k8s::NodeObject& node, model::MonoTime now) {
  touched_ = true;
  const auto foreign = publisher_.observed(node, now);
  if (!foreign) return;
  log::warn("foreign-writer", "node {}: {}", foreign->node.str(), differences(foreign->found, foreign->ours));
  out_.event(foreign_note(*foreign));
}

void WriteDesk::requested(const model::NodeName& node, const k8s::BatchRequests& requests, model::MonoTime now) {
  publisher_.requested(node, requests, now);
  touched_ = true;
}

void WriteDesk::gone(const model::NodeName& node) {
  publisher_.forget(node);
  failures_.erase(node);
}

void WriteDesk::run(model::MonoTime now) {
  if (!touched_ && (!again_ || now < *again_)) return;
  if (in_flight_.size() >= kMostInFlight) return;
  const std::size_t room = kMostInFlight - in_flight_.size();
  const auto others = static_cast<std::size_t>(
      std::count_if(in_flight_.begin(), in_flight_.end(), [](const auto& one) { return !is_urgent(one.second); }));
  const std::size_t room_for_others = kMostOthersInFlight - std::min(others, kMostOthersInFlight);
  auto writes = publisher_.due(now, room, room_for_others);
  // There may be more; those that were held back come with the next answer.
  touched_ = writes.size() == room;
  again_ = publisher_.next_due(now);
  for (auto& write : writes) {
    const auto node = write.node;
    in_flight_[node] = write.reason;
    out_.send(node, request_of(std::move(write)));
  }
}

void WriteDesk::answered(const model::NodeName& node, const model::Result<k8s_api::Answer>& answer,
                         model::MonoTime now) {
  const auto found = in_flight_.find(node);
  if (found == in_flight_.end()) return;
  const auto reason = found->second;
  in_flight_.erase(found);
  touched_ = true;
  const auto failed_before = failures_.find(node);
  const auto outcome = outcome_of(answer, failed_before == failures_.end() ? 0 : failed_before->second);
  switch (outcome.kind) {
    case WriteOutcome::Kind::kWritten:
      publisher_.written(node, outcome.resource_version, now);
      ++written_.at(static_cast<std::size_t>(reason));
      failures_.erase(node);
      told_forbidden_ = false;
      return;
    case WriteOutcome::Kind::kGone:
      // That it is gone the watch tells, and another Node of that name may be there already.
      publisher_.failed(node, WriteOutcome::kLongestRetry, now);
      failures_.erase(node);
      return;
    case WriteOutcome::Kind::kForbidden:
      if (!std::exchange(told_forbidden_, true)) {
        log::error("kubernetes-forbidden",
                   "{}: nothing is published; the role needs the verb patch on nodes/status (node {})", outcome.why,
                   node.str());
      }
      break;
    case WriteOutcome::Kind::kFailed:
      if (const auto held = told_failed_.admit(now.ns)) {
        log::warn("kubernetes-write", "node {}, {}: {}; tried again in {} s{}", node.str(), publish::name_of(reason),
                  outcome.why, model::to_ms(outcome.retry_in) / 1000,
                  *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
      }
      break;
  }
  ++failed_;
  ++failures_[node];
  publisher_.failed(node, outcome.retry_in, now);
}

void WriteDesk::show(coordinator::BridgeNumbers& numbers, model::MonoTime now) const {
  for (std::size_t reason = 0; reason < kReasons; ++reason) {
    numbers.writes.emplace_back(publish::name_of(static_cast<publish::WriteReason>(reason)), written_[reason]);
  }
  numbers.writes_failed = failed_;
  const auto above = publisher_.above(now);
  numbers.nodes_above = above.nodes;
  numbers.longest_above = above.longest;
}

}  // namespace tideline::bridge
