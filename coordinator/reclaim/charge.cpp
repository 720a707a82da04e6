#include "coordinator/reclaim/charge.h"

namespace tideline::reclaim {
namespace {

using model::Bytes;
using model::CalculatePolicy;
using model::ChargeBasis;
using model::MilliCpu;
using model::Tier;

/// How CPU and memory differ in what a pod says of them.
struct Cpu {
  using Unit = MilliCpu;
  static std::optional<Unit> used(const PodInput& pod) { return pod.cpu; }
  static std::optional<Unit> request(const model::Resources& of) { return of.cpu; }
  static std::optional<Unit> mid_request(const model::MidRequests& of) { return of.cpu; }
  static std::optional<Unit> batch_request(const model::Resources& of) { return of.batch_cpu; }
  // An LSE pod's CPUs are its own whether it uses them or not.
  static bool is_all_its_own(const PodInput& pod) { return pod.qos == model::QosClass::kLse; }
};

struct Memory {
  using Unit = Bytes;
  static std::optional<Unit> used(const PodInput& pod) { return pod.memory; }
  static std::optional<Unit> request(const model::Resources& of) { return of.memory; }
  static std::optional<Unit> mid_request(const model::MidRequests& of) { return of.memory; }
  static std::optional<Unit> batch_request(const model::Resources& of) { return of.batch_memory; }
  static bool is_all_its_own(const PodInput&) { return false; }
};

template <class Unit>
struct Based {
  Unit value{};
  ChargeBasis basis = ChargeBasis::kUnknown;
};

template <class Unit>
Based<Unit> by_policy(CalculatePolicy policy, std::optional<Unit> used, std::optional<Unit> request, bool all_its_own) {
  switch (policy) {
    case CalculatePolicy::kUsage:
      if (all_its_own && request) return {*request, ChargeBasis::kLse};
      if (used) return {*used, ChargeBasis::kUse};
      if (request) return {*request, ChargeBasis::kUnmeasured};
      break;
    case CalculatePolicy::kRequest:
      if (request) return {*request, ChargeBasis::kRequest};
      break;
    case CalculatePolicy::kMaxUsageRequest:
      if (used && (!request || *used >= *request)) return {*used, ChargeBasis::kUse};
      if (request) return {*request, used ? ChargeBasis::kRequest : ChargeBasis::kUnmeasured};
      break;
  }
  return {};
}

template <class Resource>
PodCharge<typename Resource::Unit> charge(const PodInput& pod, CalculatePolicy policy) {
  using Unit = typename Resource::Unit;
  const Unit zero{0};
  const bool high = pod.tier == Tier::kProd || pod.tier == Tier::kMid;
  PodCharge<Unit> one;
  if (!pod.listed) {
    one.used = Resource::used(pod);
    if (!high) return one;
    one.charged = one.used.value_or(zero);
    one.basis = ChargeBasis::kGone;
    return one;
  }
  if (pod.phase != model::PodPhase::kRunning && pod.phase != model::PodPhase::kPending) {
    one.basis = ChargeBasis::kEnded;
    return one;
  }
  one.used = Resource::used(pod);
  if (!high) {
    one.committed = Resource::batch_request(pod.requests).value_or(zero);
    return one;
  }
  const auto request = Resource::request(pod.requests);
  const auto based = by_policy(policy, one.used, request, Resource::is_all_its_own(pod));
  one.charged = based.value;
  one.basis = based.basis;
  if (pod.tier == Tier::kProd) {
    one.requested = request.value_or(zero);
    return one;
  }
  one.committed = Resource::mid_request(pod.mid_requests).value_or(zero);
  if (one.committed > one.charged) {
    one.charged = one.committed;
    one.basis = ChargeBasis::kMidRequest;
  }
  return one;
}

}  // namespace

PodCharge<MilliCpu> charge_cpu(const PodInput& pod, CalculatePolicy policy) {
  return charge<Cpu>(pod, policy);
}

PodCharge<Bytes> charge_memory(const PodInput& pod, CalculatePolicy policy) {
  return charge<Memory>(pod, policy);
}

}  // namespace tideline::reclaim
