#pragma once
// What a node asks before it evicts, and what the coordinator answers (DESIGN §4, Eviction).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/reason.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::model {

struct EvictionLimits {
  static constexpr std::size_t kMaxRequests = 64;  // in one ask
  static constexpr std::size_t kMaxIdBytes = 512;
  static constexpr std::size_t kMaxNameBytes = 253;
  static constexpr std::size_t kMaxTextBytes = 512;  // workload, cgroup, why
  static constexpr Duration kMaxRetryAfter = std::chrono::hours(1);
};

/// Whose need it is. Values travel and are stored: never renumber.
enum class EvictionUrgency : std::uint8_t {
  kBatch = 0,     // batch starves or is promised too much: services feel nothing
  kServices = 1,  // the host is full: services may feel it
};
std::string_view name_of(EvictionUrgency urgency);  // "batch", "services"

/// One pod that a node wants to evict.
struct EvictionRequest {
  /// The same for each ask of the same eviction; unique on its node. Through the API a pod that is picked again after
  /// it was refused or withdrawn has another.
  std::string id;
  PodUid uid;
  std::string name_space;
  std::string name;
  std::string workload;  // owner as "kind/name"; "" = not known
  std::string group;     // the pod's cgroup, relative to the tree's root
  Reason reason = Reason::kNone;
  EvictionUrgency urgency = EvictionUrgency::kBatch;
  friend bool operator==(const EvictionRequest&, const EvictionRequest&) = default;
};

/// Those that a node waits for and asks for now, with the highest term it has seen. Not all that it waits for: of one
/// that was deferred or is under way it knows when to ask again.
struct EvictionAsk {
  Epoch seen;
  /// The node has its pods from the coordinator: what is granted is the coordinator's to carry out, through the
  /// Kubernetes API. The node asks for the same id again for as long as it needs it; one that it does not ask for any
  /// more is not sent to the API server any more.
  bool through_api = false;
  std::vector<EvictionRequest> requests;
  friend bool operator==(const EvictionAsk&, const EvictionAsk&) = default;
};

struct EvictionVerdict {
  /// Values travel and are stored: never renumber.
  enum class Answer : std::uint8_t {
    kGranted = 0,   // the node is to evict it
    kDeferred = 1,  // not now: ask again after retry_after
    kRefused = 2,
    kUnderWay = 3,  // of an ask through the API: granted, and not through yet; ask again after retry_after
    kEvicted = 4,   // likewise: the API server took it, or the pod is gone; it leaves by itself
  };
  std::string id;
  Answer answer = Answer::kRefused;
  Reason reason = Reason::kNone;
  std::string why;          // for people
  Duration retry_after{0};  // of kDeferred and kUnderWay: ask again then; travels as ms
  friend bool operator==(const EvictionVerdict&, const EvictionVerdict&) = default;
};
std::string_view name_of(EvictionVerdict::Answer answer);  // "granted", "deferred", "refused", "under-way", "evicted"

/// One verdict for each request, in no order that means anything.
struct EvictionAnswer {
  Epoch epoch;
  std::vector<EvictionVerdict> verdicts;
  friend bool operator==(const EvictionAnswer&, const EvictionAnswer&) = default;
};

/// How many evictions the coordinator grants over the whole fleet: tideline-config, eviction.*.
struct EvictionRates {
  int per_minute = 60;              // 0: none
  int per_minute_per_workload = 5;  // of one owner's pods; pods without an owner are not bound by it
  friend bool operator==(const EvictionRates&, const EvictionRates&) = default;
};

/// kubernetes.io/batch-cpu and batch-memory that a node has for batch, as the coordinator's ledger says.
struct BatchAllocatable {
  /// nullopt: not known: colocation is off, or the node's data are missing or stale. 0: there is none.
  std::optional<MilliCpu> cpu;
  Duration age{0};                // of the report it rests on, when this was sent; travels as ms
  std::optional<Bytes> memory{};  // as cpu; not known, too, of a coordinator that does not tell it
  friend bool operator==(const BatchAllocatable&, const BatchAllocatable&) = default;
};

/// Subject of each event about the eviction or the end of a pod: "pod batch/job-1 <uid>".
std::string pod_subject(std::string_view name_space, std::string_view name, const PodUid& uid);

/// kInvalidArgument, naming field and bound: too many requests, an id twice, an empty or too long text.
Result<void> validate(const EvictionAsk& ask);
/// Likewise; a retry_after outside 0..kMaxRetryAfter.
Result<void> validate(const EvictionAnswer& answer);
/// CPU outside 0..ReportLimits::kMaxMilliCpu, memory outside 0..ReportLimits::kMaxMemoryBytes, a negative age.
Result<void> validate(const BatchAllocatable& allocatable);

}  // namespace tideline::model
