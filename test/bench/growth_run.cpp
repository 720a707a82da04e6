#include "test/bench/growth_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <capnp/message.h>
#include <fmt/format.h>

#include "messages/codec/wire.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/tier.h"
#include "test/bench/growth_fleet.h"

namespace tideline::bench {
namespace {

constexpr model::WallTime kBegin{1'789'948'800'000};  // a midnight
constexpr std::int64_t kSecondMs = 1000;
constexpr std::size_t kSlice = 500;               // nodes or rows of one step of folding and retention
constexpr std::uint64_t kVerifyBytes = 64 << 20;  // of one slice

using Tell = std::function<void(const GrowthRow& row)>;

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

GrowthSpent spent_by_now() {
  return {.thread_s = seconds_of(CLOCK_THREAD_CPUTIME_ID),
          .process_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
          .wall_s = seconds_of(CLOCK_MONOTONIC)};
}

void add_since(const GrowthSpent& begin, GrowthSpent& sum) {
  const GrowthSpent end = spent_by_now();
  sum.thread_s += end.thread_s - begin.thread_s;
  sum.process_s += end.process_s - begin.process_s;
  sum.wall_s += end.wall_s - begin.wall_s;
}

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

class Growth {
 public:
  Growth(const GrowthOptions& options, std::string directory, const Tell& tell)
      : options_(options), directory_(std::move(directory)), tell_(tell) {}

  model::Result<void> run() {
    if (auto opened = reopen(); !opened) return opened;
    const std::size_t services = options_.pods * 4 / 5;
    const GrowthShape shape{.services = services, .batch = options_.pods - services};
    for (std::size_t i = 0; i < options_.nodes; ++i) {
      nodes_.push_back(
          {GrowthNode(model::NodeName(fmt::format("node-{:04}", i)), shape, options_.seed * 1'000'003 + i, kBegin), 0});
    }
    const auto coarse = static_cast<std::int64_t>(std::llround(options_.days * kGrowthDayMs));
    const auto fine = static_cast<std::int64_t>(std::llround(options_.fine_hours * static_cast<double>(kGrowthHourMs)));
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

  GrowthResult result() && {
    result_.days = elapsed_days();
    result_.folded_ms = folded_ms_;
    return std::move(result_);
  }

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
  double elapsed_days() const { return static_cast<double>(now_.ms - kBegin.ms) / kGrowthDayMs; }

  model::Result<void> reopen() {
    store_.reset();
    auto opened = rocks::RocksStore::open(directory_, {.series = true});
    if (!opened) return opened.error();
    store_ = std::move(opened).value();
    return {};
  }

  model::Result<void> advance(std::int64_t length_ms, std::int64_t every_s, std::size_t samples) {
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

  void report(Node& node, model::Duration window, std::size_t samples) {
    const model::Report& made = node.reports.report(now_, window, samples);
    const std::uint64_t list = node.reports.pod_list();
    const bool with_pods = std::exchange(node.told_list, list) != list;
    waiting_.push_back({made, wire_bytes(made, list, with_pods), with_pods ? 0 : list});
  }

  model::Result<void> write_waiting() {
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
  model::Result<void> fold() {
    // What the coordinator would have by now.
    if (auto written = write_waiting(); !written) return written;
    // Of each node by then; they are due one after the other.
    const std::int64_t latest_ms = now_.ms - model::to_ms(series::kFoldLag + series::kFoldSpread);
    const std::int64_t due = series::floor_to(latest_ms, kGrowthHourMs);
    lag_ms_ = std::max(lag_ms_, now_.ms - folded_ms_);
    const GrowthSpent begin = spent_by_now();
    const std::uint64_t before_hours = result_.hours;
    model::NodeName from;
    for (bool more = true; more;) {
      const auto slice = store_->fold_slice(now_, from, kSlice);
      if (!slice) return slice.error();
      result_.hours += slice->hours;
      result_.late += slice->late;
      if (slice->trouble) fault(fmt::format("day {:.2f}: {}", elapsed_days(), slice->trouble->message()));
      more = slice->rest.has_value();
      from = slice->rest.value_or(model::NodeName());
    }
    add_since(begin, result_.fold);
    if (result_.hours == before_hours && due <= folded_ms_) return {};
    const auto state = store_->series_state();
    if (!state) return state.error();
    folded_ms_ = state->folded_until ? state->folded_until->ms : kBegin.ms;
    if (folded_ms_ < due) {
      fault(fmt::format("day {:.2f}: folded {:.1f} h less than what was due", elapsed_days(),
                        static_cast<double>(due - folded_ms_) / static_cast<double>(kGrowthHourMs)));
    }
    return {};
  }

  model::WallTime before(model::Duration kept) const {
    return {std::max<std::int64_t>(0, now_.ms - model::to_ms(kept))};
  }

  model::Result<void> keep() {
    const GrowthSpent begin = spent_by_now();
    // As the coordinator has it.
    const model::WallTime of_reports{series::floor_to(before(options_.kept.reports).ms, kGrowthHourMs)};
    const store::DropBefore old(of_reports, before(options_.kept.reports), before(options_.kept.reports));
    model::NodeName from;
    for (bool more = true; more;) {
      const auto slice = store_->drop_slice(old, from, kSlice);
      if (!slice) return slice.error();
      more = slice->rest.has_value();
      from = slice->rest.value_or(model::NodeName());
    }
    series::DropSeriesBefore tiers;
    for (std::size_t i = 0; i < series::kTiers.size(); ++i) {
      tiers.tiers[i] = before(options_.kept.tiers[i]);
      tiers.passing[i] = before(options_.kept.pods[i]);
    }
    from = {};
    for (bool more = true; more;) {
      const auto slice = store_->drop_series(tiers, from, kSlice);
      if (!slice) return slice.error();
      more = slice->rest.has_value();
      from = slice->rest.value_or(model::NodeName());
    }
    add_since(begin, result_.keep);
    return {};
  }

  model::Result<void> row() {
    if (auto written = write_waiting(); !written) return written;
    // What is in memory goes to disk by that.
    if (auto opened = reopen(); !opened) return opened;
    const auto state = store_->series_state();
    if (!state) return state.error();
    result_.state = *state;
    GrowthRow row{.day = elapsed_days(), .reports = reports_};
    row.disk_mib = static_cast<double>(bytes_in(directory_)) / kGrowthMiB;
    double tables_mib = 0;
    for (std::size_t i = 0; i < series::kTiers.size(); ++i) {
      row.tier_mib[i] = static_cast<double>(result_.state.tiers[i].bytes) / kGrowthMiB;
      row.pods_mib[i] = static_cast<double>(result_.state.passing[i].bytes) / kGrowthMiB;
      row.tables += result_.state.tiers[i].tables;
      tables_mib += row.tier_mib[i];
    }
    row.reports_mib = std::max(0.0, static_cast<double>(store_->size().disk_bytes) / kGrowthMiB - tables_mib);
    const std::uint64_t hours = result_.hours - std::exchange(told_hours_, result_.hours);
    const double fold_s = result_.fold.process_s - std::exchange(told_fold_s_, result_.fold.process_s);
    row.fold_ms = hours == 0 ? 0 : fold_s * 1000 / static_cast<double>(hours);
    row.lag_h = static_cast<double>(std::exchange(lag_ms_, 0)) / static_cast<double>(kGrowthHourMs);
    result_.most_lag_h = std::max(result_.most_lag_h, row.lag_h);
    if (auto looked = look_for_old_rows(); !looked) return looked;
    result_.rows.push_back(row);
    tell_(row);
    return {};
  }

  /// A block goes once its end is too old, and a look for it is taken each keep_s.
  model::Result<void> look_for_old_rows() {
    const std::int64_t slack_ms = 2 * options_.keep_s * kSecondMs;
    const auto look = [&](std::size_t i, const series::TierState& of, model::Duration kept, std::string_view what) {
      const std::int64_t oldest = before(kept).ms - series::block_s(series::kTiers[i]) * kSecondMs - slack_ms;
      if (!of.oldest || of.oldest->ms >= oldest) return;
      fault(fmt::format("day {:.2f}: {} of {} begin {:.1f} h earlier than retention allows", elapsed_days(), what,
                        series::name_of(series::kTiers[i]),
                        static_cast<double>(oldest - of.oldest->ms) / static_cast<double>(kGrowthHourMs)));
    };
    for (std::size_t i = 0; i < series::kTiers.size(); ++i) {
      look(i, result_.state.tiers[i], options_.kept.tiers[i], "tables");
      look(i, result_.state.passing[i], options_.kept.pods[i], "tables of pods");
    }
    // What is not folded yet stays, however old, and reports go by the hour.
    const std::int64_t kept_ms = before(options_.kept.reports).ms - kGrowthHourMs;
    const std::int64_t least = std::min(kept_ms, folded_ms_ - 2 * kGrowthHourMs) - slack_ms;
    if (nodes_.empty() || least <= 0) return {};
    const auto old = store_->reports(model::NodeName("node-0000"), {0}, {least}, 1);
    if (!old) return old.error();
    if (!old->rows.empty()) fault(fmt::format("day {:.2f}: reports are kept beyond their time", elapsed_days()));
    return {};
  }

  model::Result<void> verify() {
    const GrowthSpent begin = spent_by_now();
    std::string from;
    do {
      const auto slice = store_->verify_slice(from, kVerifyBytes);
      if (!slice) return slice.error();
      result_.verified_rows += slice->rows;
      for (const auto& finding : slice->findings)
        fault(fmt::format("{}: {}", finding.where, finding.what));
      from = slice->next;
    } while (!from.empty());
    add_since(begin, result_.verify);
    return {};
  }

  void fault(std::string what) {
    constexpr std::size_t kMost = 20;
    if (result_.faults.size() < kMost) result_.faults.push_back(std::move(what));
  }

  const GrowthOptions& options_;
  std::string directory_;
  const Tell& tell_;
  std::unique_ptr<rocks::RocksStore> store_;
  std::vector<Node> nodes_;
  std::vector<Waiting> waiting_;
  model::WallTime now_ = kBegin;
  std::int64_t end_ms_ = 0;
  std::int64_t next_fold_ms_ = 0;
  std::int64_t next_keep_ms_ = 0;
  std::int64_t next_row_ms_ = 0;
  std::int64_t folded_ms_ = kBegin.ms;
  std::int64_t lag_ms_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t told_hours_ = 0;
  double told_fold_s_ = 0;
  GrowthResult result_;
};

}  // namespace

model::Result<GrowthResult> run_growth(const GrowthOptions& options, const std::string& directory,
                                       const std::function<void(const GrowthRow& row)>& tell) {
  Growth growth(options, directory, tell);
  if (auto done = growth.run(); !done) return done.error();
  return std::move(growth).result();
}

}  // namespace tideline::bench
