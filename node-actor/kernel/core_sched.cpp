#include "node-actor/kernel/core_sched.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <thread>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "node-actor/kernel/child_groups.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

using Command = CookieKernel::Command;

// linux/prctl.h since 5.14; libc's headers may be older.
constexpr int kPrSchedCore = 62;
/// Of one list of threads, room for kMaxCookieThreads of them.
constexpr std::size_t kMostListBytes = 1 << 20;
constexpr unsigned long kScopeThread = 0;
constexpr int kInit = 1;
/// Threads that are born while we look carry what their makers had: once more, until a pass finds none.
constexpr int kPasses = 8;

class ThisKernel : public CookieKernel {
 public:
  int call(Command command, int tid, Cookie* cookie) override {
    const auto done = ::prctl(kPrSchedCore, static_cast<unsigned long>(command), static_cast<unsigned long>(tid),
                              kScopeThread, reinterpret_cast<unsigned long>(cookie));
    return done == 0 ? 0 : errno;
  }
  void in_new_thread(const std::function<void()>& run) override { std::thread(run).join(); }
  bool is_own(int tid) const override {
    return tid == ::getppid() || ::access(fmt::format("/proc/self/task/{}", tid).c_str(), F_OK) == 0;
  }
};

Error cookie_error(int error, std::string_view action, int tid) {
  auto told = error_from(error, action, fmt::format("core-sched cookie of thread {}", tid));
  if (error == ENODEV) return {ErrorCode::kUnsupported, told.message() + ": SMT is off"};
  if (error != EPERM) return told;
  return {told.code(), told.message() + " (it takes CAP_SYS_PTRACE)"};
}

void share(CookieKernel& kernel, const std::vector<int>& tids, CookieOutcome& outcome) {
  for (const int tid : tids) {
    const int error = kernel.call(Command::kShareTo, tid, nullptr);
    if (error == 0) ++outcome.threads;
    if (error != 0 && error != ESRCH && !outcome.refused) outcome.refused = cookie_error(error, "set", tid);
  }
}

Result<Cookie> own_cookie(CookieKernel& kernel) {
  return cookie_of(kernel, 0);
}

/// In a thread that may take any cookie: `begin` makes it have the right one.
Result<CookieOutcome> share_as(CookieKernel& kernel, const std::vector<int>& tids,
                               const std::function<Result<void>()>& begin) {
  CookieOutcome outcome;
  Result<void> begun;
  kernel.in_new_thread([&] {
    begun = begin();
    if (begun) share(kernel, tids, outcome);
  });
  if (!begun) return begun.error();
  return outcome;
}

Result<void> add_threads(const std::string& path, std::vector<int>& tids) {
  const auto text = read_file(path, kMostListBytes);
  if (!text) {
    // A group that went meanwhile has none, and of one whose list the kernel does not give it is further up.
    const auto code = text.error().code();
    return code == ErrorCode::kNotFound || code == ErrorCode::kUnsupported ? Result<void>() : text.error();
  }
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto tid = parse_number(next_line(rest));
    // 0: in a pid namespace we do not see
    if (tid && *tid > 0 && *tid <= std::numeric_limits<int>::max()) tids.push_back(static_cast<int>(*tid));
  }
  return {};
}

/// Names of a directory that are numbers.
std::vector<int> numbers_in(const std::string& directory) {
  std::vector<int> found;
  std::error_code gone;
  for (std::filesystem::directory_iterator entry(directory, gone), end; !gone && entry != end; entry.increment(gone)) {
    const auto number = parse_number(entry->path().filename().string());
    if (number && *number > 0 && *number <= std::numeric_limits<int>::max()) found.push_back(static_cast<int>(*number));
  }
  return found;
}

}  // namespace

CookieKernel& this_kernel() {
  static ThisKernel kernel;
  return kernel;
}

model::KnobSupport probe_core_sched(CookieKernel& kernel) {
  model::KnobSupport found{.knob = model::Knob::kCoreSched, .supported = false, .file = {}, .why = {}};
  Cookie ignored = 0;
  switch (const int error = kernel.call(Command::kGet, 0, &ignored); error) {
    case 0:
      found.supported = true;
      break;
    case EINVAL:
      found.why = "this kernel has no core scheduling: prctl(PR_SCHED_CORE) needs Linux 5.14 with CONFIG_SCHED_CORE";
      break;
    case ENODEV:
      found.why = "no core of this host runs two threads: it has no SMT, or SMT is off";
      break;
    default:
      found.why = fmt::format("prctl(PR_SCHED_CORE): {}", std::strerror(error));
      break;
  }
  return found;
}

Result<Cookie> cookie_of(CookieKernel& kernel, int tid) {
  Cookie cookie = 0;
  const int error = kernel.call(Command::kGet, tid, &cookie);
  if (error != 0) return cookie_error(error, "read", tid);
  return cookie;
}

Result<std::vector<int>> threads_below(const CgroupTree& tree, const std::string& group) {
  const std::string list = tree.is_unified("cpu.stat") ? "cgroup.threads" : "tasks";
  const auto directory = tree.directory(group, list);
  if (!directory) return directory.error();
  const auto groups = all_groups_of(*directory);
  if (!groups) return groups.error();
  std::vector<int> tids;
  for (const auto& each : *groups) {
    if (const auto added = add_threads(each + "/" + list, tids); !added) return added.error();
    if (tids.size() > kMaxCookieThreads) {
      return Error(ErrorCode::kOverloaded, fmt::format("{}: more than {} threads", *directory, kMaxCookieThreads));
    }
  }
  // v1 may list a thread twice (cgroup-v1/cgroups.rst).
  std::sort(tids.begin(), tids.end());
  tids.erase(std::unique(tids.begin(), tids.end()), tids.end());
  return tids;
}

Result<CookieOutcome> give_new_cookie(CookieKernel& kernel, const std::vector<int>& tids,
                                      const std::function<Result<void>(Cookie)>& announce) {
  return share_as(kernel, tids, [&]() -> Result<void> {
    if (const int error = kernel.call(Command::kCreate, 0, nullptr); error != 0) {
      return Error(ErrorCode::kUnavailable, fmt::format("make a core-sched cookie: {}", std::strerror(error)));
    }
    const auto cookie = own_cookie(kernel);
    if (!cookie) return cookie.error();
    return announce(*cookie);
  });
}

Result<CookieOutcome> give_cookie(CookieKernel& kernel, Cookie cookie, int donor, const std::vector<int>& tids) {
  return share_as(kernel, tids, [&]() -> Result<void> {
    if (const int error = kernel.call(Command::kShareFrom, donor, nullptr); error != 0) {
      return cookie_error(error, "take", donor);
    }
    const auto taken = own_cookie(kernel);
    if (!taken) return taken.error();
    if (*taken == cookie) return {};
    return Error(ErrorCode::kNotFound, fmt::format("thread {} has another core-sched cookie now", donor));
  });
}

Result<CookieOutcome> take_cookies(CookieKernel& kernel, const std::vector<int>& tids) {
  return share_as(kernel, tids, [&]() -> Result<void> {
    auto own = own_cookie(kernel);
    if (own && *own != 0 && kernel.call(Command::kShareFrom, kInit, nullptr) == 0) own = own_cookie(kernel);
    if (!own) return own.error();
    if (*own == 0) return {};
    return Error(ErrorCode::kUnavailable, "this process and init both have a core-sched cookie: none can be cleared");
  });
}

Result<Clearing> clear_cookies(CookieKernel& kernel, const std::string& proc, const std::set<Cookie>& cookies,
                               const std::set<int>& except) {
  Clearing done;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::vector<int> found;
    done.left = 0;
    for (const int pid : numbers_in(proc)) {
      for (const int tid : numbers_in(fmt::format("{}/{}/task", proc, pid))) {
        const auto cookie = cookie_of(kernel, tid);
        if (!cookie && cookie.error().code() != ErrorCode::kNotFound) done.refused = cookie.error();
        if (!cookie || !cookies.contains(*cookie)) continue;
        ++done.left;
        if (!except.contains(tid)) found.push_back(tid);
      }
    }
    if (found.empty()) break;
    const auto taken = take_cookies(kernel, found);
    if (!taken) return taken.error();
    done.threads += taken->threads;
    done.left -= std::min(done.left, taken->threads);
    if (taken->refused) {
      done.refused = taken->refused;
      break;
    }
  }
  return done;
}

}  // namespace tideline::kernel
