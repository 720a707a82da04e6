#include "test/sim/node_check.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace tideline::sim {
namespace {

using model::Knob;
using model::KubeQos;
using model::MilliCpu;
using std::chrono::seconds;

constexpr MilliCpu kLeastOfBatch(20);  // 2 ms of a period of 100 ms

std::string text_of(const std::optional<MilliCpu>& limit) {
  return limit ? fmt::format("{} millicores", limit->value()) : "no quota";
}

std::optional<MilliCpu> quota_of(const std::optional<model::KnobValue>& value) {
  const auto* limit = value ? std::get_if<model::Limit>(&*value) : nullptr;
  return limit == nullptr ? std::nullopt : limit->cpu;
}

std::int64_t weight_of(const std::optional<model::KnobValue>& value) {
  const auto* number = value ? std::get_if<model::Number>(&*value) : nullptr;
  return number == nullptr ? 0 : number->value;
}

std::optional<Violation> check_group(const simulation::SimulatedHost& host, const model::GroupRef& group, bool batch) {
  const decide::KnobRef quota{group, Knob::kCpuQuota};
  const auto now = quota_of(host.read(quota));
  if (batch) {
    if (!now || *now > MilliCpu(0)) return std::nullopt;
    return Violation{2, fmt::format("batch is stopped: {} has {}", model::text_of(group), text_of(now))};
  }
  const auto specified = quota_of(host.original(quota));
  if (now && (!specified || *now < *specified)) {
    return Violation{3, fmt::format("a service is throttled: {} has {}, and {} by its specification",
                                    model::text_of(group), text_of(now), text_of(specified))};
  }
  const decide::KnobRef weight{group, Knob::kCpuWeight};
  const auto shares = weight_of(host.read(weight));
  const auto usual = weight_of(host.original(weight));
  if (shares >= usual) return std::nullopt;
  return Violation{
      3, fmt::format("a service weighs less: {} has {} shares instead of {}", model::text_of(group), shares, usual)};
}

}  // namespace

std::optional<Violation> check_knobs(const simulation::SimulatedHost& host) {
  for (const KubeQos qos : {KubeQos::kGuaranteed, KubeQos::kBurstable, KubeQos::kBestEffort}) {
    if (auto wrong = check_group(host, model::root_of(qos), qos == KubeQos::kBestEffort)) return wrong;
  }
  for (const auto& pod : host.pods()) {
    const bool batch = pod.qos == model::QosClass::kBe;
    if (auto wrong = check_group(host, model::group_of(pod), batch)) return wrong;
    if (pod.containers.empty()) continue;
    if (auto wrong = check_group(host, model::group_of(pod, pod.containers.front()), batch)) return wrong;
  }
  return std::nullopt;
}

std::optional<Violation> NodeCheck::started(const rehearsal::SimulatedNode& node, Counts& counts) {
  read_.reset();
  read_before_.reset();
  ++counts.starts;
  if (!node.be_limit()) return std::nullopt;
  return Violation{2, "an agent began, and batch still has " + text_of(node.be_limit())};
}

bool NodeCheck::may_raise(model::MonoTime now, model::Duration pod_interval) const {
  const auto fresh = std::max<model::Duration>(seconds(2), 2 * pod_interval);
  return read_before_ && now - *read_ <= fresh && *read_ - *read_before_ <= seconds(20);
}

std::optional<Violation> NodeCheck::judge_limit(const rehearsal::SimulatedNode& node, model::MonoTime now,
                                                model::Duration pod_interval, Counts& counts) const {
  const auto limit = node.be_limit();
  const bool knows = may_raise(now, pod_interval);
  counts.blind += knows ? 0 : 1;
  if (limit == limit_) return std::nullopt;
  if (limit && *limit < kLeastOfBatch) return Violation{2, "batch is stopped: it has " + text_of(limit)};
  if (!node.policy()) return Violation{3, fmt::format("batch has {} without a policy", text_of(limit))};
  if (!limit_ || (limit && *limit < *limit_)) {
    ++counts.falls;
    return std::nullopt;
  }
  ++counts.rises;
  if (knows || !node.policy()->threshold.enable) return std::nullopt;
  return Violation{
      3, fmt::format("batch gets {} instead of {} on missing or stale data", text_of(limit), text_of(limit_))};
}

std::optional<Violation> NodeCheck::judge(const rehearsal::SimulatedNode& node,
                                          const rehearsal::SimulatedNode::Progress& progress, model::MonoTime now,
                                          model::Duration pod_interval, Counts& counts) {
  if (progress.lost) return Violation{4, "a report is lost: " + progress.lost->message()};
  if (!node.agent_runs()) {
    if (node.be_limit() == limit_) return std::nullopt;
    return Violation{
        2, fmt::format("without an agent batch has {} instead of {}", text_of(node.be_limit()), text_of(limit_))};
  }
  if (auto wrong = judge_limit(node, now, pod_interval, counts)) return wrong;
  if (const auto& sample = node.sample(); sample && sample->at != read_) {
    read_before_ = read_;
    read_ = sample->at;
  }
  counts.writes += progress.writes;
  if (progress.writes == 0) return std::nullopt;
  return check_knobs(*node.host());
}

}  // namespace tideline::sim
