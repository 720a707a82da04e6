#include "coordinator/admin/convert.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "messages/codec/wire.h"

namespace tideline::admin {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::size_t kMaxNodeNameBytes = 253;  // a DNS subdomain, as Kubernetes has it

Error invalid(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

kj::StringPtr text(const std::string& value) {
  return {value.c_str(), value.size()};
}

std::string text(capnp::Text::Reader value) {
  return {value.cStr(), value.size()};
}

std::optional<std::int64_t> in_ms(const std::optional<model::Duration>& duration) {
  if (!duration) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count();
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
  out.setName(text(view.name.str()));
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
  out.setPolicyProblem(text(view.policy_problem));
  if (view.status) codec::write(*view.status, out.initStatus());
  if (view.last) codec::write(*view.last, out.initLast());
  if (view.reclaimed) codec::write(*view.reclaimed, out.initReclaimed());
  out.setPodCount(static_cast<std::uint32_t>(view.pod_count));
}

void write(const fleet::PodView& view, schema::NodePod::Builder out) {
  out.setNode(text(view.node.str()));
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
  out.setNode(text(event.node.str()));
  codec::write(event.event, out.initEvent());
}

void write(const PolicyState& state, schema::PolicyState::Builder out) {
  out.setSource(text(state.source));
  out.setVersion(state.version.value());
  out.setEpoch(state.epoch.value());
  out.setLoadedWallMs(state.loaded.ms);
  out.setProblem(text(state.problem));
  auto documents = out.initDocuments(static_cast<unsigned>(state.documents.size()));
  for (unsigned i = 0; i < documents.size(); ++i) {
    documents[i].setKey(text(state.documents[i].key));
    documents[i].setJson(text(state.documents[i].json));
  }
}

Result<model::NodeName> read_node(capnp::Text::Reader name, bool may_be_empty) {
  if (name.size() == 0 && !may_be_empty) return invalid("the node's name is empty");
  if (name.size() > kMaxNodeNameBytes) {
    return invalid(fmt::format("the node's name has {} bytes; at most {}", name.size(), kMaxNodeNameBytes));
  }
  return model::NodeName(text(name));
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
    documents.push_back({text(document.getKey()), text(document.getJson())});
  }
  return documents;
}

}  // namespace tideline::admin
