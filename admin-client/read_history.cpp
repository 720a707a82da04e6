#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/read.h"
#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"

namespace tideline::tidectl {
namespace {

using codec::str;

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

model::Error wrong_history(std::string message) {
  return {model::ErrorCode::kMalformed, "the coordinator's answer: " + std::move(message)};
}

/// Whether it can be counted in ms.
bool is_time(std::int64_t seconds) {
  return seconds >= -kLastSecond && seconds <= kLastSecond;
}

model::Result<series::AnswerSeries> read_series(schema::AnswerSeries::Reader in) {
  series::AnswerSeries out;
  out.field = static_cast<series::Field>(in.getField());
  out.node = str(in.getNode());
  out.subject = str(in.getSubject());
  const auto times = in.getTimesS();
  const auto values = in.getValues();
  if (times.size() != values.size()) {
    return wrong_history(fmt::format("{} of {} has {} times and {} values", series::name_of(out.field),
                                     safe_text(out.node), times.size(), values.size()));
  }
  out.points.reserve(times.size());
  for (unsigned i = 0; i < times.size(); ++i) {
    if (!is_time(times[i])) {
      return wrong_history(fmt::format("{} of {} at {} s", series::name_of(out.field), safe_text(out.node), times[i]));
    }
    out.points.push_back({times[i], values[i]});
  }
  return out;
}

}  // namespace

model::Result<SeriesPage> read(schema::Admin::HistoryQueryResults::Reader in) {
  SeriesPage page;
  page.next_s = in.getNextS();
  page.tier = series::tier_from(in.getTier());
  page.kept_from_s = is_time(in.getKeptFromS()) ? in.getKeptFromS() : 0;
  page.series.reserve(in.getSeries().size());
  for (const auto each : in.getSeries()) {
    auto one = read_series(each);
    if (!one) return one.error();
    page.series.push_back(*std::move(one));
  }
  return page;
}

model::Result<series::PodInfo> read(schema::PodInfo::Reader in) {
  series::PodInfo pod;
  pod.uid = model::PodUid(str(in.getUid()));
  const auto qos = static_cast<int>(in.getQos());
  if (qos > static_cast<int>(model::QosClass::kSystem)) {
    return wrong_history(fmt::format("pod {}: QoS class {} is not known", safe_text(pod.uid.str()), qos));
  }
  pod.name_space = str(in.getNameSpace());
  pod.name = str(in.getName());
  pod.workload = str(in.getWorkload());
  pod.qos = static_cast<model::QosClass>(qos);
  pod.first_s = in.getFirstS();
  pod.last_s = in.getLastS();
  return pod;
}

model::Result<HistoryState> read(schema::HistoryState::Reader in) {
  HistoryState state;
  const auto instant = [](schema::OptInt::Reader seconds) {
    const auto known = codec::read(seconds);
    return known && is_time(*known) ? known : std::optional<std::int64_t>();
  };
  for (const auto each : in.getTiers()) {
    const auto tier = series::tier_from(each.getTier());
    if (!tier) continue;  // of a newer coordinator
    state.tiers.push_back({.tier = *tier,
                           .kept_s = each.getKeptS(),
                           .tables = each.getTables(),
                           .bytes = each.getBytes(),
                           .oldest_s = instant(each.getOldestS()),
                           .newest_s = instant(each.getNewestS()),
                           .pods_kept_s = each.getPodsKeptS(),
                           .pods_bytes = each.getPodsBytes(),
                           .pods_oldest_s = instant(each.getPodsOldestS())});
  }
  state.reports_kept_s = in.getReportsKept();
  state.events_kept_s = in.getEventsKept();
  state.accounts_kept_s = in.getAccountsKept();
  state.folded_until_s = instant(in.getFoldedUntilS());
  state.late = in.getLate();
  state.nodes = in.getNodes();
  state.disk_bytes = in.getDiskBytes();
  state.backups = str(in.getBackups());
  state.problem = str(in.getProblem());
  return state;
}

model::Result<series::VerifySlice> read(schema::Admin::HistoryVerifyResults::Reader in) {
  series::VerifySlice slice;
  slice.rows = in.getRows();
  slice.bytes = in.getBytes();
  for (const auto finding : in.getFindings())
    slice.findings.push_back({str(finding.getWhere()), str(finding.getWhat())});
  slice.more_findings = in.getMoreFindings();
  slice.next = str(in.getNext());
  return slice;
}

model::Result<HistoryBackup> read(schema::Admin::HistoryBackupResults::Reader in) {
  if (!is_time(in.getAtS())) return wrong_history(fmt::format("backup {} of {} s", in.getId(), in.getAtS()));
  return HistoryBackup{{in.getId(), in.getAtS(), in.getBytes(), in.getFiles()}, str(in.getDirectory())};
}

}  // namespace tideline::tidectl
