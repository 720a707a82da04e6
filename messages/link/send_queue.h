#pragma once
// Sessions that wait for something to be sent to them, a few at a time, so that acks come in between. For this room's
// sources only; use on the loop's thread only.

#include <cstddef>
#include <deque>

#include <kj/async.h>
#include <kj/function.h>

#include "messages/link/kj_thread.h"
#include "messages/link/loop_lag.h"
#include "messages/link/session.h"
#include "messages/model/units.h"

namespace tideline::link {

class SendQueue final : private kj::TaskSet::ErrorHandler {
 public:
  /// See SessionLimits.
  struct Pace {
    std::size_t slice = 1;
    model::Duration every{0};
    model::Duration round{0};
  };
  /// False: nothing was sent after all, and the next one goes in its place.
  using Send = kj::Function<bool(SessionId)>;
  /// Asked before each slice: false, and all wait for the next.
  using HasRoom = kj::Function<bool()>;

  /// `lag` must outlive it.
  SendQueue(KjContext& context, LoopLag& lag, const Pace& pace, Send send, HasRoom has_room);
  SendQueue(const SendQueue&) = delete;
  SendQueue& operator=(const SendQueue&) = delete;

  /// To be called for one that is not in it.
  void add(SessionId session);

 private:
  void send_slice();
  void plan_slice();
  void taskFailed(kj::Exception&& exception) override;

  kj::Timer& timer_;
  LoopLag& lag_;
  const Pace pace_;
  Send send_;
  HasRoom has_room_;
  std::deque<SessionId> waiting_;
  bool is_planned_ = false;
  kj::TaskSet tasks_;
};

}  // namespace tideline::link
