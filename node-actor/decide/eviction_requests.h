#pragma once
// From victims to evictions: each is asked for at the coordinator, which grants, defers or refuses (DESIGN §4). Who
// gets no answer by a deadline goes on alone, at a bounded rate. What was picked is evicted only while it is still
// needed.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/eviction.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_evict.h"

namespace tideline::decide {

/// Longer than most reconnects after a coordinator's restart; an eviction for CPU can wait that long.
constexpr model::Duration kArbiterDeadline = std::chrono::seconds(30);
/// What has no answer is asked again after this.
constexpr model::Duration kAskAgain = std::chrono::seconds(5);
/// Between two evictions that nobody granted.
constexpr model::Duration kAloneEvery = std::chrono::minutes(1);

/// What is remembered from round to round. A default-constructed one is right after a start, but for `last_alone`.
struct EvictionRequests {
  struct Waiting {
    EvictVictim victim;
    std::optional<model::MonoTime> unanswered_since;  // of the first ask without an answer; nullopt: none is open
    model::MonoTime next_ask;
    bool granted = false;
  };
  std::vector<Waiting> waiting;  // in the order they were picked
  std::optional<model::MonoTime> last_alone;
};

struct RequestsInput {
  model::MonoTime now;
  const EvictDecision& decision;                     // of this round
  std::span<const model::Pod> pods;                  // of this round
  std::span<const model::EvictionVerdict> verdicts;  // that came since the last round
  std::span<const model::PodUid> held;               // of those waiting or picked: an operator keeps us off them
  std::span<const model::PodUid> leaving;            // are being evicted already
};

struct RequestsDecision {
  std::vector<EvictVictim> ask;  // to be asked for now
  struct Go {
    EvictVictim victim;
    model::Reason by = model::Reason::kNone;  // kEvictionGranted, or kNoArbiter
    std::string why;                          // for people
  };
  std::vector<Go> go;  // to be evicted now
  struct Dropped {
    EvictVictim victim;
    /// kEvictionWithdrawn: not needed any more, and may be picked again. Else the verdict's reason or kHandsOff: not to
    /// be picked for a while. kNone: the pod ended by itself.
    model::Reason reason = model::Reason::kNone;
    std::string why;
  };
  std::vector<Dropped> dropped;
};

struct RequestsStep {
  EvictionRequests state;
  RequestsDecision decision;
};

/// One round. In it a victim whose trigger ended, or that fewer victims make needless, is dropped; one whose trigger
/// cannot be judged for want of data stays, and is neither asked for nor evicted. A refusal for an old epoch is no
/// answer. At most EvictionLimits::kMaxRequests wait; further victims are dropped as withdrawn.
RequestsStep eviction_requests(EvictionRequests state, const RequestsInput& input);

/// Services feel a full host; the other triggers are batch's own trouble.
model::EvictionUrgency urgency_of(EvictTask task);

}  // namespace tideline::decide
