#include "storage/series/export_events.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "messages/model/report.h"
#include "storage/columns/chunk.h"
#include "storage/series/event_bytes.h"
#include "storage/store/limits.h"

namespace tideline::series {
namespace {

constexpr std::size_t kMaxShownEventSeries = 160;
constexpr std::int64_t kMsOfASecond = 1'000;

/// What makes two events the same to history.
using EventKey =
    std::tuple<std::int64_t, model::Controller, model::Reason, std::string_view, std::string_view, std::string_view>;

EventKey key_of(const model::Event& event) {
  return {event.at.ms, event.controller, event.reason, event.subject, event.old_value, event.new_value};
}

void fit_for_archive(model::Event& event) {
  event.at.ms = std::clamp<std::int64_t>(event.at.ms, 0, columns::ChunkLimits::kMaxValue);
  for (std::string* text : {&event.subject, &event.old_value, &event.new_value}) {
    if (text->size() > model::ReportLimits::kMaxTextBytes) text->resize(model::ReportLimits::kMaxTextBytes);
  }
}

std::int64_t in_seconds(const model::Event& event) {
  return event.at.ms / kMsOfASecond;
}

model::Result<void> put_piece(const std::string& series, std::span<const model::Event> events,
                              columns::ArchiveWriter& writer) {
  if (events.empty()) return {};
  const auto bytes = encode_events(events);
  if (!bytes) return bytes.error();
  return writer.add_extra({.kind = columns::ExtraKind::kEvents,
                           .series = series,
                           .first = in_seconds(events.front()),
                           .last = in_seconds(events.back()),
                           .rows = events.size(),
                           .bytes = *bytes});
}

/// How many of a full piece it is to have: those of one instant stay together if they can, since who reads them looks
/// for twins piece by piece.
std::size_t whole_instants(const std::vector<model::Event>& events) {
  const auto newest = events.back().at;
  const auto begin =
      std::find_if(events.begin(), events.end(), [newest](const model::Event& event) { return event.at == newest; });
  return begin == events.begin() ? events.size() : static_cast<std::size_t>(begin - events.begin());
}

}  // namespace

model::Result<void> walk_events(const store::HistoryStore& history, const model::NodeName& node, model::WallTime from,
                                model::WallTime to, const std::function<model::Result<void>(model::Event&&)>& visit) {
  while (from < to) {
    auto page = history.events(node, from, to, 0);
    if (!page) return page.error();
    auto& rows = page->rows;
    if (rows.empty()) return {};
    const model::WallTime newest = rows.back().at;
    // The next page has all of the newest ms, unless no page does.
    const bool is_left = page->truncated && rows.front().at != newest;
    for (store::StoredEvent& row : rows) {
      if (is_left && row.at == newest) break;
      row.event.at = row.at;
      if (auto visited = visit(std::move(row.event)); !visited) return visited;
    }
    if (!page->truncated) return {};
    from = is_left ? newest : model::WallTime{newest.ms + 1};
  }
  return {};
}

model::Result<std::uint64_t> write_events(const store::HistoryStore& history, const model::NodeName& node,
                                          model::WallTime from, model::WallTime to, columns::ArchiveWriter& writer) {
  const std::string series = node.empty() ? std::string(kClusterSeries) : node.str();
  const bool can_be_read_back = node.str().find('/') == std::string::npos;
  std::vector<model::Event> events;
  std::uint64_t written = 0;
  const auto walked = walk_events(history, node, from, to, [&](model::Event&& event) -> model::Result<void> {
    if (!can_be_read_back) {
      return model::invalid(
          fmt::format("archive: '{}' is no name of a node", model::printable(node.str(), kMaxShownEventSeries)));
    }
    fit_for_archive(event);
    events.push_back(std::move(event));
    ++written;
    if (events.size() < kMaxArchivedEvents) return {};
    const std::size_t whole = whole_instants(events);
    auto put = put_piece(series, std::span(events).first(whole), writer);
    events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(whole));
    return put;
  });
  if (!walked) return walked.error();
  if (auto put = put_piece(series, events, writer); !put) return put.error();
  return written;
}

model::Result<ArchivedEvents> read_events(const columns::ArchiveReader& archive, const columns::ChunkEntry& entry) {
  const auto place = [&entry] {
    return fmt::format("archive: series {} at offset {}", model::printable(entry.series, kMaxShownEventSeries),
                       entry.offset);
  };
  ArchivedEvents archived;
  if (entry.series != kClusterSeries) {
    if (entry.series.find('/') != std::string::npos || entry.series.size() > store::kMaxNodeNameBytes) {
      return model::Error(model::ErrorCode::kMalformed, place() + ": events of what is neither a node nor the cluster");
    }
    archived.node = model::NodeName(entry.series);
  }
  const auto bytes = archive.read_extra(entry);
  if (!bytes) return bytes.error();
  auto events = decode_events(*bytes, entry.rows);
  if (!events) return events.error().in(place());
  if (in_seconds(events->front()) != entry.first || in_seconds(events->back()) != entry.last) {
    return model::Error(model::ErrorCode::kMalformed,
                        fmt::format("{}: events from {} to {} ms, and not what the index says", place(),
                                    events->front().at.ms, events->back().at.ms));
  }
  archived.events = *std::move(events);
  return archived;
}

model::Result<PutEvents> put_events(store::HistoryStore& history, const ArchivedEvents& archived) {
  PutEvents outcome;
  if (archived.events.empty()) return outcome;
  std::map<EventKey, std::uint64_t> there;
  for (const model::Event& event : archived.events)
    there.emplace(key_of(event), 0);
  const model::WallTime end{archived.events.back().at.ms + 1};
  const auto walked = walk_events(history, archived.node, archived.events.front().at, end,
                                  [&](model::Event&& event) -> model::Result<void> {
                                    if (const auto same = there.find(key_of(event)); same != there.end()) {
                                      ++same->second;
                                    }
                                    return {};
                                  });
  if (!walked) return walked.error();
  std::vector<store::CoordinatorEvent> missing;
  for (const model::Event& event : archived.events) {
    std::uint64_t& left = there[key_of(event)];
    if (left > 0) {
      --left;
      ++outcome.there;
    } else {
      missing.push_back({archived.node, event});
    }
  }
  static_assert(kMaxArchivedEvents <= store::kMaxAppendEvents);
  if (auto put = history.append_events(missing); !put) return put.error();
  outcome.put = missing.size();
  return outcome;
}

}  // namespace tideline::series
