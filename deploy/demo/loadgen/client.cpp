#include "deploy/demo/loadgen/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "deploy/demo/loadgen/connection.h"

namespace tideline::loadgen {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using std::chrono::nanoseconds;

constexpr nanoseconds kReconnectPause = std::chrono::milliseconds(50);
constexpr std::uint64_t kTimerTag = ~std::uint64_t{0};

nanoseconds monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Error system_error(std::string_view what) {
  return {ErrorCode::kInternal, fmt::format("{}: {}", what, std::generic_category().message(errno))};
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Slot {
  Connection connection;
  nanoseconds reopen_at{};  // meaningful while closed
};

class Run {
 public:
  Run(const LoadPlan& plan, Address address)
      : plan_(plan),
        address_(address),
        schedule_(plan.requests_per_second, plan.arrivals, plan.seed, plan.bursts),
        request_bytes_(fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: tideline-loadgen\r\n"
                                   "Accept-Encoding: gzip\r\n\r\n",
                                   plan.path, plan.host, plan.port)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}

  Result<LoadResult> run() {
    if (auto opened = open_all(); !opened) return opened.error();
    start_ = monotonic();
    next_intended_ = schedule_.next();
    while (next_intended_ || !queue_.empty() || busy() > 0) {
      if (auto waited = wait(); !waited) return waited.error();
      const nanoseconds now = elapsed();
      take_due(now);
      give_up(now);
      reopen(now);
      pump();
    }
    result_.cpu_seconds = cpu_seconds() - cpu_at_begin_;
    const nanoseconds counted = std::max(plan_.duration, last_end_ - plan_.warm_up);
    result_.achieved_per_second = static_cast<double>(result_.ok) / std::chrono::duration<double>(counted).count();
    return std::move(result_);
  }

 private:
  nanoseconds elapsed() const { return monotonic() - start_; }

  std::size_t busy() const {
    return static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
      return slot->connection.state() == Connection::State::kBusy;
    }));
  }

  Result<void> open_all() {
    if (epoll_.get() < 0) return system_error("epoll_create1");
    if (timer_.get() < 0) return system_error("timerfd_create");
    epoll_event timer{.events = EPOLLIN, .data = {.u64 = kTimerTag}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &timer) != 0) return system_error("epoll_ctl");
    for (int i = 0; i < plan_.connections; ++i) {
      slots_.push_back(std::make_unique<Slot>());
      if (auto opened = open(slots_.size() - 1); !opened) return opened;
    }
    // Connecting is no part of the experiment: every connection is up before the clock starts.
    const nanoseconds deadline = monotonic() + plan_.timeout;
    while (std::any_of(slots_.begin(), slots_.end(),
                       [](const auto& slot) { return slot->connection.state() == Connection::State::kConnecting; })) {
      if (monotonic() > deadline) return Error(ErrorCode::kUnavailable, "connect: no answer from " + target());
      std::array<epoll_event, 64> events{};
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count; ++i) {
        if (events[static_cast<std::size_t>(i)].data.u64 == kTimerTag) continue;
        const auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
        if (auto finished = finish_open(index); !finished) return finished.error().in(target());
      }
    }
    return {};
  }

  std::string target() const { return fmt::format("{}:{}", plan_.host, plan_.port); }

  Result<void> open(std::size_t index) {
    Connection& connection = slots_[index]->connection;
    if (auto opened = connection.open(address_); !opened) return opened.error().in(target());
    epoll_event interest{.events = EPOLLOUT, .data = {.u64 = index}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd(), &interest) != 0) return system_error("epoll_ctl");
    return {};
  }

  Result<void> finish_open(std::size_t index) {
    Connection& connection = slots_[index]->connection;
    if (auto finished = connection.finish_open(); !finished) return finished;
    epoll_event interest{.events = EPOLLIN, .data = {.u64 = index}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd(), &interest) != 0) return system_error("epoll_ctl");
    return {};
  }

  Result<void> wait() {
    arm();
    std::array<epoll_event, 64> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return system_error("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      if (tag == kTimerTag) {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto ignored = read(timer_.get(), &expirations, sizeof expirations);
      } else {
        on_ready(static_cast<std::size_t>(tag));
      }
    }
    return {};
  }

  /// Wakes at the next intended send time, request deadline or reconnect, whichever is first.
  void arm() {
    nanoseconds first = next_intended_.value_or(nanoseconds::max());
    if (!queue_.empty()) first = std::min(first, queue_.front().intended + plan_.timeout);
    for (const auto& slot : slots_) {
      if (slot->connection.request()) first = std::min(first, slot->connection.request()->intended + plan_.timeout);
      if (slot->connection.state() == Connection::State::kClosed) first = std::min(first, slot->reopen_at);
    }
    const nanoseconds at = start_ + first;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (at - seconds).count();
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
  }

  void take_due(nanoseconds now) {
    const nanoseconds end = plan_.warm_up + plan_.duration;
    while (next_intended_ && *next_intended_ <= now) {
      if (*next_intended_ >= end) {
        next_intended_.reset();
        return;
      }
      const bool measured = *next_intended_ >= plan_.warm_up;
      if (measured && result_.sent == 0) cpu_at_begin_ = cpu_seconds();
      if (measured) ++result_.sent;
      queue_.push_back({*next_intended_, measured});
      fresh_ += 1;
      next_intended_ = schedule_.next();
    }
  }

  void give_up(nanoseconds now) {
    while (!queue_.empty() && now - queue_.front().intended >= plan_.timeout) {
      count_timeout(queue_.front(), now);
      queue_.pop_front();
    }
    for (auto& slot : slots_) {
      const auto request = slot->connection.request();
      if (!request || now - request->intended < plan_.timeout) continue;
      count_timeout(*request, now);
      slot->connection.close();
      slot->reopen_at = now;
    }
  }

  void count_timeout(const Request& request, nanoseconds now) {
    if (!request.measured) return;
    ++result_.timeouts;
    result_.latency.add(now - request.intended);
    last_end_ = std::max(last_end_, now);
    if (result_.first_error.empty()) result_.first_error = "timeout";
  }

  void reopen(nanoseconds now) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i]->connection.state() != Connection::State::kClosed || slots_[i]->reopen_at > now) continue;
      if (auto opened = open(i); !opened) fail(i, opened.error());
    }
  }

  /// Hands waiting requests to idle connections, oldest first.
  void pump() {
    for (std::size_t i = 0; i < slots_.size() && !queue_.empty(); ++i) {
      Connection& connection = slots_[i]->connection;
      if (connection.state() != Connection::State::kIdle) continue;
      const Request request = queue_.front();
      queue_.pop_front();
      if (request.measured && queue_.size() < fresh_) result_.send_lag.add(elapsed() - request.intended);
      if (auto sent = connection.send(request_bytes_, request); !sent) fail(i, sent.error());
    }
    // What came due in this turn and found no idle connection waits from now on.
    fresh_ = std::min(fresh_, queue_.size());
    for (auto request = queue_.end() - static_cast<std::ptrdiff_t>(fresh_); request != queue_.end(); ++request) {
      if (request->measured) ++result_.queued;
    }
    fresh_ = 0;
  }

  void on_ready(std::size_t index) {
    Connection& connection = slots_[index]->connection;
    if (connection.state() == Connection::State::kClosed) return;
    if (connection.state() == Connection::State::kConnecting) {
      if (auto finished = finish_open(index); !finished) fail(index, finished.error());
      return;
    }
    auto received = connection.receive();
    if (!received) {
      fail(index, received.error());
      return;
    }
    if (*received) finish(index, **received);
  }

  void finish(std::size_t index, const ResponseHead& head) {
    Connection& connection = slots_[index]->connection;
    const Request request = *connection.request();
    const nanoseconds now = elapsed();
    if (request.measured && head.status == 200) {
      ++result_.ok;
      result_.latency.add(now - request.intended);
      last_end_ = std::max(last_end_, now);
    } else if (request.measured) {
      count_error(fmt::format("status {}", head.status));
    }
    connection.finish_request();
    if (!head.keep_alive) {
      connection.close();
      slots_[index]->reopen_at = now;
    }
  }

  void fail(std::size_t index, const Error& error) {
    Slot& slot = *slots_[index];
    const auto request = slot.connection.request();
    if (request && request->measured) count_error(error.message());
    slot.connection.close();
    slot.reopen_at = elapsed() + kReconnectPause;
  }

  void count_error(const std::string& text) {
    ++result_.errors;
    if (result_.first_error.empty()) result_.first_error = text;
  }

  const LoadPlan& plan_;
  Address address_;
  Schedule schedule_;
  std::string request_bytes_;
  Fd epoll_;
  Fd timer_;
  nanoseconds start_{};
  nanoseconds last_end_{};
  double cpu_at_begin_ = 0;
  std::optional<nanoseconds> next_intended_;
  std::deque<Request> queue_;
  std::size_t fresh_ = 0;  // newest entries of queue_ that came due in this turn
  std::vector<std::unique_ptr<Slot>> slots_;
  LoadResult result_;
};

}  // namespace

Result<LoadResult> run_load(const LoadPlan& plan) {
  const auto invalid = [](std::string text) { return Error(ErrorCode::kInvalidArgument, std::move(text)); };
  if (!(plan.requests_per_second > 0) || plan.requests_per_second > 1e6) {
    return invalid(fmt::format("rate {}/s is not in (0, 1e6]", plan.requests_per_second));
  }
  if (plan.connections < 1 || plan.connections > 10000) {
    return invalid(fmt::format("{} connections are not in 1..10000", plan.connections));
  }
  if (plan.duration <= nanoseconds::zero() || plan.warm_up < nanoseconds::zero() ||
      plan.timeout <= nanoseconds::zero()) {
    return invalid("duration and timeout must be positive, warm-up not negative");
  }
  if (plan.path.empty() || plan.path[0] != '/' || plan.path.find_first_of(" \r\n") != std::string::npos) {
    return invalid(fmt::format("path '{}' does not start with / or holds blanks", plan.path));
  }
  const auto address = parse_address(plan.host, plan.port);
  if (!address) return address.error();
  return Run(plan, *address).run();
}

}  // namespace tideline::loadgen
