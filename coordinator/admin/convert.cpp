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

Result<model::NodeName> read_node(capnp::Text::Reader name, bool may_be_empty) {
  if (name.size() == 0 && !may_be_empty) return invalid("the node's name is empty");
  if (name.size() > kMaxNodeNameBytes) {
    return invalid(fmt::format("the node's name has {} bytes; at most {}", name.size(), kMaxNodeNameBytes));
  }
  return model::NodeName(str(name));
}

Result<model::HandsOff> read_hands_off(const Caller& caller, capnp::Text::Reader group, std::int64_t for_ms,
                                       capnp::Text::Reader reason) {
  constexpr auto kMaxMs = model::to_ms(model::HandsOffLimits::kMaxDuration);
  if (for_ms <= 0 || for_ms > kMaxMs) {
    return invalid(fmt::format("hands-off for {} ms; want 1..{} (7d)", for_ms, kMaxMs));
  }
  model::HandsOff hands_off{.group = str(group),
                            .remaining = std::chrono::milliseconds(for_ms),
                            .release = false,
                            .who = caller.identity.name,
                            .reason = str(reason)};
  if (auto valid = model::validate(hands_off); !valid) return valid.error();
  return hands_off;
}

Result<model::HandsOff> read_release(const Caller& caller, capnp::Text::Reader reason) {
  model::HandsOff hands_off{
      .group = {}, .remaining = std::nullopt, .release = true, .who = caller.identity.name, .reason = str(reason)};
  if (auto valid = model::validate(hands_off); !valid) return valid.error();
  return hands_off;
}

Result<void> check_range(std::int64_t from_ms, std::int64_t to_ms) {
  if (from_ms >= to_ms) return invalid(fmt::format("the range is empty: from {} to {} (ms)", from_ms, to_ms));
  return {};
}

Result<HistoryQuery> read(schema::HistoryQuery::Reader in) {
  HistoryQuery query;
  auto node = read_node(in.getNode(), false);
  if (!node) return node.error();
  query.node = *std::move(node);
  const auto metrics = in.getMetrics();
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
  auto range = check_range(in.getFromMs(), in.getToMs());
  if (!range) return range.error();
  query.from.ms = in.getFromMs();
  query.to.ms = in.getToMs();
  query.max_points = in.getMaxPoints() == 0 ? AdminLimits::kMaxPoints
                                            : std::min<std::size_t>(in.getMaxPoints(), AdminLimits::kMaxPoints);
  return query;
}

Result<std::vector<PolicyDocument>> read(capnp::List<schema::PolicyState::Document>::Reader in) {
  if (in.size() == 0 || in.size() > AdminLimits::kMaxDocuments) {
    return invalid(fmt::format("{} documents; want 1..{}", in.size(), AdminLimits::kMaxDocuments));
  }
  std::vector<PolicyDocument> documents;
  std::size_t bytes = 0;
  for (const auto document : in) {
    bytes += document.getKey().size() + document.getJson().size();
    if (bytes > AdminLimits::kMaxDocumentBytes) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("the documents have more than {} bytes together", AdminLimits::kMaxDocumentBytes));
    }
    documents.push_back({str(document.getKey()), str(document.getJson())});
  }
  return documents;
}

}  // namespace tideline::admin
