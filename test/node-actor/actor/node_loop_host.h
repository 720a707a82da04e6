#pragma once
// A host on a tree of files, and the node's loop on it.

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/actor/node_loop.h"
#include "node-actor/guard/lease.h"
#include "test/node-actor/kernel/cookie_twin.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::FeatureState;
using model::MilliCpu;
using model::Reason;

inline const std::string kV1Quota = "sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_quota_us";
inline const std::string kV1Period = "sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_period_us";
inline const std::string kV2Quota = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/cpu.max";

inline FixtureTree::Files host_files() {
  return {{"sys/devices/system/cpu/online", "0-3\n"},
          {"proc/sys/kernel/random/boot_id", "boot\n"},
          {"proc/sys/kernel/osrelease", "6.18.1\n"},
          {"proc/sys/kernel/hostname", "host\n"}};
}

/// Four CPUs, and a second NUMA node of memory alone.
inline FixtureTree::Files two_zones() {
  const std::string nodes = "sys/devices/system/node/";
  FixtureTree::Files files = {{"sys/devices/system/cpu/possible", "0-3\n"},
                              {nodes + "has_memory", "0-1\n"},
                              {"sys/fs/cgroup/memory/kubepods/besteffort/memory.numa_stat",
                               "hierarchical_anon=3 N0=1 N1=2\nhierarchical_unevictable=0 N0=0 N1=0\n"},
                              {"proc/stat", "cpu  0 0 0 0 0 0 0\ncpu0 1 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0\nintr 1\n"}};
  std::string cpuinfo;
  for (int cpu = 0; cpu < 4; ++cpu) {
    const auto base = fmt::format("sys/devices/system/cpu/cpu{}/topology/", cpu);
    const auto mask = fmt::format("{:x}\n", 1 << cpu);
    files.emplace_back(base + "core_id", fmt::format("{}\n", cpu));
    files.emplace_back(base + "physical_package_id", "0\n");
    for (const auto* siblings : {"thread_siblings", "core_cpus"})
      files.emplace_back(base + siblings, mask);
    for (const auto* siblings : {"core_siblings", "package_cpus"})
      files.emplace_back(base + siblings, "f\n");
    cpuinfo += fmt::format("processor\t: {}\nmodel name\t: AMD EPYC 7K83\n\n", cpu);
  }
  files.emplace_back("proc/cpuinfo", cpuinfo);
  for (const auto* node : {"0", "1"}) {
    std::string meminfo;
    for (const auto* line :
         {"MemTotal: 1000", "MemFree: 400", "Active(file): 0", "Inactive(file): 0", "SReclaimable: 0"})
      meminfo += fmt::format("Node {} {} kB\n", node, line);
    files.emplace_back(fmt::format("{}node{}/meminfo", nodes, node), meminfo);
  }
  return files;
}

inline const std::string kBeCpus = "sys/fs/cgroup/cpuset/kubepods/besteffort/cpuset.cpus";

/// Four CPUs that can be told apart, and sets of them.
inline FixtureTree::Files with_cpusets() {
  return kernel::test::v1_files() + two_zones() + FixtureTree::Files{{kBeCpus, "0-3\n"}};
}
/// LSE, on CPU 0.
inline model::Pod bound_pod() {
  auto pod = kernel::test::pod_of("a");
  pod.qos = model::QosClass::kLse;
  pod.bound_cpus = model::CpuSet{0};
  return pod;
}

/// One host of 4 CPUs on which nothing runs, so that 65 % of it is 2600 millicores.
class NodeLoopTest : public testing::Test {
 protected:
  void host(const FixtureTree::Files& files) {
    tree_ = std::make_unique<FixtureTree>(files + host_files());
    state_ = std::make_unique<test::TempDir>();
    auto lease = guard::Lease::take(state_->str());
    auto journal = guard::Journal::open(state_->str(), "boot");
    ASSERT_TRUE(lease.ok() && journal.ok());
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    start();
  }
  /// A worker, with what an earlier one left in the journal.
  void start() {
    auto loop = NodeLoop::open(config(), *journal_, *lease_, audit_.get());
    ASSERT_TRUE(loop.ok()) << loop.error().message();
    loop_ = std::move(*loop);
  }
  NodeConfig config() {
    NodeConfig config;
    config.kernel = kernel::KernelRoot::below(tree_->str());
    config.state_dir = state_->str();
    config.cookies = &cookies_;
    config.pods_from = pods_from_;
    config.annotations = annotations_;
    config.slow_writer = slow_writer_;
    config.kubelet = {tree_->path("var/lib/kubelet"), kubelet_must_be_there_};
    if (zones_in_each_round_) config.report_interval = config.pod_interval / 2;
    return config;
  }
  void policy(bool enable) {
    model::NodePolicy policy;
    policy.threshold.enable = enable;
    policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
    loop_->set_policy(policy);
  }
  /// Two readings make a sample, the pod round tells what the kernel holds, and the next fast round acts on both.
  model::Result<void> rounds() {
    for (int i = 0; i < 2; ++i) {
      if (auto round = loop_->fast_round(); !round) return round;
      loop_->pod_round();
    }
    return loop_->fast_round();
  }
  std::vector<Reason> reasons() {
    std::vector<Reason> all;
    for (const auto& event : loop_->take_events())
      all.push_back(event.reason);
    return all;
  }
  std::vector<std::string> told() {
    std::vector<std::string> all;
    for (const auto& event : loop_->take_events())
      all.push_back(event.subject + ": " + event.old_value + " -> " + event.new_value);
    return all;
  }
  FeatureState feature(const std::string& name) const {
    for (auto& feature : loop_->status().features) {
      if (feature.feature == name) return feature;
    }
    return {};
  }

  PodsFrom pods_from_ = PodsFrom::kFile;
  model::NodeAnnotations annotations_;
  std::vector<std::string> slow_writer_;  // none: what may block is refused
  bool zones_in_each_round_ = false;
  bool kubelet_must_be_there_ = false;
  kernel::test::CookieTwin cookies_;
  std::unique_ptr<FixtureTree> tree_;
  std::unique_ptr<test::TempDir> state_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<guard::AuditRing> audit_;
  std::unique_ptr<NodeLoop> loop_;
};

}  // namespace tideline::node
