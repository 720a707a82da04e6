// How a store of history grows over months: nodes that nobody has write reports into a real store under a virtual
// clock, reports are folded and what is old goes, at the coordinator's own cadence. What it takes on disk, of which
// tier, what folding costs, and whether folding and retention keep up. Damage at the end, a fold that is behind or rows
// that are older than they may be are failures.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <capnp/message.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/codec/wire.h"
#include "messages/model/quantity.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/tier.h"
#include "test/bench/growth_fleet.h"
#include "test/support/temp_dir.h"

namespace {

using namespace tideline;
using bench::GrowthNode;
using model::Duration;
using model::Result;
using model::WallTime;
using nlohmann::json;
using series::kTiers;

/// What docs/history.md states for 1,000 nodes with 30 pods each: the tables of 1 minute for a month and those of 15
/// minutes for a year, of pods and jobs as long as the default keeps them, GiB.
constexpr double kStatedGib = 41;
constexpr double kStatedNodes = 1000;

constexpr WallTime kBegin{1'789'948'800'000};  // a midnight
constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr double kDayMs = 86'400'000;
constexpr double kMiB = 1 << 20;
constexpr double kGiB = 1 << 30;
constexpr std::size_t kSlice = 500;               // nodes or rows of one step of folding and retention
constexpr std::uint64_t kVerifyBytes = 64 << 20;  // of one slice
constexpr std::int64_t kFineSeconds = 10;         // reports of the last stretch, as agents send them
constexpr std::size_t kFineSamples = 10;

struct Options {
  std::size_t nodes = 20;
  std::size_t pods = 30;
  double days = 14;
  double fine_hours = 0;
  std::int64_t report_s = 60;
  std::int64_t sample_s = 10;
  std::int64_t fold_s = 30;
  std::int64_t keep_s = 600;
  std::size_t commit_reports = 512;
  int rows = 12;
  std::uint64_t seed = 1;
  // As the coordinator's --retention has it.
  std::string keep_reports = "6h";
  std::array<std::string, kTiers.size()> keep_tiers{"3d", "35d", "400d"};
  std::array<std::string, kTiers.size()> keep_pods{"3d", "35d", "60d"};
  std::string directory;
  std::string json_file;
};

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// Of this thread, of all threads, and of the clock on the wall.
struct Spent {
  double thread_s = 0;
  double process_s = 0;
  double wall_s = 0;

  static Spent now() {
    return {seconds_of(CLOCK_THREAD_CPUTIME_ID), seconds_of(CLOCK_PROCESS_CPUTIME_ID), seconds_of(CLOCK_MONOTONIC)};
  }
  void add_since(const Spent& begin) {
    const Spent end = now();
    thread_s += end.thread_s - begin.thread_s;
    process_s += end.process_s - begin.process_s;
    wall_s += end.wall_s - begin.wall_s;
  }
};

std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, gone)) {
    const auto size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

/// As a session has it: the first report of a list of pods has them, and the others leave them out.
std::vector<std::byte> wire_bytes(const model::Report& report, std::uint64_t list, bool with_pods) {
  capnp::MallocMessageBuilder whole;
  auto root = whole.initRoot<schema::Report>();
  codec::write(report, root);
  if (with_pods) return codec::flat_copy(root.asReader(), root.totalSize().wordCount, list);
  capnp::MallocMessageBuilder without;
  auto rest = without.initRoot<schema::Report>();
  codec::write_without_pods(root.asReader(), list, rest);
  return codec::flat_copy(rest.asReader(), rest.totalSize().wordCount, list);
}

/// For how long what is kept.
struct Kept {
  Duration reports{0};
  std::array<Duration, kTiers.size()> tiers{};
  std::array<Duration, kTiers.size()> pods{};
};

struct Row {
  double day = 0;
  std::uint64_t reports = 0;
  double disk_mib = 0;
  double reports_mib = 0;
  std::array<double, kTiers.size()> tier_mib{};
  std::array<double, kTiers.size()> pods_mib{};  // of it the tables of pods and jobs
  std::uint64_t tables = 0;
  double fold_ms = 0;  // CPU a node and hour, since the row before
  double lag_h = 0;    // at most, since the row before
};

class Growth {
 public:
  Growth(Options options, std::string directory, const Kept& kept)
      : options_(std::move(options)), directory_(std::move(directory)), kept_(kept) {}

  Result<void> run() {
    if (auto opened = reopen(); !opened) return opened;
    const std::size_t services = options_.pods * 4 / 5;
    const bench::GrowthShape shape{.services = services, .batch = options_.pods - services};
    for (std::size_t i = 0; i < options_.nodes; ++i) {
      nodes_.push_back(
          {GrowthNode(model::NodeName(fmt::format("node-{:04}", i)), shape, options_.seed * 1'000'003 + i, kBegin), 0});
    }
    const auto coarse = static_cast<std::int64_t>(std::llround(options_.days * kDayMs));
    const auto fine = static_cast<std::int64_t>(std::llround(options_.fine_hours * static_cast<double>(kHourMs)));
    end_ms_ = kBegin.ms + coarse + fine;
    next_row_ms_ = kBegin.ms + row_every();
    const auto samples = static_cast<std::size_t>(std::max<std::int64_t>(1, options_.report_s / options_.sample_s));
    if (auto done = advance(coarse, options_.report_s, samples); !done) return done;
    if (fine > 0) {
      if (auto done = advance(fine, kFineSeconds, kFineSamples); !done) return done;
    }
    if (auto done = write_waiting(); !done) return done;
    if (auto done = row(); !done) return done;
    return verify();
  }

  void print() const;
  json as_json() const;
  /// What may not be; empty = nothing.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  struct Node {
    GrowthNode reports;
    std::uint64_t told_list = 0;  // of which a report with its pods was written
  };
  struct Waiting {
    model::Report report;
    std::vector<std::byte> bytes;
    std::uint64_t left_out = 0;
  };

  std::int64_t row_every() const { return std::max<std::int64_t>(1, (end_ms_ - kBegin.ms) / options_.rows); }
  double elapsed_days() const { return static_cast<double>(now_.ms - kBegin.ms) / kDayMs; }

  Result<void> reopen() {
    store_.reset();
    auto opened = rocks::RocksStore::open(directory_, {.series = true});
    if (!opened) return opened.error();
    store_ = std::move(opened).value();
    return {};
  }

  Result<void> advance(std::int64_t length_ms, std::int64_t every_s, std::size_t samples) {
    const std::int64_t end = now_.ms + length_ms;
    while (now_.ms + every_s * kSecondMs <= end) {
      now_.ms += every_s * kSecondMs;
      for (Node& node : nodes_)
        report(node, std::chrono::seconds(every_s), samples);
      if (waiting_.size() >= options_.commit_reports) {
        if (auto written = write_waiting(); !written) return written;
      }
      if (now_.ms >= next_fold_ms_) {
        next_fold_ms_ = now_.ms + options_.fold_s * kSecondMs;
        if (auto done = fold(); !done) return done;
      }
      if (now_.ms >= next_keep_ms_) {
        next_keep_ms_ = now_.ms + options_.keep_s * kSecondMs;
        if (auto done = keep(); !done) return done;
      }
      if (now_.ms >= next_row_ms_) {
        next_row_ms_ += row_every();
        if (auto done = row(); !done) return done;
      }
    }
    return {};
  }

  void report(Node& node, Duration window, std::size_t samples) {
    const model::Report& made = node.reports.report(now_, window, samples);
    const std::uint64_t list = node.reports.pod_list();
    const bool with_pods = std::exchange(node.told_list, list) != list;
    waiting_.push_back({made, wire_bytes(made, list, with_pods), with_pods ? 0 : list});
  }

  Result<void> write_waiting() {
    for (std::size_t begin = 0; begin < waiting_.size(); begin += store::kMaxAppendReports) {
      const std::size_t end = std::min(waiting_.size(), begin + store::kMaxAppendReports);
      std::vector<store::ReportView> views;
      for (std::size_t i = begin; i < end; ++i) {
        const Waiting& one = waiting_[i];
        views.emplace_back(one.report, one.report.wall, model::kZeroDuration, one.bytes, one.left_out);
      }
      const auto outcomes = store_->append_views(views);
      if (!outcomes) return outcomes.error();
      for (const auto outcome : *outcomes) {
        if (outcome != store::AppendOutcome::kStored) return model::invalid("a report was not stored");
      }
      reports_ += views.size();
    }
    waiting_.clear();
    return {};
  }

  /// All that is due.
  Result<void> fold() {
    // What the coordinator would have by now.
    if (auto written = write_waiting(); !written) return written;
    // Of each node by then; they are due one after the other.
    const std::int64_t due = series::floor_to(now_.ms - model::to_ms(series::kFoldLag + series::kFoldSpread), kHourMs);
    lag_ms_ = std::max(lag_ms_, now_.ms - folded_ms_);
    const Spent begin = Spent::now();
    const std::uint64_t before_hours = hours_;
    model::NodeName from;
    for (bool more = true; more;) {
      const auto slice = store_->fold_slice(now_, from, kSlice);
      if (!slice) return slice.error();
      hours_ += slice->hours;
      late_ += slice->late;
      if (slice->trouble) fault(fmt::format("day {:.2f}: {}", elapsed_days(), slice->trouble->message()));
      more = slice->rest.has_value();
      from = slice->rest.value_or(model::NodeName());
    }
    fold_.add_since(begin);
    if (hours_ == before_hours && due <= folded_ms_) return {};
    const auto state = store_->series_state();
    if (!state) return state.error();
    folded_ms_ = state->folded_until ? state->folded_until->ms : kBegin.ms;
    if (folded_ms_ < due) {
      fault(fmt::format("day {:.2f}: folded {:.1f} h less than what was due", elapsed_days(),
                        static_cast<double>(due - folded_ms_) / static_cast<double>(kHourMs)));
    }
    return {};
  }

  WallTime before(Duration kept) const { return {std::max<std::int64_t>(0, now_.ms - model::to_ms(kept))}; }

  Result<void> keep() {
    const Spent begin = Spent::now();
    // As the coordinator has it.
    const WallTime of_reports{series::floor_to(before(kept_.reports).ms, kHourMs)};
    const store::DropBefore old(of_reports, before(kept_.reports), before(kept_.reports));
    model::NodeName from;
    for (bool more = true; more;) {
      const auto slice = store_->drop_slice(old, from, kSlice);
      if (!slice) return slice.error();
      more = slice->rest.has_value();
      from = slice->rest.value_or(model::NodeName());
    }
    series::DropSeriesBefore tiers;
    for (std::size_t i = 0; i < kTiers.size(); ++i) {
      tiers.tiers[i] = before(kept_.tiers[i]);
      tiers.passing[i] = before(kept_.pods[i]);
    }
    from = {};
    for (bool more = true; more;) {
      const auto slice = store_->drop_series(tiers, from, kSlice);
      if (!slice) return slice.error();
      more = slice->rest.has_value();
      from = slice->rest.value_or(model::NodeName());
    }
    keep_.add_since(begin);
    return {};
  }

  Result<void> row() {
    if (auto written = write_waiting(); !written) return written;
    // What is in memory goes to disk by that.
    if (auto opened = reopen(); !opened) return opened;
    const auto state = store_->series_state();
    if (!state) return state.error();
    state_ = *state;
    Row row{.day = elapsed_days(), .reports = reports_};
    row.disk_mib = static_cast<double>(bytes_in(directory_)) / kMiB;
    double tables_mib = 0;
    for (std::size_t i = 0; i < kTiers.size(); ++i) {
      row.tier_mib[i] = static_cast<double>(state_.tiers[i].bytes) / kMiB;
      row.pods_mib[i] = static_cast<double>(state_.passing[i].bytes) / kMiB;
      row.tables += state_.tiers[i].tables;
      tables_mib += row.tier_mib[i];
    }
    row.reports_mib = std::max(0.0, static_cast<double>(store_->size().disk_bytes) / kMiB - tables_mib);
    const std::uint64_t hours = hours_ - std::exchange(told_hours_, hours_);
    const double fold_s = fold_.process_s - std::exchange(told_fold_s_, fold_.process_s);
    row.fold_ms = hours == 0 ? 0 : fold_s * 1000 / static_cast<double>(hours);
    row.lag_h = static_cast<double>(std::exchange(lag_ms_, 0)) / static_cast<double>(kHourMs);
    most_lag_h_ = std::max(most_lag_h_, row.lag_h);
    if (auto looked = look_for_old_rows(); !looked) return looked;
    rows_.push_back(row);
    print_row(row);
    return {};
  }

  /// A block goes once its end is too old, and a look for it is taken each keep_s.
  Result<void> look_for_old_rows() {
    const std::int64_t slack_ms = 2 * options_.keep_s * kSecondMs;
    const auto look = [&](std::size_t i, const series::TierState& of, Duration kept, std::string_view what) {
      const std::int64_t oldest = before(kept).ms - series::block_s(kTiers[i]) * kSecondMs - slack_ms;
      if (!of.oldest || of.oldest->ms >= oldest) return;
      fault(fmt::format("day {:.2f}: {} of {} begin {:.1f} h earlier than retention allows", elapsed_days(), what,
                        series::name_of(kTiers[i]),
                        static_cast<double>(oldest - of.oldest->ms) / static_cast<double>(kHourMs)));
    };
    for (std::size_t i = 0; i < kTiers.size(); ++i) {
      look(i, state_.tiers[i], kept_.tiers[i], "tables");
      look(i, state_.passing[i], kept_.pods[i], "tables of pods");
    }
    // What is not folded yet stays, however old, and reports go by the hour.
    const std::int64_t least = std::min(before(kept_.reports).ms - kHourMs, folded_ms_ - 2 * kHourMs) - slack_ms;
    if (nodes_.empty() || least <= 0) return {};
    const auto old = store_->reports(model::NodeName("node-0000"), {0}, {least}, 1);
    if (!old) return old.error();
    if (!old->rows.empty()) fault(fmt::format("day {:.2f}: reports are kept beyond their time", elapsed_days()));
    return {};
  }

  Result<void> verify() {
    const Spent begin = Spent::now();
    std::string from;
    do {
      const auto slice = store_->verify_slice(from, kVerifyBytes);
      if (!slice) return slice.error();
      verified_rows_ += slice->rows;
      for (const auto& finding : slice->findings)
        fault(fmt::format("{}: {}", finding.where, finding.what));
      from = slice->next;
    } while (!from.empty());
    verify_.add_since(begin);
    return {};
  }

  void fault(std::string what) {
    constexpr std::size_t kMost = 20;
    if (faults_.size() < kMost) faults_.push_back(std::move(what));
  }

  void print_row(const Row& row) const {
    fmt::print("{:8.2f} {:>12} {:>10.1f} {:>12.1f}", row.day, row.reports, row.disk_mib, row.reports_mib);
    for (const double mib : row.tier_mib)
      fmt::print(" {:>9.1f}", mib);
    fmt::print(" {:>10} {:>13.2f} {:>6.2f}\n", row.tables, row.fold_ms, row.lag_h);
    std::fflush(stdout);
  }

  /// Of one node and day, bytes; what tables cover is as long as they are kept, or as it ran.
  double bytes_a_day(std::uint64_t bytes, const std::optional<WallTime>& oldest) const {
    if (!oldest || folded_ms_ <= oldest->ms) return 0;
    const double days = static_cast<double>(folded_ms_ - oldest->ms) / kDayMs;
    return static_cast<double>(bytes) / days / static_cast<double>(options_.nodes);
  }
  double pods_bytes_a_day(std::size_t i) const {
    return bytes_a_day(state_.passing[i].bytes, state_.passing[i].oldest);
  }
  /// Of nodes, and of workloads but jobs.
  double lasting_bytes_a_day(std::size_t i) const {
    return bytes_a_day(state_.tiers[i].bytes - state_.passing[i].bytes, state_.tiers[i].oldest);
  }
  double report_bytes_a_day() const {
    const double days = std::min(elapsed_days(), days_of(kept_.reports));
    if (rows_.empty() || days <= 0) return 0;
    return rows_.back().reports_mib * kMiB / days / static_cast<double>(options_.nodes);
  }
  static double days_of(Duration kept) { return static_cast<double>(model::to_ms(kept)) / kDayMs; }
  /// Of a tier that is kept for so long, and what it has of pods no longer than is said of them.
  double extrapolated_gib(std::size_t i, double days) const {
    const double pods_days = std::min(days, days_of(kept_.pods[i]));
    return (lasting_bytes_a_day(i) * days + pods_bytes_a_day(i) * pods_days) * kStatedNodes / kGiB;
  }
  /// As docs/history.md counts: a month of 1 minute, a year of 15.
  double month_and_year_gib() const {
    constexpr double kMonthDays = 30;
    constexpr double kYearDays = 365;
    return extrapolated_gib(series::place_of(series::Tier::kMinute), kMonthDays) +
           extrapolated_gib(series::place_of(series::Tier::kQuarterHour), kYearDays);
  }
  double fold_ms_a_node_hour() const { return hours_ == 0 ? 0 : fold_.process_s * 1000 / static_cast<double>(hours_); }

  Options options_;
  std::string directory_;
  Kept kept_;
  std::unique_ptr<rocks::RocksStore> store_;
  std::vector<Node> nodes_;
  std::vector<Waiting> waiting_;
  WallTime now_ = kBegin;
  std::int64_t end_ms_ = 0;
  std::int64_t next_fold_ms_ = 0;
  std::int64_t next_keep_ms_ = 0;
  std::int64_t next_row_ms_ = 0;
  std::int64_t folded_ms_ = kBegin.ms;
  std::int64_t lag_ms_ = 0;
  double most_lag_h_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t hours_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t told_hours_ = 0;
  double told_fold_s_ = 0;
  std::uint64_t verified_rows_ = 0;
  Spent fold_;
  Spent keep_;
  Spent verify_;
  series::SeriesState state_;
  std::vector<Row> rows_;
  std::vector<std::string> faults_;
};

void Growth::print() const {
  const auto line = [](const std::string& what, double days, double bytes) {
    fmt::print("{:8} {:>10.1f} {:>18.0f} {:>18.2f} GiB\n", what, days, bytes, bytes * kStatedNodes * days / kGiB);
  };
  fmt::print("\n{:8} {:>10} {:>18} {:>22}\n", "", "kept days", "B a node and day", "1,000 nodes so long");
  line("reports", days_of(kept_.reports), report_bytes_a_day());
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    const std::string name(series::name_of(kTiers[i]));
    line(name, days_of(kept_.tiers[i]), lasting_bytes_a_day(i));
    line(name + "-pods", days_of(kept_.pods[i]), pods_bytes_a_day(i));
  }
  fmt::print("1,000 nodes, a month of 1m and a year of 15m: {:.2f} GiB; ", month_and_year_gib());
  fmt::print("docs/history.md states {:.2f} GiB, this is {:.0f} % of it\n", kStatedGib,
             month_and_year_gib() * 100 / kStatedGib);
  const double of_thousand = fold_ms_a_node_hour() * kStatedNodes / static_cast<double>(kHourMs);
  fmt::print(
      "folding: {} hours of nodes, {} late reports; {:.2f} ms of CPU each ({:.2f} of it in the folder's own thread), "
      "which is {:.4f} of a core for 1,000 nodes; at most {:.2f} h behind\n",
      hours_, late_, fold_ms_a_node_hour(), hours_ == 0 ? 0 : fold_.thread_s * 1000 / static_cast<double>(hours_),
      of_thousand, most_lag_h_);
  fmt::print("retention: {:.1f} s in {:.1f} days; verify: {} rows in {:.1f} s\n", keep_.wall_s, elapsed_days(),
             verified_rows_, verify_.wall_s);
}

json Growth::as_json() const {
  json rows = json::array();
  for (const Row& row : rows_) {
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
                     {"keptDays", days_of(kept_.tiers[i])},
                     {"podsKeptDays", days_of(kept_.pods[i])},
                     {"bytesPerNodeDay", lasting_bytes_a_day(i)},
                     {"podsBytesPerNodeDay", pods_bytes_a_day(i)},
                     {"thousandNodesGib", extrapolated_gib(i, days_of(kept_.tiers[i]))}});
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
          {"foldedNodeHours", hours_},
          {"mostLagHours", most_lag_h_},
          {"verifiedRows", verified_rows_},
          {"faults", faults_}};
}

int failed(const model::Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  return 1;
}

int measure(const Options& options) {
  Kept kept;
  const auto take = [](const std::string& text, const std::string& option, Duration& into) -> Result<void> {
    const auto duration = model::parse_duration(text);
    if (!duration) return duration.error().in(option);
    into = *duration;
    return {};
  };
  if (const auto good = take(options.keep_reports, "--keep-reports", kept.reports); !good) return failed(good.error());
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    const auto option = fmt::format("--keep-{}", series::name_of(kTiers[i]));
    auto good = take(options.keep_tiers[i], option, kept.tiers[i]);
    if (good) good = take(options.keep_pods[i], option + "-pods", kept.pods[i]);
    if (!good) return failed(good.error());
  }
  std::optional<test::TempDir> scratch;
  std::string directory = options.directory;
  if (directory.empty()) directory = scratch.emplace().str();
  Growth growth(options, directory + "/history", kept);
  fmt::print("{} nodes with {} pods for {} days; reports of {} s with a sample each {} s", options.nodes, options.pods,
             options.days, options.report_s, options.sample_s);
  if (options.fine_hours > 0) {
    fmt::print(", then {} h of reports of {} s with {} samples", options.fine_hours, kFineSeconds, kFineSamples);
  }
  fmt::print("; seed {}\n\n{:>8} {:>12} {:>10} {:>12}", options.seed, "day", "reports", "disk MiB", "reports MiB");
  for (const auto tier : kTiers)
    fmt::print(" {:>5} MiB", series::name_of(tier));
  fmt::print(" {:>10} {:>13} {:>6}\n", "tables", "fold ms/n./h", "lag h");
  if (const auto done = growth.run(); !done) return failed(done.error());
  growth.print();
  if (!options.json_file.empty()) std::ofstream(options.json_file) << growth.as_json().dump(2) << "\n";
  for (const auto& fault : growth.faults())
    fmt::print(stderr, "fault: {}\n", fault);
  return growth.faults().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
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
  app.add_option("--keep-reports", options.keep_reports, "retention of reports")->capture_default_str();
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    app.add_option(fmt::format("--keep-{}", series::name_of(kTiers[i])), options.keep_tiers[i],
                   fmt::format("retention of tables of {}", series::name_of(kTiers[i])))
        ->capture_default_str();
    app.add_option(fmt::format("--keep-{}-pods", series::name_of(kTiers[i])), options.keep_pods[i],
                   fmt::format("of those of pods and jobs of {}", series::name_of(kTiers[i])))
        ->capture_default_str();
  }
  app.add_option("--rows", options.rows, "lines of the table")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--seed", options.seed, "of loads and pods")->capture_default_str();
  app.add_option("--dir", options.directory, "directory for the store, which stays; default: one that goes")
      ->check(CLI::ExistingDirectory);
  app.add_option("--json", options.json_file, "write the figures there too");
  CLI11_PARSE(app, argc, argv);
  return measure(options);
}
