#include "node-actor/sense/report_schedule.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tideline::sense {
namespace {

using model::Duration;
using model::MonoTime;

constexpr Duration kShortest = std::chrono::seconds(1);

/// Even over 0 <= x < 1, and the same everywhere: FNV-1a, whose high bits hardly differ for names that end in a
/// number, and the last steps of SplitMix64.
double phase_of(std::string_view name) {
  std::uint64_t bits = 0xcbf29ce484222325U;
  for (const char c : name)
    bits = (bits ^ std::uint64_t{static_cast<unsigned char>(c)}) * 0x100000001b3U;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  bits ^= bits >> 31;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace

ReportSchedule::ReportSchedule(std::string_view node, Duration own)
    : phase_(phase_of(node)), own_(own), interval_(own) {}

void ReportSchedule::start(MonoTime now) {
  if (origin_) return;
  origin_ = now + Duration(static_cast<std::int64_t>(phase_ * static_cast<double>(own_.count())));
  next_ = at_or_after(now);
}

void ReportSchedule::ask(Duration interval, Duration length, MonoTime now) {
  until_ = now + length;
  const Duration wanted = std::clamp<Duration>(interval, std::min(kShortest, own_), own_);
  if (wanted == interval_) return;
  interval_ = wanted;
  if (origin_) next_ = at_or_after(now);
}

bool ReportSchedule::due(MonoTime now) {
  if (until_ && now >= *until_) {
    until_.reset();
    if (interval_ != own_) {
      interval_ = own_;
      if (origin_) next_ = at_or_after(last_ ? std::max(now, *last_ + own_ / 2) : now);
    }
  }
  return next_ && now >= *next_;
}

void ReportSchedule::made(MonoTime now) {
  last_ = now;
  if (!origin_) return;
  // One that came late, as rounds are far apart, must not push the next one a round further.
  const bool was_due = next_ && now >= *next_;
  next_ = at_or_after(was_due ? now + Duration(1) : now + interval_ / 2);
}

MonoTime ReportSchedule::at_or_after(MonoTime time) const {
  const Duration since = time - *origin_;
  Duration over = since % interval_;
  if (over > model::kZeroDuration) over -= interval_;
  return time + -over;
}

}  // namespace tideline::sense
