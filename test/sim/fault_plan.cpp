#include "test/sim/fault_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tideline::sim {
namespace {

using simulation::Fault;
using simulation::FaultKind;

/// In each of these a node has a fault by a chance of so many percent, and the coordinator one of each kind.
constexpr std::int64_t kTurn = 16 * kMinute;
constexpr std::int64_t kFaultPercent = 18;
constexpr std::int64_t kCoordinatorTurn = 24 * kMinute;
constexpr std::int64_t kCoordinatorFaultPercent = 70;

constexpr FaultKind kKinds[] = {FaultKind::kLinkLoss,  FaultKind::kFlap,      FaultKind::kCrash,
                                FaultKind::kPowerLoss, FaultKind::kClockSkew, FaultKind::kSlowDisk,
                                FaultKind::kDuplicate};

std::int64_t length_of(Random& random, FaultKind kind) {
  switch (kind) {
    case FaultKind::kLinkLoss:
      // Some outlast the spool.
      return random.percent(25) ? random.between(420, 600) : random.between(5, 240);
    case FaultKind::kFlap:
      return random.between(20, 120);
    case FaultKind::kCrash:
      return random.between(1, 120);
    case FaultKind::kPowerLoss:
      return random.between(10, 180);
    case FaultKind::kClockSkew:
      return random.between(60, 600);
    case FaultKind::kSlowDisk:
      return random.between(60, 300);
    case FaultKind::kDuplicate:
      return random.between(90, 300);
  }
  return 1;
}

std::int64_t amount_of(Random& random, FaultKind kind) {
  switch (kind) {
    case FaultKind::kFlap:
      return random.between(2, 16) * kSecond;
    case FaultKind::kClockSkew:
      return (random.percent(50) ? 1 : -1) * random.between(3, 7200) * kSecond;
    case FaultKind::kSlowDisk:
      return random.between(500, 15'000) * kMs;
    case FaultKind::kLinkLoss:
    case FaultKind::kCrash:
    case FaultKind::kPowerLoss:
    case FaultKind::kDuplicate:
      break;
  }
  return 0;
}

Fault fault_of(FaultKind kind, std::int64_t at, std::int64_t length, std::int64_t amount) {
  Fault fault;
  fault.kind = kind;
  fault.at = model::Duration(at);
  fault.length = model::Duration(length);
  fault.amount = model::Duration(amount);
  return fault;
}

}  // namespace

FaultPlan::FaultPlan(Random& random, std::int64_t length) {
  std::vector<Fault> faults;
  const std::int64_t end = length - kCalm;
  for (std::int64_t turn = kWarmUp; turn < end; turn += kTurn) {
    if (!random.percent(kFaultPercent)) continue;
    const auto kind = kKinds[random.between(0, std::size(kKinds) - 1)];
    const auto most = std::min(length_of(random, kind) * kSecond, end - turn);
    const auto at = turn + random.between(0, std::min(kTurn, end - turn - most) / kSecond) * kSecond;
    const auto amount = amount_of(random, kind);
    // The other agent comes in only where the first is not heard of.
    const bool also_link = kind == FaultKind::kDuplicate && random.percent(60);
    faults.push_back(fault_of(kind, at, most, amount));
    if (also_link) faults.push_back(fault_of(FaultKind::kLinkLoss, at + 20 * kSecond, 50 * kSecond, 0));
  }
  for (const auto& fault : faults) {
    add_strike(fault.at.count());
    add_strike((fault.at + *fault.length).count());
  }
  schedule_ = simulation::FaultSchedule(std::move(faults));
}

std::vector<CoordinatorFault> coordinator_faults(Random& random, std::int64_t length) {
  std::vector<CoordinatorFault> faults;
  const std::int64_t end = length - kCalm;
  for (std::int64_t turn = kWarmUp; turn + kCoordinatorTurn <= end; turn += kCoordinatorTurn) {
    // Each in its own half.
    const std::int64_t half = kCoordinatorTurn / 2;
    if (random.percent(kCoordinatorFaultPercent)) {
      // Longer than nodes wait for leave to evict, at times.
      const auto down = random.percent(25) ? random.between(60, 200) : random.between(1, 40);
      const auto at = turn + random.between(0, half / kSecond - down) * kSecond;
      faults.push_back({CoordinatorFault::Kind::kCrash, at, down * kSecond, 0});
    }
    if (random.percent(kCoordinatorFaultPercent)) {
      const auto slow = random.between(60, 240);
      const auto at = turn + half + random.between(0, half / kSecond - slow) * kSecond;
      faults.push_back({CoordinatorFault::Kind::kSlowDisk, at, slow * kSecond, random.between(1, 20) * kSecond});
    }
  }
  return faults;
}

}  // namespace tideline::sim
