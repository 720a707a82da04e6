#include "messages/link/loop_lag.h"

#include <algorithm>

#include <sys/eventfd.h>
#include <unistd.h>

#include "messages/link/clocks.h"

namespace tideline::link {

LoopLag::LoopLag(KjContext& context)
    : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      wakes_(context.low.wrapInputFd(wake_fd_, kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                                                   kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK |
                                                   kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC)) {}

kj::Promise<void> LoopLag::round() {
  if (!began_) {
    began_ = mono_now();
    under_way_ = measure().fork();
  }
  return under_way_.addBranch();
}

kj::Promise<void> LoopLag::measure() {
  // A timer would not do: the loop looks at those first, however many sockets wait. The kernel names files in the order
  // in which they became ready, so that this one comes behind what was ready before it.
  auto woken = wakes_->tryRead(&wake_count_, sizeof wake_count_, sizeof wake_count_);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  return woken
      .then([](std::size_t) {
        // Behind what has been read, but not handled.
        return kj::evalLater([]() {});
      })
      .then([this]() {
        last_ = mono_now() - *began_;
        began_.reset();
      })
      // An eventfd is always read well. Were it not, the lag would grow, and who waits goes by a timer as well.
      .catch_([](kj::Exception&&) -> kj::Promise<void> { return kj::NEVER_DONE; });
}

model::Duration LoopLag::lag() const {
  return began_ ? std::max(last_, mono_now() - *began_) : last_;
}

}  // namespace tideline::link
