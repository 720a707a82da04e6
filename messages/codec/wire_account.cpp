#include <chrono>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using model::Result;

/// An age from outside; what no clock can have shown is not known.
std::optional<model::Duration> age_of(schema::OptInt::Reader in) {
  constexpr std::int64_t kMaxAgeMs = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  const auto ms = read(in);
  if (!ms || *ms < 0 || *ms > kMaxAgeMs) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

template <class Unit>
void write_resource(const model::ExplainedResource<Unit>& resource, schema::ExplainedResource::Builder out) {
  auto terms = out.initTerms(static_cast<unsigned>(resource.terms.size()));
  for (unsigned i = 0; i < terms.size(); ++i) {
    const auto& term = resource.terms[i];
    terms[i].setTerm(static_cast<std::uint8_t>(term.term));
    write_unit(term.value, terms[i].initValue());
    terms[i].setSource(static_cast<std::uint8_t>(term.source));
    terms[i].setDetail(ptr(term.detail));
    write(term.age ? std::optional(model::to_ms(*term.age)) : std::nullopt, terms[i].initAgeMs());
  }
  auto charges = out.initCharges(static_cast<unsigned>(resource.charges.size()));
  for (unsigned i = 0; i < charges.size(); ++i) {
    charges[i].setBasis(static_cast<std::uint8_t>(resource.charges[i].basis));
    charges[i].setPods(resource.charges[i].pods);
    charges[i].setCharged(resource.charges[i].charged.value());
  }
  auto pods = out.initPods(static_cast<unsigned>(resource.pods.size()));
  for (unsigned i = 0; i < pods.size(); ++i) {
    const auto& pod = resource.pods[i];
    pods[i].setUid(ptr(pod.uid.str()));
    pods[i].setName(ptr(pod.name));
    pods[i].setTier(static_cast<std::uint8_t>(pod.tier));
    pods[i].setQos(static_cast<schema::QosClass>(pod.qos));
    pods[i].setBasis(static_cast<std::uint8_t>(pod.basis));
    pods[i].setCharged(pod.charged.value());
    write_unit(pod.used, pods[i].initUsed());
    write_unit(pod.requested, pods[i].initRequested());
    write_unit(pod.promised, pods[i].initPromised());
  }
}

template <class Unit>
model::ExplainedResource<Unit> read_resource(schema::ExplainedResource::Reader in) {
  model::ExplainedResource<Unit> resource;
  for (const auto term : in.getTerms()) {
    resource.terms.push_back({.term = static_cast<model::AccountTerm>(term.getTerm()),
                              .value = read_unit<Unit>(term.getValue()),
                              .source = static_cast<model::TermSource>(term.getSource()),
                              .detail = str(term.getDetail()),
                              .age = age_of(term.getAgeMs())});
  }
  for (const auto sum : in.getCharges()) {
    resource.charges.push_back(
        {static_cast<model::ChargeBasis>(sum.getBasis()), sum.getPods(), Unit(sum.getCharged())});
  }
  for (const auto pod : in.getPods()) {
    resource.pods.push_back({.uid = model::PodUid(str(pod.getUid())),
                             .name = str(pod.getName()),
                             .tier = static_cast<model::Tier>(pod.getTier()),
                             .qos = static_cast<model::QosClass>(pod.getQos()),
                             .basis = static_cast<model::ChargeBasis>(pod.getBasis()),
                             .charged = Unit(pod.getCharged()),
                             .used = read_unit<Unit>(pod.getUsed()),
                             .requested = read_unit<Unit>(pod.getRequested()),
                             .promised = read_unit<Unit>(pod.getPromised())});
  }
  return resource;
}

template <class Unit>
void write_shortfall(const model::Shortfall<Unit>& shortfall, schema::ClusterGroup::Shortfall::Builder out) {
  out.setMid(shortfall.mid.value());
  out.setBatch(shortfall.batch.value());
}

template <class Unit>
model::Shortfall<Unit> read_shortfall(schema::ClusterGroup::Shortfall::Reader in) {
  return {Unit(in.getMid()), Unit(in.getBatch())};
}

template <class Unit>
void write_offer(const model::ZoneOffer<Unit>& offer, schema::ClusterReport::ZoneSum::Amount::Builder out) {
  out.setOfNodes(offer.of_nodes.value());
  out.setInZones(offer.in_zones.value());
  out.setMostInOne(offer.most_in_one.value());
}

template <class Unit>
model::ZoneOffer<Unit> read_offer(schema::ClusterReport::ZoneSum::Amount::Reader in) {
  return {Unit(in.getOfNodes()), Unit(in.getInZones()), Unit(in.getMostInOne())};
}

void write_group(const model::ClusterGroup& group, schema::ClusterGroup::Builder out) {
  out.setValue(ptr(group.value));
  out.setNodes(group.nodes);
  write(group.account, out.initAccount());
  write_shortfall(group.cpu_short, out.initCpuShort());
  write_shortfall(group.memory_short, out.initMemoryShort());
}

Result<model::ClusterGroup> read_group(schema::ClusterGroup::Reader in) {
  auto account = read(in.getAccount());
  if (!account) return account.error();
  return model::ClusterGroup{str(in.getValue()), in.getNodes(), *std::move(account),
                             read_shortfall<model::MilliCpu>(in.getCpuShort()),
                             read_shortfall<model::Bytes>(in.getMemoryShort())};
}

}  // namespace

void write(const model::ExplainedAccount& explained, schema::ExplainedAccount::Builder out) {
  write(explained.account, out.initAccount());
  out.setWallMs(explained.at.ms);
  out.setStored(explained.stored);
  write_resource(explained.cpu, out.initCpu());
  write_resource(explained.memory, out.initMemory());
  out.setZonesProblem(ptr(explained.zones_problem));
}

Result<model::ExplainedAccount> read(schema::ExplainedAccount::Reader in) {
  auto account = read(in.getAccount());
  if (!account) return account.error();
  return model::ExplainedAccount{*std::move(account),
                                 {in.getWallMs()},
                                 in.getStored(),
                                 read_resource<model::MilliCpu>(in.getCpu()),
                                 read_resource<model::Bytes>(in.getMemory()),
                                 str(in.getZonesProblem())};
}

void write(const model::ClusterReport& report, schema::ClusterReport::Builder out) {
  out.setWallMs(report.at.ms);
  out.setGone(report.gone);
  write_group(report.total, out.initTotal());
  auto groupings = out.initGroupings(static_cast<unsigned>(report.groupings.size()));
  for (unsigned i = 0; i < groupings.size(); ++i) {
    const auto& grouping = report.groupings[i];
    groupings[i].setLabel(ptr(grouping.label));
    groupings[i].setLeftOut(grouping.left_out);
    auto groups = groupings[i].initGroups(static_cast<unsigned>(grouping.groups.size()));
    for (unsigned j = 0; j < groups.size(); ++j)
      write_group(grouping.groups[j], groups[j]);
  }
  auto deficits = out.initDeficits(static_cast<unsigned>(report.deficits.size()));
  for (unsigned i = 0; i < deficits.size(); ++i) {
    deficits[i].setNode(ptr(report.deficits[i].node.str()));
    deficits[i].setCpu(report.deficits[i].cpu.value());
    deficits[i].setMemory(report.deficits[i].memory.value());
  }
  out.setDeficitNodes(report.deficit_nodes);
  auto trend = out.initTrend(static_cast<unsigned>(report.trend.size()));
  for (unsigned i = 0; i < trend.size(); ++i) {
    trend[i].setWallMs(report.trend[i].at.ms);
    write(report.trend[i].account, trend[i].initAccount());
  }
  if (!report.zones) return;
  auto zones = out.initZones();
  zones.setNodes(report.zones->nodes);
  zones.setZones(report.zones->zones);
  write_offer(report.zones->cpu, zones.initCpu());
  write_offer(report.zones->memory, zones.initMemory());
}

Result<model::ClusterReport> read(schema::ClusterReport::Reader in) {
  model::ClusterReport report;
  report.at.ms = in.getWallMs();
  report.gone = in.getGone();
  auto total = read_group(in.getTotal());
  if (!total) return total.error().in("total");
  report.total = *std::move(total);
  for (const auto grouping : in.getGroupings()) {
    auto& by = report.groupings.emplace_back();
    by.label = str(grouping.getLabel());
    by.left_out = grouping.getLeftOut();
    for (const auto group : grouping.getGroups()) {
      auto one = read_group(group);
      if (!one) return one.error().in(by.label);
      by.groups.push_back(*std::move(one));
    }
  }
  for (const auto deficit : in.getDeficits()) {
    report.deficits.push_back({model::NodeName(str(deficit.getNode())), model::MilliCpu(deficit.getCpu()),
                               model::Bytes(deficit.getMemory())});
  }
  report.deficit_nodes = in.getDeficitNodes();
  for (const auto point : in.getTrend()) {
    auto account = read(point.getAccount());
    if (!account) return account.error().in("trend");
    report.trend.push_back({{point.getWallMs()}, *std::move(account)});
  }
  if (in.hasZones()) {
    const auto zones = in.getZones();
    report.zones = {zones.getNodes(), zones.getZones(), read_offer<model::MilliCpu>(zones.getCpu()),
                    read_offer<model::Bytes>(zones.getMemory())};
  }
  return report;
}

}  // namespace tideline::codec
