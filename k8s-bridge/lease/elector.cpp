#include "k8s-bridge/lease/elector.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace tideline::lease {
namespace {

using model::BootTime;
using model::Duration;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kShortestLease = seconds(5);
constexpr Duration kLongestLease = minutes(10);
/// Longer ones are no leader's of ours, and would keep all others out.
constexpr Duration kLongestBelieved = hours(1);
constexpr std::int64_t kMostTransitions = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kUsPerMs = 1000;

/// After what went wrong a leader has no time to lose, and nobody may ask all the time.
Duration soon(const ElectorOptions& options) {
  return options.retry / 4;
}

/// Between two looks that count as one after the other.
Duration longest_gap(const ElectorOptions& options) {
  return options.retry * 4;
}

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::duration_cast<seconds>(duration).count();
}

}  // namespace

model::Result<ElectorOptions> with_duration(ElectorOptions options, Duration duration) {
  if (duration < kShortestLease || duration > kLongestLease || duration % seconds(1) != model::kZeroDuration) {
    return model::invalid("want 5s to 10m, in whole seconds");
  }
  options.duration = duration;
  options.renew_deadline = duration / 3 * 2;
  options.retry = duration / 15 * 2;
  return options;
}

Answer answer_of(unsigned status, std::string_view body, const std::string& described) {
  Answer answer;
  answer.why = described;
  if (status == 404) {
    answer.kind = Answer::Kind::kMissing;
  } else if (status == 409) {
    answer.kind = Answer::Kind::kConflict;
  } else if (status == 200 || status == 201) {
    auto object = lease_from(body);
    if (!object) return no_answer("the Lease cannot be read: " + object.error().message());
    answer.kind = Answer::Kind::kObject;
    answer.object = *std::move(object);
    answer.why.clear();
  }
  return answer;
}

Answer no_answer(std::string why) {
  Answer answer;
  answer.why = std::move(why);
  return answer;
}

std::optional<Call> Elector::due(BootTime now, model::WallTime wall) {
  look(now);
  if (phase_ == Phase::kLost || phase_ == Phase::kReleased || sent_ || now < next_) return std::nullopt;
  if (phase_ == Phase::kReleasing && !stale_ && !is_ours()) {
    phase_ = Phase::kReleased;
    return std::nullopt;
  }
  Call call = next_call(now, wall);
  sent_ = Sent{call.kind, now};
  return call;
}

Call Elector::next_call(BootTime now, model::WallTime wall) {
  Call call;
  const bool leads = phase_ == Phase::kLeading;
  if (stale_) return call;
  if (!seen_) {
    // Where somebody deleted it its leader may lead on for as long as it could have renewed.
    // A process that was stopped meanwhile has not looked for long.
    if (!leads && (now < may_be_made() || now - absent_at_ > longest_gap(options_))) return call;
    Record fresh;
    fresh.holder = options_.identity;
    fresh.duration_seconds = whole_seconds(options_.duration);
    fresh = stamped(std::move(fresh), wall);
    fresh.acquire_time = fresh.renew_time;
    call.kind = Call::Kind::kCreate;
    call.body = created(options_.name_space, options_.name, fresh);
    return call;
  }
  const auto& before = seen_->object.record;
  Record record = stamped(before, wall);
  if (phase_ == Phase::kReleasing) {
    record.holder.clear();
    record.duration_seconds = 1;
    record.acquire_time = record.renew_time;
  } else if (leads || is_free(now)) {
    record.duration_seconds = whole_seconds(options_.duration);
    if (before.holder != options_.identity) {
      record.holder = options_.identity;
      record.acquire_time = record.renew_time;
      record.transitions = std::min(before.transitions + 1, kMostTransitions);
    }
  } else {
    return call;
  }
  call.kind = Call::Kind::kUpdate;
  call.body = updated(seen_->object, record);
  return call;
}

void Elector::answered(Answer answer, BootTime now, double share) {
  if (!sent_) return;
  look(now);
  const Sent sent = *std::exchange(sent_, std::nullopt);
  if (sent.kind != Call::Kind::kRead && answer.kind == Answer::Kind::kFailed) written_unseen_ = true;
  if (phase_ == Phase::kLost || phase_ == Phase::kReleased) return;
  if (sent.kind == Call::Kind::kRead) return read(std::move(answer), now, share);
  switch (answer.kind) {
    case Answer::Kind::kObject:
      return written(*std::move(answer.object), sent, now, share);
    case Answer::Kind::kConflict:
      // Told only if it goes on: that others write is in the nature of it.
      stale_ = true;
      next_ = now + soon(options_);
      return;
    case Answer::Kind::kMissing:  // it was deleted, or its namespace is not there
    case Answer::Kind::kFailed:
      return failed(answer.why, now, share);
  }
}

void Elector::read(Answer answer, BootTime now, double share) {
  if (answer.kind == Answer::Kind::kMissing) return missing(answer.why, now, share);
  if (answer.kind != Answer::Kind::kObject) return failed(answer.why, now, share);
  problem_.clear();
  observe(*std::move(answer.object), now);
  if (phase_ == Phase::kStandby && !is_free(now)) {
    next_ = std::min(later(now, share), expires());
  } else {
    next_ = now;
  }
}

void Elector::missing(const std::string& why, BootTime now, double share) {
  seen_.reset();
  stale_ = false;
  written_unseen_ = false;
  if (!absent_since_ || now - absent_at_ > longest_gap(options_)) absent_since_ = now;
  absent_at_ = now;
  if (phase_ == Phase::kStandby) {
    problem_ = why;
    next_ = std::max(now, std::min(later(now, share), may_be_made()));
  } else {
    next_ = now;
  }
}

void Elector::written(LeaseObject object, const Sent& sent, BootTime now, double share) {
  const bool took = object.record.holder == options_.identity;
  problem_.clear();
  observe(std::move(object), now);
  if (phase_ == Phase::kLost) return;
  if (phase_ == Phase::kReleasing) {
    if (took) {
      next_ = now;
    } else {
      phase_ = Phase::kReleased;
    }
    return;
  }
  if (!took) {
    stale_ = true;
    next_ = later(now, share);
    return;
  }
  const BootTime until = sent.at + options_.renew_deadline;
  next_ = std::max(sent.at + options_.retry, now);
  if (phase_ == Phase::kLeading) {
    until_ = std::max(until_, until);
  } else if (now < until) {
    phase_ = Phase::kLeading;
    until_ = until;
  } else {
    // Too late an answer to lead by; the next one may come in time.
    next_ = now;
  }
}

void Elector::failed(const std::string& why, BootTime now, double share) {
  problem_ = why;
  stale_ = true;
  next_ = phase_ == Phase::kStandby ? later(now, share) : now + soon(options_);
}

void Elector::observe(LeaseObject object, BootTime now) {
  const bool is_same = seen_ && seen_->object.record == object.record;
  const BootTime changed = is_same ? seen_->changed : now;
  seen_ = Seen{std::move(object), changed};
  absent_since_.reset();
  stale_ = false;
  written_unseen_ = false;
  const Duration said = seconds(seen_->object.record.duration_seconds);
  theirs_ = std::max(options_.duration, std::min(said, kLongestBelieved));
  if (phase_ == Phase::kLeading && !is_ours()) {
    const auto& holder = seen_->object.record.holder;
    lose(holder.empty() ? std::string("somebody else gave the Lease back") : "the Lease is held by " + holder);
  }
}

void Elector::look(BootTime now) {
  if (phase_ == Phase::kLeading && now >= until_) {
    lose(fmt::format("no renewal of the Lease was taken within {} ms{}{}", model::to_ms(options_.renew_deadline),
                     problem_.empty() ? "" : "; at last: ", problem_));
  }
}

void Elector::lose(std::string why) {
  phase_ = Phase::kLost;
  problem_ = std::move(why);
}

void Elector::release(BootTime now) {
  look(now);
  if (phase_ == Phase::kLost || phase_ == Phase::kReleased || phase_ == Phase::kReleasing) return;
  // A write that is on its way, or whose answer was lost, may give it the Lease still.
  const bool may_have_it = is_ours() || written_unseen_ || (sent_ && sent_->kind != Call::Kind::kRead);
  phase_ = may_have_it ? Phase::kReleasing : Phase::kReleased;
  next_ = now;
}

std::optional<BootTime> Elector::leads_until() const {
  if (phase_ != Phase::kLeading) return std::nullopt;
  return until_;
}

std::optional<BootTime> Elector::next_due() const {
  if (phase_ == Phase::kLost || phase_ == Phase::kReleased) return std::nullopt;
  if (phase_ == Phase::kLeading) return sent_ ? until_ : std::min(next_, until_);
  if (sent_) return std::nullopt;
  return next_;
}

Standing Elector::standing() const {
  Standing standing;
  standing.phase = phase_;
  standing.problem = problem_;
  if (seen_) {
    standing.holder = seen_->object.record.holder;
    standing.transitions = seen_->object.record.transitions;
  }
  return standing;
}

bool Elector::is_ours() const {
  return seen_ && seen_->object.record.holder == options_.identity;
}

BootTime Elector::expires() const {
  return seen_->changed + theirs_;
}

BootTime Elector::may_be_made() const {
  return *absent_since_ + std::max(options_.duration, theirs_);
}

bool Elector::is_free(BootTime now) const {
  if (!seen_) return false;
  return seen_->object.record.holder.empty() || is_ours() || now >= expires();
}

BootTime Elector::later(BootTime now, double share) const {
  const double jitter = options_.jitter * std::clamp(share, 0.0, 1.0);
  return now + options_.retry +
         Duration(static_cast<std::int64_t>(static_cast<double>(options_.retry.count()) * jitter));
}

Record Elector::stamped(Record record, model::WallTime wall) {
  // Others see a renewal by its time alone, and this wall clock may stand still or go back.
  last_stamp_us_ = std::max(last_stamp_us_ + 1, wall.ms * kUsPerMs);
  record.renew_time = micro_time(last_stamp_us_);
  return record;
}

}  // namespace tideline::lease
