#pragma once
// Other agents to measure beside: netdata and collectd, started in the foreground with the configurations of peers/.

#include <memory>
#include <string>

#include "test/support/process.h"
#include "test/support/scratch_cgroup.h"
#include "test/support/temp_dir.h"

namespace tideline::bench {

/// CPU used so far by all that ever ran in a group of the tree, in seconds.
double group_cpu_seconds(const test::ScratchCgroup& tree, const std::string& group);
/// Proportional set size of a process, and of all processes in a group.
double pss_mib(pid_t pid);
double group_pss_mib(const test::ScratchCgroup& tree, const std::string& group);
/// argv that enters the group and then becomes what follows it.
std::vector<std::string> enter(const test::ScratchCgroup& tree, const std::string& group);

class Peer {
 public:
  /// Name, package and what is missing, if anything: "" = it can be started beside this tree.
  static std::string missing(const std::string& name, const test::ScratchCgroup& tree);

  /// Watches the groups below kubepods of `tree`, which must outlive it. Runs in a group of its own beside them. Throws
  /// std::runtime_error with its log where it does not come up.
  Peer(const std::string& name, test::ScratchCgroup& tree);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::string& name() const { return name_; }
  /// As the program itself says.
  const std::string& version() const { return version_; }
  /// Its group in the tree.
  const std::string& group() const { return group_; }
  /// Throws with its log where it ended by itself.
  void check() const;

 private:
  std::string log() const;

  std::string name_;
  std::string version_;
  std::string group_;
  test::ScratchCgroup& tree_;
  test::TempDir dir_;
  std::unique_ptr<test::Process> process_;
};

}  // namespace tideline::bench
