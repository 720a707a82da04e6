#include "k8s-bridge/actor/event_desk.h"

#include <utility>

#include <fmt/format.h>

namespace tideline::bridge {
namespace {

/// Whether the same event may be taken later.
bool may_pass(const model::Result<k8s_api::Answer>& answer) {
  return !answer || answer->status == 401 || answer->status == 429 || answer->status >= 500;
}

}  // namespace

void EventDesk::write(k8s::EventNote note, model::MonoTime now, model::WallTime wall) {
  if (!book_.admit(note, now)) return;
  again({std::make_shared<const k8s::EventNote>(std::move(note)), 0}, wall);
}

void EventDesk::again(const EventToWrite& event, model::WallTime wall) {
  k8s_api::Request request;
  request.method = k8s_api::Method::kPost;
  request.path = k8s::event_path(*event.note);
  request.body = k8s::event_body(*event.note, wall);
  request.priority = k8s_api::Priority::kLow;
  out_.send({event.note, event.attempt + 1}, std::move(request));
}

void EventDesk::answered(const EventToWrite& event, const model::Result<k8s_api::Answer>& answer, model::MonoTime now) {
  if (answer && answer->status >= 200 && answer->status < 300) {
    told_forbidden_ = false;
    return;
  }
  if (may_pass(answer) && event.attempt < kAttempts) {
    out_.later(event);
    return;
  }
  book_.forget(*event.note);
  const auto why = answer ? k8s_api::describe(*answer) : answer.error().message();
  if (answer && answer->status == 403) {
    if (!std::exchange(told_forbidden_, true)) {
      log::error("kubernetes-forbidden",
                 "{}: no events are written; the role needs the verb create on events (namespace {})", why,
                 k8s::event_namespace(*event.note));
    }
    return;
  }
  if (const auto held = told_failed_.admit(now.ns)) {
    log::warn("kubernetes-event", "{} of {} {}: {}{}", event.note->reason, event.note->kind, event.note->object.name,
              why, *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
  }
}

}  // namespace tideline::bridge
