#pragma once
// What a pod, or all prod pods of a node together, was seen to use of one resource.

#include <cstdint>

#include "coordinator/profile/bytes.h"
#include "coordinator/profile/histogram.h"
#include "coordinator/profile/prediction_policy.h"
#include "messages/model/units.h"

namespace tideline::profile {

/// How one resource is learnt: millicores or bytes. Koordinator's figures.
struct UseRule {
  HistogramScale scale;
  double quantile = 0;
};
inline constexpr PerResource<UseRule> kUseRules{{{{kCpuScale, 0.95}, {kMemoryScale, 0.98}}}};

/// A minute counts once, by the most of what was seen in it.
class UseRecord {
 public:
  /// Minutes in a row without any use known, after which what is known no longer counts.
  static constexpr std::uint8_t kMaxMissing = 30;

  void see(double used);
  /// The minute is over, and with it what peak() and warm() answer.
  void end_minute(const UseRule& rule, int cold_start_minutes, model::MonoTime at);
  /// recentMax forgets what is older than the day before this one.
  void end_day();

  /// Use of cold_start_minutes is known, and of one of the last kMaxMissing.
  bool warm() const { return warm_; }
  bool known() const { return minutes_ > 0; }
  /// What the predictor says will be used at most, without any margin; 0 where nothing is known.
  double peak(Predictor predictor) const;
  /// No less than any peak, nor than any use of the last day.
  double most() const;

  /// A mark for who compares predictions with what comes after.
  bool stands() const { return stands_; }
  void set_stands(bool stands) { stands_ = stands; }

  /// All but the minute that is not over, and the mark.
  void write(const UseRule& rule, model::MonoTime at, ByteWriter& out) const;
  /// Is cold until the next end_minute(). `in` is not ok() afterwards if it held something else.
  static UseRecord read(ByteReader& in, model::MonoTime at);

 private:
  static constexpr float kUnseen = -1;

  DecayingHistogram histogram_;
  float minute_ = kUnseen;
  float most_today_ = 0;
  float most_yesterday_ = 0;
  float percentile_ = 0;
  std::uint16_t minutes_ = 0;  // with a use known; stays at the top
  std::uint8_t missing_ = 0;
  bool warm_ = false;
  bool stands_ = false;
};

}  // namespace tideline::profile
