#pragma once
// Hosts as fixture trees, as small as a test can do with.

#include <string>

#include "messages/model/pod.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "test/support/fixture_tree.h"

namespace tideline::kernel::test {

using tideline::test::FixtureTree;

inline FixtureTree::Files operator+(FixtureTree::Files all, const FixtureTree::Files& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline FixtureTree::Files proc_files() {
  return {{"proc/meminfo", "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\n"},
          {"proc/pressure/cpu",
           "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n"
           "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
          {"proc/pressure/memory",
           "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000\n"
           "full avg10=0.00 avg60=0.00 avg300=0.00 total=500\n"},
          {"proc/pressure/io",
           "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
           "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
          {"proc/self/schedstat", "1000000 2000000 30\n"},
          {"proc/stat", "cpu  100 10 50 9999 888 5 5 777 66 6\ncpu0 1 1 1 1 1 1 1 1 1 1\n"}};
}

/// cgroup v1, cgroupfs names: besteffort, burstable and one LS pod "a" with container "c1" that holds thread 101.
inline FixtureTree::Files v1_files() {
  const std::string cpu = "sys/fs/cgroup/cpu/";
  const std::string acct = "sys/fs/cgroup/cpuacct/";
  const std::string memory = "sys/fs/cgroup/memory/";
  const std::string pod = "kubepods/burstable/poda/";
  return proc_files() +
         FixtureTree::Files{
             {"proc/self/mountinfo", FixtureTree::mountinfo_v1()},
             {"proc/101/schedstat", "500 7000000 3\n"},
             {acct + "release_agent", "\n"},
             {acct + "cpuacct.usage", "5000000000\n"},
             {acct + "kubepods/besteffort/cpuacct.usage", "2000000000\n"},
             {cpu + "kubepods/besteffort/cpu.shares", "2\n"},
             {cpu + "kubepods/besteffort/cpu.idle", "0\n"},
             {cpu + "kubepods/besteffort/cpu.cfs_quota_us", "-1\n"},
             {cpu + "kubepods/besteffort/cpu.cfs_period_us", "100000\n"},
             {cpu + "kubepods/besteffort/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
             {memory + "kubepods/besteffort/memory.stat",
              "inactive_anon 1\nactive_anon 1\nunevictable 1\n"
              "total_inactive_anon 100\ntotal_active_anon 20\ntotal_unevictable 3\n"},
             {cpu + "kubepods/burstable/cpu.shares", "512\n"},
             {cpu + "kubepods/burstable/cpu.idle", "0\n"},
             {acct + pod + "cpuacct.usage", "3000000000\n"},
             {cpu + pod + "cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 99\n"},
             {cpu + pod + "tasks", ""},
             {cpu + pod + "c1/tasks", "101\n"},
             {memory + pod + "memory.stat", "total_inactive_anon 1000\ntotal_active_anon 200\ntotal_unevictable 30\n"}};
}

/// cgroup v2, systemd names: besteffort, burstable and one LS pod "a-b".
inline FixtureTree::Files v2_files() {
  const std::string root = "sys/fs/cgroup/";
  const std::string best_effort = root + "kubepods.slice/kubepods-besteffort.slice/";
  const std::string burstable = root + "kubepods.slice/kubepods-burstable.slice/";
  const std::string pod = burstable + "kubepods-burstable-poda_b.slice/";
  return proc_files() +
         FixtureTree::Files{
             {"proc/self/mountinfo", FixtureTree::mountinfo_v2()},
             {root + "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n"},
             {root + "cpu.stat", "usage_usec 9000000\nuser_usec 4000000\nsystem_usec 1000000\n"},
             {best_effort + "cpu.weight", "1\n"},
             {best_effort + "cpu.idle", "0\n"},
             {best_effort + "cpu.max", "max 100000\n"},
             {best_effort + "cpu.stat",
              "usage_usec 2000000\nuser_usec 1\nsystem_usec 1\nnr_periods 0\nnr_throttled 0\n"},
             {best_effort + "memory.stat", "anon 5\ninactive_anon 100\nactive_anon 20\nunevictable 3\n"},
             {burstable + "cpu.weight", "59\n"},
             {burstable + "cpu.idle", "0\n"},
             {pod + "cpu.stat", "usage_usec 3000000\nuser_usec 1\nsystem_usec 1\nnr_periods 10\nnr_throttled 4\n"},
             {pod + "cpu.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=7000\n"
              "full avg10=0.00 avg60=0.00 avg300=0.00 total=10\n"},
             {pod + "memory.stat", "inactive_anon 1000\nactive_anon 200\nunevictable 30\n"}};
}

inline model::Pod pod_of(const std::string& uid, model::KubeQos kube_qos = model::KubeQos::kBurstable) {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.kube_qos = kube_qos;
  pod.qos = model::default_qos(kube_qos);
  return pod;
}

inline CgroupTree tree_of(const FixtureTree& fixture, const TreeOptions& options = {}) {
  auto tree = CgroupTree::discover(KernelRoot::below(fixture.str()), options);
  if (!tree) throw std::runtime_error(tree.error().message());
  return *tree;
}

}  // namespace tideline::kernel::test
