#include "admin-client/ownership_out.h"

#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/table.h"
#include "admin-client/time_text.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

std::string ago(model::WallTime at, model::WallTime now) {
  return age(std::chrono::milliseconds(now.ms - at.ms)) + " before";
}

std::string files_text(const Explanation& explanation) {
  Table table({{"FILE"},
               {"VALUE"},
               {"BEFORE"},
               {"BY"},
               {"REASON"},
               {"SINCE"},
               {"AGE", Align::kRight},
               {"CHANGES/H", Align::kRight},
               {"DRIFTS/H", Align::kRight},
               {"STATE"}});
  for (const FileState& file : explanation.files) {
    const bool foreign = file.reason == model::Reason::kDrift;
    const auto since = std::chrono::milliseconds(explanation.at.ms - file.at.ms);
    const std::string state = foreign ? "not ours" : file.original ? "original" : "ours";
    table.row({file.file, file.value, file.old_value, foreign ? "somebody else" : std::string(name_of(file.controller)),
               std::string(name_of(file.reason)), format_instant(file.at), age(since),
               fmt::format("{}", file.changes_last_hour), fmt::format("{}", file.drifts_last_hour),
               state + (file.events_lost_since ? ", events lost since" : "")});
  }
  return table.text();
}

std::string unwritten_text(const Explanation& explanation) {
  Table table({{"NOT WRITTEN"}, {"WHAT"}, {"HELD THEN"}, {"BY"}, {"SINCE"}, {"AGE", Align::kRight}});
  for (const UnwrittenValue& row : explanation.unwritten) {
    const std::string by(name_of(row.controller));
    table.row(
        {row.file,
         row.reason == model::Reason::kDryRun ? "dry run: would be " + row.value : "overruled: " + by + " " + row.value,
         row.held, by, format_instant(row.at), age(std::chrono::milliseconds(explanation.at.ms - row.at.ms))});
  }
  return table.text();
}

/// Whether the hands-off text came from the node itself or only from what the coordinator was asked.
std::string told_by(const HandsOffNote& note) {
  return note.by == model::Controller::kCoordinator ? "coordinator" : "node";
}

std::string status_text(const Explanation& explanation) {
  if (!explanation.status) return "no report of the node near this instant: its features are not known\n";
  const auto& status = *explanation.status;
  Facts facts;
  facts.add("status of",
            fmt::format("{} ({})", format_instant(explanation.status_at), ago(explanation.status_at, explanation.at)));
  facts.add("LS is", (status.protection.verified ? "protected" : "unprotected") +
                         (status.protection.why.empty() ? "" : ": " + status.protection.why));
  std::string out = facts.text();
  Table features({{"FEATURE"}, {"STATE"}, {"WHY"}});
  for (const auto& feature : status.features)
    features.row({feature.feature, std::string(model::name_of(feature.state)), feature.why});
  return out + (status.features.empty() ? "no features were asked for\n" : features.text());
}

Json instant(const std::optional<model::WallTime>& at) {
  return at ? Json(at->ms) : Json();
}

}  // namespace

std::string render_explanation(const Explanation& explanation, const std::string& node) {
  std::string out = fmt::format("node {} at {}\n\n", safe_text(node), format_instant(explanation.at));
  if (!explanation.files.empty()) out += files_text(explanation) + "\n";
  if (!explanation.unwritten.empty()) out += unwritten_text(explanation) + "\n";
  if (!explanation.evictions.empty()) {
    Table table({{"EVICTED POD"}, {"TIME"}, {"REASON"}, {"DETAIL"}});
    for (const PodEviction& eviction : explanation.evictions)
      table.row({eviction.pod, format_instant(eviction.at), std::string(name_of(eviction.reason)), eviction.detail});
    out += table.text() + "\n";
  }
  if (!explanation.hands_off.empty()) {
    Table table({{"HANDS OFF"}, {"TIME"}, {"SAID BY"}, {"STATE"}, {"WHAT"}});
    for (const HandsOffNote& note : explanation.hands_off)
      table.row({note.group, format_instant(note.at), told_by(note), note.over ? "over" : "in force", note.text});
    out += table.text() + "\n";
  }
  if (explanation.files.empty() && explanation.unwritten.empty() && explanation.evictions.empty() &&
      explanation.hands_off.empty()) {
    out += "nothing was written, evicted or held that matches\n";
  }
  if (!explanation.history_from) {
    out += "there is no history of this node\n";
  } else if (!explanation.events_from) {
    out += fmt::format("no event by then; history of this node reaches back to {}\n",
                       format_instant(*explanation.history_from));
  } else if (explanation.events_cut) {
    out += fmt::format("cut: events before {} were not looked at, history reaches back to {}; go back with --at\n",
                       format_instant(*explanation.events_from), format_instant(*explanation.history_from));
  } else {
    out += fmt::format("history of this node reaches back to {}\n", format_instant(*explanation.history_from));
  }
  if (explanation.events_lost) {
    out += fmt::format("lost: events up to {} were lost; where the state says so, a change may not be the last\n",
                       format_instant(*explanation.events_lost));
  }
  if (explanation.rows_cut) out += "cut: more files, pods or groups than fit; narrow with --file\n";
  return out + "\n" + status_text(explanation);
}

Json to_json(const Explanation& explanation) {
  Json files = Json::array();
  for (const FileState& file : explanation.files) {
    files.push_back({{"file", file.file},
                     {"value", file.value},
                     {"oldValue", file.old_value},
                     {"controller", std::string(name_of(file.controller))},
                     {"reason", std::string(name_of(file.reason))},
                     {"wallMs", file.at.ms},
                     {"changesLastHour", file.changes_last_hour},
                     {"driftsLastHour", file.drifts_last_hour},
                     {"original", file.original},
                     {"eventsLostSince", file.events_lost_since}});
  }
  Json unwritten = Json::array();
  for (const UnwrittenValue& row : explanation.unwritten) {
    unwritten.push_back({{"file", row.file},
                         {"value", row.value},
                         {"heldValue", row.held},
                         {"controller", std::string(name_of(row.controller))},
                         {"reason", std::string(name_of(row.reason))},
                         {"wallMs", row.at.ms}});
  }
  Json evictions = Json::array();
  for (const PodEviction& eviction : explanation.evictions) {
    evictions.push_back({{"pod", eviction.pod},
                         {"wallMs", eviction.at.ms},
                         {"reason", std::string(name_of(eviction.reason))},
                         {"detail", eviction.detail}});
  }
  Json hands_off = Json::array();
  for (const HandsOffNote& note : explanation.hands_off) {
    hands_off.push_back({{"group", note.group},
                         {"wallMs", note.at.ms},
                         {"saidBy", told_by(note)},
                         {"over", note.over},
                         {"text", note.text}});
  }
  Json features = Json::array();
  Json protection;
  if (explanation.status) {
    for (const auto& feature : explanation.status->features) {
      features.push_back(
          {{"feature", feature.feature}, {"state", std::string(model::name_of(feature.state))}, {"why", feature.why}});
    }
    protection = {{"verified", explanation.status->protection.verified}, {"why", explanation.status->protection.why}};
  }
  return {{"atWallMs", explanation.at.ms},
          {"files", std::move(files)},
          {"unwritten", std::move(unwritten)},
          {"evictions", std::move(evictions)},
          {"handsOff", std::move(hands_off)},
          {"eventsFromWallMs", instant(explanation.events_from)},
          {"historyFromWallMs", instant(explanation.history_from)},
          {"eventsCut", explanation.events_cut},
          {"rowsCut", explanation.rows_cut},
          {"eventsLostWallMs", instant(explanation.events_lost)},
          {"statusWallMs", explanation.status ? Json(explanation.status_at.ms) : Json()},
          {"protection", std::move(protection)},
          {"features", std::move(features)}};
}

std::string render_capabilities(const Node& node) {
  if (!node.status) return fmt::format("node {} has not reported yet\n", safe_text(node.name));
  std::string out = fmt::format("node {}: kernel {}, cgroup {}\n", safe_text(node.name),
                                safe_text(node.status->kernel_release), safe_text(node.status->cgroup_version));
  if (node.status->knobs.empty()) return out + "its agent does not tell what this kernel can do\n";
  Table table({{"KNOB"}, {"FILE"}, {"SUPPORTED"}, {"WHY NOT, OR WHAT IT DEMANDS"}});
  for (const auto& knob : node.status->knobs)
    table.row({std::string(name_of(knob.knob)), knob.file, knob.supported ? "yes" : "no", knob.why});
  return out + table.text();
}

Json capabilities_json(const Node& node) {
  Json knobs;
  if (node.status && !node.status->knobs.empty()) {
    knobs = Json::array();
    for (const auto& knob : node.status->knobs) {
      knobs.push_back({{"knob", std::string(name_of(knob.knob))},
                       {"file", knob.file.empty() ? Json() : Json(knob.file)},
                       {"supported", knob.supported},
                       {"why", knob.supported ? "" : knob.why},
                       {"demands", knob.supported ? knob.why : ""}});
    }
  }
  return {{"name", node.name},
          {"kernelRelease", node.status ? Json(node.status->kernel_release) : Json()},
          {"cgroupVersion", node.status ? Json(node.status->cgroup_version) : Json()},
          {"knobs", std::move(knobs)}};
}

std::string render_hands_off(const std::vector<HandsOffEntry>& entries) {
  if (entries.empty()) return "the agents may write everywhere\n";
  Table table({{"NODE"}, {"CGROUP"}, {"LEFT", Align::kRight}, {"STATE"}, {"BY"}, {"REASON"}});
  for (const HandsOffEntry& entry : entries) {
    const auto& what = entry.hands_off;
    const std::string state = entry.told              ? what.release ? "released" : "in force"
                              : entry.problem.empty() ? "the node has not answered yet"
                                                      : "problem: " + entry.problem;
    table.row({entry.node, what.release ? "(whole tree)" : what.group,
               what.remaining ? age(what.remaining) : "until resume", state, what.who, what.reason});
  }
  return table.text();
}

Json to_json(const HandsOffEntry& entry) {
  const auto& what = entry.hands_off;
  Json left;
  if (what.remaining) left = model::to_ms(*what.remaining);
  return {{"node", entry.node},      {"cgroup", what.release ? Json() : Json(what.group)},
          {"release", what.release}, {"remainingMs", std::move(left)},
          {"who", what.who},         {"reason", what.reason},
          {"inForce", entry.told},   {"problem", entry.problem.empty() ? Json() : Json(entry.problem)}};
}

}  // namespace tideline::tidectl
