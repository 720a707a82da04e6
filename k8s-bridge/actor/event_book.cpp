#include "k8s-bridge/actor/event_book.h"

#include <fmt/format.h>

namespace tideline::bridge {
namespace {

std::string key_of(const k8s::EventNote& note) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", note.kind, note.object.name_space, note.object.name, note.object.uid,
                     note.reason, note.message.substr(0, k8s::kMaxEventBytes));
}

}  // namespace

bool EventBook::admit(const k8s::EventNote& note, model::MonoTime now) {
  auto key = key_of(note);
  const auto found = written_.find(key);
  if (found != written_.end() && now - found->second < kAgainAfter) return false;
  if (found == written_.end() && written_.size() >= kMostKept) {
    std::erase_if(written_, [&](const auto& each) { return now - each.second >= kAgainAfter; });
    if (written_.size() >= kMostKept) return false;
  }
  written_[std::move(key)] = now;
  return true;
}

void EventBook::forget(const k8s::EventNote& note) {
  written_.erase(key_of(note));
}

}  // namespace tideline::bridge
