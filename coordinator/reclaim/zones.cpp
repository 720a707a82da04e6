#include "coordinator/reclaim/zones.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "coordinator/reclaim/account.h"

namespace tideline::reclaim {
namespace {

/// One resource of the zones; `terms_of` gives a zone's.
template <class Unit, class TermsOf>
void offer(std::vector<model::ZoneAccount>& zones, Unit offered, TermsOf terms_of) {
  double rooms = 0;
  for (auto& zone : zones)
    rooms += static_cast<double>(room_of(terms_of(zone)).value());
  const double share = rooms > 0 ? std::min(1.0, static_cast<double>(offered.value()) / rooms) : 0;
  // Rounding must not add up to more.
  Unit left = std::max(offered, Unit{0});
  for (auto& zone : zones) {
    auto& terms = terms_of(zone);
    const Unit room = room_of(terms);
    const auto part = static_cast<std::int64_t>(std::floor(static_cast<double>(room.value()) * share));
    terms.offered = std::min({Unit(part), room, left});
    left -= terms.offered;
  }
}

}  // namespace

std::vector<model::ZoneAccount> split(const model::Reclaimed& account, const std::vector<ZoneInput>& zones,
                                      const model::ColocationPolicy& policy) {
  std::vector<model::ZoneAccount> accounts;
  if (zones.size() < 2) return accounts;
  accounts.reserve(zones.size());
  for (const ZoneInput& zone : zones) {
    accounts.push_back({zone.id,
                        {.capacity = zone.cpu_capacity,
                         .margin = margin_of(zone.cpu_capacity, policy.cpu_reclaim_threshold_percent),
                         .charged = zone.cpu_others,
                         .be_used = zone.cpu_be,
                         .offered = {}},
                        {.capacity = zone.memory_capacity,
                         .margin = margin_of(zone.memory_capacity, policy.memory_reclaim_threshold_percent),
                         .charged = zone.memory_others,
                         .be_used = zone.memory_be,
                         .offered = {}}});
  }
  offer(
      accounts, account.cpu.offered, [](model::ZoneAccount & zone) -> auto& { return zone.cpu; });
  offer(
      accounts, account.memory.offered, [](model::ZoneAccount & zone) -> auto& { return zone.memory; });
  return accounts;
}

std::string zones_problem(const NodeInput& input) {
  if (!input.arrived || input.zone_count == 1 || input.zones.size() > 1) return "";
  if (input.zone_count == 0) return "the node does not tell how many NUMA zones it has";
  return fmt::format("the node has {} NUMA zones and has not told what they use", input.zone_count);
}

}  // namespace tideline::reclaim
