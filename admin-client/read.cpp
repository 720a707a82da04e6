#include "admin-client/read.h"

#include <chrono>

#include "messages/codec/wire.h"

namespace tideline::tidectl {
namespace {

std::string text(capnp::Text::Reader value) {
  return {value.cStr(), value.size()};
}

std::string name_of(schema::Liveness liveness) {
  switch (liveness) {
    case schema::Liveness::NEVER:
      return "never";
    case schema::Liveness::LIVE:
      return "live";
    case schema::Liveness::LATE:
      return "late";
    case schema::Liveness::GONE:
      return "gone";
  }
  return "unknown";
}

}  // namespace

model::Result<Node> read(schema::NodeSummary::Reader in) {
  Node node;
  node.name = text(in.getName());
  node.liveness = name_of(in.getLiveness());
  node.connected = in.getConnected();
  if (const auto ms = codec::read(in.getReportAgeMs())) node.report_age = std::chrono::milliseconds(*ms);
  if (in.getClockOffsetKnown()) node.clock_offset = std::chrono::milliseconds(in.getClockOffsetMs());
  node.incarnation = in.getIncarnation();
  node.last_seq = in.getLastSeq();
  node.gap_reports = in.getGapReports();
  node.policy_wanted = in.getPolicyWanted();
  node.policy_applied = in.getPolicyApplied();
  node.policy_problem = text(in.getPolicyProblem());
  node.pods = in.getPodCount();
  if (in.hasStatus()) {
    auto status = codec::read(in.getStatus());
    if (!status) return status.error().in("node " + node.name);
    node.status = *std::move(status);
  }
  if (in.hasLast()) {
    auto last = codec::read(in.getLast());
    if (!last) return last.error().in("node " + node.name);
    node.last = *std::move(last);
  }
  if (in.hasReclaimed()) {
    auto reclaimed = codec::read(in.getReclaimed());
    if (!reclaimed) return reclaimed.error().in("node " + node.name);
    node.reclaimed = *std::move(reclaimed);
  }
  return node;
}

model::Result<Pod> read(schema::NodePod::Reader in) {
  auto summary = codec::read(in.getSummary());
  if (!summary) return summary.error().in("node " + text(in.getNode()));
  Pod pod{text(in.getNode()), *std::move(summary), std::nullopt, std::nullopt};
  if (const auto cpu = codec::read(in.getCpuAverage())) pod.cpu_average = model::MilliCpu(*cpu);
  if (const auto memory = codec::read(in.getMemoryAverage())) pod.memory_average = model::Bytes(*memory);
  return pod;
}

model::Result<NodeEvent> read(schema::NodeEvent::Reader in) {
  auto event = codec::read(in.getEvent());
  if (!event) return event.error();
  return NodeEvent{text(in.getNode()), *std::move(event)};
}

PolicyState read(schema::PolicyState::Reader in) {
  PolicyState state;
  state.source = text(in.getSource());
  state.version = in.getVersion();
  state.epoch = in.getEpoch();
  state.loaded.ms = in.getLoadedWallMs();
  state.problem = text(in.getProblem());
  for (const auto document : in.getDocuments())
    state.documents.push_back({text(document.getKey()), text(document.getJson())});
  return state;
}

}  // namespace tideline::tidectl
