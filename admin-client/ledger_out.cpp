#include "admin-client/ledger_out.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
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

/// How much older an account is than the instant asked for; whatever both say.
std::int64_t ms_before(const model::WallTime& asked, const model::WallTime& at) {
  constexpr std::int64_t kMost = std::int64_t{100} * 365 * 86'400'000;
  std::int64_t ms = 0;
  return __builtin_sub_overflow(asked.ms, at.ms, &ms) ? kMost : std::clamp<std::int64_t>(ms, 0, kMost);
}

/// What an account of history is: of when, and why of then.
std::string kept_text(const model::ExplainedAccount& explained, const std::optional<model::WallTime>& asked) {
  using Kept = model::KeptAccounts;
  const auto minutes = [](model::Duration duration) {
    return std::chrono::duration_cast<std::chrono::minutes>(duration).count();
  };
  if (!asked) {
    return "as history had it last, and withdrawn until the node reports to this start of the coordinator\n"
           "how the terms came about, and the pods, are not kept\n";
  }
  std::string out = fmt::format("as history has it: account of {}", format_clock(explained.at));
  out += fmt::format(", {} before {}", format_duration(std::chrono::milliseconds(ms_before(*asked, explained.at))),
                     format_instant(*asked));
  return out + fmt::format(
                   "; one is kept at once when a rule or the policy changes, each {} min when a term moved by more "
                   "than {} % of capacity, and at least each {} min while the node reports\n"
                   "how the terms came about, and the pods, are not kept\n",
                   minutes(Kept::kAtMostEvery), Kept::kMovedPercent, minutes(Kept::kAtLeastEvery));
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

/// Of a sum; nullopt: it is not known, and so is what rests on it. Not deduced, so that a plain one will do.
template <class Unit>
using MaybeShort = std::optional<model::Shortfall<std::type_identity_t<Unit>>>;

template <class Unit>
Words<Unit> words_of(const model::ReclaimTerms<Unit>& terms, const MaybeShort<Unit>& shortfall) {
  return {.capacity = terms.capacity,
          .allocated = terms.requested,
          .used = terms.used,
          .buffered = terms.margin,
          .charged = plus(terms.system, terms.high_priority),
          .reclaimed = plus(terms.offered, terms.mid),
          .offered = shortfall ? std::optional(plus(batch_left(terms, *shortfall), terms.mid_offered)) : std::nullopt,
          .committed = plus(terms.committed, terms.mid_committed),
          .deficit = terms.deficit};
}

/// No tier: what host applications have of the tiers before it.
constexpr const char* kHostTier = "host-apps";

template <class Unit>
std::vector<std::pair<const char*, Words<Unit>>> tiers_of(const model::ReclaimTerms<Unit>& terms,
                                                          const MaybeShort<Unit>& shortfall) {
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
  if (shortfall) mid.deficit = shortfall->mid;
  Words<Unit> batch;
  batch.used = terms.batch_used;
  batch.reclaimed = terms.published;
  batch.committed = terms.committed;
  if (shortfall) {
    batch.offered = batch_left(terms, *shortfall);
    batch.deficit = shortfall->batch;
  }
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

/// By kTrendWords.
template <class Unit>
constexpr std::array<std::optional<Unit> Words<Unit>::*, kTrendWords.size()> kWordValues = {
    &Words<Unit>::allocated, &Words<Unit>::used,    &Words<Unit>::buffered,  &Words<Unit>::charged,
    &Words<Unit>::reclaimed, &Words<Unit>::offered, &Words<Unit>::committed, &Words<Unit>::deficit};

/// What is drawn of all tiers together.
constexpr std::array<std::string_view, 4> kPicture = {"allocated", "used", "buffered", "reclaimed"};

/// One instant of the trend.
struct TrendRow {
  model::WallTime at;
  Words<model::MilliCpu> cpu;
  Words<model::Bytes> memory;
};

template <class Unit>
Words<Unit> words_then(const model::ReclaimTerms<Unit>& terms, const std::string& tier) {
  if (tier.empty()) return words_of(terms, terms.shortfall);
  for (const auto& [name, words] : tiers_of(terms, terms.shortfall)) {
    if (name == tier) return words;
  }
  return {};
}

std::vector<TrendRow> trend_rows(const model::ClusterReport& report, const TrendView& trend) {
  std::vector<TrendRow> rows;
  rows.reserve(report.trend.size());
  for (const auto& [at, account] : report.trend)
    rows.push_back({at, words_then(account.cpu, trend.tier), words_then(account.memory, trend.tier)});
  return rows;
}

/// The course of one word over the trend.
template <class Unit>
std::vector<Point> course(const std::vector<TrendRow>& rows, Words<Unit> TrendRow::*resource, std::size_t word) {
  std::vector<Point> points;
  for (const auto& row : rows) {
    const auto& value = (row.*resource).*(kWordValues<Unit>[word]);
    if (value) points.push_back({row.at, static_cast<double>(value->value())});
  }
  return points;
}

/// Of one tier all that it knows.
bool is_drawn(std::size_t word, const std::vector<TrendRow>& rows, const TrendView& trend) {
  const auto is_among = [name = kTrendWords[word]](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!trend.curves.empty()) return is_among(trend.curves);
  if (trend.tier.empty()) return is_among(kPicture);
  return std::any_of(rows.begin(), rows.end(), [word](const TrendRow& row) {
    return (row.cpu.*(kWordValues<model::MilliCpu>[word])).has_value() ||
           (row.memory.*(kWordValues<model::Bytes>[word])).has_value();
  });
}

std::string trend_text(const model::ClusterReport& report, const PlotOptions& options, const TrendView& trend) {
  if (report.trend.empty() && trend.of.empty())
    return "\nno trend yet: history has the cluster's account once a minute, where it can be read\n";
  if (report.trend.empty()) {
    return fmt::format(
        "\nno trend of {} yet: history has the {} largest groups of a label once a minute, where it can be read\n",
        safe_text(trend.of), model::ClusterLimits::kMaxKeptGroups);
  }
  const auto rows = trend_rows(report, trend);
  std::vector<std::vector<Point>> points;
  std::vector<Curve> curves;
  for (std::size_t word = 0; word < kTrendWords.size(); ++word) {
    if (!is_drawn(word, rows, trend)) continue;
    points.push_back(course(rows, &TrendRow::cpu, word));
    curves.push_back({kTrendWords[word], "millicores", {}});
    points.push_back(course(rows, &TrendRow::memory, word));
    curves.push_back({kTrendWords[word], "bytes", {}});
  }
  for (std::size_t i = 0; i < curves.size(); ++i)
    curves[i].points = points[i];
  std::string out = "\n";
  if (!trend.of.empty() || !trend.tier.empty()) {
    out += fmt::format("trend of {}{}:\n", trend.of.empty() ? "the cluster" : safe_text(trend.of),
                       trend.tier.empty() ? "" : fmt::format(", tier {}", trend.tier));
  }
  return out + plot_curves(curves, options);
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

std::string render_explained(const model::ExplainedAccount& explained, const std::optional<model::WallTime>& asked) {
  const auto& account = explained.account;
  std::string out = fmt::format("node {} at {}: policy version {}, report {}\n", safe_text(account.node.str()),
                                format_instant(explained.at), version_of(account.policy),
                                account.data_age ? age(account.data_age) + " old" : "none");
  if (explained.stored) out += kept_text(explained, asked);
  out += "\n" + explained_text<model::MilliCpu>("cpu (cores)", explained.cpu, account.cpu, &cores);
  out += "\n" + explained_text<model::Bytes>("memory", explained.memory, account.memory, &bytes);
  return out + zones_text(explained);
}

Json to_json(const model::ExplainedAccount& explained, const std::optional<model::WallTime>& asked) {
  const bool older = explained.stored && asked;
  return {{"wallMs", explained.at.ms},
          {"stored", explained.stored},
          {"askedWallMs", asked ? Json(asked->ms) : Json()},
          {"beforeAskedMs", older ? Json(ms_before(*asked, explained.at)) : Json()},
          {"account", account_json(explained.account)},
          {"cpuMilli", explained_json(explained.cpu)},
          {"memoryBytes", explained_json(explained.memory)},
          {"zonesProblem", explained.zones_problem.empty() ? Json() : Json(explained.zones_problem)}};
}

std::string render_cluster(const model::ClusterReport& report, const PlotOptions& options, const TrendView& trend) {
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
         trend_text(report, options, trend);
}

Json to_json(const model::ClusterReport& report, const TrendView& view) {
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
  for (const auto& row : report.trend) {
    trend.push_back({{"wallMs", row.at.ms},
                     {"cpuMilli", words_json(words_then(row.account.cpu, view.tier))},
                     {"memoryBytes", words_json(words_then(row.account.memory, view.tier))},
                     {"account", account_json(row.account)}});
  }
  return {{"wallMs", report.at.ms},
          {"gone", report.gone},
          {"total", group_json(report.total)},
          {"tiers", std::move(tiers)},
          {"groupings", std::move(groupings)},
          {"deficits", std::move(deficits)},
          {"deficitNodes", report.deficit_nodes},
          {"zones", zones_json(report.zones)},
          {"trendOf", view.of.empty() ? Json() : Json(view.of)},
          {"trendTier", view.tier.empty() ? Json() : Json(view.tier)},
          {"trend", std::move(trend)}};
}

}  // namespace tideline::tidectl
