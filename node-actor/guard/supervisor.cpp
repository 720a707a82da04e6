#include "node-actor/guard/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/lease.h"
#include "node-actor/guard/lease_watch.h"
#include "node-actor/guard/process.h"
#include "node-actor/guard/restore_log.h"
#include "node-actor/guard/state_lock.h"
#include "node-actor/kernel/clock.h"

namespace tideline::guard {

using model::Duration;
using model::Error;
using model::ErrorCode;
using model::MonoTime;
using model::Result;

namespace {

constexpr const char* kEpochVariable = "TIDELINE_GUARD_EPOCH";
constexpr const char* kParentVariable = "TIDELINE_GUARD_PARENT";
constexpr Duration kMinLease = std::chrono::milliseconds(200);
/// A worker that lived this long has earned a fresh back-off.
constexpr Duration kSettled = std::chrono::seconds(60);
constexpr int kExecFailed = 127;
constexpr int kChildPauseMs = 5;
/// A killed process that is not stuck is gone within this.
constexpr int kHelperPauseMs = 50;

int milliseconds_of(Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

/// Most get SIGKILL by their parent's death already. Pids of children that are not reaped are nobody else's: `parent`
/// must be this process, or one that runs no more code of its own.
void kill_children_of(int parent) {
  std::error_code gone;
  const auto tasks = fmt::format("/proc/{}/task", parent);
  for (std::filesystem::directory_iterator thread(tasks, gone), end; !gone && thread != end; thread.increment(gone)) {
    std::ifstream children(thread->path() / "children");
    for (int child = 0; children >> child;)
      ::kill(child, SIGKILL);
  }
}

class Supervisor {
 public:
  Supervisor(const SupervisorConfig& config, StateLock lock, Lease lease)
      : config_(config), lock_(std::move(lock)), lease_(std::move(lease)), random_(std::random_device{}()) {}

  Result<void> watch_signals();
  int run();
  void log(bool bad, const std::string& text) const;

 private:
  struct Worker {
    int pid = 0;
    kernel::Fd process;
    MonoTime started;
  };
  enum class End { kDied, kStop };

  std::optional<Worker> start_worker();
  /// Until the worker is gone (its exit status in `status`) or a stop is asked for.
  End watch(const Worker& worker, int& status);
  /// SIGKILL, and the safe state without it if it does not go. False: still stuck, and a stop was asked for.
  bool end_hung(const Worker& worker);
  /// Kills what a worker that is gone left behind, its slow writer, and reaps it, also what a restore of ours left.
  /// False: some is still there: stuck in the kernel, and it may yet finish the write that it is in.
  bool helpers_gone(Duration patience) const;
  /// No worker beside what the last one left behind: waits until that is gone, and puts right what it may have written.
  /// False: a stop was asked for.
  bool await_helpers();
  int stop(const Worker* worker);
  /// `settled`: no worker is left that could write, so that originals may be forgotten once they are back. `ends`: nor
  /// does one follow, which would take over the cookies of the last one.
  void restore_now(RestoreMode mode, bool settled = true, bool ends = false);
  bool ordering_verified() const;
  /// True: a stop was asked for while waiting.
  bool wait_for(Duration pause);
  bool stop_asked();
  bool gone_within(const Worker& worker, Duration patience, int* status = nullptr);

  const SupervisorConfig& config_;
  StateLock lock_;
  Lease lease_;
  kernel::Fd signals_;
  std::minstd_rand random_;
  bool stopping_ = false;
  bool last_restore_complete_ = true;
};

void Supervisor::log(bool bad, const std::string& text) const {
  if (config_.log) {
    config_.log(bad, text);
  } else {
    std::fprintf(stderr, "tideline-node supervisor: %s\n", text.c_str());
  }
}

Result<void> Supervisor::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD})
    sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return unavailable("block", "signals");
  sigdelset(&set, SIGCHLD);
  signals_ = kernel::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.open()) return unavailable("open", "signalfd");
  return {};
}

bool Supervisor::stop_asked() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (!stopping_) log(false, fmt::format("signal {}: stopping", info.ssi_signo));
    stopping_ = true;
  }
  return stopping_;
}

bool Supervisor::wait_for(Duration pause) {
  const auto until = kernel::monotonic_now() + pause;
  while (!stop_asked()) {
    const auto left = until - kernel::monotonic_now();
    if (left <= model::kZeroDuration) return false;
    pollfd poll_on{signals_.get(), POLLIN, 0};
    ::poll(&poll_on, 1, milliseconds_of(left));
  }
  return true;
}

bool Supervisor::gone_within(const Worker& worker, Duration patience, int* status) {
  pollfd poll_on{worker.process.get(), POLLIN, 0};
  const auto until = kernel::monotonic_now() + patience;
  for (;;) {
    const auto left = std::max(until - kernel::monotonic_now(), model::kZeroDuration);
    if (::poll(&poll_on, 1, milliseconds_of(left)) > 0) break;
    if (left == model::kZeroDuration) return false;
  }
  int reaped = 0;
  ::waitpid(worker.pid, &reaped, 0);
  if (status != nullptr) *status = reaped;
  return true;
}

std::optional<Supervisor::Worker> Supervisor::start_worker() {
  lease_.advance();
  ::setenv(kEpochVariable, std::to_string(lease_.epoch()).c_str(), 1);
  ::setenv(kParentVariable, std::to_string(::getpid()).c_str(), 1);
  std::vector<char*> argv;
  for (const auto& argument : config_.worker_argv)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int parent = ::getpid();
  Worker worker;
  worker.started = kernel::monotonic_now();
  worker.pid = ::fork();
  if (worker.pid < 0) {
    log(true, fmt::format("no worker: fork: {}", std::strerror(errno)));
    return std::nullopt;
  }
  if (worker.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(kExecFailed);
    ::fcntl(lock_.fd(), F_SETFD, 0);
    // By itself, and before it does anything: killed in between, its supervisor would leave an orphan that nobody
    // finds.
    lock_.note_holder(parent, ::getpid());
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(kExecFailed);
  }
  worker.process = open_process(worker.pid);
  if (!worker.process.open()) {
    log(true, fmt::format("no pidfd for worker {}: {}", worker.pid, std::strerror(errno)));
    ::kill(worker.pid, SIGKILL);
    ::waitpid(worker.pid, nullptr, 0);
    return std::nullopt;
  }
  return worker;
}

Supervisor::End Supervisor::watch(const Worker& worker, int& status) {
  LeaseWatch rounds(config_.lease, config_.start_patience, worker.started);
  for (;;) {
    const auto now = kernel::monotonic_now();
    const auto beat = lease_.last_beat();
    if (const auto pause = rounds.look(now, beat)) {
      pollfd poll_on[2] = {{worker.process.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      ::poll(poll_on, 2, milliseconds_of(*pause));
      if (gone_within(worker, model::kZeroDuration, &status)) return End::kDied;
      if (stop_asked()) return End::kStop;
      continue;
    }
    log(true, beat.ns == 0 ? fmt::format("worker {} did not begin within {:.1f} s", worker.pid,
                                         seconds_of(config_.start_patience))
                           : fmt::format("worker {} hangs: no beat for {:.1f} s", worker.pid, seconds_of(now - beat)));
    if (!end_hung(worker)) return End::kStop;
    ::waitpid(worker.pid, &status, 0);
    return End::kDied;
  }
}

bool Supervisor::end_hung(const Worker& worker) {
  send_signal(worker.process, SIGKILL);
  pollfd poll_on{worker.process.get(), POLLIN, 0};
  if (::poll(&poll_on, 1, milliseconds_of(config_.kill_patience)) > 0) return true;
  lease_.advance();
  log(true,
      fmt::format("worker {} does not end on SIGKILL (stuck in the kernel): fenced, restoring without it", worker.pid));
  // Its slow writer is fenced with it; killed, it also ends the write that it is in.
  kill_children_of(worker.pid);
  ::poll(nullptr, 0, kHelperPauseMs);
  restore_now(RestoreMode::kSafeState, false);
  // No second worker beside it. What it may still have written is put right once it is gone.
  while (::poll(&poll_on, 1, milliseconds_of(config_.lease)) == 0) {
    if (stop_asked()) return false;
  }
  return true;
}

bool Supervisor::helpers_gone(Duration patience) const {
  const auto until = kernel::monotonic_now() + patience;
  for (;;) {
    const int reaped = ::waitpid(-1, nullptr, WNOHANG);
    if (reaped > 0) continue;
    if (reaped < 0 && errno != EINTR) return true;
    kill_children_of(::getpid());
    if (kernel::monotonic_now() >= until) return false;
    ::poll(nullptr, 0, kChildPauseMs);
  }
}

bool Supervisor::await_helpers() {
  if (helpers_gone(config_.kill_patience)) return true;
  log(true, "a slow writer does not end on SIGKILL (stuck in the kernel): no worker before it is gone");
  do {
    if (wait_for(config_.lease)) return false;
  } while (!helpers_gone(model::kZeroDuration));
  restore_now(RestoreMode::kSafeState);
  return true;
}

bool Supervisor::ordering_verified() const {
  return config_.ordering_verified && config_.ordering_verified();
}

void Supervisor::restore_now(RestoreMode mode, bool settled, bool ends) {
  last_restore_complete_ = false;
  auto journal = journal_to_restore(config_.state_dir, config_.boot_id);
  if (!journal) {
    log(true, "nothing restored: " + journal.error().message());
    return;
  }
  const bool verified = mode == RestoreMode::kSafeState && ordering_verified();
  auto report = restore(*journal, mode, verified);
  if (mode == RestoreMode::kAllOriginals && settled) settle(*journal, report);
  if (ends && settled) {
    release_cookies(config_.state_dir, config_.boot_id, *config_.cookies, config_.proc, report);
    release_scores(config_.state_dir, config_.boot_id, config_.proc, report);
  }
  last_restore_complete_ = report.complete();
  log_restores(config_.state_dir, report,
               mode == RestoreMode::kSafeState ? model::Reason::kSafeState : model::Reason::kRestore);
  for (const auto& note : report.notes)
    log(true, note);
  for (const auto& item : report.items) {
    const bool bad = item.outcome == RestoreItem::Outcome::kFailed || item.outcome == RestoreItem::Outcome::kDrifted;
    log(bad, line_of(item));
  }
  if (report.cookie_threads > 0)
    log(false, fmt::format("core-sched cookies taken from {} threads", report.cookie_threads));
  if (!report.cookies_left.empty()) log(true, "core-sched cookies not taken away: " + report.cookies_left);
  if (report.oom_scores > 0) log(false, fmt::format("oom_score_adj of {} processes put back", report.oom_scores));
  if (!report.oom_scores_left.empty()) log(true, "oom_score_adj not put back: " + report.oom_scores_left);
}

int Supervisor::stop(const Worker* worker) {
  bool gone = true;
  if (worker != nullptr) {
    send_signal(worker->process, SIGTERM);
    gone = gone_within(*worker, config_.stop_patience);
    if (!gone) {
      log(true, fmt::format("worker {} did not stop within {:.1f} s: SIGKILL", worker->pid,
                            seconds_of(config_.stop_patience)));
      send_signal(worker->process, SIGKILL);
      gone = gone_within(*worker, config_.kill_patience);
    }
    lease_.advance();
    if (!gone) {
      log(true, fmt::format("worker {} does not end on SIGKILL (stuck in the kernel): fenced, its files are looked at "
                            "again at the next start",
                            worker->pid));
      kill_children_of(worker->pid);
      ::poll(nullptr, 0, kHelperPauseMs);
    }
  }
  if (gone && !helpers_gone(config_.kill_patience)) {
    gone = false;
    log(true,
        "a slow writer does not end on SIGKILL (stuck in the kernel): its file is looked at again at the next start");
  }
  restore_now(RestoreMode::kAllOriginals, gone, true);
  return gone && last_restore_complete_ ? 0 : 1;
}

int Supervisor::run() {
  restore_now(RestoreMode::kAllOriginals);
  Duration backoff = config_.backoff_min;
  for (;;) {
    const auto worker = start_worker();
    const auto started = kernel::monotonic_now();
    if (worker) {
      int status = 0;
      if (watch(*worker, status) == End::kStop) return stop(&*worker);
      lock_.note_holder(::getpid(), 0);
      lease_.advance();
      if (stop_asked()) return stop(nullptr);
      // Within it a killed slow writer is gone, and cannot write after what is restored next.
      helpers_gone(config_.kill_patience);
      const bool fatal =
          WIFEXITED(status) && std::find(config_.fatal_exit_codes.begin(), config_.fatal_exit_codes.end(),
                                         WEXITSTATUS(status)) != config_.fatal_exit_codes.end();
      log(true, fmt::format("worker {} {}: {}", worker->pid, describe_exit(status),
                            fatal ? "starting it again would not help" : "restoring the safe state"));
      if (fatal) {
        stop(nullptr);
        return WEXITSTATUS(status);
      }
      restore_now(RestoreMode::kSafeState);
    }
    if (kernel::monotonic_now() - started >= kSettled) backoff = config_.backoff_min;
    const auto jittered = Duration(static_cast<std::int64_t>(
        static_cast<double>(backoff.count()) * std::uniform_real_distribution<double>(0.5, 1.5)(random_)));
    if (wait_for(jittered) || !await_helpers()) return stop(nullptr);
    backoff = std::min(backoff * 2, config_.backoff_max);
  }
}

}  // namespace

Result<int> run_supervisor(const SupervisorConfig& config) {
  if (config.worker_argv.empty()) return Error(ErrorCode::kInvalidArgument, "supervisor: no worker program given");
  if (config.lease < kMinLease) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("lease of {} ms is below {} ms",
                                                          milliseconds_of(config.lease), milliseconds_of(kMinLease)));
  }
  auto lock = StateLock::take(config.state_dir, config.lease);
  if (!lock) return lock.error();
  auto lease = Lease::take(config.state_dir);
  const auto refusal = lease ? std::string() : lease.error().message();
  if (!lease) lease = Lease::take_in_memory();
  if (!lease) return lease.error().in(refusal);
  // What a worker leaves behind comes to us, to be ended and reaped.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  Supervisor supervisor(config, std::move(*lock), std::move(*lease));
  if (!refusal.empty()) supervisor.log(true, "the lease is in memory, not on disk: " + refusal);
  if (auto watched = supervisor.watch_signals(); !watched) return watched.error();
  return supervisor.run();
}

std::optional<WorkerTicket> worker_ticket() {
  const auto number = [](const char* name) -> std::optional<std::uint64_t> {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text, text + std::strlen(text), value);
    if (problem != std::errc{} || *end != '\0') return std::nullopt;
    return value;
  };
  const auto epoch = number(kEpochVariable);
  const auto parent = number(kParentVariable);
  if (!epoch || !parent) return std::nullopt;
  return WorkerTicket{*epoch, static_cast<int>(*parent)};
}

bool follow_supervisor(const WorkerTicket& ticket) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  return supervisor_alive(ticket);
}

bool supervisor_alive(const WorkerTicket& ticket) {
  return ::getppid() == ticket.supervisor_pid;
}

}  // namespace tideline::guard
