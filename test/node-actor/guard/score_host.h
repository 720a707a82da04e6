#pragma once
// Processes of a fixture tree with an oom_score_adj each.

#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "test/support/fixture_tree.h"

namespace tideline::guard {

class ScoreHost {
 public:
  explicit ScoreHost(const test::FixtureTree& tree) : tree_(tree) {}

  void run(int pid, std::uint64_t start, int parent, int score) const {
    const auto directory = "proc/" + std::to_string(pid) + "/";
    // As proc(5) has it: pid, command, state, parent, 17 more, start, and some more.
    std::string stat = std::to_string(pid) + " (a) b) S " + std::to_string(parent);
    for (int field = 5; field < 22; ++field)
      stat += " 0";
    tree_.write(directory + "stat", stat + " " + std::to_string(start) + " 1 2 3\n");
    set(pid, score);
  }
  /// The same in a group of cgroup v1.
  void run_in(const std::string& group, int pid, std::uint64_t start, int parent, int score) {
    run(pid, start, parent, score);
    groups_[group].insert(pid);
    list(group);
  }
  void end(int pid) {
    tree_.remove("proc/" + std::to_string(pid));
    for (auto& [group, pids] : groups_) {
      if (pids.erase(pid) > 0) list(group);
    }
  }
  void set(int pid, int score) const { tree_.write(file(pid), std::to_string(score) + "\n"); }
  int score(int pid) const { return std::atoi(tree_.read(file(pid)).c_str()); }

 private:
  static std::string file(int pid) { return "proc/" + std::to_string(pid) + "/oom_score_adj"; }
  void list(const std::string& group) const {
    std::string text;
    for (const int pid : groups_.at(group))
      text += std::to_string(pid) + "\n";
    tree_.write("sys/fs/cgroup/cpu/" + group + "/cgroup.procs", text);
  }

  const test::FixtureTree& tree_;
  std::map<std::string, std::set<int>> groups_;
};

}  // namespace tideline::guard
