#include "storage/store/history_store.h"

#include <algorithm>
#include <limits>

#include "storage/store/checks.h"
#include "storage/store/earliest_rows.h"

namespace tideline::store {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

model::WallTime later(model::WallTime time, model::Duration by) {
  const std::int64_t ms = by.count() / kNsPerMs + 1;
  if (time.ms > std::numeric_limits<std::int64_t>::max() - ms) return {std::numeric_limits<std::int64_t>::max()};
  return {time.ms + ms};
}

model::WallTime earlier(model::WallTime time, model::Duration by) {
  return {time.ms - by.count() / kNsPerMs - 1};
}

}  // namespace

model::Result<std::vector<AppendOutcome>> HistoryStore::append(std::span<const IncomingReport> reports) {
  const std::vector<ReportView> views(reports.begin(), reports.end());
  return append_views(views);
}

model::Result<Dropped> HistoryStore::drop_before(const DropBefore& before) {
  const auto slice = drop_slice(before, model::NodeName(), std::numeric_limits<std::size_t>::max());
  if (!slice) return slice.error();
  return slice->dropped;
}

model::WallTime corrected_wall(model::WallTime sender, model::Duration clock_offset, model::WallTime received) {
  const std::int64_t corrected = sender.ms - clock_offset.count() / kNsPerMs;
  return {std::max<std::int64_t>(0, std::min(corrected, received.ms))};
}

model::WallTime sample_time(const StoredReport& stored, const model::NodeSample& sample) {
  const model::Report& report = stored.report;
  // Compared before they are subtracted: `at` is the sender's and may be anything.
  if (sample.at >= report.mono) return stored.at;
  const model::MonoTime oldest = {report.mono.ns - std::min(report.window.count(), report.mono.ns)};
  const model::Duration age = report.mono - std::max(sample.at, oldest);
  return {std::max<std::int64_t>(0, stored.at.ms - age.count() / kNsPerMs)};
}

model::Result<Page<StoredReport>> HistoryStore::reports(const model::NodeName& node, model::WallTime from,
                                                        model::WallTime to, std::size_t limit) const {
  limit = page_limit(limit, kMaxReportRows);
  Page<StoredReport> page;
  const auto walked = walk_reports(node, from, to, [&](StoredReport&& stored) {
    page.truncated = page.rows.size() == limit;
    if (!page.truncated) page.rows.push_back(std::move(stored));
    return !page.truncated;
  });
  if (!walked) return walked.error();
  return page;
}

template <class Row, class Add>
model::Result<Page<Row>> HistoryStore::walk_samples(const model::NodeName& node, model::WallTime from,
                                                    model::WallTime to, std::size_t limit, const Add& add) const {
  if (from >= to) return Page<Row>{};
  EarliestRows<Row> rows(page_limit(limit, kMaxRows));
  const model::Duration longest = longest_window(node);
  const auto walked = walk_reports(node, from, later(to, longest), [&](StoredReport&& stored) {
    if (rows.settled_at(earlier(stored.at, longest))) return false;
    for (auto& sample : stored.report.samples) {
      const model::WallTime at = sample_time(stored, sample);
      if (at >= from && at < to) add(rows, at, sample);
    }
    return true;
  });
  if (!walked) return walked.error();
  return std::move(rows).page();
}

model::Result<Page<StoredSample>> HistoryStore::samples(const model::NodeName& node, model::WallTime from,
                                                        model::WallTime to, std::size_t limit) const {
  return walk_samples<StoredSample>(node, from, to, limit, [](auto& rows, model::WallTime at, auto& sample) {
    rows.add(StoredSample{at, std::move(sample)});
  });
}

model::Result<Page<Point>> HistoryStore::series(const model::NodeName& node, model::Metric metric, model::WallTime from,
                                                model::WallTime to, std::size_t limit) const {
  return walk_samples<Point>(node, from, to, limit, [&](auto& rows, model::WallTime at, const auto& sample) {
    if (const auto value = model::value_of(metric, sample)) rows.add(Point{at, *value});
  });
}

model::Result<Page<Gap>> HistoryStore::gaps(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                            std::size_t limit) const {
  limit = page_limit(limit, kMaxRows);
  Page<Gap> page;
  const auto walked = walk_reports(node, from, to, [&](StoredReport&& stored) {
    const model::Report& report = stored.report;
    if (report.gap_reports == 0) return true;
    page.truncated = page.rows.size() == limit;
    if (!page.truncated) page.rows.push_back({stored.at, report.incarnation, report.seq, report.gap_reports});
    return !page.truncated;
  });
  if (!walked) return walked.error();
  return page;
}

}  // namespace tideline::store
