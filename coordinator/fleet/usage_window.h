#pragma once
// One value a second of what a node used over the last half hour, for percentiles. A plain value of about 14 KiB.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/node_metric.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::fleet {

class UsageWindow {
 public:
  static constexpr std::int64_t kSeconds = 1800;

  /// A live report's samples, by the node's own monotonic clock: of several in one second the last, and none that is
  /// older than the newest. Another boot begins anew.
  void take(const model::Report& report);

  /// Of the values in `span`, which is kSeconds at most and ends with the newest one. A resource is known where its
  /// values, from the first to the last of them, reach over more than half of the span; nullopt where neither is.
  /// Percentiles by nearest rank: of 200 values the 95th is the 190th smallest.
  std::optional<model::MetricSpread> over(model::Duration span) const;

 private:
  std::optional<std::vector<float>> values_of(const std::vector<float>& ring, std::int64_t seconds) const;

  std::string boot_id_;
  std::int64_t newest_ = 0;  // second
  // By second modulo kSeconds; not a number where nothing is known. Empty before the first sample. A float holds
  // millicores exactly up to 2^24, and of bytes seven digits.
  std::vector<float> cpu_;
  std::vector<float> memory_;
};

}  // namespace tideline::fleet
