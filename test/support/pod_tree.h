#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "test/support/scratch_cgroup.h"
#include "test/support/snapshot.h"

namespace tideline::test {

/// A Kubernetes-shaped tree on the real kernel with kubelet's weights: one LS pod below burstable, one BE pod below
/// besteffort, a container each.
class PodTree {
 public:
  PodTree();

  std::string kubepods() const { return cgroup_.group() + "/kubepods"; }
  /// The pods file that describes both.
  static std::string pods_json();
  /// A process that spins in the LS or BE container; killed with the tree.
  pid_t spin_ls(int threads = 1) { return cgroup_.spin(kLs, threads); }
  pid_t spin_be(int threads = 1) { return cgroup_.spin(kBe, threads); }
  /// In a group of the LS pod's that is no container of it.
  pid_t spin_beside_ls() {
    const std::string beside = std::string(kLsPod) + "/beside";
    cgroup_.make(beside);
    return cgroup_.spin(beside);
  }
  void kill(pid_t pid) { cgroup_.kill(pid); }
  /// Moves a child of ours into the LS container; killed with the tree.
  void own_ls(pid_t child) { cgroup_.own(child, kLs); }
  /// The same with the BE container.
  void own_be(pid_t child) { cgroup_.own(child, kBe); }

  /// Moves a process that somebody else ends.
  void attach(pid_t pid, const std::string& group) { cgroup_.attach(pid, group); }

  /// The besteffort root's quota and period as they read now, in v2's form on v1 too, and whether that is a limit.
  std::string quota() const;
  bool limited() const;
  /// A file of a group of the tree, e.g. of kLsPod, by its name on v1 and on v2.
  std::string read(const std::string& group, const std::string& v1_file, const std::string& v2_file) const;
  void write(const std::string& group, const std::string& v1_file, const std::string& v2_file,
             const std::string& value);
  bool v1() const { return cgroup_.v1(); }
  /// The CPU and memory files of all groups.
  Snapshot files() const;

  /// The limit of kubepods, as kubelet sets it to what is allocatable.
  void bound_memory(int mib);
  /// Memory that the group and all below it use, page cache and all; and how many of its own processes, or of those
  /// below it on v2, the kernel's OOM killer ended.
  std::int64_t memory_usage(const std::string& group) const;
  std::int64_t oom_kills(const std::string& group) const;
  std::vector<std::string> process_files(const std::string& group) const { return cgroup_.process_files(group); }
  /// One more group, which on v1 begins with its parent's CPUs, as kubelet and runtimes make them.
  void make(const std::string& group) { cgroup_.make(group); }
  static constexpr const char* kLsPod = "kubepods/burstable/podls-uid";
  static constexpr const char* kBePod = "kubepods/besteffort/podbe-uid";
  static constexpr const char* kLs = "kubepods/burstable/podls-uid/web";
  static constexpr const char* kBe = "kubepods/besteffort/podbe-uid/job";

  /// Gives the besteffort root the weight of an ordinary pod, which undoes the kernel's protection.
  void spoil_weight();
  /// CPU used so far, in ns.
  std::int64_t ls_cpu_ns() const { return cpu_ns(kLs); }
  std::int64_t be_cpu_ns() const { return cpu_ns(kBe); }
  /// Confines the tree to one CPU, so that LS and BE must share it.
  void confine_to_cpu(int cpu);

 private:
  std::int64_t cpu_ns(const std::string& relative) const;
  ScratchCgroup cgroup_;
};

}  // namespace tideline::test
