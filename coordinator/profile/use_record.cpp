#include "coordinator/profile/use_record.h"

#include <algorithm>

#include "messages/model/report.h"

namespace tideline::profile {
namespace {

/// The most that all pods of a report may use together.
constexpr std::uint64_t kMaxUse =
    model::ReportLimits::kMaxPods * static_cast<std::uint64_t>(model::ReportLimits::kMaxMemoryBytes);

}  // namespace

void UseRecord::see(double used) {
  minute_ = std::max(minute_, static_cast<float>(used));
}

void UseRecord::end_minute(const UseRule& rule, int cold_start_minutes, model::MonoTime at) {
  if (minute_ >= 0) {
    histogram_.add(rule.scale, static_cast<double>(minute_), 1, at);
    most_today_ = std::max(most_today_, minute_);
    if (minutes_ < UINT16_MAX) ++minutes_;
    missing_ = 0;
    minute_ = kUnseen;
  } else if (missing_ < kMaxMissing) {
    ++missing_;
  }
  percentile_ = static_cast<float>(histogram_.percentile(rule.scale, rule.quantile).value_or(0));
  warm_ = known() && minutes_ >= cold_start_minutes && missing_ < kMaxMissing;
}

void UseRecord::end_day() {
  most_yesterday_ = most_today_;
  most_today_ = 0;
}

double UseRecord::peak(Predictor predictor) const {
  switch (predictor) {
    case Predictor::kHistogram:
      return static_cast<double>(percentile_);
    case Predictor::kRecentMax:
      return static_cast<double>(std::max(most_today_, most_yesterday_));
  }
  return most();
}

double UseRecord::most() const {
  return static_cast<double>(std::max({most_today_, most_yesterday_, percentile_}));
}

void UseRecord::write(const UseRule& rule, model::MonoTime at, ByteWriter& out) const {
  out.number(minutes_).number(missing_);
  out.number(static_cast<std::uint64_t>(most_today_)).number(static_cast<std::uint64_t>(most_yesterday_));
  histogram_.write(rule.scale, at, out);
}

UseRecord UseRecord::read(ByteReader& in, model::MonoTime at) {
  UseRecord record;
  record.minutes_ = static_cast<std::uint16_t>(in.number(UINT16_MAX));
  record.missing_ = static_cast<std::uint8_t>(in.number(kMaxMissing));
  record.most_today_ = static_cast<float>(in.number(kMaxUse));
  record.most_yesterday_ = static_cast<float>(in.number(kMaxUse));
  record.histogram_ = DecayingHistogram::read(in, at);
  return record;
}

}  // namespace tideline::profile
