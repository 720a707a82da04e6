#pragma once
// Evictions of a worker whose batch pod is picked, in virtual time.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "node-actor/actor/evictions.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node {

/// Virtual time: a batch pod that is picked for node-cpu-full.
class EvictionsTest : public testing::Test {
 protected:
  struct Told {
    model::Reason reason;
    std::string before;
    std::string after;
    model::Controller controller;
  };
  static std::vector<model::Reason> reasons(const std::vector<Told>& told) {
    std::vector<model::Reason> all;
    for (const auto& each : told)
      all.push_back(each.reason);
    return all;
  }

  EvictionsTest() {
    pod_.uid = model::PodUid("be-uid");
    pod_.name_space = "test";
    pod_.name = "job";
    pod_.qos = model::QosClass::kBe;
    pod_.kube_qos = model::KubeQos::kBestEffort;
    pod_.workload = "Job/job";
    auto& outcome = decision_.outcomes[static_cast<std::size_t>(decide::EvictTask::kNodeUsage)];
    outcome.task = decide::EvictTask::kNodeUsage;
    outcome.trigger = model::Reason::kNodeCpuFull;
    outcome.target = model::MilliCpu(1000);
    pods_ = {pod_};
    auto& full = memory_.outcomes[place_of(decide::EvictTask::kBeMemory)];
    full.task = decide::EvictTask::kBeMemory;
    full.trigger = model::Reason::kNodeMemoryFull;
    full.target = model::Bytes(1000);
  }
  std::unique_ptr<Evictions> worker(const std::string& boot = "boot") {
    return std::make_unique<Evictions>(*tree_, state_dir_.str(), boot, by_,
                                       [this](model::Controller controller, model::Reason reason, const std::string&,
                                              const std::string& before, const std::string& after) {
                                         told_.push_back({reason, before, after, controller});
                                       });
  }
  decide::EvictVictim victim() const {
    return {.id = "boot/cpuEvict.nodeUsage/1/be-uid",
            .uid = pod_.uid,
            .name_space = pod_.name_space,
            .name = pod_.name,
            .task = decide::EvictTask::kNodeUsage,
            .reason = model::Reason::kNodeCpuFull,
            .releases = model::MilliCpu(1000),
            .used = {},
            .cpu_time_used = std::chrono::seconds(3)};
  }
  decide::EvictVictim memory_victim() const {
    auto made = victim();
    made.id = "boot/memoryEvict.beUsage/1/be-uid";
    made.task = decide::EvictTask::kBeMemory;
    made.reason = model::Reason::kNodeMemoryFull;
    made.releases = model::Bytes(1000);
    made.memory_used = model::Bytes(1000);
    return made;
  }
  std::vector<Evictions::Gone> second(Evictions& evictions, bool picked = false, bool picked_for_memory = false) {
    now_ = now_ + std::chrono::seconds(1);
    auto gone = evictions.step(state_, now_, &pods_);
    decision_.victims.clear();
    memory_.victims.clear();
    if (picked) decision_.victims = {victim()};
    if (picked_for_memory) memory_.victims = {memory_victim()};
    if (picked || picked_for_memory) state_.asked.push_back({pod_.uid, now_, false});
    evictions.round(state_, {.now = now_,
                             .decision = decision_,
                             .pods = pods_,
                             .held = {},
                             .dry_run = dry_run_,
                             .memory = &memory_,
                             .memory_dry_run = memory_dry_run_});
    return gone;
  }
  std::vector<Evictions::Gone> second_of_memory(Evictions& evictions) { return second(evictions, false, true); }
  void grant(Evictions& evictions) const { grant(evictions, victim()); }
  static void grant(Evictions& evictions, const decide::EvictVictim& victim) {
    evictions.answered({model::Epoch(1),
                        {{victim.id, model::EvictionVerdict::Answer::kGranted, model::Reason::kEvictionGranted, "ok",
                          model::kZeroDuration}}});
  }
  bool credited() const {
    return std::any_of(state_.asked.begin(), state_.asked.end(), [](const auto& asked) { return !asked.refused; });
  }

  std::unique_ptr<kernel::CgroupTree> tree_;
  test::TempDir state_dir_;
  model::Pod pod_;
  std::vector<model::Pod> pods_;
  Evictions::By by_ = Evictions::By::kNode;
  decide::EvictDecision decision_;
  decide::MemoryEvictDecision memory_;  // memory is full all the time
  decide::EvictState state_;
  bool dry_run_ = false;
  bool memory_dry_run_ = false;
  model::MonoTime now_{1'000'000'000'000};
  std::vector<Told> told_;
};

/// Its group is one of files, in which no process is.
class EvictionsOnAFixtureTree : public EvictionsTest {
 protected:
  EvictionsOnAFixtureTree() { tree_ = std::make_unique<kernel::CgroupTree>(kernel::test::tree_of(files_)); }

  kernel::test::FixtureTree files_{kernel::test::operator+(
      kernel::test::v1_files(),
      kernel::test::FixtureTree::Files{{"sys/fs/cgroup/cpu/kubepods/besteffort/podbe-uid/cgroup.procs", ""}})};
};

}  // namespace tideline::node
