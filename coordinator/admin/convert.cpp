#include "coordinator/admin/convert.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"

namespace tideline::admin {
namespace {

using codec::ptr;
using codec::str;
using model::Error;
using model::ErrorCode;
using model::invalid;
using model::Result;

constexpr std::size_t kMaxNodeNameBytes = 253;  // a DNS subdomain, as Kubernetes has it

std::optional<std::int64_t> in_ms(const std::optional<model::Duration>& duration) {
  if (!duration) return std::nullopt;
  return model::to_ms(*duration);
}

schema::Liveness liveness(fleet::Liveness value) {
  switch (value) {
    case fleet::Liveness::kNever:
      return schema::Liveness::NEVER;
    case fleet::Liveness::kLive:
      return schema::Liveness::LIVE;
    case fleet::Liveness::kLate:
      return schema::Liveness::LATE;
    case fleet::Liveness::kGone:
      return schema::Liveness::GONE;
  }
  return schema::Liveness::NEVER;
}

/// May be empty where that means all nodes.
enum class Named : std::uint8_t { kOne, kOneOrAll };

Result<model::NodeName> node_name(capnp::Text::Reader name, Named named) {
  if (name.size() == 0 && named == Named::kOne) return invalid("the node's name is empty");
  if (name.size() > kMaxNodeNameBytes) {
    return invalid(fmt::format("the node's name has {} bytes; at most {}", name.size(), kMaxNodeNameBytes));
  }
  return model::NodeName(str(name));
}

Result<std::vector<PolicyDocument>> documents(capnp::List<schema::PolicyState::Document>::Reader in) {
  if (in.size() == 0 || in.size() > AdminLimits::kMaxDocuments) {
    return invalid(fmt::format("{} documents; want 1..{}", in.size(), AdminLimits::kMaxDocuments));
  }
  std::vector<PolicyDocument> all;
  std::size_t bytes = 0;
  for (const auto document : in) {
    const auto key = document.getKey();
    const auto json = document.getJson();
    if (key.size() > AdminLimits::kMaxDocumentKeyBytes) {
      return invalid(
          fmt::format("a document's key has {} bytes; at most {}", key.size(), AdminLimits::kMaxDocumentKeyBytes));
    }
    bytes += key.size() + json.size();
    if (bytes > AdminLimits::kMaxDocumentBytes) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("the documents have more than {} bytes together", AdminLimits::kMaxDocumentBytes));
    }
    all.push_back({str(key), str(json)});
  }
  return all;
}

/// nullopt = now, which 0 stands for.
Result<std::optional<model::WallTime>> instant(std::int64_t at_ms) {
  if (at_ms < 0) return invalid(fmt::format("the instant {} ms is before 1970", at_ms));
  if (at_ms == 0) return std::optional<model::WallTime>();
  return std::optional(model::WallTime{at_ms});
}

/// Each once.
Result<std::vector<std::string>> label_keys(capnp::List<capnp::Text>::Reader in) {
  using Limits = model::ClusterLimits;
  if (in.size() > Limits::kMaxLabels) {
    return invalid(fmt::format("{} labels to group by; at most {}", in.size(), Limits::kMaxLabels));
  }
  std::vector<std::string> keys;
  for (const capnp::Text::Reader key : in) {
    if (key.size() == 0 || key.size() > Limits::kMaxLabelBytes) {
      return invalid(fmt::format("a label's key of {} bytes; want 1..{}", key.size(), Limits::kMaxLabelBytes));
    }
    keys.push_back(str(key));
    if (std::count(keys.begin(), keys.end(), keys.back()) > 1) {
      return invalid(fmt::format("label {} is named twice", keys.back()));
    }
  }
  return keys;
}

/// nullopt = the whole cluster, which "" stands for.
Result<std::optional<model::ClusterPart>> trend_of(capnp::Text::Reader in) {
  if (in.size() == 0) return std::optional<model::ClusterPart>();
  if (in.size() > kMaxNodeNameBytes) {
    return invalid(fmt::format("a group's name of {} bytes; at most {}", in.size(), kMaxNodeNameBytes));
  }
  auto part = model::cluster_part(str(in));
  if (!part) return invalid(fmt::format("the group \"{}\" is no LABEL=VALUE", str(in)));
  const auto& labels = model::kClusterLabels;
  if (std::find(labels.begin(), labels.end(), part->label) == labels.end()) {
    return invalid(fmt::format("history has trends by {}, not by {}", fmt::join(labels, " and "), part->label));
  }
  return part;
}

Result<void> check_range(std::int64_t from_ms, std::int64_t to_ms) {
  if (from_ms >= to_ms) return invalid(fmt::format("the range is empty: from {} to {} (ms)", from_ms, to_ms));
  return {};
}

Result<HandsOffBeginCall> begin_call(capnp::Text::Reader node, model::HandsOff hands_off) {
  auto name = node_name(node, Named::kOne);
  if (!name) return name.error();
  if (auto valid = model::validate(hands_off); !valid) return valid.error();
  return HandsOffBeginCall{*std::move(name), std::move(hands_off)};
}

}  // namespace

void write(const fleet::NodeView& view, schema::NodeSummary::Builder out) {
  out.setName(ptr(view.name.str()));
  out.setLiveness(liveness(view.liveness));
  out.setConnected(view.connected);
  codec::write(in_ms(view.report_age), out.initReportAgeMs());
  if (const auto offset = in_ms(view.clock_offset)) {
    out.setClockOffsetKnown(true);
    out.setClockOffsetMs(*offset);
  }
  out.setIncarnation(view.incarnation.value());
  out.setLastSeq(view.last_seq.value());
  out.setGapReports(view.gap_reports);
  out.setPolicyWanted(view.policy_wanted.value());
  out.setPolicyApplied(view.policy_applied.value());
  out.setPolicyContent(view.policy_content.value());
  out.setPolicyContentApplied(view.policy_content_applied.value());
  out.setPolicyProblem(ptr(view.policy_problem));
  if (view.status) codec::write(*view.status, out.initStatus());
  if (view.last) codec::write(*view.last, out.initLast());
  if (view.reclaimed) codec::write(*view.reclaimed, out.initReclaimed());
  out.setPodCount(static_cast<std::uint32_t>(view.pod_count));
}

void write(const fleet::PodView& view, schema::NodePod::Builder out) {
  out.setNode(ptr(view.node.str()));
  codec::write(view.summary, out.initSummary());
  if (view.cpu_average) codec::write(std::optional(view.cpu_average->value()), out.initCpuAverage());
  if (view.memory_average) codec::write(std::optional(view.memory_average->value()), out.initMemoryAverage());
}

void write(const Series& series, schema::Series::Builder out) {
  out.setMetric(static_cast<std::uint16_t>(series.metric));
  out.setTruncated(series.truncated);
  auto points = out.initPoints(static_cast<unsigned>(series.points.size()));
  for (unsigned i = 0; i < points.size(); ++i) {
    points[i].setWallMs(series.points[i].at.ms);
    points[i].setValue(series.points[i].value);
  }
}

void write(const NodeEvent& event, schema::NodeEvent::Builder out) {
  out.setNode(ptr(event.node.str()));
  codec::write(event.event, out.initEvent());
}

void write(const Explanation& explanation, schema::Explanation::Builder out) {
  const auto ms = [](const std::optional<model::WallTime>& at) {
    return at ? std::optional(at->ms) : std::optional<std::int64_t>();
  };
  out.setAtMs(explanation.at.ms);
  const auto& what = explanation.what;
  auto files = out.initFiles(static_cast<unsigned>(what.files.size()));
  for (unsigned i = 0; i < files.size(); ++i) {
    const auto& file = what.files[i];
    files[i].setFile(ptr(file.file));
    files[i].setValue(ptr(file.value));
    files[i].setOldValue(ptr(file.old_value));
    files[i].setController(static_cast<std::uint8_t>(file.controller));
    files[i].setReason(static_cast<std::uint16_t>(file.reason));
    files[i].setWallMs(file.at.ms);
    files[i].setChangesLastHour(file.changes_last_hour);
    files[i].setDriftsLastHour(file.drifts_last_hour);
    files[i].setOriginal(file.original);
    files[i].setEventsLostSince(file.events_lost_since);
  }
  auto unwritten = out.initUnwritten(static_cast<unsigned>(what.unwritten.size()));
  for (unsigned i = 0; i < unwritten.size(); ++i) {
    const auto& row = what.unwritten[i];
    unwritten[i].setFile(ptr(row.file));
    unwritten[i].setValue(ptr(row.value));
    unwritten[i].setHeld(ptr(row.held));
    unwritten[i].setController(static_cast<std::uint8_t>(row.controller));
    unwritten[i].setReason(static_cast<std::uint16_t>(row.reason));
    unwritten[i].setWallMs(row.at.ms);
  }
  auto evictions = out.initEvictions(static_cast<unsigned>(what.evictions.size()));
  for (unsigned i = 0; i < evictions.size(); ++i) {
    evictions[i].setPod(ptr(what.evictions[i].pod));
    evictions[i].setWallMs(what.evictions[i].at.ms);
    evictions[i].setReason(static_cast<std::uint16_t>(what.evictions[i].reason));
    evictions[i].setDetail(ptr(what.evictions[i].detail));
  }
  auto groups = out.initHandsOff(static_cast<unsigned>(what.hands_off.size()));
  for (unsigned i = 0; i < groups.size(); ++i) {
    groups[i].setGroup(ptr(what.hands_off[i].group));
    groups[i].setWallMs(what.hands_off[i].at.ms);
    groups[i].setBy(static_cast<std::uint8_t>(what.hands_off[i].by));
    groups[i].setText(ptr(what.hands_off[i].text));
    groups[i].setOver(what.hands_off[i].over);
  }
  codec::write(ms(explanation.events_from), out.initEventsFromMs());
  codec::write(ms(explanation.history_from), out.initHistoryFromMs());
  out.setEventsCut(explanation.events_cut);
  out.setRowsCut(what.rows_cut);
  codec::write(ms(what.events_lost), out.initEventsLostMs());
  if (!explanation.status) return;
  codec::write(*explanation.status, out.initStatus());
  out.setStatusWallMs(explanation.status_at.ms);
}

void write(const HandsOffRow& row, schema::HandsOffEntry::Builder out) {
  out.setNode(ptr(row.node.str()));
  out.setGroup(ptr(row.hands_off.group));
  out.setRelease(row.hands_off.release);
  codec::write(in_ms(row.hands_off.remaining), out.initRemainingMs());
  out.setWho(ptr(row.hands_off.who));
  out.setReason(ptr(row.hands_off.reason));
  out.setTold(row.told);
  out.setProblem(ptr(row.problem));
}

void write(const PolicyState& state, schema::PolicyState::Builder out) {
  out.setSource(ptr(state.source));
  out.setVersion(state.version.value());
  out.setEpoch(state.epoch.value());
  out.setLoadedWallMs(state.loaded.ms);
  out.setProblem(ptr(state.problem));
  auto documents = out.initDocuments(static_cast<unsigned>(state.documents.size()));
  for (unsigned i = 0; i < documents.size(); ++i) {
    documents[i].setKey(ptr(state.documents[i].key));
    documents[i].setJson(ptr(state.documents[i].json));
  }
}

Result<model::NodeName> read(schema::Admin::NodeParams::Reader in) {
  return node_name(in.getName(), Named::kOne);
}

Result<model::NodeName> read(schema::Admin::PodsParams::Reader in) {
  return node_name(in.getNode(), Named::kOneOrAll);
}

Result<HistoryQuery> read(schema::Admin::HistoryParams::Reader in) {
  const auto asked = in.getQuery();
  HistoryQuery query;
  auto node = node_name(asked.getNode(), Named::kOne);
  if (!node) return node.error();
  query.node = *std::move(node);
  const auto metrics = asked.getMetrics();
  if (metrics.size() == 0 || metrics.size() > AdminLimits::kMaxMetrics) {
    return invalid(fmt::format("{} metrics asked for; want 1..{}", metrics.size(), AdminLimits::kMaxMetrics));
  }
  const auto& known = model::all_metrics();
  for (const std::uint16_t number : metrics) {
    const auto metric = static_cast<model::Metric>(number);
    if (std::find(known.begin(), known.end(), metric) == known.end()) {
      return invalid(fmt::format("metric {} is not known here", number));
    }
    if (std::find(query.metrics.begin(), query.metrics.end(), metric) != query.metrics.end()) {
      return invalid(fmt::format("metric {} is asked for twice", model::name_of(metric)));
    }
    query.metrics.push_back(metric);
  }
  if (auto range = check_range(asked.getFromMs(), asked.getToMs()); !range) return range.error();
  query.from.ms = asked.getFromMs();
  query.to.ms = asked.getToMs();
  query.max_points = asked.getMaxPoints() == 0 ? AdminLimits::kMaxPoints
                                               : std::min<std::size_t>(asked.getMaxPoints(), AdminLimits::kMaxPoints);
  return query;
}

Result<EventsQuery> read(schema::Admin::EventsParams::Reader in) {
  auto node = node_name(in.getNode(), Named::kOneOrAll);
  if (!node) return node.error();
  if (auto range = check_range(in.getFromMs(), in.getToMs()); !range) return range.error();
  return EventsQuery{*std::move(node), {in.getFromMs()}, {in.getToMs()}};
}

Result<model::NodeName> read(schema::Admin::PolicyGetParams::Reader in) {
  return node_name(in.getNode(), Named::kOneOrAll);
}

Result<PolicyApplyCall> read(schema::Admin::PolicyApplyParams::Reader in) {
  auto given = documents(in.getDocuments());
  if (!given) return given.error();
  return PolicyApplyCall{*std::move(given), in.getDryRun()};
}

Result<PolicyCheckCall> read(schema::Admin::PolicyCheckParams::Reader in) {
  auto given = documents(in.getDocuments());
  if (!given) return given.error();
  auto node = node_name(in.getNode(), Named::kOneOrAll);
  if (!node) return node.error();
  return PolicyCheckCall{*std::move(given), *std::move(node)};
}

Result<WatchCall> read(schema::Admin::WatchParams::Reader in) {
  auto node = node_name(in.getNode(), Named::kOneOrAll);
  if (!node) return node.error();
  const std::uint32_t seconds = in.getSeconds();
  if (seconds == 0 || seconds > AdminLimits::kMaxWatchSeconds) {
    return invalid(fmt::format("watch for {} s; want 1..{}", seconds, AdminLimits::kMaxWatchSeconds));
  }
  return WatchCall{*std::move(node), seconds};
}

Result<ExplainQuery> read(schema::Admin::ExplainParams::Reader in) {
  auto node = node_name(in.getNode(), Named::kOne);
  if (!node) return node.error();
  const auto part = in.getFile();
  if (part.size() > AdminLimits::kMaxFilePartBytes) {
    return invalid(
        fmt::format("the part of a file's name has {} bytes; at most {}", part.size(), AdminLimits::kMaxFilePartBytes));
  }
  auto at = instant(in.getAtMs());
  if (!at) return at.error();
  return ExplainQuery{*std::move(node), *at, str(part)};
}

Result<ExplainReclaimedQuery> read(schema::Admin::ExplainReclaimedParams::Reader in) {
  auto node = node_name(in.getNode(), Named::kOne);
  if (!node) return node.error();
  auto at = instant(in.getAtMs());
  if (!at) return at.error();
  return ExplainReclaimedQuery{*std::move(node), *at};
}

Result<ClusterQuery> read(schema::Admin::ClusterParams::Reader in) {
  constexpr std::size_t kMost = model::ClusterLimits::kMaxTrendPoints;
  auto labels = label_keys(in.getBy());
  if (!labels) return labels.error();
  if (auto range = check_range(in.getFromMs(), in.getToMs()); !range) return range.error();
  const std::size_t points = in.getMaxPoints() == 0 ? kMost : std::min<std::size_t>(in.getMaxPoints(), kMost);
  auto part = trend_of(in.getTrendOf());
  if (!part) return part.error();
  return ClusterQuery{{in.getFromMs()}, {in.getToMs()}, points, *std::move(labels), *std::move(part)};
}

Result<HandsOffBeginCall> read(schema::Admin::HandsOffBeginParams::Reader in, const Caller& caller) {
  constexpr auto kMaxMs = model::to_ms(model::HandsOffLimits::kMaxDuration);
  const std::int64_t for_ms = in.getForMs();
  if (for_ms <= 0 || for_ms > kMaxMs) {
    return invalid(fmt::format("hands-off for {} ms; want 1..{} (7d)", for_ms, kMaxMs));
  }
  return begin_call(in.getNode(), {.group = str(in.getGroup()),
                                   .remaining = std::chrono::milliseconds(for_ms),
                                   .release = false,
                                   .who = caller.identity.name,
                                   .reason = str(in.getReason())});
}

Result<model::NodeName> read(schema::Admin::HandsOffListParams::Reader in) {
  return node_name(in.getNode(), Named::kOneOrAll);
}

Result<HandsOffEndCall> read(schema::Admin::HandsOffEndParams::Reader in) {
  auto node = node_name(in.getNode(), Named::kOne);
  if (!node) return node.error();
  const auto group = in.getGroup();
  if (group.size() > model::HandsOffLimits::kMaxGroupBytes) {
    return invalid(
        fmt::format("the cgroup has {} bytes; at most {}", group.size(), model::HandsOffLimits::kMaxGroupBytes));
  }
  return HandsOffEndCall{*std::move(node), str(group)};
}

Result<HandsOffBeginCall> read(schema::Admin::ReleaseParams::Reader in, const Caller& caller) {
  return begin_call(in.getNode(), {.group = {},
                                   .remaining = std::nullopt,
                                   .release = true,
                                   .who = caller.identity.name,
                                   .reason = str(in.getReason())});
}

Result<model::NodeName> read(schema::Admin::ResumeParams::Reader in) {
  return node_name(in.getNode(), Named::kOne);
}

}  // namespace tideline::admin
