#pragma once
// What of the threshold formula (cpu_suppress.h) is noise. A window of 100 ms shows whatever ran in it: the requests
// that happened to come, a daemon's 40 ms, the ticks that a counter is made of. Under a load that does not change, a
// limit that follows windows moves all the time: batch loses what lies between the mean and the lows, and each write of
// a quota hands out a period's runtime. So the formula's mean over some seconds says where the limit belongs, and what
// windows did in the last half minute says what is no news.

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "messages/model/units.h"

namespace tideline::decide {

/// Readings of the pod loop within this are one mean.
constexpr model::Duration kMeanSpan = std::chrono::milliseconds(5500);
/// An excursion of the formula below its mean, by the least urgent fall or more, that is over within this is noise: to
/// be urgent a fall has to be this percentage of the deepest in kNoiseMemory. One that lasts is no noise, nor is one
/// beyond the most that noise may be.
constexpr model::Duration kNoiseLasts = std::chrono::milliseconds(250);
constexpr model::Duration kNoiseMemory = std::chrono::seconds(30);
constexpr double kNoisePercent = 110;

/// Values of the last `span`. Those that come within a thirtieth of it count as one, the least of them.
class RecentValues {
 public:
  struct Entry {
    model::MonoTime at;
    model::MilliCpu value;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  explicit RecentValues(model::Duration span) : span_(span) {}
  void add(model::MonoTime at, model::MilliCpu value);
  /// Of those younger than the span; nullopt: there is none.
  std::optional<model::MilliCpu> least(model::MonoTime now) const;
  std::optional<model::MilliCpu> mean(model::MonoTime now) const;
  model::Duration span() const { return span_; }
  /// All it remembers, oldest first; added in this order to an empty one of this span they make the same.
  std::vector<Entry> kept() const;

 private:
  model::Duration span_;
  std::array<Entry, 32> ring_ = {};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

/// How far the formula may be below the limit, or below its mean.
struct FallBounds {
  model::MilliCpu least;  // less than this is no urgent fall
  model::MilliCpu most;   // from here on each is; >= least
};

/// What is remembered of it. Part of SuppressState; a default-constructed one is right after a start.
struct LimitNoise {
  RecentValues uses{kMeanSpan};           // by non-BE, of the pod loop's windows
  RecentValues excursions{kNoiseMemory};  // short ones: how far below the mean, negative
  /// Begin of the excursion under way, and the deepest of it.
  std::optional<model::MonoTime> left_at;
  model::MilliCpu deepest;
  /// Since then each window's formula is below the limit by half of an urgent fall and more.
  std::optional<model::MonoTime> far_below_since;
};

/// A window of `length` that ended now, whose formula is `deviation` from the mean; nullopt: one of them is not known.
void see_window(LimitNoise& noise, model::MonoTime now, model::Duration length,
                const std::optional<model::MilliCpu>& deviation, const FallBounds& bounds);
/// There is no formula, or no limit to be had: what was under way is not followed to its end.
void lose_sight(LimitNoise& noise);

/// A fall from the limit to the formula of one window is urgent from here on: more than the short excursions of the
/// last kNoiseMemory were, within the bounds.
model::MilliCpu urgent_fall(const LimitNoise& noise, model::MonoTime now, const FallBounds& bounds);

/// Whether a window of `length` that ended now, whose formula is `below` the limit, makes a fall urgent: it is below by
/// urgent_fall(), or all windows for longer than kNoiseLasts were below by half of that and bounds.least.
bool falls_urgently(LimitNoise& noise, model::MonoTime now, model::Duration length, model::MilliCpu below,
                    const FallBounds& bounds);

}  // namespace tideline::decide
