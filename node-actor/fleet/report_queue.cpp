#include "node-actor/fleet/report_queue.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "messages/codec/report_bytes.h"

namespace tideline::rehearsal {
namespace {

/// A report not sent within this many of its own windows (and kLiveFloor) is history, not news.
constexpr int kLiveWindows = 2;
constexpr auto kLiveFloor = std::chrono::seconds(5);

}  // namespace

model::Lane ReportQueue::lane_of(const model::Report& report, model::MonoTime now) const {
  if (report.status.boot_id != boot_id_) return model::Lane::kBackfill;
  const auto limit = std::max<model::Duration>(report.window * kLiveWindows, kLiveFloor);
  return now - report.mono <= limit ? model::Lane::kLive : model::Lane::kBackfill;
}

std::optional<model::Report> ReportQueue::next(model::MonoTime now, std::optional<model::Error>& error) {
  if (pending() == 0) return std::nullopt;
  auto report = stored(model::Seq(next_seq().value() - 1), error);
  if (!report || lane_of(*report, now) != model::Lane::kLive) report = stored(model::Seq(1), error);
  if (report) report->lane = lane_of(*report, now);
  return report;
}

model::Result<std::unique_ptr<ReportQueue>> SpooledReports::open(const std::string& dir, const std::string& boot_id,
                                                                 const spool::SpoolLimits& limits) {
  auto opened = spool::Spool::open(dir, limits, boot_id);
  if (!opened) return opened.error();
  return std::unique_ptr<ReportQueue>(new SpooledReports(*std::move(opened), boot_id));
}

model::Result<void> SpooledReports::store(model::Report& report) {
  report.incarnation = spool_.incarnation();
  report.seq = spool_.next_seq();
  report.gap_reports = spool_.pending_gap();
  const auto bytes = codec::to_bytes(report);
  if (!bytes) {
    spool_.count_lost();
    return bytes.error();
  }
  const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  auto kept = spool_.append(report.seq, report.gap_reports, text);
  if (!kept && kept.error().code() != model::ErrorCode::kUnavailable) spool_.count_lost();
  return kept;
}

std::optional<model::Report> SpooledReports::stored(model::Seq from, std::optional<model::Error>& error) {
  auto found = spool_.peek(from, 1);
  if (!found) {
    error = found.error();
    return std::nullopt;
  }
  if (found->empty()) return std::nullopt;
  auto report = codec::report_from_bytes(std::as_bytes(std::span(found->front().bytes)));
  if (!report) {
    error = report.error().in(fmt::format("report {} in the spool", found->front().seq.value()));
    spool_.drop(found->front().seq);
    return std::nullopt;
  }
  return *std::move(report);
}

}  // namespace tideline::rehearsal
