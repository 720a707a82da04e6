#pragma once
// NUMA zones of this host, once a report.

#include <optional>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/topology.h"
#include "messages/model/zone.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/zone_reader.h"

namespace tideline::node {

class Zones {
 public:
  /// `interval`: between two readings, at least. The tree must outlive it.
  Zones(const kernel::CgroupTree& tree, const model::Topology& topology, model::Duration interval)
      : reader_(tree, topology), interval_(interval) {}

  /// How many there are; 0: not known.
  std::size_t count() const { return reader_.count(); }

  /// What they used since the last reading, where one is due; else, and after the first, nothing. `applications`: host
  /// applications of this round. Where services ran below the besteffort root since the last reading, its part in the
  /// use is not told.
  std::vector<model::ZoneUse> round(const std::vector<model::Pod>& pods,
                                    const std::vector<model::ApplicationCounters>& applications, model::MonoTime now,
                                    std::vector<model::Error>& errors);

 private:
  kernel::ZoneReader reader_;
  model::Duration interval_;
  std::optional<model::ZoneReading> before_;
  bool services_below_besteffort_ = false;  // in any round since the last reading
};

}  // namespace tideline::node
