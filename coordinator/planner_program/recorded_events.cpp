#include "coordinator/planner_program/recorded_events.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/utc_text.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_program/store_export.h"
#include "messages/model/json_text.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/export_events.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::int64_t kMsInSecond = 1'000;
constexpr std::size_t kMostEventTextBytes = 120;

struct ToldEvent {
  bool of_cluster = false;
  model::Event event;
};

struct Around {
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;  // not included
};

std::string event_line(const ToldEvent& told) {
  const auto& event = told.event;
  std::string line =
      fmt::format("{} {}{} by {}: {}", planner::utc_text(event.at.ms / kMsInSecond),
                  told.of_cluster ? "the cluster, " : "", model::name_of(event.reason),
                  model::name_of(event.controller), model::printable(event.subject, kMostEventTextBytes));
  if (!event.old_value.empty() || !event.new_value.empty()) {
    line += fmt::format(", \"{}\" -> \"{}\"", model::printable(event.old_value, kMostEventTextBytes),
                        model::printable(event.new_value, kMostEventTextBytes));
  }
  return line;
}

Result<std::vector<ToldEvent>> of_archive(const std::string& path, const std::string& node, const Around& around) {
  const auto archive = open_archive(path);
  if (!archive) return archive.error();
  std::vector<ToldEvent> found;
  for (const auto& entry : archive->reader.extras()) {
    if (columns::extra_kind(entry) != columns::ExtraKind::kEvents) continue;
    const bool of_cluster = entry.series == series::kClusterSeries;
    if (!of_cluster && entry.series != node) continue;
    if (entry.first * kMsInSecond >= around.to_ms || (entry.last + 1) * kMsInSecond <= around.from_ms) continue;
    auto events = series::read_events(archive->reader, entry);
    if (!events) return events.error().in(path);
    for (auto& event : events->events) {
      if (event.at.ms >= around.from_ms && event.at.ms < around.to_ms) found.push_back({of_cluster, std::move(event)});
    }
  }
  return found;
}

Result<std::vector<ToldEvent>> of_store(const std::string& directory, const std::string& node, const Around& around) {
  const auto place = store_in(directory);
  if (!place) return place.error();
  const auto store = rocks::RocksStore::open_read_only(*place);
  if (!store) return store.error();
  std::vector<ToldEvent> found;
  for (const bool of_cluster : {false, true}) {
    const auto walked = series::walk_events(**store, model::NodeName(of_cluster ? "" : node), {around.from_ms},
                                            {around.to_ms}, [&](model::Event&& event) -> Result<void> {
                                              found.push_back({of_cluster, std::move(event)});
                                              return {};
                                            });
    if (!walked) return walked.error().in(directory);
  }
  return found;
}

}  // namespace

Result<std::vector<std::string>> recorded_events(const std::string& path, const std::string& node, std::int64_t at_s) {
  const std::int64_t at = std::clamp(at_s, planner::kFirstUtcTime, planner::kLastUtcTime);
  const Around around{.from_ms = std::max<std::int64_t>(at - kRecordedBeforeS, 0) * kMsInSecond,
                      .to_ms = std::max<std::int64_t>(at + kRecordedAfterS, 0) * kMsInSecond};
  std::error_code none;
  const bool is_store = std::filesystem::is_directory(path, none);
  auto found = is_store ? of_store(path, node, around) : of_archive(path, node, around);
  if (!found) return found.error();
  const auto distance = [at](const ToldEvent& told) { return std::abs(told.event.at.ms - at * kMsInSecond); };
  std::stable_sort(found->begin(), found->end(),
                   [&](const ToldEvent& a, const ToldEvent& b) { return distance(a) < distance(b); });
  const std::size_t left_out = found->size() - std::min(found->size(), kMostRecordedEvents);
  found->resize(found->size() - left_out);
  std::stable_sort(found->begin(), found->end(),
                   [](const ToldEvent& a, const ToldEvent& b) { return a.event.at < b.event.at; });
  std::vector<std::string> lines;
  lines.reserve(found->size() + 1);
  for (const ToldEvent& told : *found)
    lines.push_back(event_line(told));
  if (left_out > 0) lines.push_back(fmt::format("{} more, further from the moment", left_out));
  return lines;
}

}  // namespace tideline::planner_program
