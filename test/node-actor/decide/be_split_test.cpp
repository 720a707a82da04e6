#include "node-actor/decide/be_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/arbiter.h"
#include "test/node-actor/decide/pods.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::be_split_test {
namespace {

using model::Knob;
using model::KubeQos;
using model::QosClass;
using testing::HasSubstr;

model::KnobSet with_quota() {
  return {{{Knob::kCpuQuota, true, "cpu.max", ""}}};
}

/// BE may use 4000 millicores; two pods below the root, and those given outside of it. Rounds of a second.
struct SplitHost {
  explicit SplitHost(std::vector<std::string> uids) {
    for (const auto& uid : uids)
      pods.push_back(test::pod_of(uid, QosClass::kBe, KubeQos::kBurstable));
    for (const auto& pod : pods)
      input.pods.push_back(
          {.uid = pod.uid, .qos = pod.kube_qos, .used = {}, .own_limit = {}, .containers = {}, .held = true});
    input.now = kNow;
    input.whole = MilliCpu(4000);
    input.root = MilliCpu(4000);
    input.root_used = MilliCpu(4000);
    input.root_pods = 2;
  }
  SplitHost(const SplitHost&) = delete;
  SplitHost& operator=(const SplitHost&) = delete;

  OutsidePod& pod(std::size_t i) { return input.pods[i]; }
  /// Everybody uses what it may.
  void all_hungry() {
    input.root_used = input.root;
    for (std::size_t i = 0; i < pods.size(); ++i) {
      const auto part = state.parts.find(pods[i].uid);
      input.pods[i].used = part == state.parts.end() ? MilliCpu(8000) : part->second.limit;
    }
  }
  BeSplit next() {
    input.now = input.now + 1s;
    auto step = be_split(state, input);
    state = std::move(step.state);
    // What the fast loop does between two pod rounds.
    const auto root = rebalanced_root({.root = input.root,
                                       .whole = *input.whole,
                                       .in_force = step.split->in_force,
                                       .outside = step.split->outside,
                                       .is_due = true,
                                       .may_raise = true});
    if (root) input.root = *root;
    return *step.split;
  }
  std::int64_t part(std::size_t i) const { return state.parts.at(pods[i].uid).limit.value(); }

  std::vector<model::Pod> pods;
  BeSplitInput input;
  BeSplitState state;
};

TEST(BeSplit, WithoutALimitOrAPodOutsideThereIsNothingToDivide) {
  SplitHost host({"a"});
  host.input.whole.reset();
  EXPECT_FALSE(be_split(host.state, host.input).split);
  host.input.whole = MilliCpu(4000);
  host.input.pods.clear();
  EXPECT_FALSE(be_split(host.state, host.input).split);
}

TEST(BeSplit, WhoWantsAllGetsAsMuchAsEachPodBelowTheRoot) {
  SplitHost host({"a", "b"});
  for (int i = 0; i < 5; ++i) {
    host.all_hungry();
    host.next();
  }
  EXPECT_EQ(host.part(0), 1000);
  EXPECT_EQ(host.part(1), 1000);
  EXPECT_EQ(host.input.root, MilliCpu(2000));
}

TEST(BeSplit, ANewPodIsHeldInItsFirstRoundAlsoBeforeItWasRead) {
  SplitHost host({"a"});
  const auto split = host.next();
  EXPECT_EQ(host.part(0), 4000 / 3) << "its fair part";
  EXPECT_EQ(split.outside + split.root, MilliCpu(4000));
}

TEST(BeSplit, WhoUsesLittleKeepsAQuarterMoreAndTheRootHasTheRest) {
  SplitHost host({"a"});
  host.pod(0).used = MilliCpu(400);
  host.next();
  EXPECT_EQ(host.part(0), 500);
  EXPECT_EQ(host.input.root, MilliCpu(3500));
  host.pod(0).used = MilliCpu(0);
  host.next();
  EXPECT_EQ(host.part(0), 133) << "a tenth of its fair part";
}

TEST(BeSplit, AHungryPodRisesOnlyIntoWhatTheRootHasLeft) {
  SplitHost host({"a"});
  host.pod(0).used = MilliCpu(80);
  host.next();
  ASSERT_EQ(host.part(0), 133);
  host.all_hungry();
  host.next();
  EXPECT_EQ(host.part(0), 133) << "its last change was a second ago";
  host.all_hungry();
  const auto asked = host.next();
  EXPECT_EQ(host.part(0), 133) << "the root falls first";
  EXPECT_EQ(asked.root, MilliCpu(4000 - 1333));
  EXPECT_EQ(host.input.root, asked.root);
  host.all_hungry();
  host.next();
  EXPECT_EQ(host.part(0), 1333);
}

TEST(BeSplit, ARootThatDoesNotFallKeepsThePodsDown) {
  SplitHost host({"a"});
  host.pod(0).used = MilliCpu(80);
  host.next();
  for (int i = 0; i < 5; ++i) {
    host.input.root = MilliCpu(3867);
    host.all_hungry();
    host.next();
    ASSERT_EQ(host.part(0), 133);
  }
}

TEST(BeSplit, AFallOfTheWholeIsTakenInTheSameRound) {
  SplitHost host({"a", "b"});
  for (int i = 0; i < 5; ++i) {
    host.all_hungry();
    host.next();
  }
  host.all_hungry();
  host.input.whole = MilliCpu(1000);
  host.input.root = kKernelMinimum;  // the fast loop took it all from the root
  host.input.root_used = kKernelMinimum;
  const auto split = host.next();
  EXPECT_EQ(host.part(0), 250);
  EXPECT_EQ(host.part(1), 250);
  EXPECT_EQ(split.root, MilliCpu(500));
}

TEST(BeSplit, NobodyIsStoppedHoweverLittleThereIs) {
  SplitHost host({"a", "b", "c"});
  host.input.whole = kKernelMinimum;
  host.all_hungry();
  const auto split = host.next();
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(host.part(i), kKernelMinimum.value());
  EXPECT_EQ(split.root, kKernelMinimum);
}

TEST(BeSplit, SmallChangesOfUseAndOfTheWholeAreTheRootsAlone) {
  SplitHost host({"a"});
  host.pod(0).used = MilliCpu(800);
  host.next();
  ASSERT_EQ(host.part(0), 1000);
  const auto changed = host.state.parts.begin()->second.changed;
  for (const auto used : {760, 820, 790, 840, 800}) {
    host.pod(0).used = MilliCpu(used);
    host.input.whole = MilliCpu(4000 - used + 800);
    host.next();
    EXPECT_EQ(host.part(0), 1000);
  }
  EXPECT_EQ(host.state.parts.begin()->second.changed, changed);
}

TEST(BeSplit, APodThatCannotBeReadNeverRisesAndFallsWithTheWhole) {
  SplitHost host({"a"});
  host.pod(0).used = MilliCpu(400);
  host.next();
  host.pod(0).used.reset();
  for (int i = 0; i < 5; ++i) {
    host.input.root_used = MilliCpu(100);
    host.next();
    ASSERT_EQ(host.part(0), 500);
  }
  host.input.whole = MilliCpu(300);
  host.input.root = kKernelMinimum;
  host.input.root_used = kKernelMinimum;
  host.next();
  EXPECT_LE(host.part(0), 280);
}

TEST(BeSplit, AQuotaOfItsOwnBoundsWhatIsCountedAndIsNeverRaised) {
  SplitHost host({"a"});
  host.pod(0).own_limit = MilliCpu(300);
  for (int i = 0; i < 4; ++i) {
    host.all_hungry();
    host.next();
  }
  EXPECT_EQ(host.part(0), 300);
  EXPECT_EQ(host.input.root, MilliCpu(3700));
  const auto split = be_split(host.state, host.input).split;
  EXPECT_FALSE(split->pods[0].binds);
  EXPECT_TRUE(outside_wants(split, host.input, with_quota(), true).wants.empty());
}

TEST(BeSplit, APodThatIsNotHeldCountsWithWhatItUses) {
  SplitHost host({"a"});
  host.pod(0).held = false;
  host.pod(0).used = MilliCpu(3000);
  const auto split = host.next();
  EXPECT_EQ(split.outside, MilliCpu(3000));
  EXPECT_EQ(split.root, MilliCpu(1000));
  EXPECT_EQ(split.not_held, 1);
  const auto wants = outside_wants(split, host.input, with_quota(), true);
  EXPECT_THAT(wants.features.at(0).why, HasSubstr("not held: 1"));
}

TEST(BeSplit, OnV1AContainerAboveThePartComesDownWithIt) {
  SplitHost host({"a"});
  host.pod(0).containers = {{"a-c0", MilliCpu(2000)}, {"a-c1", MilliCpu(100)}, {"a-c2", {}}};
  const auto split = host.next();
  const auto wants = outside_wants(split, host.input, with_quota(), true);
  ASSERT_EQ(wants.wants.size(), 2u);
  for (const auto& want : wants.wants) {
    EXPECT_EQ(want.value, cpu(1333));
    EXPECT_EQ(want.controller, model::Controller::kCpuSuppress);
    EXPECT_EQ(want.reason, Reason::kOutsideBe);
  }
  EXPECT_EQ(wants.wants[1].group.container_id, "a-c0");
}

TEST(BeSplit, TheFeatureSaysWhatTheyHaveOrWhyNothingIsDone) {
  SplitHost host({"a"});
  host.pod(0).used = MilliCpu(400);
  const auto split = host.next();
  const auto told = outside_wants(split, host.input, with_quota(), true).features;
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], (FeatureState{"cpuSuppress.outside", FeatureState::State::kActive,
                                   "BE pods outside the besteffort root: 1, with 500 of 4000 millicores; the root has "
                                   "3500"}));
  EXPECT_EQ(outside_wants({}, host.input, with_quota(), true).features.at(0).state, FeatureState::State::kInactive);
  const auto lacking = outside_wants(split, host.input, {}, true);
  EXPECT_TRUE(lacking.wants.empty());
  EXPECT_EQ(lacking.features.at(0).state, FeatureState::State::kUnsupported);
  EXPECT_TRUE(outside_wants(split, host.input, with_quota(), false).features.empty());
}

TEST(BeSplit, TheRootFallsAtOnceByWhatPodsHaveAndOtherwiseMovesWhenAWriteIsDue) {
  const auto root = [](std::int64_t in_force, std::int64_t outside, bool is_due, bool may_raise = true) {
    return rebalanced_root({.root = MilliCpu(2000),
                            .whole = MilliCpu(5000),
                            .in_force = MilliCpu(in_force),
                            .outside = MilliCpu(outside),
                            .is_due = is_due,
                            .may_raise = may_raise});
  };
  EXPECT_EQ(root(3010, 4000, false, false), MilliCpu(1990));
  EXPECT_EQ(root(3009, 3009, true), std::nullopt);
  EXPECT_EQ(root(3000, 3100, false), std::nullopt) << "what they are to have can wait";
  EXPECT_EQ(root(3000, 3100, true), MilliCpu(1900));
  EXPECT_EQ(root(3000, 3099, true), std::nullopt) << "less than 5 %";
  EXPECT_EQ(root(2900, 2900, true), MilliCpu(2100));
  EXPECT_EQ(root(2901, 2901, true), std::nullopt);
  EXPECT_EQ(root(1000, 1000, false), std::nullopt);
  EXPECT_EQ(root(1000, 1000, true, false), std::nullopt) << "missing data raises nothing";
}

TEST(BeSplit, BatchLimitsAndThePartSettleAtTheTighter) {
  const auto pod = test::pod_of("a", QosClass::kBe, KubeQos::kBurstable);
  const auto group = model::group_of(pod);
  const Want part{group, Knob::kCpuQuota, cpu(700), model::Controller::kCpuSuppress, Reason::kOutsideBe};
  for (const auto own : {500, 900}) {
    const Want batch{group, Knob::kCpuQuota, cpu(own), model::Controller::kBatchLimits, Reason::kBatchLimit};
    const auto settlement = settle({part, batch}, {}, {}, kNow);
    ASSERT_EQ(settlement.settled.size(), 1u);
    EXPECT_EQ(settlement.settled[0].value, cpu(std::min(own, 700)));
  }
}

}  // namespace
}  // namespace tideline::decide::test::be_split_test
