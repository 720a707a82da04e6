#include "messages/link/send_queue.h"

#include <algorithm>

#include "messages/link/clocks.h"
#include "messages/link/limits.h"
#include "messages/log/log.h"

namespace tideline::link {
namespace {

constexpr std::size_t kSliceWhenBehind = 5;  // part of a slice, one in so many

}  // namespace

SendQueue::SendQueue(KjContext& context, LoopLag& lag, const Pace& pace, Send send, HasRoom has_room)
    : timer_(context.timer), lag_(lag), pace_(pace), send_(kj::mv(send)), has_room_(kj::mv(has_room)), tasks_(*this) {}

void SendQueue::add(SessionId session) {
  waiting_.push_back(session);
  if (is_planned_) return;
  is_planned_ = true;
  tasks_.add(kj::evalLater([this]() { send_slice(); }));
}

void SendQueue::send_slice() {
  is_planned_ = false;
  const bool is_behind = lag_.lag() > kMostLag;
  std::size_t most = is_behind ? std::max<std::size_t>(pace_.slice / kSliceWhenBehind, 1) : pace_.slice;
  if (!has_room_()) most = 0;
  for (std::size_t sent = 0; sent < most && !waiting_.empty();) {
    const SessionId session = waiting_.front();
    waiting_.pop_front();
    if (send_(session)) ++sent;
  }
  if (!waiting_.empty()) plan_slice();
}

void SendQueue::plan_slice() {
  is_planned_ = true;
  // The round sees to what the slice has brought: the nodes' answers, and reports that came meanwhile.
  tasks_.add(timer_.afterDelay(to_kj(pace_.every))
                 .then([this]() { return lag_.round().exclusiveJoin(timer_.afterDelay(to_kj(pace_.round))); })
                 .then([this]() { send_slice(); }));
}

void SendQueue::taskFailed(kj::Exception&& exception) {
  log::error("link-task-failed", "{}", exception.getDescription().cStr());
}

}  // namespace tideline::link
