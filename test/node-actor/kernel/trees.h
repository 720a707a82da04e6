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
          {"proc/vmstat",
           "nr_free_pages 25\nworkingset_refault_file 9\nallocstall_dma32 1\nallocstall_normal 20\n"
           "allocstall_movable 300\npgscan_kswapd 7\npgscan_direct 4000\npgscan_direct_throttle 6\n"},
          {"proc/zoneinfo",
           "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 5\n  pages free     3840\n"
           "        boost    0\n        min      36\n        low      45\n        high     54\n"
           "        protection: (0, 2843, 15881)\n  pagesets\n    cpu: 0\n              high:  0\n"
           "Node 0, zone    DMA32\n  pages free     9\n        low      100\n"
           "Node 0, zone   Normal\n  pages free     9\n        low      2000\n"},
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
             {memory + "kubepods/memory.stat",
              "inactive_file 9\ntotal_rss 2000\ntotal_shmem 30\ntotal_inactive_anon 1200\ntotal_active_anon 800\n"
              "total_inactive_file 5000\ntotal_active_file 600\ntotal_unevictable 0\n"},
             {memory + "kubepods/memory.usage_in_bytes", "7630\n"},
             {memory + "kubepods/memory.limit_in_bytes", "819200\n"},
             {memory + "kubepods/besteffort/memory.stat",
              "inactive_anon 1\nactive_anon 1\nunevictable 1\nactive_file 1\nworkingset_refault_file 1\n"
              "total_rss 119\ntotal_shmem 4\ntotal_workingset_refault_anon 1\ntotal_workingset_refault_file 60\n"
              "total_inactive_anon 100\ntotal_active_anon 20\ntotal_inactive_file 400\ntotal_active_file 5000\n"
              "total_unevictable 3\n"},
             {memory + "kubepods/besteffort/memory.usage_in_bytes", "5523\n"},
             {memory + "kubepods/besteffort/memory.limit_in_bytes", "9223372036854771712\n"},
             {memory + "kubepods/besteffort/memory.soft_limit_in_bytes", "9223372036854771712\n"},
             {memory + "kubepods/besteffort/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"},
             {cpu + "kubepods/burstable/cpu.shares", "512\n"},
             {cpu + "kubepods/burstable/cpu.idle", "0\n"},
             {acct + pod + "cpuacct.usage", "3000000000\n"},
             {cpu + pod + "cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 99\n"},
             {cpu + pod + "tasks", ""},
             {cpu + pod + "c1/tasks", "101\n"},
             {memory + pod + "memory.stat", "total_inactive_anon 1000\ntotal_active_anon 200\ntotal_unevictable 30\n"},
             {memory + pod + "memory.usage_in_bytes", "1300\n"},
             {memory + pod + "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"}};
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
             {root + "kubepods.slice/memory.stat",
              "anon 2000\nshmem 30\nslab_reclaimable 70\ninactive_anon 1200\nactive_anon 800\ninactive_file 5000\n"
              "active_file 600\nunevictable 0\n"},
             {root + "kubepods.slice/memory.current", "7730\n"},
             {root + "kubepods.slice/memory.max", "819200\n"},
             {root + "kubepods.slice/memory.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=90\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n"},
             {best_effort + "memory.stat",
              "anon 119\nfile 5404\nshmem 4\ninactive_anon 100\nactive_anon 20\ninactive_file 400\nactive_file 5000\n"
              "unevictable 3\nslab_reclaimable 7\nworkingset_refault_anon 1\nworkingset_refault_file 60\n"
              "pgscan 800\npgscan_direct 2\n"},
             {best_effort + "memory.current", "5530\n"},
             {best_effort + "memory.max", "max\n"},
             {best_effort + "memory.min", "0\n"},
             {best_effort + "memory.low", "0\n"},
             {best_effort + "memory.high", "max\n"},
             {best_effort + "memory.oom.group", "0\n"},
             {best_effort + "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 2\noom_group_kill 1\n"},
             {best_effort + "memory.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=50\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"},
             {best_effort + "io.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=40\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n"},
             {burstable + "cpu.weight", "59\n"},
             {burstable + "cpu.idle", "0\n"},
             {pod + "cpu.stat", "usage_usec 3000000\nuser_usec 1\nsystem_usec 1\nnr_periods 10\nnr_throttled 4\n"},
             {pod + "cpu.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=7000\n"
              "full avg10=0.00 avg60=0.00 avg300=0.00 total=10\n"},
             {pod + "memory.stat", "inactive_anon 1000\nactive_anon 200\nunevictable 30\n"},
             {pod + "memory.current", "1300\n"},
             {pod + "memory.events", "low 0\nhigh 0\nmax 0\noom 1\noom_kill 1\n"},
             {pod + "memory.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=700\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=70\n"}};
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
