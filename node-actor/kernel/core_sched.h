#pragma once
// Core scheduling cookies: prctl(PR_SCHED_CORE), Documentation/admin-guide/hw-vuln/core-scheduling.rst. A cookie
// belongs to a thread, a new thread begins with that of the one that made it, and threads of unlike cookies never run
// on one core at the same time. No cookie is one, too: all threads without share it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// As PR_SCHED_CORE_GET tells it: alike for the threads that share it, 0 without one. It lives as long as a thread has
/// it; a later one of the same boot may be given its number.
using Cookie = std::uint64_t;

/// The kernel's side of it, which tests stand in for.
class CookieKernel {
 public:
  enum class Command : int { kGet = 0, kCreate = 1, kShareTo = 2, kShareFrom = 3 };  // as in linux/prctl.h
  virtual ~CookieKernel() = default;
  /// prctl(PR_SCHED_CORE, command, tid, PR_SCHED_CORE_SCOPE_THREAD, cookie) by the calling thread. tid 0: itself.
  /// `cookie` of kGet only. 0 or an errno.
  virtual int call(Command command, int tid, Cookie* cookie) = 0;
  /// Runs it in a thread made for it, which begins with the caller's cookie, and returns when it has ended.
  virtual void in_new_thread(const std::function<void()>& run) = 0;
  /// A thread of this process or its parent, which must not wait for a core.
  virtual bool is_own(int tid) const = 0;
};
CookieKernel& this_kernel();

/// Whether the kernel has core scheduling (5.14, CONFIG_SCHED_CORE: EINVAL without) and the host has SMT (ENODEV
/// without, or where it is switched off).
model::KnobSupport probe_core_sched(CookieKernel& kernel);

/// Of one thread; 0 = none. kNotFound: it is gone. kPermissionDenied without CAP_SYS_PTRACE over it.
model::Result<Cookie> cookie_of(CookieKernel& kernel, int tid);

/// The threads of a group and all groups below it, as this process' pid namespace numbers them. kNotFound: it is gone.
/// kOverloaded beyond kMaxCookieThreads. A group below it that vanishes meanwhile has none; what cannot be read is an
/// error.
model::Result<std::vector<int>> threads_below(const CgroupTree& tree, const std::string& group);
inline constexpr std::size_t kMaxCookieThreads = 32'768;

/// What became of a list of threads. One that is gone is passed over.
struct CookieOutcome {
  std::size_t threads = 0;              // that have now what they were to have
  std::optional<model::Error> refused;  // the first one; the others were seen to all the same
};

// SHARE_TO gives the calling thread's own cookie, and SHARE_FROM and CREATE replace it. So each of these works in a
// thread of its own that ends with it, and the caller never has a cookie.

/// A cookie that no thread had before. `announce` is told it before any of them has it: should it fail, or this process
/// die in it, the cookie is gone.
model::Result<CookieOutcome> give_new_cookie(CookieKernel& kernel, const std::vector<int>& tids,
                                             const std::function<model::Result<void>(Cookie)>& announce);
/// The cookie that `donor` has. kNotFound: the donor is gone, or has another one.
model::Result<CookieOutcome> give_cookie(CookieKernel& kernel, Cookie cookie, int donor, const std::vector<int>& tids);
/// None. kUnavailable: this process has a cookie itself, and so has init: nobody to learn from how to have none.
model::Result<CookieOutcome> take_cookies(CookieKernel& kernel, const std::vector<int>& tids);

struct Clearing {
  std::size_t threads = 0;              // that had one of the cookies and have none now
  std::size_t left = 0;                 // that still have one: excepted, refused, or born too fast
  std::optional<model::Error> refused;  // the first one
};
/// Takes these cookies from every thread below `proc`, which must be that of this process' own pid namespace, but for
/// those of `except`.
model::Result<Clearing> clear_cookies(CookieKernel& kernel, const std::string& proc, const std::set<Cookie>& cookies,
                                      const std::set<int>& except);

}  // namespace tideline::kernel
