#include "node-actor/actor/event_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace tideline::node {
namespace {

/// Of a report's bytes, what the texts of its events may take: beside pods at their limit there is room for so much,
/// with what surrounds each text, and for the samples.
constexpr std::size_t kMaxTextsBytes = 128 << 10;

void cut(std::string& text) {
  if (text.size() <= model::ReportLimits::kMaxTextBytes) return;
  std::size_t size = model::ReportLimits::kMaxTextBytes;
  // Not within a character.
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
    --size;
  text.resize(size);
}

std::uint64_t count_of(const NotedEvent& event) {
  return event.lost > 0 ? event.lost : 1;
}

}  // namespace

model::Event events_lost(std::uint64_t count, model::WallTime at) {
  return {at, model::Controller::kGuard, model::Reason::kEventsLost, "events", "", fmt::format("{} or more", count)};
}

bool EventQueue::add(NotedEvent event) {
  cut(event.subject);
  cut(event.old_value);
  cut(event.new_value);
  events_.push_back(std::move(event));
  if (events_.size() <= kMaxEvents) return true;
  merge_oldest();
  return false;
}

void EventQueue::merge_oldest() {
  const auto lost = count_of(events_.front());
  events_.pop_front();
  auto& next = events_.front();
  next.lost = lost + count_of(next);
  static_cast<model::Event&>(next) = events_lost(next.lost, next.at);
}

std::vector<NotedEvent> EventQueue::take() {
  std::vector<NotedEvent> all(std::make_move_iterator(events_.begin()), std::make_move_iterator(events_.end()));
  events_.clear();
  return all;
}

EventQueue::Front EventQueue::front() const {
  Front oldest;
  std::size_t bytes = 0;
  for (const auto& event : events_) {
    bytes += event.subject.size() + event.old_value.size() + event.new_value.size();
    if (oldest.events.size() >= model::ReportLimits::kMaxEvents || bytes > kMaxTextsBytes) break;
    oldest.events.push_back(static_cast<const model::Event&>(event));
    oldest.through = event.number;
  }
  return oldest;
}

void EventQueue::pop(std::size_t count) {
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(std::min(count, events_.size())));
}

void EventQueue::lose(std::size_t count) {
  if (count == 0 || events_.empty()) return;
  for (std::size_t i = 1; i < count && events_.size() > 1; ++i)
    merge_oldest();
  auto& oldest = events_.front();
  oldest.lost = count_of(oldest);
  static_cast<model::Event&>(oldest) = events_lost(oldest.lost, oldest.at);
}

}  // namespace tideline::node
