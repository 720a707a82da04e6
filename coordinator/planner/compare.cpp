#include "coordinator/planner/compare.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/replay_fields.h"
#include "coordinator/planner/utc_text.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::size_t kMaxToldEvents = 10;
constexpr std::size_t kMaxToldText = 80;
constexpr std::size_t kMaxToldData = 400;
/// Events that are looked for in all replays between two questions whether to go on.
constexpr std::size_t kComparedAtATime = 1'024;

/// The time that events are held against each other in.
struct CommonTime {
  std::int64_t from_s = std::numeric_limits<std::int64_t>::min();
  std::int64_t until_s = std::numeric_limits<std::int64_t>::max();
  bool holds(const ReplayEvent& event) const { return event.begin_s >= from_s && event.end_s <= until_s; }
};

CommonTime time_of_all(std::span<const SavedReplay> replays) {
  CommonTime common;
  for (const SavedReplay& replay : replays) {
    const ReplayResult& result = replay.result;
    common.from_s = std::max(common.from_s, result.begin_s);
    common.until_s = std::min(common.until_s, result.end_s);
    // What was left out begins after all that was not.
    if (result.events_left_out == 0) continue;
    common.until_s = std::min(common.until_s, result.events.empty() ? result.begin_s : result.events.back().begin_s);
  }
  return common;
}

/// All of one kind and one replay, for the question whether one stands on a host within a time.
class EventStretches {
 public:
  EventStretches(const ReplayResult& result, ReplayEventKind kind) {
    for (const ReplayEvent& event : result.events) {
      if (event.kind == kind) all_.push_back({event.host, event.begin_s, end_of(event)});
    }
    std::sort(all_.begin(), all_.end(), [](const Stretch& a, const Stretch& b) {
      return std::tie(a.host, a.begin_s, a.end_s) < std::tie(b.host, b.begin_s, b.end_s);
    });
    for (std::size_t i = 1; i < all_.size(); ++i) {
      if (all_[i].host == all_[i - 1].host) all_[i].end_s = std::max(all_[i].end_s, all_[i - 1].end_s);
    }
  }

  bool overlap(const ReplayEvent& event) const {
    const auto begins_before = [](const Stretch& each, const std::pair<std::uint32_t, std::int64_t>& place) {
      return std::tie(each.host, each.begin_s) < std::tie(place.first, place.second);
    };
    const auto after = std::lower_bound(all_.begin(), all_.end(), std::pair(event.host, end_of(event)), begins_before);
    if (after == all_.begin()) return false;
    const Stretch& last = *(after - 1);
    return last.host == event.host && last.end_s > event.begin_s;
  }

 private:
  struct Stretch {
    std::uint32_t host = 0;
    std::int64_t begin_s = 0;
    std::int64_t end_s = 0;  // the last end of all that begin up to here
  };
  /// What has no length stands for a second.
  static std::int64_t end_of(const ReplayEvent& event) { return std::max(event.end_s, event.begin_s + 1); }

  std::vector<Stretch> all_;
};

std::string compared_length(std::int64_t length_s) {
  if (length_s % 60 != 0 && length_s < 600) return fmt::format("{} s", length_s);
  if (length_s < 7'200) return fmt::format("{} min", length_s / 60);
  return fmt::format("{:.1f} h", static_cast<double>(length_s) / 3'600);
}

struct DifferingEvent {
  const ReplayEvent* event = nullptr;
  std::size_t replay = 0;  // the first that has it
};

std::string told_event(const DifferingEvent& differing, const ReplayResult& of,
                       const std::vector<EventStretches>& stretches, const std::vector<std::string>& names) {
  const ReplayEvent& event = *differing.event;
  std::string in;
  std::string not_in;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string& list = i == differing.replay || stretches[i].overlap(event) ? in : not_in;
    list += (list.empty() ? "" : ", ") + names[i];
  }
  return fmt::format("{} {} {}, {:.1f} cores: in {}, not in {}",
                     model::printable(host_name(of, event.host), kMaxToldText), utc_text(event.begin_s),
                     compared_length(event.end_s - event.begin_s), event.cores, in, not_in);
}

/// Of one kind of events after the other.
struct CompareProgress {
  const Progress& told;
  std::size_t kind = 0;
  bool stops(std::size_t replay, std::size_t replays) const {
    const double of_kind = static_cast<double>(replay) / static_cast<double>(replays);
    return told && told((static_cast<double>(kind) + of_kind) / static_cast<double>(std::size(kReplayEventKinds)));
  }
};

model::Result<std::vector<std::string>> differing_events(std::span<const SavedReplay> replays, ReplayEventKind kind,
                                                         const CommonTime& common,
                                                         const std::vector<std::string>& names,
                                                         const CompareProgress& progress) {
  std::vector<EventStretches> stretches;
  stretches.reserve(replays.size());
  for (const SavedReplay& replay : replays)
    stretches.emplace_back(replay.result, kind);
  std::vector<DifferingEvent> all;
  std::size_t looked_at = 0;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    for (const ReplayEvent& event : replays[i].result.events) {
      if (looked_at++ % kComparedAtATime == 0 && progress.stops(i, replays.size())) {
        return model::Error(model::ErrorCode::kUnavailable, "stopped");
      }
      if (event.kind != kind || !common.holds(event)) continue;
      bool told_before = false;
      bool everywhere = true;
      for (std::size_t j = 0; j < replays.size(); ++j) {
        const bool there = j == i || stretches[j].overlap(event);
        told_before = told_before || (there && j < i);
        everywhere = everywhere && there;
      }
      if (!everywhere && !told_before) all.push_back({&event, i});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const DifferingEvent& a, const DifferingEvent& b) {
    return std::tie(a.event->begin_s, a.event->host, a.replay) < std::tie(b.event->begin_s, b.event->host, b.replay);
  });
  std::vector<std::string> told;
  for (std::size_t i = 0; i < std::min(all.size(), kMaxToldEvents); ++i)
    told.push_back(told_event(all[i], replays[all[i].replay].result, stretches, names));
  if (all.size() > kMaxToldEvents) told.push_back(fmt::format("and {} more", all.size() - kMaxToldEvents));
  return told;
}

std::vector<ComparedRow> compared_rows(std::span<const SavedReplay> replays) {
  std::vector<ComparedRow> rows;
  const auto add = [&](const char* what, const char* unit, auto value_of) {
    ComparedRow row{.what = what, .unit = unit, .values = {}};
    for (const SavedReplay& replay : replays)
      row.values.push_back(static_cast<double>(value_of(replay.result)));
    rows.push_back(std::move(row));
  };
  const auto share = [](double part, double whole) { return whole > 0 ? 100 * part / whole : 0.0; };
  add("hosts", "", [](const ReplayResult& result) { return result.hosts; });
  const std::size_t first_total = rows.size();
  for (const SavedReplay& replay : replays) {
    std::size_t at = first_total;
    const auto put = [&](const char* /*key*/, const char* what, const char* unit, const auto& value) {
      if (at == rows.size()) rows.push_back({.what = what, .unit = unit, .values = {}});
      rows[at++].values.push_back(static_cast<double>(value));
    };
    totals_fields(put, replay.result.totals);
  }
  add("offered of capacity", "%",
      [&](const ReplayResult& result) { return share(result.totals.offered_core_h, result.totals.capacity_core_h); });
  add("wasted of batch used", "%", [&](const ReplayResult& result) {
    return share(result.totals.batch_wasted_core_h, result.totals.batch_used_core_h);
  });
  add("violation rate", "%", [&](const ReplayResult& result) {
    return share(static_cast<double>(result.totals.violations), static_cast<double>(result.totals.violation_checks));
  });
  add("completion p50", "s", [](const ReplayResult& result) { return result.completion_p50_s; });
  add("completion p90", "s", [](const ReplayResult& result) { return result.completion_p90_s; });
  add("completion p99", "s", [](const ReplayResult& result) { return result.completion_p99_s; });
  return rows;
}

/// From the first part that is another: parts end with "; ".
std::string differing_data(std::string_view text, std::string_view other) {
  const auto ends = std::mismatch(text.begin(), text.end(), other.begin(), other.end());
  const auto part = text.substr(0, static_cast<std::size_t>(ends.first - text.begin())).rfind("; ");
  return model::printable(part == std::string_view::npos ? text : text.substr(part + 2), kMaxToldData);
}

void warn_of_difference(const SavedReplay& first, const SavedReplay& other, const std::string& first_name,
                        const std::string& name, std::vector<std::string>& warnings) {
  const ReplayResult& a = first.result;
  const ReplayResult& b = other.result;
  if (first.data != other.data) {
    warnings.push_back(fmt::format("{} ran on \"{}\", {} on \"{}\"", first_name, differing_data(first.data, other.data),
                                   name, differing_data(other.data, first.data)));
  }
  if (a.begin_s != b.begin_s || a.end_s != b.end_s) {
    warnings.push_back(fmt::format("{} is of {} to {}, {} of {} to {}", first_name, utc_text(a.begin_s),
                                   utc_text(a.end_s), name, utc_text(b.begin_s), utc_text(b.end_s)));
  }
  if (a.step_s != b.step_s) {
    warnings.push_back(fmt::format("{} has steps of {} s, {} of {} s", first_name, a.step_s, name, b.step_s));
  }
  if (a.hosts != b.hosts) {
    warnings.push_back(fmt::format("{} has {} hosts, {} has {}: their events are not held against each other",
                                   first_name, a.hosts, name, b.hosts));
  } else if (a.host_names != b.host_names) {
    warnings.push_back(
        fmt::format("{} and {} are of other hosts: their events are not held against each other", first_name, name));
  }
}

std::vector<std::string> compare_warnings(std::span<const SavedReplay> replays, const std::vector<std::string>& names) {
  std::vector<std::string> warnings;
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    warnings.emplace_back("some have the same name");
  }
  for (std::size_t i = 0; i < replays.size(); ++i) {
    if (i > 0) warn_of_difference(replays[0], replays[i], names[0], names[i], warnings);
    if (replays[i].result.events_left_out == 0) continue;
    warnings.push_back(fmt::format("{} has only its first {} events; {} more were left out of it", names[i],
                                   replays[i].result.events.size(), replays[i].result.events_left_out));
  }
  return warnings;
}

}  // namespace

model::Result<Comparison> compare(std::span<const SavedReplay> replays, const Progress& progress) {
  if (replays.size() < 2) return model::invalid(fmt::format("{} to compare; want two at least", replays.size()));
  Comparison comparison;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    const std::string& name = replays[i].name;
    comparison.names.push_back(name.empty() ? fmt::format("replay {}", i + 1) : model::printable(name, kMaxToldText));
  }
  comparison.rows = compared_rows(replays);
  const bool same_hosts = std::all_of(replays.begin(), replays.end(), [&](const SavedReplay& replay) {
    return replay.result.hosts == replays.front().result.hosts &&
           replay.result.host_names == replays.front().result.host_names;
  });
  const CommonTime common = time_of_all(replays);
  for (const ReplayEventKind kind : kReplayEventKinds) {
    ComparedEvents events{.kind = kind, .counts = {}, .differ = {}};
    for (const SavedReplay& replay : replays) {
      const auto& all = replay.result.events;
      events.counts.push_back(static_cast<std::uint64_t>(
          std::count_if(all.begin(), all.end(), [&](const ReplayEvent& event) { return event.kind == kind; })));
    }
    if (same_hosts) {
      auto differ = differing_events(replays, kind, common, comparison.names, {progress, comparison.events.size()});
      if (!differ) return differ.error();
      events.differ = *std::move(differ);
    }
    comparison.events.push_back(std::move(events));
  }
  comparison.warnings = compare_warnings(replays, comparison.names);
  return comparison;
}

}  // namespace tideline::planner
