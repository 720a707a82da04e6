#include "node-actor/guard/slow_writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/mapped_file.h"
#include "node-actor/guard/process.h"
#include "node-actor/guard/slow_wire.h"
#include "node-actor/kernel/fd.h"

namespace tideline::guard {
namespace {

constexpr int kStopPatienceMs = 200;

struct Helper {
  int pid = -1;
  kernel::Fd process;
  kernel::Fd socket;
};

/// Reaps. The exit status; nullopt: it lives.
std::optional<int> end_of(const Helper& helper) {
  int status = 0;
  const int reaped = ::waitpid(helper.pid, &status, WNOHANG);
  return reaped == 0 ? std::nullopt : std::optional(reaped > 0 ? status : 0);
}

/// How a child begins: which files it has, and with which arguments.
class Spawning {
 public:
  Spawning() { ::posix_spawn_file_actions_init(&actions_); }
  ~Spawning() { ::posix_spawn_file_actions_destroy(&actions_); }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;

  /// `from` == `to`: no longer close-on-exec.
  void give(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  /// 0 or an errno.
  int start(std::vector<std::string> arguments, int& pid) const {
    std::vector<char*> argv;
    for (auto& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    return ::posix_spawn(&pid, argv[0], &actions_, nullptr, argv.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

struct SlowWriter::State {
  struct Pending {
    SlowRequest request;
    std::uint64_t number = 0;
    model::MonoTime begun;
    std::optional<model::MonoTime> killed;
  };

  explicit State(SlowWriterConfig wanted) : config(std::move(wanted)) {}

  model::Result<void> start();
  bool send(const std::string& order) const;
  void reap() {
    std::erase_if(leaving, [](const Helper& each) { return end_of(each).has_value(); });
  }
  /// No more is said to it.
  void leave() {
    send_signal(helper->process, SIGKILL);
    helper->socket.reset();
    leaving.push_back(std::move(*helper));
    helper.reset();
  }
  SlowDone done(model::MonoTime now, model::Result<void> result) {
    SlowDone made{.request = std::move(pending->request),
                  .result = std::move(result),
                  .took = now - pending->begun,
                  .freed_bytes = 0};
    pending.reset();
    return made;
  }
  model::Error unavailable_because(std::string_view why) const {
    return {model::ErrorCode::kUnavailable, fmt::format("slow write to {}: {}", pending->request.file.path, why)};
  }
  std::optional<SlowDone> answered(model::MonoTime now);
  std::optional<SlowDone> ended(model::MonoTime now, int status);

  SlowWriterConfig config;
  std::optional<Helper> helper;
  std::optional<Pending> pending;
  std::vector<Helper> leaving;  // killed
  std::uint64_t last_number = 0;
  model::MonoTime last_used;
};

model::Result<void> SlowWriter::State::start() {
  if (leaving.size() >= kMostStuck) {
    std::string pids;
    for (const auto& each : leaving)
      pids += fmt::format(" {}", each.pid);
    return model::Error(model::ErrorCode::kUnavailable,
                        fmt::format("{} slow writers do not end on SIGKILL (stuck in the kernel), pids{}: no more are "
                                    "started",
                                    leaving.size(), pids));
  }
  if (config.argv.empty()) return model::invalid("slow writer: no program given");
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return unavailable("make a socket for", config.argv[0]);
  }
  Helper made;
  made.socket = kernel::Fd(ends[0]);
  const kernel::Fd its_socket(ends[1]);
  Spawning spawning;
  // What is meant for children, the state directory's lock, may be just where the socket goes.
  kernel::Fd moved;
  const int flags = ::fcntl(kSlowWriterSocket, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
    moved = kernel::Fd(::fcntl(kSlowWriterSocket, F_DUPFD_CLOEXEC, kSlowWriterSocket + 1));
    if (moved.open()) spawning.give(moved.get(), moved.get());
  }
  spawning.give(its_socket.get(), kSlowWriterSocket);
  auto arguments = config.argv;
  arguments.push_back(config.state_dir);
  arguments.push_back(std::to_string(config.epoch));
  if (const int problem = spawning.start(std::move(arguments), made.pid); problem != 0) {
    errno = problem;
    return unavailable("start", config.argv[0]);
  }
  made.process = open_process(made.pid);
  helper = std::move(made);
  if (helper->process.open()) return {};
  const auto problem = unavailable("pidfd of", config.argv[0]);
  ::kill(helper->pid, SIGKILL);
  leave();
  return problem;
}

bool SlowWriter::State::send(const std::string& order) const {
  return ::send(helper->socket.get(), order.data(), order.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
         static_cast<ssize_t>(order.size());
}

std::optional<SlowDone> SlowWriter::State::answered(model::MonoTime now) {
  std::array<char, kMostSlowMessage> buffer;
  const auto got = ::recv(helper->socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got <= 0) return std::nullopt;
  const auto answer = slow_answer({buffer.data(), static_cast<std::size_t>(got)});
  const bool was_killed = pending->killed.has_value();
  const bool fits = answer && answer->number == pending->number;
  model::Result<void> result = model::Error(model::ErrorCode::kInternal, "slow writer: an answer to another order");
  if (!answer) result = answer.error();
  if (fits) result = answer->result;
  auto made = done(now, std::move(result));
  if (fits) {
    made.took = answer->took;
    made.freed_bytes = answer->freed_bytes;
  }
  if (was_killed || !fits) leave();
  last_used = now;
  return made;
}

std::optional<SlowDone> SlowWriter::State::ended(model::MonoTime now, int status) {
  const auto ms = model::to_ms(config.deadline);
  const auto why = pending->killed       ? fmt::format("ended at its deadline of {} ms", ms)
                   : WIFSIGNALED(status) ? fmt::format("its process was ended by signal {}", WTERMSIG(status))
                                         : fmt::format("its process exited with code {}", WEXITSTATUS(status));
  helper.reset();
  return done(now, unavailable_because(why));
}

SlowWriter::SlowWriter(SlowWriterConfig config) : state_(std::make_unique<State>(std::move(config))) {}

SlowWriter::~SlowWriter() {
  stop();
}

bool SlowWriter::busy() const {
  return state_->pending.has_value();
}

int SlowWriter::pid() const {
  return state_->helper ? state_->helper->pid : -1;
}

std::size_t SlowWriter::stuck() const {
  return state_->leaving.size();
}

model::Result<void> SlowWriter::begin(const SlowRequest& request, model::MonoTime now) {
  auto& state = *state_;
  if (state.pending) {
    return model::Error(
        model::ErrorCode::kOverloaded,
        fmt::format("{}: the slow writer is busy with {}", request.file.path, state.pending->request.file.path));
  }
  const auto order = slow_bytes(SlowOrder{.number = ++state.last_number, .request = request});
  if (!order) return order.error();
  state.reap();
  // One that ended by itself meanwhile leaves its place.
  if (state.helper && end_of(*state.helper)) state.helper.reset();
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!state.helper) {
      if (auto started = state.start(); !started) return started;
    }
    if (state.send(*order)) {
      state.pending =
          State::Pending{.request = request, .number = state.last_number, .begun = now, .killed = std::nullopt};
      return {};
    }
    state.leave();
  }
  return unavailable("send an order to", state.config.argv[0]);
}

std::optional<SlowDone> SlowWriter::poll(model::MonoTime now) {
  auto& state = *state_;
  state.reap();
  if (!state.pending) {
    if (state.helper && now - state.last_used > kIdle) state.leave();
    return std::nullopt;
  }
  // In this order: what it said before its end counts.
  const auto end = end_of(*state.helper);
  if (auto done = state.answered(now)) {
    if (end && state.helper) state.helper.reset();
    return done;
  }
  if (end) return state.ended(now, *end);
  auto& pending = *state.pending;
  if (!pending.killed) {
    if (now - pending.begun < state.config.deadline) return std::nullopt;
    send_signal(state.helper->process, SIGKILL);
    pending.killed = now;
  } else if (now - *pending.killed >= kEndPatience) {
    auto done = state.done(now, state.unavailable_because(fmt::format(
                                    "process {} does not end on SIGKILL (stuck in the kernel)", state.helper->pid)));
    state.leave();
    return done;
  }
  return std::nullopt;
}

bool SlowWriter::stop() {
  auto& state = *state_;
  state.pending.reset();
  if (state.helper && !end_of(*state.helper)) {
    send_signal(state.helper->process, SIGKILL);
    pollfd poll_on{state.helper->process.get(), POLLIN, 0};
    ::poll(&poll_on, 1, kStopPatienceMs);
    state.leave();
  }
  state.helper.reset();
  state.reap();
  return state.leaving.empty();
}

}  // namespace tideline::guard
