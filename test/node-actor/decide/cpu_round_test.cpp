// What a pod round hands on to its controllers.

#include "node-actor/decide/cpu_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::test::cpu_round_test {
namespace {

using model::GroupRef;
using model::MonoTime;
using model::PodUid;
using testing::ElementsAre;
using testing::IsEmpty;

/// The worked case of CPU eviction: "b" and "c" would go.
class CpuRound : public testing::Test {
 protected:
  CpuRound() { state_.evict = EvictHost::warm(); }

  EvictDecision round() {
    const auto sample = host_.sample();
    const CpuRoundInput input{.now = host_.now,
                              .node = host_.node,
                              .pods = host_.pods,
                              .sample = sample,
                              .pod_interval = 1s,
                              .knobs = knobs_,
                              .topology = topology_,
                              .cpus = cpus_,
                              .suppress = terms_,
                              .be_limit = CurrentLimit::of(*host_.be_limit),
                              .be_cpus_current = std::nullopt,
                              .is_v1 = false,
                              .boot_id = host_.boot_id,
                              .hands_off = hands_off_,
                              .allocatable_batch_cpu = host_.allocatable_batch_cpu,
                              .work = host_.work,
                              .be_whole = std::nullopt,
                              .outside = {}};
    auto step = cpu_round(std::move(state_), input, host_.policy);
    state_ = std::move(step.state);
    return std::move(step.decision.evict);
  }
  void hold(const GroupRef& group, MonoTime until = MonoTime{INT64_MAX}) {
    hands_off_.push_back({group, until, "ann", "debugging"});
  }

  EvictHost host_;
  CpuRoundState state_;
  std::vector<HandsOff> hands_off_;
  model::KnobSet knobs_;
  model::Topology topology_;
  NodeCpus cpus_;
  SuppressTerms terms_;
};

TEST_F(CpuRound, PodsUnderHandsOffAreNotEvicted) {
  hold(model::group_of(host_.pod("b")));
  EXPECT_THAT(uids_of(round()), ElementsAre("c", "e"));
}

TEST_F(CpuRound, NorIsAPodOfWhichAContainerIs) {
  hold({GroupRef::Level::kContainer, model::KubeQos::kBestEffort, PodUid("c"), "main"});
  EXPECT_THAT(uids_of(round()), ElementsAre("b", "e"));
}

TEST_F(CpuRound, BelowAHeldRootNobodyIsAndThereIsNoCoolDownAfterIt) {
  hold(model::root_of(model::KubeQos::kBestEffort), host_.now + 1s);
  EXPECT_THAT(round().victims, IsEmpty());
  host_.now = host_.now + 1s;
  EXPECT_THAT(uids_of(round()), ElementsAre("b", "c")) << "the hold has expired";
}

}  // namespace
}  // namespace tideline::decide::test::cpu_round_test
