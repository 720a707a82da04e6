#pragma once
// Writes events: each once for a while, tried a few times.

#include <functional>
#include <memory>
#include <utility>

#include "k8s-bridge/actor/event_book.h"
#include "k8s-bridge/actor/messages.h"
#include "messages/log/log.h"

namespace tideline::bridge {

class EventDesk {
 public:
  static constexpr unsigned kAttempts = 3;

  struct Out {
    /// The answer goes to answered() with the same event.
    std::function<void(const EventToWrite& event, k8s_api::Request request)> send;
    /// To be given to again() some seconds later.
    std::function<void(const EventToWrite& event)> later;
  };
  explicit EventDesk(Out out) : out_(std::move(out)) {}

  void write(k8s::EventNote note, model::MonoTime now, model::WallTime wall);
  void again(const EventToWrite& event, model::WallTime wall);
  void answered(const EventToWrite& event, const model::Result<k8s_api::Answer>& answer, model::MonoTime now);

 private:
  Out out_;
  EventBook book_;
  bool told_forbidden_ = false;
  log::RateLimit told_failed_{10'000'000'000};
};

}  // namespace tideline::bridge
