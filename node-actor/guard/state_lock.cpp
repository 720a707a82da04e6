#include "node-actor/guard/state_lock.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node-actor/guard/journal.h"
#include "node-actor/guard/lease.h"
#include "node-actor/guard/mapped_file.h"
#include "node-actor/guard/process.h"
#include "node-actor/kernel/clock.h"

namespace tideline::guard {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

/// How long a process may take to go after SIGKILL before it counts as stuck in the kernel.
constexpr model::Duration kKillPatience = std::chrono::seconds(1);

constexpr std::size_t kHolderBytes = 512;

struct Process {
  int pid = 0;
  std::uint64_t start = 0;
  bool alive() const { return pid > 0 && start_time_of(pid) == start; }
};
struct Holder {
  Process supervisor;
  Process worker;
};

nlohmann::json to_json(int pid) {
  return {{"pid", pid}, {"start", pid > 0 ? start_time_of(pid).value_or(0) : 0}};
}

std::optional<Holder> read_holder(int fd) {
  char buffer[1024];
  const ssize_t got = ::pread(fd, buffer, sizeof buffer, 0);
  if (got <= 0) return std::nullopt;
  const auto value = nlohmann::json::parse(buffer, buffer + got, nullptr, false);
  const auto process = [&](const char* key) {
    Process result;
    const auto entry = value.find(key);
    if (entry == value.end() || !entry->is_object()) return result;
    const auto pid = entry->find("pid");
    const auto start = entry->find("start");
    if (pid == entry->end() || start == entry->end() || !pid->is_number_integer() || !start->is_number_unsigned()) {
      return result;
    }
    return Process{pid->get<int>(), start->get<std::uint64_t>()};
  };
  if (!value.is_object() || value.value("boot", nlohmann::json()) != read_boot_id()) return std::nullopt;
  return Holder{process("supervisor"), process("worker")};
}

/// 0: locked, EWOULDBLOCK: held by somebody, else errno.
int try_lock(int fd) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int lock_within(int fd, model::Duration patience) {
  const auto deadline = kernel::monotonic_now() + patience;
  for (;;) {
    const int outcome = try_lock(fd);
    if (outcome != EWOULDBLOCK || kernel::monotonic_now() >= deadline) return outcome;
    const timespec pause{0, 20'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

Error held_by(const std::string& state_dir, const std::optional<Holder>& holder) {
  std::string who =
      "its processes are not visible from here (another container or pid namespace?), or a slow writer of "
      "theirs does not end on SIGKILL";
  std::string what = "stop that agent first";
  if (holder && holder->supervisor.alive()) {
    who = fmt::format("supervisor pid {}", holder->supervisor.pid);
    what = fmt::format("stop it first (systemctl stop tideline-node, or kill {}): it restores everything by itself",
                       holder->supervisor.pid);
    if (holder->worker.alive()) who += fmt::format(", worker pid {}", holder->worker.pid);
  } else if (holder && holder->worker.alive()) {
    who = fmt::format("worker pid {}, left behind by a dead supervisor", holder->worker.pid);
    what = fmt::format("it does not end on SIGKILL; look at /proc/{}/stack", holder->worker.pid);
  }
  return {ErrorCode::kOverloaded, fmt::format("{} is in use by a running agent: {}; {}", state_dir, who, what)};
}

}  // namespace

Result<StateLock> StateLock::take(const std::string& state_dir, model::Duration patience) {
  if (::mkdir(state_dir.c_str(), 0750) != 0 && errno != EEXIST) return unavailable("make", state_dir);
  const std::string path = state_dir + "/lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  // What is on a disk that may only be read now is locked all the same, and put back.
  if (fd < 0 && errno == EROFS) fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unavailable("open", path);
  StateLock lock(fd);
  int outcome = try_lock(fd);
  if (outcome == EWOULDBLOCK) {
    const auto holder = read_holder(fd);
    if (!holder || holder->supervisor.alive()) return held_by(state_dir, holder);
    // The lock is free a moment after its last holder died; a worker still there is an orphan.
    if (holder->worker.alive()) {
      const auto worker = open_process(holder->worker.pid);
      outcome = lock_within(fd, patience);
      if (outcome == EWOULDBLOCK && worker.open() && holder->worker.alive()) {
        // A disk that refuses it keeps nobody: the lock is free only once that worker is dead.
        [[maybe_unused]] const auto fence = Lease::take(state_dir);
        send_signal(worker, SIGKILL);
        outcome = lock_within(fd, kKillPatience);
      }
    } else {
      outcome = lock_within(fd, kKillPatience);
    }
    if (outcome == EWOULDBLOCK) return held_by(state_dir, holder);
  }
  if (outcome != 0) {
    errno = outcome;
    return unavailable("lock", path);
  }
  lock.note_holder(::getpid(), 0);
  return lock;
}

void StateLock::note_holder(int supervisor_pid, int worker_pid) const {
  std::string text =
      nlohmann::json{{"boot", read_boot_id()}, {"supervisor", to_json(supervisor_pid)}, {"worker", to_json(worker_pid)}}
          .dump();
  // Of one length, so that one write replaces the other: nobody finds the file empty, or the end of the old in it.
  text.resize(std::max(text.size(), kHolderBytes - 1), ' ');
  text += '\n';
  // Only for messages and for finding orphans: without it the lock still holds.
  if (::pwrite(fd_, text.data(), text.size(), 0) < 0) return;
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateLock& StateLock::operator=(StateLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

StateLock::~StateLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace tideline::guard
