#pragma once
// The clocks of all nodes whose reports are stored, so that each report gets the offset of its own moment. A plain
// value.

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/clock_filter.h"
#include "messages/model/ids.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::fleet {

class ClockBook {
 public:
  /// The node's clock offset (its wall clock minus ours) that belongs to this report. Within one boot it follows the
  /// report's monotonic stamp, so that a wall-clock jump between the report and its arrival does not misplace a
  /// backfilled report. A live report of an unknown node gives its own difference, a backfilled one 0. Changes nothing.
  model::Duration offset(const model::Report& report, const Arrival& arrival) const;

  /// To be called once for each report that was stored, never for a duplicate. Only live ones teach.
  void learn(const model::Report& report, const Arrival& arrival);

  /// Forgets all nodes but these, which are sorted.
  void keep_only(const std::vector<model::NodeName>& names);

  std::size_t size() const { return clocks_.size(); }

 private:
  std::unordered_map<model::NodeName, ClockFilter> clocks_;
};

}  // namespace tideline::fleet
