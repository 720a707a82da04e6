#pragma once
// Gives the threads of pods the core scheduling cookies that decide::core_sched wants, and takes those away that nobody
// wants any more. What threads have is asked of the kernel, never remembered: after a start the cookies of the last
// worker are found where they are wanted and stay, as do those that new threads inherit.
//
// A cookie that this agent did not make is left alone, wherever it is: a program that isolates its own threads must not
// lose that.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/core_sched.h"
#include "node-actor/guard/cookie_record.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/core_sched.h"

namespace tideline::node {

class Cookies {
 public:
  /// One thing to be told in history: controller, reason, subject, before, after.
  using Tell = std::function<void(model::Controller, model::Reason, std::string, std::string, std::string)>;
  /// A pod's threads are looked at when it is new, when another cookie is wanted of it, when its containers or the
  /// groups below it are others, and this long after the last time: threads that somebody moved in.
  static constexpr model::Duration kRecheck = std::chrono::seconds(30);
  /// What failed is tried again after this long; so often at most all threads of the host are looked at.
  static constexpr model::Duration kRetry = std::chrono::seconds(10);
  /// A pod without a cgroup is looked for again after this long.
  static constexpr model::Duration kSoon = std::chrono::seconds(1);
  /// A round looks at about so many threads, the rest comes in the next one.
  static constexpr std::size_t kThreadsARound = 8192;

  /// `tree` and `kernel` must outlive it. `may_act`: false once another owner has the host.
  Cookies(const kernel::CgroupTree& tree, kernel::CookieKernel& kernel, guard::CookieRecord record,
          std::function<bool()> may_act, Tell tell);

  struct Round {
    const std::vector<decide::CookieWant>& wants;  // in the order of `pods`
    const std::vector<model::Pod>& pods;
    std::function<bool(const model::PodUid&)> held;  // an operator keeps the agent off this pod
    model::MonoTime now;
  };
  /// One pod round. Only kFenced is an error: the worker must stop. What the kernel refuses is in problem().
  model::Result<void> round(const Round& round);

  /// Takes all cookies of ours away, from held pods, too, and remembers none.
  model::Result<void> release();

  /// Why something could not be done at the last try.
  const std::optional<model::Error>& problem() const { return problem_; }
  /// Threads with a cookie that is not ours, in pods that are to have one of ours or none.
  std::size_t foreign() const;
  /// Cookies of ours in use.
  std::size_t owned() const { return record_.known().size(); }

 private:
  struct PodState {
    std::string group;
    std::optional<decide::CookieGroup> want;
    std::vector<std::string> containers;
    std::uint64_t links = 0;  // of its directory: how many groups are below it
    std::size_t foreign = 0;
    std::optional<model::MonoTime> due;  // nullopt: now
  };
  struct Seen {
    std::vector<int> to_change;  // to get the wanted cookie, or to lose ours
    std::optional<int> donor;
    std::size_t foreign = 0;
    bool unread = false;  // some of them
  };

  bool is_due(const PodState& pod, const PodState& now_is, model::MonoTime now) const;
  void look(PodState& pod, const model::PodUid& uid, const Round& round);
  Seen see(const std::vector<int>& tids, const std::optional<decide::CookieGroup>& want, model::MonoTime now);
  model::Result<std::size_t> give(const decide::CookieGroup& group, const Seen& seen, const Round& round);
  /// A thread elsewhere that has this group's cookie.
  std::optional<int> donor_elsewhere(const decide::CookieGroup& group, kernel::Cookie cookie, const Round& round);
  void retire(const Round& round);
  std::optional<kernel::Cookie> cookie_of(const decide::CookieGroup& group) const;
  bool is_ours(kernel::Cookie cookie) const;
  void fail(const model::Error& error, model::MonoTime now);

  const kernel::CgroupTree& tree_;
  kernel::CookieKernel& kernel_;
  guard::CookieRecord record_;
  std::function<bool()> may_act_;
  Tell tell_;
  std::map<model::PodUid, PodState> pods_;
  std::map<decide::CookieGroup, int> donors_;  // where each cookie was seen last
  std::optional<model::Error> problem_;
  model::MonoTime problem_ends_;
  std::optional<model::MonoTime> retired_;
  std::size_t looked_ = 0;  // threads, in this round
};

}  // namespace tideline::node
