#include "messages/link/kj_thread.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "messages/log/log.h"

namespace tideline::link {
namespace {

void run_logged(KjThread::Task& task, KjContext& context) {
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions([&]() { task(context); })) {
    log::error("kj-task-failed", "{}", exception->getDescription().cStr());
  }
}

}  // namespace

struct KjThread::State {
  std::mutex mutex;
  std::vector<Task> queue;
  kj::Maybe<Task> last;
  bool stopping = false;
  bool ended = false;
  std::condition_variable ended_now;
  int wake_fd = -1;  // eventfd; closed by the loop

  std::mutex join_mutex;
  std::thread thread;
  std::thread::id thread_id;
  KjContext* context = nullptr;

  ~State() {
    if (wake_fd >= 0) ::close(wake_fd);
  }

  void wake() const {
    const std::uint64_t one = 1;
    // An eventfd write of 1 fails only when 2^64 - 1 wakes are unread.
    [[maybe_unused]] const ssize_t written = ::write(wake_fd, &one, sizeof one);
  }

  kj::Promise<void> serve(kj::AsyncInputStream& wakes, kj::ArrayPtr<kj::byte> buffer) {
    return wakes.tryRead(buffer.begin(), buffer.size(), buffer.size())
        .then([this, &wakes, buffer](std::size_t) -> kj::Promise<void> {
          std::vector<Task> batch;
          kj::Maybe<Task> final_task;
          bool end = false;
          {
            const std::lock_guard lock(mutex);
            batch.swap(queue);
            end = stopping;
            final_task = kj::mv(last);
            last = nullptr;
          }
          for (auto& task : batch)
            run_logged(task, *context);
          batch.clear();
          KJ_IF_MAYBE (task, final_task) {
            run_logged(*task, *context);
          }
          if (end) return kj::READY_NOW;
          return serve(wakes, buffer);
        });
  }

  void run() {
    auto io = kj::setupAsyncIo();
    KjContext own = KjContext::of(io);
    context = &own;
    // Without it, one peer that sends faster than it is answered keeps the loop from timers and from all others. What a
    // look for news brings goes ahead of what is queued: the sixteen sockets of the look before must be done with by
    // then, some 500 events, or those who came first wait for as long as others come.
    io.waitScope.setBusyPollInterval(1024);
    const int fd = ::dup(wake_fd);
    auto wakes = io.lowLevelProvider->wrapInputFd(fd, kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP);
    kj::byte buffer[sizeof(std::uint64_t)];
    serve(*wakes, kj::arrayPtr(buffer, sizeof buffer)).wait(io.waitScope);
    context = nullptr;
  }
};

KjThread::KjThread(const std::string& name) : state_(std::make_shared<State>()) {
  state_->wake_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::promise<void> started;
  // Signals are for the program's own thread; those of a crash must reach the thread that crashed.
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&blocked, fatal);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  state_->thread = std::thread([state = state_, name, &started]() {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    state->thread_id = std::this_thread::get_id();
    started.set_value();
    KJ_IF_MAYBE (exception, kj::runCatchingExceptions([&]() { state->run(); })) {
      log::error("kj-loop-failed", "{}: {}", name, exception->getDescription().cStr());
    }
    // Whatever is still queued belongs to callers that wait: dropping it tells them.
    std::vector<Task> left;
    kj::Maybe<Task> unrun;
    {
      const std::lock_guard lock(state->mutex);
      state->stopping = true;
      left.swap(state->queue);
      unrun = kj::mv(state->last);
      state->last = nullptr;
    }
    left.clear();
    unrun = nullptr;
    const std::lock_guard lock(state->mutex);
    state->ended = true;
    state->ended_now.notify_all();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started.get_future().wait();
}

KjThread::~KjThread() {
  stop();
}

void KjThread::post(Task task) {
  bool first = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    first = state_->queue.empty();
    state_->queue.push_back(kj::mv(task));
  }
  if (first) state_->wake();
}

bool KjThread::is_current() const {
  return std::this_thread::get_id() == state_->thread_id;
}

KjContext& KjThread::context() {
  return *state_->context;
}

void KjThread::stop(Task last) {
  const std::lock_guard join_lock(state_->join_mutex);
  if (begin_stop(kj::mv(last))) state_->thread.join();
}

bool KjThread::stop_within(model::Duration patience, Task last) {
  const std::lock_guard join_lock(state_->join_mutex);
  if (!begin_stop(kj::mv(last))) return true;
  {
    std::unique_lock lock(state_->mutex);
    if (!state_->ended_now.wait_for(lock, patience, [this]() { return state_->ended; })) {
      state_->thread.detach();
      return false;
    }
  }
  state_->thread.join();
  return true;
}

/// With join_mutex held. False: it was stopped before.
bool KjThread::begin_stop(Task last) {
  if (!state_->thread.joinable()) return false;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->stopping) state_->last = kj::mv(last);
    state_->stopping = true;
  }
  state_->wake();
  return true;
}

}  // namespace tideline::link
