#pragma once
// Who of several leads, by a Lease: what is asked of the API server and when, and for how long this one may lead. A
// plain value: times come in, requests go out.
//
// The semantics are those of client-go's leaderelection: holderIdentity, leaseDurationSeconds, acquireTime, renewTime,
// leaseTransitions, and a holder "" of one that gave it back. Nobody's wall clock counts: a candidate takes the Lease
// when it has not seen its record change for the holder's lease duration by a clock of its own, and a leader leads for
// the renew deadline, which is shorter, after it sent the renewal that was taken. Two cannot write at once: each write
// is one of a resourceVersion.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "k8s-bridge/lease/lease_object.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::lease {

struct ElectorOptions {
  /// No other process may have it, not even a later one of this host: who reads it in the Lease takes that for its own.
  std::string identity;
  std::string name_space = "tideline-system";
  std::string name = "tideline-coordinator";
  model::Duration duration = std::chrono::seconds(15);        // whole seconds
  model::Duration renew_deadline = std::chrono::seconds(10);  // < duration
  model::Duration retry = std::chrono::seconds(2);            // from one renewal to the next, and of candidates' looks
  double jitter = 0.5;                                        // a candidate's look is up to that share of `retry` later
};
/// The deadlines in client-go's proportions: of 15 s 10 and 2. kInvalidArgument outside of 5 s to 10 min, or not whole.
model::Result<ElectorOptions> with_duration(ElectorOptions options, model::Duration duration);

struct Call {
  enum class Kind : std::uint8_t { kRead, kCreate, kUpdate };
  Kind kind = Kind::kRead;
  std::string body = {};  // JSON; "" of kRead
};

struct Answer {
  enum class Kind : std::uint8_t {
    kObject,    // 200, 201: the Lease as it is now
    kMissing,   // 404
    kConflict,  // 409: somebody wrote meanwhile, or made it
    kFailed,    // no answer, or any other: what was asked may have been done
  };
  Kind kind = Kind::kFailed;
  std::optional<LeaseObject> object = {};
  std::string why = {};  // "" of kObject
};
/// `described`: status and message, for people.
Answer answer_of(unsigned status, std::string_view body, const std::string& described);
/// No answer came, for that reason.
Answer no_answer(std::string why);

enum class Phase : std::uint8_t {
  kStandby,
  kLeading,
  kLost,       // it led, and must not any more; for good
  kReleasing,  // it leads no more, and gives the Lease back
  kReleased,   // for good
};

/// For people and metrics.
struct Standing {
  Phase phase = Phase::kStandby;
  std::string holder = {};   // as the Lease was seen last; "" = nobody, or not seen yet
  std::string problem = {};  // with the newest answer; "" = none. Of kLost: why
  std::int64_t transitions = 0;
  friend bool operator==(const Standing&, const Standing&) = default;
};

class Elector {
 public:
  explicit Elector(ElectorOptions options) : options_(std::move(options)) {}

  /// What is to be asked now; one call at a time, until answered(). `wall` is for people who read the Lease.
  std::optional<Call> due(model::BootTime now, model::WallTime wall);
  /// `share`: 0 to 1, by chance.
  void answered(Answer answer, model::BootTime now, double share);
  /// Leads no more from now on. What it has is given back by the calls that are due; kReleased when it is.
  void release(model::BootTime now);

  /// Until when it leads, by that clock; only of kLeading.
  std::optional<model::BootTime> leads_until() const;
  /// When due() is to be asked again at the latest; nullopt: not before the answer, or never.
  std::optional<model::BootTime> next_due() const;
  Standing standing() const;

 private:
  struct Seen {
    LeaseObject object;
    model::BootTime changed;  // when its record was first seen as it is
  };
  struct Sent {
    Call::Kind kind;
    model::BootTime at;
  };

  void look(model::BootTime now);
  Call next_call(model::BootTime now, model::WallTime wall);
  void observe(LeaseObject object, model::BootTime now);
  void read(Answer answer, model::BootTime now, double share);
  void missing(const std::string& why, model::BootTime now, double share);
  void written(LeaseObject object, const Sent& sent, model::BootTime now, double share);
  void failed(const std::string& why, model::BootTime now, double share);
  void lose(std::string why);
  bool is_ours() const;
  /// Candidates may take what nobody wrote to since then.
  model::BootTime expires() const;
  /// Likewise of one that is not there.
  model::BootTime may_be_made() const;
  bool is_free(model::BootTime now) const;
  model::BootTime later(model::BootTime now, double share) const;
  Record stamped(Record record, model::WallTime wall);

  ElectorOptions options_;
  Phase phase_ = Phase::kStandby;
  std::optional<Seen> seen_;
  std::optional<model::BootTime> absent_since_;  // it was not there at each look since then
  model::BootTime absent_at_;                    // the newest of those looks
  bool stale_ = true;                            // it may be another by now than it was seen
  bool written_unseen_ = false;                  // by us, perhaps: the answer was lost
  model::Duration theirs_{0};                    // for how long whoever held it last may have it
  std::optional<Sent> sent_;
  model::BootTime next_;
  model::BootTime until_;  // of kLeading
  std::string problem_;
  std::int64_t last_stamp_us_ = 0;
};

}  // namespace tideline::lease
