#pragma once
// The averages of a node's NUMA zones.

#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/fleet/usage_average.h"
#include "messages/model/report.h"
#include "messages/model/units.h"
#include "messages/model/zone.h"

namespace tideline::fleet {

/// Averages as of one instant; nullopt = nothing known in their span.
struct ZoneUsage {
  int id = 0;
  model::MilliCpu cpu_capacity;
  model::Bytes memory_capacity;
  std::optional<model::MilliCpu> cpu_others;  // used by all but best-effort as far as told apart, bound CPUs whole
  std::optional<model::Bytes> memory_others;
  std::optional<model::MilliCpu> cpu_be;
  std::optional<model::Bytes> memory_be;
  friend bool operator==(const ZoneUsage&, const ZoneUsage&) = default;
};

class ZoneBook {
 public:
  /// A live report's. One that tells of no zones changes nothing, unless the node does not say that it has several; one
  /// that tells of others than before begins anew.
  void take(const model::Report& report, std::int64_t slot);
  std::vector<ZoneUsage> at(std::int64_t slot) const;

 private:
  struct Row {
    int id = 0;
    model::MilliCpu cpu_capacity;
    model::Bytes memory_capacity;
    UsageAverage cpu_others;
    UsageAverage memory_others;
    UsageAverage cpu_be;
    UsageAverage memory_be;
  };
  std::vector<Row> rows_;
};

}  // namespace tideline::fleet
