#include <cstdint>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

template <class Unit>
void write_terms(const model::ZoneTerms<Unit>& terms, schema::ZoneTerms::Builder out) {
  out.setCapacity(terms.capacity.value());
  out.setMargin(terms.margin.value());
  write_unit(terms.charged, out.initCharged());
  write_unit(terms.be_used, out.initBeUsed());
  out.setOffered(terms.offered.value());
}

template <class Unit>
model::ZoneTerms<Unit> read_terms(schema::ZoneTerms::Reader in) {
  return {.capacity = Unit(in.getCapacity()),
          .margin = Unit(in.getMargin()),
          .charged = read_unit<Unit>(in.getCharged()),
          .be_used = read_unit<Unit>(in.getBeUsed()),
          .offered = Unit(in.getOffered())};
}

}  // namespace

void write_zones(const std::vector<model::ZoneUse>& zones, schema::Report::Builder out) {
  if (zones.empty()) return;
  auto list = out.initZones(static_cast<unsigned>(zones.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setId(static_cast<std::uint16_t>(zones[i].id));
    list[i].setCpuCapacity(zones[i].cpu_capacity.value());
    list[i].setMemoryCapacity(zones[i].memory_capacity.value());
    write_unit(zones[i].cpu_used, list[i].initCpuUsed());
    list[i].setCpuBoundIdle(zones[i].cpu_bound_idle.value());
    write_unit(zones[i].memory_used, list[i].initMemoryUsed());
    write_unit(zones[i].be_cpu, list[i].initBeCpu());
    write_unit(zones[i].be_memory, list[i].initBeMemory());
  }
}

std::vector<model::ZoneUse> read_zones(Problems& problems, capnp::List<schema::Zone>::Reader in) {
  std::vector<model::ZoneUse> zones;
  if (!problems.bounded("zones", in, model::ZoneLimits::kMaxZones)) return zones;
  zones.reserve(in.size());
  for (const auto zone : in) {
    zones.push_back({.id = zone.getId(),
                     .cpu_capacity = model::MilliCpu(zone.getCpuCapacity()),
                     .memory_capacity = model::Bytes(zone.getMemoryCapacity()),
                     .cpu_used = read_unit<model::MilliCpu>(zone.getCpuUsed()),
                     .cpu_bound_idle = model::MilliCpu(zone.getCpuBoundIdle()),
                     .memory_used = read_unit<model::Bytes>(zone.getMemoryUsed()),
                     .be_cpu = read_unit<model::MilliCpu>(zone.getBeCpu()),
                     .be_memory = read_unit<model::Bytes>(zone.getBeMemory())});
  }
  return zones;
}

void write_zones(const std::vector<model::ZoneAccount>& zones, schema::Reclaimed::Builder out) {
  if (zones.empty()) return;
  auto list = out.initZones(static_cast<unsigned>(zones.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setId(static_cast<std::uint16_t>(zones[i].id));
    write_terms(zones[i].cpu, list[i].initCpu());
    write_terms(zones[i].memory, list[i].initMemory());
  }
}

std::vector<model::ZoneAccount> read_zones(Problems& problems, capnp::List<schema::ZoneAccount>::Reader in) {
  std::vector<model::ZoneAccount> zones;
  if (!problems.bounded("zones", in, model::ZoneLimits::kMaxZones)) return zones;
  zones.reserve(in.size());
  for (const auto zone : in) {
    zones.push_back(
        {zone.getId(), read_terms<model::MilliCpu>(zone.getCpu()), read_terms<model::Bytes>(zone.getMemory())});
  }
  return zones;
}

}  // namespace tideline::codec
