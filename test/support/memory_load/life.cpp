#include "test/support/memory_load/life.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

namespace tideline::test {
namespace {

constexpr unsigned kGraceSeconds = 10;

std::atomic<bool> g_term{false};
std::int64_t g_end_ns = 0;

void on_term(int) {
  g_term = true;
}

bool put(const std::string& path, const std::string& value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!written) std::fprintf(stderr, "memory_load: %s: %s\n", path.c_str(), std::strerror(error));
  return written;
}

}  // namespace

bool begin_life(const Life& life, bool heeds_term) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  if (!life.name.empty()) ::prctl(PR_SET_NAME, life.name.c_str());
  if (heeds_term) {
    struct sigaction action {};
    action.sa_handler = on_term;
    ::sigaction(SIGTERM, &action, nullptr);
  }
  ::alarm(static_cast<unsigned>(std::ceil(life.seconds)) + kGraceSeconds);
  g_end_ns = now_ns() + static_cast<std::int64_t>(life.seconds * 1e9);
  if (life.oom_score_adj && !put("/proc/self/oom_score_adj", std::to_string(*life.oom_score_adj))) return false;
  return std::all_of(life.enter.begin(), life.enter.end(), [](const auto& file) { return put(file, "0"); });
}

bool is_over() {
  return g_term || now_ns() >= g_end_ns;
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void sleep_until_ns(std::int64_t at_ns) {
  const std::int64_t until = std::min(at_ns, g_end_ns);
  const timespec at{.tv_sec = static_cast<time_t>(until / 1'000'000'000),
                    .tv_nsec = static_cast<long>(until % 1'000'000'000)};
  // EINTR is a SIGTERM, which is a reason to return.
  while (!is_over() && now_ns() < until && ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

void say(const std::string& line) {
  const std::string whole = line + "\n";
  for (std::size_t done = 0; done < whole.size();) {
    const ssize_t got = ::write(STDOUT_FILENO, whole.data() + done, whole.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;  // nobody listens any more
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace tideline::test
