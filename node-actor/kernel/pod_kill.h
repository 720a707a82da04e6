#pragma once
// Ends a pod's processes where there is no Kubernetes to do it: SIGTERM to each, a grace period, then cgroup.kill
// (cgroup-v2.rst) or, where the group has none, SIGKILL to all of cgroup.procs round by round until it is empty, in a
// frozen group where v1's freezer hierarchy has one (freezer-subsystem.rst).
//
// A small state machine, advanced once per pod round: nothing here waits, and a step does a bounded amount of work.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

/// At most this many processes are signalled in one step; the rest follow in the next ones.
constexpr std::size_t kMaxSignalsPerStep = 4096;
/// At most this many groups of a pod are looked into, and this deep: a pod has a handful, one below the other. One that
/// makes more is done only where the kernel says that nobody is left in any (cgroup.events).
constexpr std::size_t kMaxPodGroups = 256;
constexpr int kMaxPodDepth = 32;

/// Where a pod's group lies.
struct PodKillPlace {
  std::string directory;          // absolute; in the hierarchy whose cgroup.procs is read
  std::string freezer_directory;  // v1: the same group in the freezer hierarchy; "" = none
  std::uint64_t device = 0;       // st_dev and st_ino of `directory`, so that a later group of that name is not taken
  std::uint64_t inode = 0;        // for it; inode 0 = whichever is there
};
/// kNotFound: the pod has no group (any more).
model::Result<PodKillPlace> pod_kill_place(const CgroupTree& tree, const model::Pod& pod);

struct PodKillProgress {
  enum class Phase : std::uint8_t {
    kTerminating,  // SIGTERM was sent, the grace period runs
    kKilling,      // the grace period is over
    kDone,         // no process is left, or the group is gone
  } phase = Phase::kTerminating;
  std::size_t alive = 0;       // processes in its groups when the last step began
  std::uint64_t terms = 0;     // SIGTERMs sent so far
  std::uint64_t kills = 0;     // SIGKILLs sent so far; of cgroup.kill the processes it was used on
  std::uint64_t failures = 0;  // what the kernel refused so far, and steps that did not see all groups
  std::string last_failure;    // with pid or path
  bool done() const { return phase == Phase::kDone; }
  friend bool operator==(const PodKillProgress&, const PodKillProgress&) = default;
};
std::string_view name_of(PodKillProgress::Phase phase);  // "terminating", "killing", "done"

/// A pod on its way out. Only processes of the very group that was there at begin(), or below it, are signalled: the
/// directory is held open, so that another group of the same name is not mistaken for it; and each process is held by a
/// pidfd that was opened before its membership was read again, so that a pid used again is not mistaken for it either.
class PodKill {
 public:
  /// Sends SIGTERM to all processes of the group. grace <= 0: SIGKILL at once, without SIGTERM.
  /// kInvalidArgument: this process or its parent, the supervisor, is in the group, and nobody was signalled.
  /// kNotFound: there is no such group, or only another one of that name.
  static model::Result<PodKill> begin(const PodKillPlace& place, model::Duration grace, model::MonoTime now);
  /// Whether this process or its parent, the supervisor, is in the group or below it.
  static model::Result<bool> holds_agent(const PodKillPlace& place);

  /// To be called until it is done, and harmless then. A process that appeared since gets its SIGTERM, one each. An
  /// error ends nothing, the next step tries again; kInvalidArgument as for begin().
  model::Result<PodKillProgress> step(model::MonoTime now);
  const PodKillProgress& progress() const { return progress_; }

 private:
  struct Group {
    Fd directory;
    std::vector<int> pids;  // ascending
  };
  struct Groups {
    std::vector<Group> all;
    bool complete = true;  // there are no more
  };
  PodKill() = default;
  /// A group that cannot be read is an error: it is not known to be empty.
  static model::Result<Groups> look(const Directory& root, const std::string& path);
  /// The pid of this process or of its parent, whichever is in one of them; 0 = neither.
  static int agent_in(const std::vector<Group>& groups);
  /// look(), unless the agent is among them: kInvalidArgument.
  static model::Result<Groups> look_at_others(const Directory& root, const std::string& path);
  void signal(const std::vector<Group>& groups, const std::vector<int>& spared, int number, std::uint64_t& sent);
  void terminate(const std::vector<Group>& groups);
  void kill(const std::vector<Group>& groups);
  /// False: there is no freezer group of this pod, or the agent is in it.
  bool freeze();
  void thaw();
  void fail(const model::Error& error);

  PodKillPlace place_;
  Directory root_;
  Directory freezer_;
  model::MonoTime deadline_;
  std::vector<int> termed_;  // pids of the group that had their SIGTERM, ascending
  PodKillProgress progress_;
};

}  // namespace tideline::kernel
