// How a store of history grows over months: nodes that nobody has write reports into a real store under a virtual
// clock, reports are folded and what is old goes, at the coordinator's own cadence. What it takes on disk, of which
// tier, what folding costs, and whether folding and retention keep up. Damage at the end, a fold that is behind or rows
// that are older than they may be are failures.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/quantity.h"
#include "storage/series/tier.h"
#include "test/bench/growth_run.h"
#include "test/support/temp_dir.h"

namespace tideline::bench {
namespace {

using model::Duration;
using model::Result;
using model::WallTime;
using nlohmann::json;
using series::kTiers;

/// What docs/history.md states for 1,000 nodes with 30 pods each: the tables of 1 minute for a month and those of 15
/// minutes for a year, of pods and jobs as long as the default keeps them, GiB.
constexpr double kStatedGib = 41;
constexpr double kStatedNodes = 1000;

constexpr double kGiB = 1 << 30;

struct CommandLine {
  GrowthOptions run;
  // As the coordinator's --retention has it.
  std::string keep_reports = "6h";
  std::array<std::string, kTiers.size()> keep_tiers{"3d", "35d", "400d"};
  std::array<std::string, kTiers.size()> keep_pods{"3d", "35d", "60d"};
  std::string directory;
  std::string json_file;
};

void print_row(const GrowthRow& row) {
  fmt::print("{:8.2f} {:>12} {:>10.1f} {:>12.1f}", row.day, row.reports, row.disk_mib, row.reports_mib);
  for (const double mib : row.tier_mib)
    fmt::print(" {:>9.1f}", mib);
  fmt::print(" {:>10} {:>13.2f} {:>6.2f}\n", row.tables, row.fold_ms, row.lag_h);
  std::fflush(stdout);
}

/// What a run comes to for nodes and days that were not run.
class Figures {
 public:
  Figures(const GrowthOptions& options, const GrowthResult& result) : options_(options), result_(result) {}

  void print() const;
  json as_json() const;

 private:
  /// Of one node and day, bytes; what tables cover is as long as they are kept, or as it ran.
  double bytes_a_day(std::uint64_t bytes, const std::optional<WallTime>& oldest) const {
    if (!oldest || result_.folded_ms <= oldest->ms) return 0;
    const double days = static_cast<double>(result_.folded_ms - oldest->ms) / kGrowthDayMs;
    return static_cast<double>(bytes) / days / static_cast<double>(options_.nodes);
  }
  double pods_bytes_a_day(std::size_t i) const {
    return bytes_a_day(result_.state.passing[i].bytes, result_.state.passing[i].oldest);
  }
  /// Of nodes, and of workloads but jobs.
  double lasting_bytes_a_day(std::size_t i) const {
    return bytes_a_day(result_.state.tiers[i].bytes - result_.state.passing[i].bytes, result_.state.tiers[i].oldest);
  }
  double report_bytes_a_day() const {
    const double days = std::min(result_.days, days_of(options_.kept.reports));
    if (result_.rows.empty() || days <= 0) return 0;
    return result_.rows.back().reports_mib * kGrowthMiB / days / static_cast<double>(options_.nodes);
  }
  static double days_of(Duration kept) { return static_cast<double>(model::to_ms(kept)) / kGrowthDayMs; }
  /// Of a tier that is kept for so long, and what it has of pods no longer than is said of them.
  double extrapolated_gib(std::size_t i, double days) const {
    const double pods_days = std::min(days, days_of(options_.kept.pods[i]));
    return (lasting_bytes_a_day(i) * days + pods_bytes_a_day(i) * pods_days) * kStatedNodes / kGiB;
  }
  /// As docs/history.md counts: a month of 1 minute, a year of 15.
  double month_and_year_gib() const {
    constexpr double kMonthDays = 30;
    constexpr double kYearDays = 365;
    return extrapolated_gib(series::place_of(series::Tier::kMinute), kMonthDays) +
           extrapolated_gib(series::place_of(series::Tier::kQuarterHour), kYearDays);
  }
  double ms_a_node_hour(double seconds) const {
    return result_.hours == 0 ? 0 : seconds * 1000 / static_cast<double>(result_.hours);
  }
  double fold_ms_a_node_hour() const { return ms_a_node_hour(result_.fold.process_s); }

  const GrowthOptions& options_;
  const GrowthResult& result_;
};

void Figures::print() const {
  const auto line = [](const std::string& what, double days, double bytes) {
    fmt::print("{:8} {:>10.1f} {:>18.0f} {:>18.2f} GiB\n", what, days, bytes, bytes * kStatedNodes * days / kGiB);
  };
  fmt::print("\n{:8} {:>10} {:>18} {:>22}\n", "", "kept days", "B a node and day", "1,000 nodes so long");
  line("reports", days_of(options_.kept.reports), report_bytes_a_day());
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    const std::string name(series::name_of(kTiers[i]));
    line(name, days_of(options_.kept.tiers[i]), lasting_bytes_a_day(i));
    line(name + "-pods", days_of(options_.kept.pods[i]), pods_bytes_a_day(i));
  }
  fmt::print("1,000 nodes, a month of 1m and a year of 15m: {:.2f} GiB; ", month_and_year_gib());
  fmt::print("docs/history.md states {:.2f} GiB, this is {:.0f} % of it\n", kStatedGib,
             month_and_year_gib() * 100 / kStatedGib);
  const double of_thousand = fold_ms_a_node_hour() * kStatedNodes / static_cast<double>(kGrowthHourMs);
  fmt::print(
      "folding: {} hours of nodes, {} late reports; {:.2f} ms of CPU each ({:.2f} of it in the folder's own thread), "
      "which is {:.4f} of a core for 1,000 nodes; at most {:.2f} h behind\n",
      result_.hours, result_.late, fold_ms_a_node_hour(), ms_a_node_hour(result_.fold.thread_s), of_thousand,
      result_.most_lag_h);
  fmt::print("retention: {:.1f} s in {:.1f} days; verify: {} rows in {:.1f} s\n", result_.keep.wall_s, result_.days,
             result_.verified_rows, result_.verify.wall_s);
}

json Figures::as_json() const {
  json rows = json::array();
  for (const GrowthRow& row : result_.rows) {
    rows.push_back({{"day", row.day},
                    {"reports", row.reports},
                    {"diskMib", row.disk_mib},
                    {"reportsMib", row.reports_mib},
                    {"tierMib", row.tier_mib},
                    {"podsMib", row.pods_mib},
                    {"tables", row.tables},
                    {"foldMsPerNodeHour", row.fold_ms},
                    {"mostLagHours", row.lag_h}});
  }
  json tiers = json::array();
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    tiers.push_back({{"tier", std::string(series::name_of(kTiers[i]))},
                     {"keptDays", days_of(options_.kept.tiers[i])},
                     {"podsKeptDays", days_of(options_.kept.pods[i])},
                     {"bytesPerNodeDay", lasting_bytes_a_day(i)},
                     {"podsBytesPerNodeDay", pods_bytes_a_day(i)},
                     {"thousandNodesGib", extrapolated_gib(i, days_of(options_.kept.tiers[i]))}});
  }
  return {{"nodes", options_.nodes},
          {"pods", options_.pods},
          {"days", options_.days},
          {"fineHours", options_.fine_hours},
          {"reportSeconds", options_.report_s},
          {"sampleSeconds", options_.sample_s},
          {"seed", options_.seed},
          {"rows", rows},
          {"reportBytesPerNodeDay", report_bytes_a_day()},
          {"tiers", tiers},
          {"monthAndYearGib", month_and_year_gib()},
          {"statedGib", kStatedGib},
          {"foldMsPerNodeHour", fold_ms_a_node_hour()},
          {"foldedNodeHours", result_.hours},
          {"mostLagHours", result_.most_lag_h},
          {"verifiedRows", result_.verified_rows},
          {"faults", result_.faults}};
}

int failed(const model::Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  return 1;
}

Result<GrowthKept> kept_of(const CommandLine& line) {
  GrowthKept kept;
  const auto take = [](const std::string& text, const std::string& option, Duration& into) -> Result<void> {
    const auto duration = model::parse_duration(text);
    if (!duration) return duration.error().in(option);
    into = *duration;
    return {};
  };
  if (const auto good = take(line.keep_reports, "--keep-reports", kept.reports); !good) return good.error();
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    const auto option = fmt::format("--keep-{}", series::name_of(kTiers[i]));
    auto good = take(line.keep_tiers[i], option, kept.tiers[i]);
    if (good) good = take(line.keep_pods[i], option + "-pods", kept.pods[i]);
    if (!good) return good.error();
  }
  return kept;
}

void print_head(const GrowthOptions& options) {
  fmt::print("{} nodes with {} pods for {} days; reports of {} s with a sample each {} s", options.nodes, options.pods,
             options.days, options.report_s, options.sample_s);
  if (options.fine_hours > 0) {
    fmt::print(", then {} h of reports of {} s with {} samples", options.fine_hours, kFineSeconds, kFineSamples);
  }
  fmt::print("; seed {}\n\n{:>8} {:>12} {:>10} {:>12}", options.seed, "day", "reports", "disk MiB", "reports MiB");
  for (const auto tier : kTiers)
    fmt::print(" {:>5} MiB", series::name_of(tier));
  fmt::print(" {:>10} {:>13} {:>6}\n", "tables", "fold ms/n./h", "lag h");
}

int measure(CommandLine line) {
  auto kept = kept_of(line);
  if (!kept) return failed(kept.error());
  line.run.kept = *kept;
  std::optional<test::TempDir> scratch;
  std::string directory = line.directory;
  if (directory.empty()) directory = scratch.emplace().str();
  print_head(line.run);
  const auto result = run_growth(line.run, directory + "/history", print_row);
  if (!result) return failed(result.error());
  const Figures figures(line.run, *result);
  figures.print();
  if (!line.json_file.empty()) std::ofstream(line.json_file) << figures.as_json().dump(2) << "\n";
  for (const auto& fault : result->faults)
    fmt::print(stderr, "fault: {}\n", fault);
  return result->faults.empty() ? 0 : 1;
}

int run_command(int argc, char** argv) {
  CommandLine line;
  GrowthOptions& options = line.run;
  CLI::App app("How history grows: bytes of each tier, what folding costs, whether folding and retention keep up.");
  app.add_option("--nodes", options.nodes, "simulated nodes")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--pods", options.pods, "of each; one in five is batch, and new every 40 minutes or so")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  app.add_option("--days", options.days, "of virtual time")->check(CLI::Range(0.05, 1000.0))->capture_default_str();
  app.add_option("--report-seconds", options.report_s, "window of a report; agents have 10")
      ->check(CLI::IsMember({10, 20, 30, 60, 120, 300, 600}))
      ->capture_default_str();
  app.add_option("--sample-seconds", options.sample_s, "between two samples of a report; agents have 1")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--fine-hours", options.fine_hours,
                 "after those days, of reports each 10 s with ten samples, as agents send them: what the tier of 10 "
                 "seconds takes is only then as it is")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--fold-seconds", options.fold_s, "virtual time between two looks for what can be folded")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--keep-seconds", options.keep_s, "virtual time between two looks for what is too old")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--commit-reports", options.commit_reports, "reports that are written together")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--keep-reports", line.keep_reports, "retention of reports")->capture_default_str();
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    app.add_option(fmt::format("--keep-{}", series::name_of(kTiers[i])), line.keep_tiers[i],
                   fmt::format("retention of tables of {}", series::name_of(kTiers[i])))
        ->capture_default_str();
    app.add_option(fmt::format("--keep-{}-pods", series::name_of(kTiers[i])), line.keep_pods[i],
                   fmt::format("of those of pods and jobs of {}", series::name_of(kTiers[i])))
        ->capture_default_str();
  }
  app.add_option("--rows", options.rows, "lines of the table")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--seed", options.seed, "of loads and pods")->capture_default_str();
  app.add_option("--dir", line.directory, "directory for the store, which stays; default: one that goes")
      ->check(CLI::ExistingDirectory);
  app.add_option("--json", line.json_file, "write the figures there too");
  CLI11_PARSE(app, argc, argv);
  return measure(std::move(line));
}

}  // namespace
}  // namespace tideline::bench

int main(int argc, char** argv) {
  return tideline::bench::run_command(argc, argv);
}
