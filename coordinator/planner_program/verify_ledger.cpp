#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/ledger/recording.h"
#include "coordinator/ledger/replay.h"
#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"
#include "messages/codec/report_bytes.h"
#include "messages/model/json_text.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

using model::Result;
using nlohmann::ordered_json;

constexpr std::string_view kRecordingEnding = ".rec";
constexpr std::size_t kMostDifferencesTold = 20;
constexpr std::size_t kMostNodeTextBytes = 253;
constexpr std::uint64_t kRecordsBetweenLooks = 256;
constexpr std::int64_t kMsOfOneSecond = 1'000;

/// Files as they are named, of a directory those that the coordinator wrote, in their order.
Result<std::vector<std::string>> recordings_in(const std::vector<std::string>& named) {
  std::vector<std::string> files;
  for (const std::string& path : named) {
    std::error_code problem;
    if (!std::filesystem::is_directory(path, problem)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (std::filesystem::directory_iterator it(path, problem), end; !problem && it != end; it.increment(problem)) {
      if (it->path().string().ends_with(kRecordingEnding)) found.push_back(it->path().string());
    }
    if (problem) return model::Error(model::ErrorCode::kUnavailable, fmt::format("{}: {}", path, problem.message()));
    if (found.empty()) {
      return model::invalid(fmt::format("{}: has no recording, a file called *{}", path, kRecordingEnding));
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

Result<model::Report> report_from(std::string_view bytes) {
  return codec::report_from_bytes(std::as_bytes(std::span(bytes)));
}

struct Replayed {
  ledger::Replay replay{report_from};
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> torn;  // files that end within a record
};

Result<void> replay_file(const std::string& path, Session& session, double share, Replayed& into) {
  const auto file = files::MappedFile::open(path);
  if (!file) return file.error();
  ++into.files;
  into.bytes += file->bytes().size();
  if (file->bytes().size() < ledger::kRecordingHeadBytes) {
    // One whose writer was stopped before it had written anything.
    into.torn.push_back(path);
    into.replay.file_ended(false);
    return {};
  }
  auto reader = ledger::RecordReader::open(file->bytes());
  if (!reader) return reader.error().in(path);
  for (std::uint64_t count = 0;; ++count) {
    if (count % kRecordsBetweenLooks == 0) {
      if (auto on = session.go_on(); !on) return on;
      session.meter.show("verify-ledger", share);
    }
    auto record = reader->next();
    if (!record) return record.error().in(path);
    if (!*record) break;
    if (auto taken = into.replay.take(**record); !taken) {
      return taken.error().in(fmt::format("{}: record {}", path, count + 1));
    }
  }
  if (reader->torn()) into.torn.push_back(path);
  into.replay.file_ended(!reader->torn());
  return {};
}

std::string when_text(const std::optional<model::WallTime>& at) {
  return at ? planner_view::utc_text(at->ms / kMsOfOneSecond) : "-";
}

std::string difference_text(const ledger::Difference& one) {
  std::string terms;
  for (const auto& term : one.terms)
    terms += (terms.empty() ? "" : "; ") + term;
  const auto rests_on = one.report == model::Seq()
                            ? std::string("no report")
                            : fmt::format("report {} of incarnation {}", one.report.value(), one.incarnation.value());
  return fmt::format("{} at {} ms, which rests on {} and policy {}: {}",
                     model::printable(one.node.str(), kMostNodeTextBytes), one.at.ms, rests_on, one.policy.value(),
                     terms);
}

planner_view::Preface ledger_preface(const Options& options, const Replayed& replayed) {
  const auto& verdict = replayed.replay.verdict();
  planner_view::Preface preface;
  preface.title = "Ledger, computed anew from its recording";
  preface.command = options.command_line;
  preface.facts = {
      fmt::format("{} files, {} bytes, {} to {}", replayed.files, replayed.bytes, when_text(verdict.first),
                  when_text(verdict.last)),
      fmt::format("{} reports, {} policies and {} sessions as the coordinator took them", verdict.reports,
                  verdict.policies, verdict.sessions),
      fmt::format("{} accounts, of which {} were held against those computed here: {}", verdict.accounts, verdict.held,
                  verdict.different == 0 ? std::string("all the same, byte for byte")
                                         : fmt::format("{} DIFFER", verdict.different)),
      "live code: intake and averages, the policy of each node, annotations, the account; as recorded: "
      "what is predicted, and which accounts are computed when"};
  if (verdict.unsettled > 0) {
    preface.notes.push_back(fmt::format(
        "{} accounts rest on reports from before the recording, or from where it has a gap, and were not held.",
        verdict.unsettled));
  }
  if (verdict.stretches > verdict.lives || verdict.lost > 0) {
    preface.notes.push_back(
        fmt::format("It begins anew {} times, in {} lives of a coordinator; {} records are said to be lost.",
                    verdict.stretches, verdict.lives, verdict.lost));
  }
  if (verdict.unknown > 0) {
    preface.notes.push_back(fmt::format("{} records are of kinds that this build does not know.", verdict.unknown));
  }
  for (const auto& path : replayed.torn)
    preface.notes.push_back(fmt::format("{} ends within a record.", name_of(path)));
  return preface;
}

std::string verdict_text(const planner_view::Preface& preface, const ledger::Verdict& verdict) {
  std::vector<planner_view::Section> sections;
  if (!verdict.differences.empty()) {
    planner_view::Section section{.title = "Differences"};
    for (const auto& one : verdict.differences) {
      if (section.items.size() == kMostDifferencesTold) break;
      section.items.push_back(difference_text(one));
    }
    if (verdict.different > section.items.size()) {
      section.items.push_back(fmt::format("{} more", verdict.different - section.items.size()));
    }
    sections.push_back(std::move(section));
  }
  return planner_view::report_text(preface, sections);
}

std::string verdict_json(const planner_view::Preface& preface, const ledger::Verdict& verdict) {
  auto json = planner_view::report_json("tideline-ledger-verdict", preface);
  json["lives"] = verdict.lives;
  json["stretches"] = verdict.stretches;
  json["lost"] = verdict.lost;
  json["policies"] = verdict.policies;
  json["sessions"] = verdict.sessions;
  json["reports"] = verdict.reports;
  json["accounts"] = verdict.accounts;
  json["held"] = verdict.held;
  json["unsettled"] = verdict.unsettled;
  json["different"] = verdict.different;
  auto& differences = json["differences"] = ordered_json::array();
  for (const auto& one : verdict.differences) {
    differences.push_back({{"node", one.node.str()},
                           {"wallMs", one.at.ms},
                           {"monoNs", one.mono.ns},
                           {"incarnation", one.incarnation.value()},
                           {"report", one.report.value()},
                           {"policy", one.policy.value()},
                           {"terms", one.terms}});
  }
  return planner_view::dumped(json);
}

}  // namespace

Result<void> run_verify_ledger(const Options& options, Session& session) {
  const auto recordings = recordings_in(options.files);
  if (!recordings) return recordings.error();
  Replayed replayed;
  for (std::size_t i = 0; i < recordings->size(); ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(recordings->size());
    if (auto read = replay_file((*recordings)[i], session, share, replayed); !read) return read;
  }
  const auto& verdict = replayed.replay.verdict();
  const auto preface = ledger_preface(options, replayed);
  if (auto told = deliver(options.output, {.text = [&] { return verdict_text(preface, verdict); },
                                           .json = [&] { return verdict_json(preface, verdict); }});
      !told) {
    return told;
  }
  if (verdict.different > 0) {
    return model::Error(model::ErrorCode::kMalformed,
                        fmt::format("{} of {} accounts differ from what they were", verdict.different, verdict.held));
  }
  if (verdict.held == 0) {
    return model::invalid(
        fmt::format("none of {} accounts could be held: what they rest on is not in the recording", verdict.accounts));
  }
  return {};
}

}  // namespace tideline::planner_program
