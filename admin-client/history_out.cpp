#include "admin-client/history_out.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/table.h"
#include "admin-client/time_text.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

std::string size_text(std::uint64_t amount) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  return bytes(model::Bytes(static_cast<std::int64_t>(std::min(amount, kMost))));
}

std::string retention_text(std::int64_t seconds) {
  constexpr std::int64_t kMostSeconds = 100LL * 366 * 86'400;  // further than a Duration reaches
  return seconds <= 0 ? "" : format_duration(std::chrono::seconds(std::min(seconds, kMostSeconds)));
}

std::string second_text(const std::optional<std::int64_t>& seconds) {
  return seconds ? format_instant({*seconds * 1000}) : "";
}

Json second_json(const std::optional<std::int64_t>& seconds) {
  return seconds ? Json(*seconds * 1000) : Json();
}

Json text_json(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

}  // namespace

std::string render_history_state(const HistoryState& state) {
  Facts facts;
  facts.add("nodes", fmt::format("{}", state.nodes));
  facts.add("on disk", size_text(state.disk_bytes));
  facts.add("folded until", second_text(state.folded_until_s));
  facts.add("late reports", fmt::format("{}", state.late));
  facts.add("reports kept", retention_text(state.reports_kept_s));
  facts.add("events kept", retention_text(state.events_kept_s));
  facts.add("accounts kept", retention_text(state.accounts_kept_s));
  facts.add("backups go to", state.backups);
  facts.add("problem", state.problem.empty() ? "none" : state.problem);
  Table table({{"TIER"},
               {"KEPT", Align::kRight},
               {"CHUNKS", Align::kRight},
               {"ON DISK", Align::kRight},
               {"OLDEST"},
               {"NEWEST"},
               {"PODS KEPT", Align::kRight},
               {"PODS ON DISK", Align::kRight},
               {"PODS OLDEST"}});
  for (const HistoryState::Tier& tier : state.tiers) {
    table.row({std::string(series::name_of(tier.tier)), retention_text(tier.kept_s), fmt::format("{}", tier.tables),
               size_text(tier.bytes), second_text(tier.oldest_s), second_text(tier.newest_s),
               retention_text(tier.pods_kept_s), size_text(tier.pods_bytes), second_text(tier.pods_oldest_s)});
  }
  return facts.text() + "\n" + table.text();
}

Json to_json(const HistoryState& state) {
  Json tiers = Json::array();
  for (const HistoryState::Tier& tier : state.tiers) {
    tiers.push_back({{"tier", std::string(series::name_of(tier.tier))},
                     {"keptSeconds", tier.kept_s},
                     {"tables", tier.tables},
                     {"diskBytes", tier.bytes},
                     {"oldestWallMs", second_json(tier.oldest_s)},
                     {"newestWallMs", second_json(tier.newest_s)},
                     {"podsKeptSeconds", tier.pods_kept_s},
                     {"podsDiskBytes", tier.pods_bytes},
                     {"podsOldestWallMs", second_json(tier.pods_oldest_s)}});
  }
  return {{"nodes", state.nodes},
          {"diskBytes", state.disk_bytes},
          {"foldedUntilWallMs", second_json(state.folded_until_s)},
          {"lateReports", state.late},
          {"reportsKeptSeconds", state.reports_kept_s},
          {"eventsKeptSeconds", state.events_kept_s},
          {"accountsKeptSeconds", state.accounts_kept_s},
          {"backupDirectory", text_json(state.backups)},
          {"problem", text_json(state.problem)},
          {"tiers", std::move(tiers)}};
}

std::string finding_line(const series::Finding& finding) {
  return fmt::format("{}: {}\n", safe_text(finding.where), safe_text(finding.what));
}

std::string render_verified(const HistoryVerified& verified) {
  const std::uint64_t findings = verified.findings.size() + verified.more_findings;
  const std::string read = fmt::format("{} rows, {}", verified.rows, size_text(verified.bytes));
  if (findings == 0) return fmt::format("{}: all good\n", read);
  const std::string left_out =
      verified.more_findings == 0 ? "" : fmt::format(", of which {} are named", verified.findings.size());
  return fmt::format("{}: {} findings{}\n", read, findings, left_out);
}

Json to_json(const HistoryVerified& verified) {
  Json findings = Json::array();
  for (const series::Finding& finding : verified.findings)
    findings.push_back({{"where", finding.where}, {"what", finding.what}});
  return {{"rows", verified.rows},
          {"bytes", verified.bytes},
          {"good", verified.findings.empty() && verified.more_findings == 0},
          {"findings", std::move(findings)},
          {"moreFindings", verified.more_findings}};
}

std::string render_history_backup(const HistoryBackup& backup) {
  return fmt::format("backup {} of {}: {} in {} files, in {}\n", backup.backup.id,
                     format_instant({backup.backup.at_s * 1000}), size_text(backup.backup.bytes), backup.backup.files,
                     safe_text(backup.directory));
}

Json to_json(const HistoryBackup& backup) {
  return {{"id", backup.backup.id},
          {"wallMs", backup.backup.at_s * 1000},
          {"bytes", backup.backup.bytes},
          {"files", backup.backup.files},
          {"directory", backup.directory}};
}

}  // namespace tideline::tidectl
