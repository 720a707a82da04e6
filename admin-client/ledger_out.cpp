#include "admin-client/ledger_out.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/json_out.h"
#include "admin-client/table.h"
#include "admin-client/time_text.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

template <class Unit>
using Show = std::string (*)(std::optional<Unit>);

template <class Unit>
Json amount(const std::optional<Unit>& value) {
  return value ? Json(value->value()) : Json();
}

std::string version_of(model::PolicyVersion version) {
  return version == model::PolicyVersion() ? "none" : fmt::format("{}", version.value());
}

/// In CPUs of the host, and in those that are published where that is another number.
template <class Unit>
std::string offer_text(const model::ReclaimTerms<Unit>& terms, Show<Unit> show) {
  if (terms.published == terms.offered) return show(terms.offered);
  return fmt::format("{} ({} published)", show(terms.offered), show(terms.published));
}

// --- an account explained

template <class Unit>
std::string explained_text(const char* resource, const model::ExplainedResource<Unit>& explained,
                           const model::ReclaimTerms<Unit>& terms, Show<Unit> show) {
  std::string out = fmt::format("{}: offered {} by {}, mid {} by {}\n", resource, offer_text(terms, show),
                                model::name_of(terms.rule), show(terms.mid), model::name_of(terms.mid_rule));
  Table lines({{"TERM"}, {"VALUE", Align::kRight}, {"SOURCE"}, {"AGE", Align::kRight}, {"HOW"}});
  for (const auto& line : explained.terms) {
    lines.row({std::string(name_of(line.term)), line.value ? show(line.value) : "not known",
               std::string(name_of(line.source)), age(line.age), line.detail});
  }
  out += lines.text();
  if (!explained.charges.empty()) {
    Table charges({{"CHARGED BY"}, {"PODS", Align::kRight}, {"CHARGED", Align::kRight}});
    for (const auto& sum : explained.charges)
      charges.row({std::string(name_of(sum.basis)), fmt::format("{}", sum.pods), show(sum.charged)});
    out += "\n" + charges.text();
  }
  if (!explained.pods.empty()) {
    Table pods({{"POD"},
                {"TIER"},
                {"QOS"},
                {"CHARGED", Align::kRight},
                {"BY"},
                {"USED", Align::kRight},
                {"REQUEST", Align::kRight},
                {"MID REQUEST", Align::kRight}});
    for (const auto& pod : explained.pods) {
      pods.row({pod.name.empty() ? pod.uid.str() : pod.name, std::string(name_of(pod.tier)),
                std::string(name_of(pod.qos)), show(pod.charged), std::string(name_of(pod.basis)), show(pod.used),
                show(pod.requested), show(pod.promised)});
    }
    out += "\n" + pods.text();
  }
  return out;
}

template <class Unit>
void add_zone(Table& table, int id, const char* resource, const model::ZoneTerms<Unit>& terms, Show<Unit> show) {
  table.row({fmt::format("{}", id), resource, show(terms.capacity), show(terms.margin),
             terms.charged ? show(terms.charged) : "not known", show(terms.be_used), show(terms.offered)});
}

/// What the node offers batch, by NUMA zone; "" where it has but one.
std::string zones_text(const model::ExplainedAccount& explained) {
  if (!explained.zones_problem.empty()) return fmt::format("\nno zones: {}\n", safe_text(explained.zones_problem));
  if (explained.account.zones.empty()) return "";
  Table table({{"ZONE", Align::kRight},
               {"RESOURCE"},
               {"CAPACITY", Align::kRight},
               {"MARGIN", Align::kRight},
               {"CHARGED", Align::kRight},
               {"BE USED", Align::kRight},
               {"OFFERED", Align::kRight}});
  for (const auto& zone : explained.account.zones) {
    add_zone<model::MilliCpu>(table, zone.id, "cpu (cores)", zone.cpu, &cores);
    add_zone<model::Bytes>(table, zone.id, "memory", zone.memory, &bytes);
  }
  return "\n" + table.text();
}

template <class Unit>
Json explained_json(const model::ExplainedResource<Unit>& explained) {
  Json terms = Json::array();
  for (const auto& line : explained.terms) {
    terms.push_back({{"term", std::string(name_of(line.term))},
                     {"value", amount(line.value)},
                     {"source", std::string(name_of(line.source))},
                     {"ageMs", line.age ? Json(model::to_ms(*line.age)) : Json()},
                     {"how", line.detail}});
  }
  Json charges = Json::array();
  for (const auto& sum : explained.charges) {
    charges.push_back({{"by", std::string(name_of(sum.basis))}, {"pods", sum.pods}, {"charged", sum.charged.value()}});
  }
  Json pods = Json::array();
  for (const auto& pod : explained.pods) {
    pods.push_back({{"uid", pod.uid.str()},
                    {"name", pod.name.empty() ? Json() : Json(pod.name)},
                    {"tier", std::string(name_of(pod.tier))},
                    {"qosClass", std::string(name_of(pod.qos))},
                    {"charged", pod.charged.value()},
                    {"by", std::string(name_of(pod.basis))},
                    {"used", amount(pod.used)},
                    {"requested", amount(pod.requested)},
                    {"midRequested", amount(pod.promised)}});
  }
  return {{"terms", std::move(terms)}, {"charges", std::move(charges)}, {"pods", std::move(pods)}};
}

// --- the cluster

/// The words of the cluster's picture for one resource. Absent: the tier knows no such thing.
/// Of CPU all are CPUs of the host, but what batch has, has left and has requested: that is batch-cpu, also where it is
/// a part of `offered` and `committed` of all tiers.
template <class Unit>
struct Words {
  std::optional<Unit> capacity;
  std::optional<Unit> allocated;
  std::optional<Unit> used;
  std::optional<Unit> buffered;
  std::optional<Unit> charged;
  std::optional<Unit> reclaimed;
  std::optional<Unit> offered;
  std::optional<Unit> committed;
  std::optional<Unit> deficit;
};

/// Sums of nodes that lie stand at the ends of 64 bits.
template <class Unit>
Unit plus(Unit a, Unit b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a.value(), b.value(), &sum)) return Unit(sum);
  return Unit(b.value() > 0 ? INT64_MAX : INT64_MIN);
}

template <class Unit>
Unit minus(Unit a, Unit b) {
  std::int64_t left = 0;
  if (!__builtin_sub_overflow(a.value(), b.value(), &left)) return Unit(left);
  return Unit(b.value() < 0 ? INT64_MAX : INT64_MIN);
}

/// What batch has left: where its pods requested more than it has, nothing, and not less.
template <class Unit>
Unit batch_left(const model::ReclaimTerms<Unit>& terms, const model::Shortfall<Unit>& shortfall) {
  return plus(minus(terms.published, terms.committed), shortfall.batch);
}

template <class Unit>
Words<Unit> words_of(const model::ReclaimTerms<Unit>& terms, const model::Shortfall<Unit>& shortfall) {
  return {.capacity = terms.capacity,
          .allocated = terms.requested,
          .used = terms.used,
          .buffered = terms.margin,
          .charged = plus(terms.system, terms.high_priority),
          .reclaimed = plus(terms.offered, terms.mid),
          .offered = plus(batch_left(terms, shortfall), terms.mid_offered),
          .committed = plus(terms.committed, terms.mid_committed),
          .deficit = terms.deficit};
}

/// No tier: what host applications have of the tiers before it.
constexpr const char* kHostTier = "host-apps";

template <class Unit>
std::vector<std::pair<const char*, Words<Unit>>> tiers_of(const model::ReclaimTerms<Unit>& terms,
                                                          const model::Shortfall<Unit>& shortfall) {
  Words<Unit> prod;
  prod.allocated = terms.requested;
  prod.used = terms.prod_used;
  prod.charged = minus(terms.high_priority, terms.mid_charged);
  prod.deficit = terms.deficit;
  Words<Unit> mid;
  mid.used = terms.mid_used;
  mid.charged = terms.mid_charged;
  mid.reclaimed = terms.mid;
  mid.offered = terms.mid_offered;
  mid.committed = terms.mid_committed;
  mid.deficit = shortfall.mid;
  Words<Unit> batch;
  batch.used = terms.batch_used;
  batch.reclaimed = terms.published;
  batch.offered = batch_left(terms, shortfall);
  batch.committed = terms.committed;
  batch.deficit = shortfall.batch;
  Words<Unit> system;
  if (terms.used) {
    system.used =
        std::max(minus(minus(minus(*terms.used, terms.prod_used), terms.mid_used), terms.batch_used), Unit{0});
  }
  system.charged = terms.system;
  std::vector<std::pair<const char*, Words<Unit>>> tiers = {
      {"prod", prod}, {"mid", mid}, {"batch", batch}, {"system", system}};
  if (terms.host_used > Unit{0} || terms.host_charged > Unit{0}) {
    Words<Unit> host;
    host.used = terms.host_used;
    host.charged = terms.host_charged;
    tiers.emplace_back(kHostTier, host);
  }
  return tiers;
}

template <class Unit>
void add_tiers(Table& table, const char* resource, const std::vector<std::pair<const char*, Words<Unit>>>& tiers,
               Show<Unit> show) {
  for (const auto& [tier, words] : tiers) {
    table.row({tier, resource, show(words.allocated), show(words.used), show(words.charged), show(words.reclaimed),
               show(words.offered), show(words.committed), show(words.deficit)});
  }
}

template <class Unit>
void add_words(Table& table, const std::string& name, const std::string& nodes, const char* resource,
               const Words<Unit>& words, Show<Unit> show) {
  table.row({name, nodes, resource, show(words.capacity), show(words.allocated), show(words.used), show(words.buffered),
             show(words.reclaimed), show(words.offered), show(words.committed), show(words.deficit)});
}

void add_group(Table& table, const std::string& name, const model::ClusterGroup& group) {
  const auto& account = group.account;
  add_words<model::MilliCpu>(table, name, fmt::format("{}", group.nodes), "cpu (cores)",
                             words_of(account.cpu, group.cpu_short), &cores);
  add_words<model::Bytes>(table, name, fmt::format("{}", group.nodes), "memory",
                          words_of(account.memory, group.memory_short), &bytes);
}

Table group_table(const std::string& title) {
  return Table({{title},
                {"NODES", Align::kRight},
                {"RESOURCE"},
                {"CAPACITY", Align::kRight},
                {"ALLOCATED", Align::kRight},
                {"USED", Align::kRight},
                {"BUFFERED", Align::kRight},
                {"RECLAIMED", Align::kRight},
                {"OFFERED", Align::kRight},
                {"COMMITTED", Align::kRight},
                {"DEFICIT", Align::kRight}});
}

std::string groupings_text(const model::ClusterReport& report) {
  std::string out;
  std::string missing;
  for (const auto& grouping : report.groupings) {
    const bool unlabelled =
        grouping.groups.empty() || (grouping.groups.size() == 1 && grouping.groups[0].value.empty());
    if (unlabelled) {
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", safe_text(grouping.label));
      continue;
    }
    Table table = group_table(safe_text(grouping.label));
    for (const auto& group : grouping.groups)
      add_group(table, group.value.empty() ? "(none)" : group.value, group);
    out += "\n" + table.text();
    if (grouping.left_out > 0) out += fmt::format("cut: {} smaller groups are left out\n", grouping.left_out);
  }
  if (!missing.empty()) out += fmt::format("\nno node has a label {}\n", missing);
  return out;
}

template <class Unit>
Json offer_json(const model::ZoneOffer<Unit>& offer) {
  return {{"ofNodes", offer.of_nodes.value()},
          {"inZones", offer.in_zones.value()},
          {"mostInOne", offer.most_in_one.value()}};
}

Json zones_json(const std::optional<model::ClusterZones>& zones) {
  if (!zones) return {};
  return {{"nodes", zones->nodes},
          {"zones", zones->zones},
          {"cpuMilli", offer_json(zones->cpu)},
          {"memoryBytes", offer_json(zones->memory)}};
}

/// What of batch's whole can be had inside of single NUMA zones; "" where no node has several.
std::string zones_text(const std::optional<model::ClusterZones>& zones) {
  if (!zones) return "";
  Table table({{"NUMA ZONES"},
               {"NODES", Align::kRight},
               {"RESOURCE"},
               {"OF NODES", Align::kRight},
               {"IN ZONES", Align::kRight},
               {"MOST IN ONE", Align::kRight}});
  const auto nodes = fmt::format("{}", zones->nodes);
  const auto count = fmt::format("{}", zones->zones);
  const auto add = [&](const char* resource, const auto& offer, auto show) {
    table.row({count, nodes, resource, show(offer.of_nodes), show(offer.in_zones), show(offer.most_in_one)});
  };
  add("cpu (cores)", zones->cpu, &cores);
  add("memory", zones->memory, &bytes);
  return "\n" + table.text();
}

std::string deficits_text(const model::ClusterReport& report) {
  if (report.deficit_nodes == 0) return "\nno node is in deficit\n";
  Table table({{"NODE IN DEFICIT"}, {"CPU (cores)", Align::kRight}, {"MEMORY", Align::kRight}});
  for (const auto& deficit : report.deficits)
    table.row({deficit.node.str(), cores(deficit.cpu), bytes(deficit.memory)});
  const auto more = report.deficit_nodes - std::min<std::size_t>(report.deficits.size(), report.deficit_nodes);
  return "\n" + table.text() + (more > 0 ? fmt::format("and {} nodes more\n", more) : "");
}

/// The course of one word over the trend.
template <class Unit, class WordOf>
std::vector<Point> course(const model::ClusterReport& report, const WordOf& word_of,
                          model::ReclaimTerms<Unit> model::Reclaimed::*resource) {
  std::vector<Point> points;
  for (const auto& row : report.trend) {
    const std::optional<Unit> value = word_of(row.account.*resource);
    if (value) points.push_back({row.at, static_cast<double>(value->value())});
  }
  return points;
}

std::string trend_text(const model::ClusterReport& report, const PlotOptions& options) {
  if (report.trend.empty())
    return "\nno trend yet: history has the cluster's account once a minute, where it can be read\n";
  std::vector<std::vector<Point>> points;
  std::vector<Curve> curves;
  const auto add = [&](const char* name, const auto& word_of) {
    points.push_back(course(report, word_of, &model::Reclaimed::cpu));
    curves.push_back({name, "millicores", {}});
    points.push_back(course(report, word_of, &model::Reclaimed::memory));
    curves.push_back({name, "bytes", {}});
  };
  add("allocated", [](const auto& terms) { return std::optional(terms.requested); });
  add("used", [](const auto& terms) { return terms.used; });
  add("buffered", [](const auto& terms) { return std::optional(terms.margin); });
  add("reclaimed", [](const auto& terms) { return std::optional(plus(terms.offered, terms.mid)); });
  for (std::size_t i = 0; i < curves.size(); ++i)
    curves[i].points = points[i];
  return "\n" + plot_curves(curves, options);
}

template <class Unit>
Json words_json(const Words<Unit>& words) {
  return {{"capacity", amount(words.capacity)}, {"allocated", amount(words.allocated)},
          {"used", amount(words.used)},         {"buffered", amount(words.buffered)},
          {"charged", amount(words.charged)},   {"reclaimed", amount(words.reclaimed)},
          {"offered", amount(words.offered)},   {"committed", amount(words.committed)},
          {"deficit", amount(words.deficit)}};
}

Json group_json(const model::ClusterGroup& group) {
  return {{"nodes", group.nodes},
          {"cpuMilli", words_json(words_of(group.account.cpu, group.cpu_short))},
          {"memoryBytes", words_json(words_of(group.account.memory, group.memory_short))},
          {"account", account_json(group.account)}};
}

}  // namespace

std::string render_explained(const model::ExplainedAccount& explained) {
  const auto& account = explained.account;
  std::string out = fmt::format("node {} at {}: policy version {}, report {}\n", safe_text(account.node.str()),
                                format_instant(explained.at), version_of(account.policy),
                                account.data_age ? age(account.data_age) + " old" : "none");
  if (explained.stored) out += "as history has it: how the terms came about, and the pods, are not kept\n";
  out += "\n" + explained_text<model::MilliCpu>("cpu (cores)", explained.cpu, account.cpu, &cores);
  out += "\n" + explained_text<model::Bytes>("memory", explained.memory, account.memory, &bytes);
  return out + zones_text(explained);
}

Json to_json(const model::ExplainedAccount& explained) {
  return {{"wallMs", explained.at.ms},
          {"stored", explained.stored},
          {"account", account_json(explained.account)},
          {"cpuMilli", explained_json(explained.cpu)},
          {"memoryBytes", explained_json(explained.memory)},
          {"zonesProblem", explained.zones_problem.empty() ? Json() : Json(explained.zones_problem)}};
}

std::string render_cluster(const model::ClusterReport& report, const PlotOptions& options) {
  const auto& account = report.total.account;
  std::string out = fmt::format("{}: {} nodes{}, policy version {}, oldest report {}\n\n", format_instant(report.at),
                                report.total.nodes,
                                report.gone > 0 ? fmt::format(" and {} that are gone, left out", report.gone) : "",
                                version_of(account.policy), account.data_age ? age(account.data_age) + " old" : "none");
  Table total = group_table("CLUSTER");
  add_group(total, "all", report.total);
  out += total.text() + "\n";
  Table tiers({{"TIER"},
               {"RESOURCE"},
               {"ALLOCATED", Align::kRight},
               {"USED", Align::kRight},
               {"CHARGED", Align::kRight},
               {"RECLAIMED", Align::kRight},
               {"OFFERED", Align::kRight},
               {"COMMITTED", Align::kRight},
               {"DEFICIT", Align::kRight}});
  add_tiers<model::MilliCpu>(tiers, "cpu (cores)", tiers_of(account.cpu, report.total.cpu_short), &cores);
  add_tiers<model::Bytes>(tiers, "memory", tiers_of(account.memory, report.total.memory_short), &bytes);
  return out + tiers.text() + zones_text(report.zones) + groupings_text(report) + deficits_text(report) +
         trend_text(report, options);
}

Json to_json(const model::ClusterReport& report) {
  Json tiers = Json::object();
  const auto& account = report.total.account;
  const auto cpu = tiers_of(account.cpu, report.total.cpu_short);
  const auto memory = tiers_of(account.memory, report.total.memory_short);
  // Host applications may use but one of both.
  for (const auto& [tier, words] : cpu)
    tiers[tier]["cpuMilli"] = words_json(words);
  for (const auto& [tier, words] : memory)
    tiers[tier]["memoryBytes"] = words_json(words);
  Json groupings = Json::array();
  for (const auto& grouping : report.groupings) {
    Json groups = Json::array();
    for (const auto& group : grouping.groups) {
      Json one = group_json(group);
      one["value"] = group.value.empty() ? Json() : Json(group.value);
      groups.push_back(std::move(one));
    }
    groupings.push_back({{"label", grouping.label}, {"groups", std::move(groups)}, {"leftOut", grouping.left_out}});
  }
  Json deficits = Json::array();
  for (const auto& deficit : report.deficits) {
    deficits.push_back(
        {{"node", deficit.node.str()}, {"cpuMilli", deficit.cpu.value()}, {"memoryBytes", deficit.memory.value()}});
  }
  Json trend = Json::array();
  for (const auto& row : report.trend)
    trend.push_back({{"wallMs", row.at.ms}, {"account", account_json(row.account)}});
  return {{"wallMs", report.at.ms},
          {"gone", report.gone},
          {"total", group_json(report.total)},
          {"tiers", std::move(tiers)},
          {"groupings", std::move(groupings)},
          {"deficits", std::move(deficits)},
          {"deficitNodes", report.deficit_nodes},
          {"zones", zones_json(report.zones)},
          {"trend", std::move(trend)}};
}

}  // namespace tideline::tidectl
