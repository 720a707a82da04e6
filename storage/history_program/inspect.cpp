#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storage/history_program/commands.h"
#include "storage/history_program/place.h"
#include "storage/history_program/text.h"
#include "storage/rocks/rocks_store.h"

namespace tideline::history_program {
namespace {

using nlohmann::ordered_json;
using rocks::RocksStore;

constexpr std::uint64_t kSliceBytes = 64u << 20;
constexpr std::size_t kMostFindings = 10'000;  // that are named

std::optional<std::int64_t> seconds_of(const std::optional<model::WallTime>& at) {
  return at ? std::optional(series::floor_to(at->ms, 1000) / 1000) : std::nullopt;
}

struct StoreState {
  std::string directory;
  bool held = false;
  std::uint64_t disk_bytes = 0;
  series::SeriesState series;
};

std::string state_text(const StoreState& state) {
  std::vector<std::vector<std::string>> facts = {{"store", name_text(state.directory)},
                                                 {"open", state.held ? "by another process" : "no"},
                                                 {"on disk", size_text(state.disk_bytes)},
                                                 {"nodes", fmt::format("{}", state.series.nodes)},
                                                 {"folded until", time_text(seconds_of(state.series.folded_until))},
                                                 {"late reports", fmt::format("{}", state.series.late)}};
  std::vector<std::vector<std::string>> tiers = {{"TIER", "CHUNKS", "ON DISK", "OLDEST", "NEWEST"}};
  for (const series::Tier tier : series::kTiers) {
    const series::TierState& of = state.series.tiers[series::place_of(tier)];
    tiers.push_back({std::string(series::name_of(tier)), fmt::format("{}", of.tables), size_text(of.bytes),
                     time_text(seconds_of(of.oldest)), time_text(seconds_of(of.newest))});
  }
  return columns_text(facts) + "\n" + columns_text(tiers);
}

ordered_json state_json(const StoreState& state) {
  auto tiers = ordered_json::array();
  for (const series::Tier tier : series::kTiers) {
    const series::TierState& of = state.series.tiers[series::place_of(tier)];
    tiers.push_back({{"tier", std::string(series::name_of(tier))},
                     {"tables", of.tables},
                     {"diskBytes", of.bytes},
                     {"oldestWallMs", stamp_json(of.oldest)},
                     {"newestWallMs", stamp_json(of.newest)}});
  }
  return {{"directory", state.directory},
          {"held", state.held},
          {"nodes", state.series.nodes},
          {"diskBytes", state.disk_bytes},
          {"foldedUntilWallMs", stamp_json(state.series.folded_until)},
          {"lateReports", state.series.late},
          {"tiers", std::move(tiers)}};
}

struct Verified {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::vector<series::Finding> findings;
  std::uint64_t more_findings = 0;
  bool good() const { return findings.empty() && more_findings == 0; }
};

/// Findings of a text are printed as they come.
model::Result<void> take_slice(series::VerifySlice slice, bool json, Session& session, Verified& all) {
  all.rows += slice.rows;
  all.bytes += slice.bytes;
  all.more_findings += slice.more_findings;
  for (series::Finding& finding : slice.findings) {
    if (all.findings.size() == kMostFindings) {
      ++all.more_findings;
      continue;
    }
    if (!json) {
      session.status.clear();
      auto printed = print(fmt::format("{}: {}\n", name_text(finding.where), name_text(finding.what)));
      if (!printed) return printed;
    }
    all.findings.push_back(std::move(finding));
  }
  session.status.show(fmt::format("verify: {} rows, {}", all.rows, size_text(all.bytes)));
  return {};
}

std::string verified_text(const Verified& all) {
  const std::string read = fmt::format("{} rows, {}", all.rows, size_text(all.bytes));
  if (all.good()) return read + ": all good\n";
  if (all.more_findings == 0) return fmt::format("{}: {} findings\n", read, all.findings.size());
  return fmt::format("{}: {} findings, of which {} are named\n", read, all.findings.size() + all.more_findings,
                     all.findings.size());
}

ordered_json verified_json(const std::string& directory, const Verified& all) {
  auto findings = ordered_json::array();
  for (const series::Finding& finding : all.findings)
    findings.push_back({{"where", finding.where}, {"what", finding.what}});
  return {{"directory", directory},
          {"rows", all.rows},
          {"bytes", all.bytes},
          {"good", all.good()},
          {"findings", std::move(findings)},
          {"moreFindings", all.more_findings}};
}

}  // namespace

model::Result<ExitCode> run_state(const Options& options, Session& session) {
  auto place = find_store(options.directory);
  if (!place) return place.error();
  StoreState state;
  state.directory = *std::move(place);
  // Before it is opened here, even to read: whoever has a store open cannot ask.
  state.held = RocksStore::is_held(state.directory);
  const auto store = RocksStore::open_read_only(state.directory);
  if (!store) return store.error();
  if (auto on = session.go_on(); !on) return on.error();
  const auto series = (*store)->series_state();
  if (!series) return series.error().in(state.directory);
  state.series = *series;
  state.disk_bytes = (*store)->size().disk_bytes;
  const auto printed = options.json ? print_json(state_json(state)) : print(state_text(state));
  if (!printed) return printed.error();
  return kDone;
}

model::Result<ExitCode> run_verify(const Options& options, Session& session) {
  const auto place = find_store(options.directory);
  if (!place) return place.error();
  const auto store = RocksStore::open_read_only(*place, rocks::ReadOnly::kForVerify);
  if (!store) return store.error();
  Verified all;
  std::string from;
  do {
    if (auto on = session.go_on(); !on) return on.error().in("verify");
    auto slice = (*store)->verify_slice(from, kSliceBytes);
    if (!slice) return slice.error().in(*place);
    from = slice->next;
    if (auto taken = take_slice(*std::move(slice), options.json, session, all); !taken) return taken.error();
  } while (!from.empty());
  session.status.clear();
  const auto printed = options.json ? print_json(verified_json(*place, all)) : print(verified_text(all));
  if (!printed) return printed.error();
  return all.good() ? kDone : kFailed;
}

}  // namespace tideline::history_program
