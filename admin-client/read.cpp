#include "admin-client/read.h"

#include <chrono>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"

namespace tideline::tidectl {
namespace {

using codec::str;

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
  node.name = str(in.getName());
  node.liveness = name_of(in.getLiveness());
  node.connected = in.getConnected();
  if (const auto ms = codec::read(in.getReportAgeMs())) node.report_age = std::chrono::milliseconds(*ms);
  if (in.getClockOffsetKnown()) node.clock_offset = std::chrono::milliseconds(in.getClockOffsetMs());
  node.incarnation = in.getIncarnation();
  node.last_seq = in.getLastSeq();
  node.gap_reports = in.getGapReports();
  node.policy_wanted = in.getPolicyWanted();
  node.policy_applied = in.getPolicyApplied();
  node.policy_content = model::PolicyContent(in.getPolicyContent());
  node.policy_content_applied = model::PolicyContent(in.getPolicyContentApplied());
  node.policy_problem = str(in.getPolicyProblem());
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
  if (!summary) return summary.error().in("node " + str(in.getNode()));
  Pod pod{str(in.getNode()), *std::move(summary), std::nullopt, std::nullopt};
  if (const auto cpu = codec::read(in.getCpuAverage())) pod.cpu_average = model::MilliCpu(*cpu);
  if (const auto memory = codec::read(in.getMemoryAverage())) pod.memory_average = model::Bytes(*memory);
  return pod;
}

model::Result<NodeEvent> read(schema::NodeEvent::Reader in) {
  auto event = codec::read(in.getEvent());
  if (!event) return event.error();
  return NodeEvent{str(in.getNode()), *std::move(event)};
}

model::Result<Explanation> read(schema::Explanation::Reader in) {
  const auto instant = [](schema::OptInt::Reader ms) {
    const auto known = codec::read(ms);
    return known ? std::optional(model::WallTime{*known}) : std::optional<model::WallTime>();
  };
  Explanation out;
  out.at.ms = in.getAtMs();
  for (const auto file : in.getFiles()) {
    out.files.push_back({.file = str(file.getFile()),
                         .value = str(file.getValue()),
                         .old_value = str(file.getOldValue()),
                         .controller = static_cast<model::Controller>(file.getController()),
                         .reason = static_cast<model::Reason>(file.getReason()),
                         .at = {file.getWallMs()},
                         .changes_last_hour = file.getChangesLastHour(),
                         .drifts_last_hour = file.getDriftsLastHour(),
                         .original = file.getOriginal(),
                         .events_lost_since = file.getEventsLostSince()});
  }
  for (const auto row : in.getUnwritten()) {
    out.unwritten.push_back({.file = str(row.getFile()),
                             .value = str(row.getValue()),
                             .held = str(row.getHeld()),
                             .controller = static_cast<model::Controller>(row.getController()),
                             .reason = static_cast<model::Reason>(row.getReason()),
                             .at = {row.getWallMs()}});
  }
  for (const auto eviction : in.getEvictions()) {
    out.evictions.push_back({str(eviction.getPod()),
                             {eviction.getWallMs()},
                             static_cast<model::Reason>(eviction.getReason()),
                             str(eviction.getDetail())});
  }
  for (const auto note : in.getHandsOff()) {
    out.hands_off.push_back({str(note.getGroup()),
                             {note.getWallMs()},
                             static_cast<model::Controller>(note.getBy()),
                             str(note.getText()),
                             note.getOver()});
  }
  out.events_from = instant(in.getEventsFromMs());
  out.history_from = instant(in.getHistoryFromMs());
  out.events_cut = in.getEventsCut();
  out.rows_cut = in.getRowsCut();
  out.events_lost = instant(in.getEventsLostMs());
  if (in.hasStatus()) {
    auto status = codec::read(in.getStatus());
    if (!status) return status.error();
    out.status = *std::move(status);
    out.status_at.ms = in.getStatusWallMs();
  }
  return out;
}

HandsOffEntry read(schema::HandsOffEntry::Reader in) {
  HandsOffEntry entry;
  entry.node = str(in.getNode());
  entry.hands_off.group = str(in.getGroup());
  entry.hands_off.release = in.getRelease();
  if (const auto ms = codec::read(in.getRemainingMs())) entry.hands_off.remaining = std::chrono::milliseconds(*ms);
  entry.hands_off.who = str(in.getWho());
  entry.hands_off.reason = str(in.getReason());
  entry.told = in.getTold();
  entry.problem = str(in.getProblem());
  return entry;
}

PolicyState read(schema::PolicyState::Reader in) {
  PolicyState state;
  state.source = str(in.getSource());
  state.version = in.getVersion();
  state.epoch = in.getEpoch();
  state.loaded.ms = in.getLoadedWallMs();
  state.problem = str(in.getProblem());
  for (const auto document : in.getDocuments())
    state.documents.push_back({str(document.getKey()), str(document.getJson())});
  return state;
}

}  // namespace tideline::tidectl
