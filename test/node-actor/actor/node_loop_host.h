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
    config.annotations = annotations_;
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

  model::NodeAnnotations annotations_;
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
