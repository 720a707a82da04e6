#pragma once
// prctl(PR_SCHED_CORE) over threads that the test makes, as Documentation/admin-guide/hw-vuln/core-scheduling.rst and
// kernel/sched/core_sched.c have it.

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "node-actor/kernel/core_sched.h"
#include "test/support/fixture_tree.h"

namespace tideline::kernel::test {

class CookieTwin : public CookieKernel {
 public:
  static constexpr int kInit = 1;
  static constexpr int kAgent = 2;

  CookieTwin() { threads_ = {{kInit, {}}, {kAgent, {}}}; }

  int call(Command command, int tid, Cookie* cookie) override {
    ++calls;
    if (before_call) before_call(command, tid);
    // sched_core_share_pid() asks for SMT first; without CONFIG_SCHED_CORE prctl knows no such option.
    if (!built_in) return EINVAL;
    if (!smt) return ENODEV;
    if (command != Command::kGet && cookie != nullptr) return EINVAL;
    const int target = tid == 0 ? current_ : tid;
    const auto thread = threads_.find(target);
    if (thread == threads_.end()) return ESRCH;
    if (thread->second.out_of_reach) return EPERM;
    switch (command) {
      case Command::kGet:
        *cookie = thread->second.cookie;
        return 0;
      case Command::kCreate:
        thread->second.cookie = ++made_ * 0x1000;
        return 0;
      case Command::kShareTo:
        thread->second.cookie = threads_.at(current_).cookie;
        changes.push_back(target);
        return 0;
      case Command::kShareFrom:
        threads_.at(current_).cookie = thread->second.cookie;
        return 0;
    }
    return EINVAL;
  }
  void in_new_thread(const std::function<void()>& run) override {
    const int maker = current_;
    current_ = fork(maker);
    run();
    threads_.erase(current_);
    current_ = maker;
  }
  bool is_own(int tid) const override { return tid == kAgent; }

  int start() { return add({}); }
  /// A thread begins with the cookie of the one that made it.
  int fork(int tid) { return add({.cookie = threads_.at(tid).cookie, .out_of_reach = false}); }
  void exit(int tid) { threads_.erase(tid); }
  void set(int tid, Cookie cookie) { threads_.at(tid).cookie = cookie; }
  void out_of_reach(int tid, bool so = true) { threads_.at(tid).out_of_reach = so; }
  Cookie of(int tid) const { return threads_.at(tid).cookie; }
  Cookie made() const { return made_; }
  std::vector<int> threads() const {
    std::vector<int> tids;
    for (const auto& [tid, thread] : threads_)
      tids.push_back(tid);
    return tids;
  }

  bool built_in = true;
  bool smt = true;
  std::function<void(Command, int)> before_call;
  int calls = 0;
  std::vector<int> changes;  // whom SHARE_TO reached

 private:
  struct Thread {
    Cookie cookie = 0;
    bool out_of_reach = false;
  };
  int add(Thread thread) {
    threads_.emplace(next_, thread);
    return next_++;
  }

  std::map<int, Thread> threads_;
  int current_ = kAgent;
  int next_ = 5'000'000;  // no thread of this host has such a number
  Cookie made_ = 0;
};

/// The lists in which the twin's threads appear: of their group and of /proc, each a process of its own.
class CookieHost {
 public:
  CookieHost(const tideline::test::FixtureTree& tree, CookieTwin& twin) : tree_(tree), twin_(twin) {}

  /// A new thread in the group of cgroup v1.
  int start(const std::string& group) { return place(twin_.start(), group); }
  int place(int tid, const std::string& group) {
    groups_[group].push_back(tid);
    list();
    return tid;
  }
  void exit(int tid) {
    twin_.exit(tid);
    for (auto& [group, tids] : groups_)
      std::erase(tids, tid);
    list();
  }
  /// Writes all lists anew.
  void list() const {
    for (const auto& [group, tids] : groups_) {
      std::string text;
      for (const int tid : tids) {
        text += std::to_string(tid) + "\n";
        tree_.write("proc/" + std::to_string(tid) + "/task/" + std::to_string(tid) + "/comm", "x\n");
      }
      tree_.write("sys/fs/cgroup/cpu/" + group + "/tasks", text);
    }
  }

 private:
  const tideline::test::FixtureTree& tree_;
  CookieTwin& twin_;
  std::map<std::string, std::vector<int>> groups_;
};

}  // namespace tideline::kernel::test
