#include "k8s-bridge/measure/metric_book.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

namespace tideline::measure {
namespace {

// Fowler, Noll, Vo: FNV-1a with 64 bits. The same in each life, so that a restart does not move turns at random.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

model::Duration spread_within(const model::NodeName& name, model::Duration interval) {
  const auto milliseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(model::to_ms(interval), 1));
  return std::chrono::milliseconds(static_cast<std::int64_t>(hash_of(name.str()) % milliseconds));
}

double seconds(model::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

MetricOptions options_for(double requests_a_second) {
  constexpr double kMost = 200;  // a question to the fleet's actor is about so many nodes at most, each tick
  constexpr double kAnswersASecond = 5;
  MetricOptions options;
  options.requests_a_second = std::min(requests_a_second, kMost);
  const auto places = static_cast<std::size_t>(std::ceil(options.requests_a_second / kAnswersASecond));
  options.most_in_flight = std::max(options.most_in_flight, places);
  return options;
}

void MetricBook::node(const model::NodeName& name, const std::string& uid, model::MonoTime now) {
  const auto [found, is_new] = rows_.try_emplace(name);
  Row& row = found->second;
  if (!is_new) {
    if (row.uid != uid) row.written.reset();
    row.uid = uid;
    return;
  }
  row.uid = uid;
  row.interval = options_.first_interval;
  row.began = now;
  row.turn = now + spread_within(name, row.interval);
  turns_.emplace(row.turn, name);
}

void MetricBook::gone(const model::NodeName& name) {
  const auto found = rows_.find(name);
  if (found == rows_.end()) return;
  Row& row = found->second;
  set_state(row, State::kIdle);
  set_measured(row, false, row.interval);
  turns_.erase({row.turn, name});
  rows_.erase(found);
}

std::vector<model::NodeName> MetricBook::nodes_to_measure(model::MonoTime now, std::size_t most) {
  std::vector<model::NodeName> names;
  while (!turns_.empty() && turns_.begin()->first <= now && names.size() < most) {
    const bool is_held = now < held_until_;
    if (!is_held && open_ >= options_.most_open) break;
    const model::NodeName name = turns_.begin()->second;
    Row& row = rows_.at(name);
    if (is_held || row.state == State::kWaits || row.state == State::kInFlight) {
      pass_over(name, row, now);
      continue;
    }
    set_state(row, State::kAsked);
    row.began = now;
    set_turn(name, row, now + period(row));
    names.push_back(name);
  }
  return names;
}

void MetricBook::measured(const model::NodeName& name, model::Duration interval, model::SharedNodeMetric metric) {
  const auto found = rows_.find(name);
  if (found == rows_.end() || found->second.state != State::kAsked) return;
  Row& row = found->second;
  set_state(row, State::kIdle);
  set_measured(row, metric != nullptr, std::max(interval, options_.least_interval));
  set_turn(name, row, row.began + period(row));
  if (!metric || (row.written && metric->arrived <= *row.written)) return;
  row.averaged = metric->averaged;
  row.metric = std::move(metric);
  row.was_created = false;
  wait(name, row, MetricStep::kStatus, false);
}

std::vector<MetricBook::Flight> MetricBook::due(model::MonoTime now) {
  if (filled_ && now > *filled_) {
    const double most = std::max(options_.requests_a_second / 2, 1.0);
    tokens_ = std::min(most, tokens_ + seconds(now - *filled_) * options_.requests_a_second);
  }
  if (!filled_ || now > *filled_) filled_ = now;
  std::vector<Flight> flights;
  if (now < held_until_) return flights;
  while (!waiting_.empty() && tokens_ >= 1 && in_flight_.size() < options_.most_in_flight) {
    const model::NodeName name = std::move(waiting_.front());
    waiting_.pop_front();
    const auto found = rows_.find(name);
    if (found == rows_.end() || found->second.state != State::kWaits) continue;
    Row& row = found->second;
    // One of a Node of that name that was there before has no answer yet.
    if (in_flight_.contains(name)) {
      set_state(row, State::kIdle);
      continue;
    }
    Flight flight;
    flight.node = name;
    flight.step = row.step;
    flight.wanted = wanted_of(name, row);
    if (row.step == MetricStep::kStatus) {
      flight.metric = row.metric;
      flight.is_unchecked = row.checked != flight.wanted;
    }
    set_state(row, State::kInFlight);
    tokens_ -= 1;
    in_flight_.emplace(name, flight);
    flights.push_back(std::move(flight));
  }
  return flights;
}

const MetricBook::Flight* MetricBook::in_flight(const model::NodeName& name) const {
  const auto found = in_flight_.find(name);
  return found == in_flight_.end() ? nullptr : &found->second;
}

bool MetricBook::answered(const model::NodeName& name, StepOutcome outcome, bool is_as_wanted) {
  const auto flown = in_flight_.find(name);
  if (flown == in_flight_.end()) return false;
  const Flight flight = std::move(flown->second);
  in_flight_.erase(flown);
  const auto found = rows_.find(name);
  const bool is_its_own = found != rows_.end() && found->second.state == State::kInFlight;
  if (flight.step == MetricStep::kCreate && outcome == StepOutcome::kMissing) {
    if (is_its_own) set_state(found->second, State::kIdle);
    return true;
  }
  if (!is_its_own) return false;
  Row& row = found->second;
  set_state(row, State::kIdle);
  switch (flight.step) {
    case MetricStep::kStatus:
      if (outcome == StepOutcome::kDone) {
        row.written = flight.metric->arrived;
        row.metric.reset();
        if (!flight.is_unchecked) break;
        if (is_as_wanted) {
          row.checked = flight.wanted;
        } else {
          wait(name, row, MetricStep::kObject, true);
        }
      } else if (outcome == StepOutcome::kMissing && !row.was_created) {
        wait(name, row, MetricStep::kCreate, true);
      }
      break;
    case MetricStep::kCreate:
      if (outcome == StepOutcome::kDone) row.checked = flight.wanted;
      if (outcome == StepOutcome::kExists) row.checked.reset();
      if (outcome == StepOutcome::kFailed) break;
      row.was_created = true;
      wait(name, row, MetricStep::kStatus, true);
      break;
    case MetricStep::kObject:
      if (outcome == StepOutcome::kDone) row.checked = flight.wanted;
      break;
  }
  return false;
}

void MetricBook::hold(model::MonoTime until) {
  held_until_ = std::max(held_until_, until);
  for (const auto& name : waiting_) {
    const auto found = rows_.find(name);
    if (found != rows_.end() && found->second.state == State::kWaits) set_state(found->second, State::kIdle);
  }
  waiting_.clear();
}

std::size_t MetricBook::nodes() const {
  std::size_t sum = 0;
  for (const auto& [interval, count] : measured_)
    sum += count;
  return sum;
}

double MetricBook::stretch() const {
  double needed = 0;
  for (const auto& [interval, count] : measured_)
    needed += static_cast<double>(count) / seconds(interval);
  return std::max(1.0, needed / options_.requests_a_second);
}

model::Duration MetricBook::period(const Row& row) const {
  if (!row.is_measured) return row.interval;
  return model::Duration(std::llround(static_cast<double>(row.interval.count()) * stretch()));
}

void MetricBook::set_turn(const model::NodeName& name, Row& row, model::MonoTime turn) {
  turns_.erase({row.turn, name});
  row.turn = turn;
  turns_.emplace(turn, name);
}

void MetricBook::pass_over(const model::NodeName& name, Row& row, model::MonoTime now) {
  const auto each = std::max<std::int64_t>(period(row).count(), 1);
  const auto passed = (now - row.turn).count() / each + 1;
  set_turn(name, row, row.turn + model::Duration(each * passed));
}

void MetricBook::set_state(Row& row, State state) {
  const auto is_open = [](State of) { return of == State::kAsked || of == State::kWaits; };
  if (is_open(row.state)) --open_;
  if (is_open(state)) ++open_;
  row.state = state;
}

void MetricBook::set_measured(Row& row, bool is_measured, model::Duration interval) {
  if (row.is_measured) {
    const auto counted = measured_.find(row.interval);
    if (--counted->second == 0) measured_.erase(counted);
  }
  row.is_measured = is_measured;
  row.interval = interval;
  if (is_measured) ++measured_[interval];
}

void MetricBook::wait(const model::NodeName& name, Row& row, MetricStep step, bool first) {
  row.step = step;
  set_state(row, State::kWaits);
  if (first) {
    waiting_.push_front(name);
  } else {
    waiting_.push_back(name);
  }
}

Wanted MetricBook::wanted_of(const model::NodeName& name, const Row& row) {
  Wanted wanted;
  wanted.node = name;
  wanted.node_uid = row.uid;
  wanted.interval = row.interval;
  wanted.averaged = row.averaged;
  return wanted;
}

}  // namespace tideline::measure
