#pragma once
// An account line by line: each term with its value, where it comes from and how old that is; and which pods are
// charged what, and why.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::model {

/// Values travel: never renumber.
enum class AccountTerm : std::uint8_t {
  kCapacity = 0,
  kMargin = 1,
  kSystemUsed = 2,  // outside of pods
  kReserved = 3,    // kept for the system, used or not
  kSystem = 4,
  kHighPriority = 5,
  kMidCharged = 6,
  kRoom = 7,  // capacity - margin - system - high priority
  kRequested = 8,
  kUsed = 9,
  kProdReclaimable = 10,
  kMid = 11,
  kMidCommitted = 12,
  kMidOffered = 13,
  kOffered = 14,
  kCommitted = 15,
  kDeficit = 16,
  kReservation = 17,       // of reserved, by annotation
  kOrigin = 18,            // batch's whole before third parties
  kThirdParty = 19,        // of it, given away by other schedulers
  kHostApplications = 20,  // of high priority; of nodes that have any
  kPublished = 21,         // what is left, where batch-cpu counts other CPUs than the host's
};
std::string_view name_of(AccountTerm term);  // "capacity", "system-used" ...

/// Values travel: never renumber.
enum class TermSource : std::uint8_t {
  kNodeStatus = 0,  // the node's newest live report says so
  kMeasured = 1,    // average of what was measured
  kPolicy = 2,      // a share of the capacity
  kPods = 3,        // a sum over the pods of the newest live report, and those that are gone since
  kPrediction = 4,
  kFormula = 5,  // of the lines before it
};
std::string_view name_of(TermSource source);  // "node-status", "measured" ...

/// Why a pod is charged what it is. Values travel: never renumber.
enum class ChargeBasis : std::uint8_t {
  kNotCharged = 0,  // batch and free pods
  kEnded = 1,
  kUse = 2,
  kRequest = 3,          // by the policy, or as the larger of both
  kUnmeasured = 4,       // its request, as its use is not known
  kLse = 5,              // its request: an LSE pod's CPUs are its own
  kGone = 6,             // what of its use the system's average lacks: no longer listed
  kMidRequest = 7,       // what it was promised of mid resources is the larger
  kUnknown = 8,          // neither use nor request is known: nothing, it is part of the system's use
  kHostApplication = 9,  // no pod at all: what host applications of prod and mid use
};
std::string_view name_of(ChargeBasis basis);  // "use", "request" ...

template <class Unit>
struct ExplainedTerm {
  AccountTerm term = AccountTerm::kCapacity;
  std::optional<Unit> value;  // nullopt = not known
  TermSource source = TermSource::kFormula;
  std::string detail;           // by which key, of what; "" = not known any more
  std::optional<Duration> age;  // of the report behind it; nullopt = there is none
  friend bool operator==(const ExplainedTerm&, const ExplainedTerm&) = default;
};

/// All pods, or host applications, that are charged for one reason.
template <class Unit>
struct ChargeSum {
  ChargeBasis basis = ChargeBasis::kUse;
  std::uint32_t pods = 0;  // or host applications
  Unit charged{};
  friend bool operator==(const ChargeSum&, const ChargeSum&) = default;
};

template <class Unit>
struct ChargedPod {
  PodUid uid;
  std::string name = {};  // "namespace/name"; "" = not known
  Tier tier = Tier::kProd;
  QosClass qos = QosClass::kLs;
  ChargeBasis basis = ChargeBasis::kUse;
  Unit charged{};
  std::optional<Unit> used;       // average
  std::optional<Unit> requested;  // of the native resource
  std::optional<Unit> promised;   // requested of the mid resource
  friend bool operator==(const ChargedPod&, const ChargedPod&) = default;
};

template <class Unit>
struct ExplainedResource {
  std::vector<ExplainedTerm<Unit>> terms;  // in the formula's order
  std::vector<ChargeSum<Unit>> charges;    // together they are high_priority
  std::vector<ChargedPod<Unit>> pods;      // those that are charged most, first; at most ExplainedLimits::kMaxPods
  friend bool operator==(const ExplainedResource&, const ExplainedResource&) = default;
};

struct ExplainedAccount {
  Reclaimed account;
  WallTime at;          // when it was so
  bool stored = false;  // as history has it: without details, reasons and pods
  ExplainedResource<MilliCpu> cpu;
  ExplainedResource<Bytes> memory;
  std::string zones_problem = {};  // why there are no accounts of zones, where there should be
  friend bool operator==(const ExplainedAccount&, const ExplainedAccount&) = default;
};

/// How many of a node's accounts with the same rules and policy version history has.
struct KeptAccounts {
  static constexpr Duration kAtMostEvery = std::chrono::minutes(1);
  /// While the node reports.
  static constexpr Duration kAtLeastEvery = std::chrono::minutes(10);
  /// Between both: one where a term moved by more than this share of capacity.
  static constexpr int kMovedPercent = 1;
};

struct ExplainedLimits {
  static constexpr std::size_t kMaxPods = 10;
};

}  // namespace tideline::model
