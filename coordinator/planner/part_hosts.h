#pragma once
// Which of a fleet's hosts a part is of. A Part has fleet_hosts, first_host and hosts, as FleetHosts has. For the
// sources of this room.

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "coordinator/planner/saved_fields.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct FleetHosts {
  std::size_t fleet_hosts = 0;
  std::size_t first_host = 0;  // number of the first of these
  std::size_t hosts = 0;
};

/// kInvalidArgument: `next` has other hosts than those that come behind `part`.
template <class Part>
model::Result<void> check_follows(const Part& part, const Part& next) {
  const std::size_t follows = part.first_host + part.hosts;
  if (next.first_host == follows) return {};
  return model::invalid(fmt::format("a part begins with host {}, and host {} is the next", next.first_host, follows));
}

template <class Part>
bool has_all_hosts(const Part& part) {
  return part.first_host == 0 && part.hosts == part.fleet_hosts;
}

/// Of a part that has not all of them.
template <class Part>
model::Error missing_hosts(const Part& part) {
  return model::invalid(
      fmt::format("hosts {} to {} of {} are there", part.first_host, part.first_host + part.hosts, part.fleet_hosts));
}

template <class Part>
void put_hosts(const Part& part, SavedJson& object) {
  object["fleetHosts"] = part.fleet_hosts;
  object["firstHost"] = part.first_host;
  object["hosts"] = part.hosts;
}

/// They lie within their fleet.
template <class Part>
void read_hosts(SavedFields& fields, Part& part) {
  constexpr std::uint64_t kMostFleetHosts = 10'000'000;
  std::uint64_t fleet = 0;
  std::uint64_t first = 0;
  std::uint64_t hosts = 0;
  fields.bounded("fleetHosts", kMostFleetHosts, fleet);
  fields("firstHost", first);
  fields("hosts", hosts);
  if (first > fleet || hosts > fleet - first) {
    fields.fail(fmt::format("{} is {} from {} on, of {}", fields.below("hosts").text(), hosts, first, fleet));
  }
  part.fleet_hosts = static_cast<std::size_t>(fleet);
  part.first_host = static_cast<std::size_t>(first);
  part.hosts = static_cast<std::size_t>(hosts);
}

}  // namespace tideline::planner
