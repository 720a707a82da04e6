#pragma once
// From victims to evictions: each is asked for at the coordinator, which grants, defers or refuses (DESIGN §4). What
// was picked is evicted only while it is still needed. Who carries it out depends on where the pods come from:
// * Without Kubernetes the node does what was granted, and goes on alone, at a bounded rate, where no answer comes.
// * With it the coordinator does, through the API (RequestsInput::through_api). The node asks again for as long as it
//   needs the eviction, and never goes by itself, granted or alone: kubelet would start again what an agent ends, and a
//   budget would not be asked.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/eviction.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/evict_serve.h"
#include "node-actor/decide/victims.h"

namespace tideline::decide {

/// Longer than most reconnects after a coordinator's restart; an eviction for CPU can wait that long, and so can one
/// for what is promised too much.
constexpr model::Duration kArbiterDeadline = std::chrono::seconds(30);
/// Of an eviction because memory is full: the OOM killer waits for nobody.
constexpr model::Duration kFullArbiterDeadline = std::chrono::seconds(10);
/// What has no answer is asked again after this.
constexpr model::Duration kAskAgain = std::chrono::seconds(5);
/// Between two evictions that nobody granted.
constexpr model::Duration kAloneEvery = std::chrono::minutes(1);
/// Likewise, before one because memory is full.
constexpr model::Duration kFullAloneEvery = std::chrono::seconds(10);
/// One that is under way is asked for again this soon at most, and after kAskAgain at the latest, whatever the verdict
/// says: the coordinator drops what nobody asked for within 15 s.
constexpr model::Duration kRenewAtMostEvery = std::chrono::seconds(1);
/// Two asks are at least so far apart, whatever the interval of rounds: the coordinator gives no answer to a node that
/// asks twice in half a second.
constexpr model::Duration kBetweenAsks = std::chrono::milliseconds(750);
/// A coordinator that cannot evict through the API is asked again after this: each ask may leave an event behind.
constexpr model::Duration kNoApiAskAgain = std::chrono::minutes(1);

/// What is remembered from round to round. A default-constructed one is right after a start, but for `last_alone`.
struct EvictionRequests {
  struct Waiting {
    EvictVictim victim;
    std::optional<model::MonoTime> unanswered_since;  // of the first ask without an answer; nullopt: none is open
    model::MonoTime next_ask;
    bool granted = false;  // to this node
    /// Through the API: the coordinator said once that it is on its way, so that the pod may go at any moment.
    bool under_way = false;
    model::Reason word = model::Reason::kNone;  // the coordinator's, as told last in RequestsDecision::words
  };
  std::vector<Waiting> waiting;  // in the order they were picked
  std::optional<model::MonoTime> last_alone;
  std::optional<model::MonoTime> last_ask;
};

/// What one mechanism picked, and what its triggers say. Not owned.
struct EvictRound {
  std::span<const EvictVictim> victims = {};
  std::span<const EvictOutcome> outcomes = {};
};

struct RequestsInput {
  model::MonoTime now;
  EvictRound cpu = {};               // of this round; one without outcomes says nothing: what waits for it stays
  EvictRound memory = {};            // likewise
  std::span<const model::Pod> pods;  // of this round
  std::span<const model::EvictionVerdict> verdicts;  // that came since the last round
  std::span<const model::PodUid> held;               // of those waiting or picked: an operator keeps us off them
  std::span<const model::PodUid> leaving;            // are being evicted already
  bool through_api = false;                          // see model::EvictionAsk
};

struct RequestsDecision {
  std::vector<EvictVictim> picked;  // wait from now on
  std::vector<EvictVictim> ask;     // to be asked for now
  struct Go {
    EvictVictim victim;
    model::Reason by = model::Reason::kNone;  // kEvictionGranted, or kNoArbiter
    std::string why;                          // for people
  };
  std::vector<Go> go;  // to be evicted by this node now; none through the API
  struct Leaves {
    EvictVictim victim;
    std::string why;  // for people
  };
  /// Through the API: evicted, and not to be had back. By the coordinator's word, or because the list of pods shows
  /// that one leaves which was under way. They wait no longer.
  std::vector<Leaves> leaves;
  struct Word {
    EvictVictim victim;
    /// The verdict's. kNoKubernetes also of a plain grant: a coordinator that knows of no API would have the node
    /// evict. kNoArbiter: no answer by the deadline.
    model::Reason reason = model::Reason::kNone;
    std::string why;
  };
  /// Through the API: what the coordinator said, refusals included, where it is another reason than before.
  std::vector<Word> words;
  struct Dropped {
    EvictVictim victim;
    /// kEvictionWithdrawn: not needed any more, and may be picked again. Else the verdict's reason or kHandsOff: not to
    /// be picked for a while. kNone: the pod ended by itself.
    model::Reason reason = model::Reason::kNone;
    std::string why;
    bool under_way = false;  // through the API: it may go all the same, for no answer of the server's says otherwise
  };
  std::vector<Dropped> dropped;
};

struct RequestsStep {
  EvictionRequests state;
  RequestsDecision decision;
};

/// One round. In it a victim whose trigger ended, or that fewer victims make needless, is dropped; one whose trigger
/// cannot be judged for want of data stays, and is neither asked for nor evicted. A refusal for an old epoch is no
/// answer. At most EvictionLimits::kMaxRequests wait; further victims are dropped as withdrawn. Those whose ask is due
/// within kBetweenAsks of the last one are asked for together, once that is over. While BE's memory is to be had back,
/// one that waits for what only batch needs, and frees memory, is asked for as a victim of kBeMemory.
///
/// Through the API a victim that is picked gets an id of its own: "<EvictVictim::id>/<ns on the monotonic clock>". What
/// was refused once stays refused for its id at the coordinator, and is another eviction when it is picked again. A
/// coordinator without Kubernetes refuses all alike: that is waited for, as a coordinator is that does not answer.
RequestsStep eviction_requests(EvictionRequests state, const RequestsInput& input);

/// Services feel a host whose CPU or memory is full; the other triggers are batch's own trouble.
model::EvictionUrgency urgency_of(EvictTask task);

}  // namespace tideline::decide
