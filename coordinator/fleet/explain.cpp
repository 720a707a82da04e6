#include "coordinator/fleet/explain.h"

#include <utility>

#include <fmt/format.h>

#include "messages/model/hands_off.h"

namespace tideline::fleet {

using model::Controller;
using model::Event;
using model::Reason;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;

bool is_about_a_file(const Event& event) {
  return event.controller != Controller::kCoordinator && event.controller != Controller::kNone &&
         event.subject.find('/') != std::string::npos;
}

/// The coordinator's own word on an eviction.
bool is_arbitration(Reason reason) {
  switch (reason) {
    case Reason::kEvictionGranted:
    case Reason::kFleetRate:
    case Reason::kWorkloadRate:
    case Reason::kOldEpoch:
    case Reason::kEvictionBooksFull:
    case Reason::kApiEviction:
    case Reason::kApiEvicted:
    case Reason::kDisruptionBudget:
    case Reason::kApiRefused:
    case Reason::kApiSilent:
    case Reason::kNotEvictable:
    case Reason::kNoKubernetes:
      return true;
    default:
      return false;
  }
}

bool is_of_an_eviction(const Event& event) {
  return event.controller == Controller::kCpuEvict ||
         (event.controller == Controller::kCoordinator && is_arbitration(event.reason));
}

/// The node's word on events, the coordinator's on reports.
bool is_a_loss(const Event& event) {
  return event.reason == Reason::kEventsLost ||
         (event.controller == Controller::kCoordinator && event.reason == Reason::kGap);
}

bool is_of_a_pod(const Event& event) {
  return event.subject.starts_with("pod ");
}

}  // namespace

bool is_put_back(Reason reason) {
  switch (reason) {
    case Reason::kRestore:
    case Reason::kRelease:
    case Reason::kNoLongerWanted:
    case Reason::kSafeState:
    case Reason::kDisabled:
    case Reason::kNotPressed:
      return true;
    default:
      return false;
  }
}

void Explainer::add_older(const std::vector<Event>& events) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->at > at_) continue;
    if (is_a_loss(*event)) {
      if (!lost_) lost_ = event->at;
    } else if (event->subject.find(part_) != std::string::npos) {
      add(*event);
    }
  }
}

void Explainer::add(const Event& event) {
  if (event.controller == Controller::kBeWork) return;
  if (event.reason == Reason::kDryRun || event.reason == Reason::kOverruled) {
    if (is_about_a_file(event) && !is_of_a_pod(event)) add_unwritten(event);
    return;
  }
  const bool refused_for_a_hold = event.controller == Controller::kCoordinator && is_of_a_pod(event);
  if (event.reason == Reason::kHandsOff && !refused_for_a_hold) {
    if (groups_.contains(event.subject)) return;
    rows_cut_ = rows_cut_ || groups_.size() >= ExplainLimits::kMaxGroups;
    if (groups_.size() >= ExplainLimits::kMaxGroups) return;
    const bool over = model::is_over(event);
    std::string text = over ? fmt::format("{} ({})", event.new_value, event.old_value) : event.new_value;
    groups_[event.subject] = {event.subject, event.at, event.controller, std::move(text), over};
  } else if (is_of_an_eviction(event) || refused_for_a_hold) {
    rows_cut_ = rows_cut_ || evictions_.size() >= ExplainLimits::kMaxEvictions;
    if (evictions_.size() >= ExplainLimits::kMaxEvictions) return;
    evictions_.push_back({event.subject, event.at, event.reason, event.new_value});
  } else if (is_about_a_file(event)) {
    add_file(event);
  }
}

void Explainer::add_file(const Event& event) {
  auto file = files_.find(event.subject);
  const bool drift = event.reason == Reason::kDrift;
  if (file == files_.end()) {
    rows_cut_ = rows_cut_ || files_.size() >= ExplainLimits::kMaxFiles;
    if (files_.size() >= ExplainLimits::kMaxFiles) return;
    FileState state{.file = event.subject,
                    .value = event.new_value,
                    .old_value = event.old_value,
                    .controller = event.controller,
                    .reason = event.reason,
                    .at = event.at,
                    .original = is_put_back(event.reason),
                    .events_lost_since = lost_.has_value()};
    // What drifted is what the file holds; what the agent wants instead is no more than wanted until it is written.
    if (drift) state.value = std::exchange(state.old_value, event.new_value);
    file = files_.emplace(event.subject, std::move(state)).first;
  }
  if (event.at.ms <= at_.ms - kHourMs) return;
  ++file->second.changes_last_hour;
  file->second.drifts_last_hour += drift ? 1 : 0;
}

void Explainer::add_unwritten(const Event& event) {
  std::tuple key(event.subject, event.controller, event.reason);
  if (unwritten_.contains(key)) return;
  rows_cut_ = rows_cut_ || unwritten_.size() >= ExplainLimits::kMaxUnwritten;
  if (unwritten_.size() >= ExplainLimits::kMaxUnwritten) return;
  UnwrittenValue row{event.subject, event.new_value, event.old_value, event.controller, event.reason, event.at};
  // A worker that ended meanwhile does not say that it is so no longer; that its mechanism wrote there since does.
  const auto file = files_.find(event.subject);
  const bool written_since = file != files_.end() && file->second.controller == event.controller &&
                             file->second.reason != Reason::kDrift && !is_put_back(file->second.reason);
  if (written_since) row.value.clear();
  unwritten_.emplace(std::move(key), std::move(row));
}

Explanation Explainer::take() {
  Explanation all;
  for (auto& [name, file] : files_)
    all.files.push_back(std::move(file));
  for (auto& [name, group] : groups_)
    all.hands_off.push_back(std::move(group));
  all.evictions = std::move(evictions_);
  all.rows_cut = rows_cut_;
  all.events_lost = lost_;
  for (auto& [key, row] : unwritten_) {
    if (!row.value.empty()) all.unwritten.push_back(std::move(row));
  }
  return all;
}

Explanation explain(const std::vector<Event>& events, model::WallTime at, std::string_view file_part) {
  Explainer explainer(at, std::string(file_part));
  explainer.add_older(events);
  return explainer.take();
}

}  // namespace tideline::fleet
