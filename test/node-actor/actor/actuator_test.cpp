#include "node-actor/actor/actuator.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/guard/journal_gate.h"
#include "node-actor/guard/lease.h"
#include "node-actor/guard/restore_class.h"
#include "node-actor/kernel/fd.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::actuator_test {
namespace {

using decide::HeldBack;
using decide::Settled;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Controller;
using model::Knob;
using model::KubeQos;
using model::Limit;
using model::MilliCpu;
using model::MonoTime;
using model::Reason;

const std::string kCpu = "sys/fs/cgroup/cpu/";
const std::string kPod = kCpu + "kubepods/besteffort/podj/";
const std::string kContainer = kPod + "c9/";

/// cgroup v1 with a batch pod "j" and its container "c9".
FixtureTree::Files files() {
  FixtureTree::Files all = kernel::test::v1_files() + FixtureTree::Files{{"proc/sys/kernel/random/boot_id", "boot\n"},
                                                                         {"sys/fs/cgroup/cpuset/cpuset.cpus", "0-3\n"}};
  for (const auto& group : {kPod, kContainer}) {
    all = all + FixtureTree::Files{{group + "cpu.cfs_quota_us", "-1\n"},
                                   {group + "cpu.cfs_period_us", "100000\n"},
                                   {group + "cpu.cfs_burst_us", "0\n"},
                                   {group + "cpu.shares", "1024\n"},
                                   {group + "cpu.idle", "0\n"},
                                   {group + "cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
                                   {group + "tasks", ""}};
  }
  return all;
}

class ActuatorTest : public testing::Test {
 protected:
  ActuatorTest() : tree_(files()), groups_(kernel::test::tree_of(tree_)) { start(); }

  /// A worker, with what an earlier one left in the journal.
  void start() {
    actuator_.reset();
    writer_.reset();
    gate_.reset();
    journal_.reset();
    auto journal = guard::Journal::open(state_.str(), "boot");
    if (!journal) throw std::runtime_error(journal.error().message());
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    auto lease = guard::Lease::take(state_.str());
    if (!lease) throw std::runtime_error(lease.error().message());
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    gate_ = std::make_unique<guard::JournalGate>(*journal_, *lease_, guard::declare_original);
    writer_ = std::make_unique<kernel::Writer>(groups_, *gate_);
    actuator_ = std::make_unique<Actuator>(groups_, *journal_, [this](const model::KernelWrite& write) {
      auto outcome = writer_->perform(write);
      if (outcome && outcome->changed)
        writes_.push_back(write.group.substr(write.group.rfind('/') + 1) + " " + write.value);
      if (outcome && written_) written_(write);
      return outcome;
    });
  }
  static Settled quota_of(const std::string& container, std::optional<MilliCpu> cpu) {
    const auto level = container.empty() ? model::GroupRef::Level::kPod : model::GroupRef::Level::kContainer;
    return {.group = {level, KubeQos::kBestEffort, model::PodUid("j"), container},
            .knob = Knob::kCpuQuota,
            .value = Limit{cpu},
            .controller = Controller::kBatchLimits,
            .reason = Reason::kBatchLimit,
            .overruled = {},
            .held_back = HeldBack::kNone,
            .held_by = {}};
  }
  static decide::Settlement both(std::optional<MilliCpu> cpu) {
    return {.settled = {quota_of("", cpu), quota_of("c9", cpu)}, .refused = {}, .hands_off = {}};
  }
  void apply(const decide::Settlement& settlement, std::int64_t second, bool unchanged = false) {
    writes_.clear();
    const auto done = actuator_->apply(settlement, MonoTime{second * 1'000'000'000}, unchanged,
                                       [this](const std::string& group) { return group == held_; });
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  std::string pod_quota() const { return tree_.read(kPod + "cpu.cfs_quota_us"); }

  FixtureTree tree_;
  test::TempDir state_;
  kernel::CgroupTree groups_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::JournalGate> gate_;
  std::unique_ptr<kernel::Writer> writer_;
  std::unique_ptr<Actuator> actuator_;
  std::vector<std::string> writes_;
  std::string held_ = "none";
  std::function<void(const model::KernelWrite&)> written_;  // after each write
};

TEST_F(ActuatorTest, WidensFromTheTopNarrowsFromTheBottomAndWritesNothingTwice) {
  apply(both(MilliCpu(500)), 1);
  EXPECT_THAT(writes_, testing::ElementsAre("c9 50000", "podj 50000"));
  apply(both(MilliCpu(500)), 2);
  EXPECT_THAT(writes_, testing::IsEmpty());
  apply(both(MilliCpu(800)), 3);
  EXPECT_THAT(writes_, testing::ElementsAre("podj 80000", "c9 80000"));
  EXPECT_EQ(actuator_->owned(), 2u);
}

TEST_F(ActuatorTest, WhatNobodyWantsAnyMoreIsAsItWas) {
  tree_.write(kPod + "cpu.cfs_quota_us", "77000\n");
  apply(both(MilliCpu(500)), 1);
  EXPECT_EQ(pod_quota(), "50000");
  apply({}, 2);
  EXPECT_EQ(pod_quota(), "77000");
  EXPECT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "-1");
  EXPECT_EQ(actuator_->owned(), 0u);
}

TEST_F(ActuatorTest, HeldBackIsNeitherWrittenNorTakenForUnwanted) {
  auto held = both(MilliCpu(500));
  for (auto& settled : held.settled)
    settled.held_back = HeldBack::kDryRun;
  apply(held, 1);
  EXPECT_EQ(pod_quota(), "-1\n");
}

TEST_F(ActuatorTest, SomebodyElsesValueIsAnsweredAtABoundedRate) {
  apply(both(MilliCpu(500)), 1);
  tree_.write(kPod + "cpu.cfs_quota_us", "99000\n");
  apply(both(MilliCpu(500)), 2);
  EXPECT_EQ(pod_quota(), "99000\n") << "not fought every round";
  apply(both(MilliCpu(500)), 31);
  EXPECT_EQ(pod_quota(), "50000");
  ASSERT_EQ(gate_->take_drifts().size(), 1u);
}

TEST_F(ActuatorTest, UnchangedWantsAreAnsweredAtTheSameTimesAsOthers) {
  apply(both(MilliCpu(500)), 1);
  tree_.write(kPod + "cpu.cfs_quota_us", "99000\n");
  for (int second = 2; second < 31; ++second)
    apply(both(MilliCpu(500)), second, true);
  EXPECT_EQ(pod_quota(), "99000\n");
  apply(both(MilliCpu(500)), 31, true);
  EXPECT_EQ(pod_quota(), "50000");
}

TEST_F(ActuatorTest, UnchangedWantsOfAGroupThatComesLaterAreWrittenThen) {
  auto settlement = both(MilliCpu(500));
  settlement.settled[1].group.container_id = "c10";
  apply(settlement, 1);
  EXPECT_THAT(writes_, testing::ElementsAre("podj 50000"));
  const std::string container = kPod + "c10/";
  for (const auto* file : {"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.stat"})
    tree_.write(container + file, tree_.read(kContainer + file));
  apply(settlement, 2, true);
  EXPECT_THAT(writes_, testing::ElementsAre("c10 50000"));
}

TEST_F(ActuatorTest, UnchangedWantsThatFailedAreTriedAgainAndTheProblemEnds) {
  const auto raw = tree_.read(kPod + "cpu.cfs_quota_us");
  tree_.write(kPod + "cpu.cfs_quota_us", "not a number\n");
  apply(both(MilliCpu(500)), 1);
  EXPECT_EQ(actuator_->problems().size(), 1u);
  tree_.write(kPod + "cpu.cfs_quota_us", raw);
  for (int second = 2; second < 11; ++second)
    apply(both(MilliCpu(500)), second, true);
  EXPECT_EQ(pod_quota(), raw);
  apply(both(MilliCpu(500)), 11, true);
  EXPECT_EQ(pod_quota(), "50000");
  apply(both(MilliCpu(500)), 12, true);
  EXPECT_TRUE(actuator_->problems().empty());
}

TEST_F(ActuatorTest, AValueThatWasThereAlreadyIsNotOurs) {
  tree_.write(kPod + "cpu.cfs_quota_us", "50000\n");
  apply({.settled = {quota_of("", MilliCpu(500))}, .refused = {}, .hands_off = {}}, 1);
  EXPECT_EQ(actuator_->owned(), 0u);
  tree_.write(kPod + "cpu.cfs_quota_us", "60000\n");
  apply({}, 2);
  EXPECT_EQ(pod_quota(), "60000\n");
}

TEST_F(ActuatorTest, WhatAnEarlierWorkerLeftIsPutBackUnlessWanted) {
  apply(both(MilliCpu(500)), 1);
  start();
  apply({.settled = {quota_of("", MilliCpu(500))}, .refused = {}, .hands_off = {}}, 2);
  EXPECT_EQ(pod_quota(), "50000");
  EXPECT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "-1");
  apply({}, 3);
  EXPECT_EQ(pod_quota(), "-1");
}

TEST_F(ActuatorTest, WhatAnEarlierWorkerNarrowedIsWidenedFromTheTop) {
  apply(both(MilliCpu(500)), 1);
  start();
  apply({}, 100);
  EXPECT_THAT(writes_, testing::ElementsAre("podj -1", "c9 -1"));
}

TEST_F(ActuatorTest, APodThatIsNotThereYetIsNoProblem) {
  auto settlement = both(MilliCpu(500));
  settlement.settled[0].group.pod = model::PodUid("later");
  apply(settlement, 1);
  EXPECT_TRUE(actuator_->problems().empty());
  EXPECT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "50000");
}

TEST_F(ActuatorTest, AMissingKnobIsTheControllersProblem) {
  auto settlement = both(MilliCpu(500));
  settlement.settled[0].knob = Knob::kBvtWarp;
  settlement.settled[0].value = model::Number{-1};
  settlement.settled[0].controller = Controller::kCpuQos;
  apply(settlement, 1);
  ASSERT_EQ(actuator_->problems().size(), 1u);
  EXPECT_THAT(actuator_->problems().at(Controller::kCpuQos).message(), testing::HasSubstr("cpu.bvt_warp_ns"));
  EXPECT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "50000") << "the others go on";
}

TEST_F(ActuatorTest, MakesRoomForALowerLimitOnTheRootContainersFirst) {
  apply(both(MilliCpu(500)), 1);
  writes_.clear();
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(300)).ok());
  EXPECT_THAT(writes_, testing::ElementsAre("c9 -1", "podj -1"));
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(200)).ok());
  EXPECT_EQ(writes_.size(), 2u) << "a limit that falls further finds no quota above it";
  apply(both(MilliCpu(500)), 2, true);
  EXPECT_THAT(writes_, testing::ElementsAre("c9 50000", "podj 50000"))
      << "back as soon as it is wanted, and less than none comes to containers first";
}

TEST_F(ActuatorTest, QuotasAreReckonedByThePeriodEachGroupHasNow) {
  tree_.write(kPod + "cpu.cfs_period_us", "50000\n");
  apply(both(MilliCpu(500)), 1);
  EXPECT_THAT(writes_, testing::ElementsAre("c9 50000", "podj 25000"));
  tree_.write(kContainer + "cpu.cfs_period_us", "200000\n");
  writes_.clear();
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(400)).ok());
  EXPECT_THAT(writes_, testing::ElementsAre("podj -1")) << "the container's is 250 by the period it has now";
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(200)).ok());
  EXPECT_THAT(writes_, testing::ElementsAre("podj -1", "c9 -1"));
  tree_.write(kPod + "cpu.cfs_period_us", "100000\n");
  apply(both(MilliCpu(500)), 2);
  EXPECT_THAT(writes_, testing::UnorderedElementsAre("podj 50000", "c9 100000"));
}

TEST_F(ActuatorTest, AGroupMadeAgainIsReadAnewAlsoWhereItsQuotaMoved) {
  const auto wants = [&](int milli) {
    return decide::Settlement{.settled = {quota_of("c9", MilliCpu(milli))}, .refused = {}, .hands_off = {}};
  };
  apply(wants(500), 1);
  apply(wants(600), 2);
  apply(wants(700), 3);
  ASSERT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "70000");
  tree_.remove(kContainer);
  apply(wants(800), 4);
  EXPECT_THAT(writes_, testing::IsEmpty()) << "there is no such group";
  tree_.write(kContainer + "cpu.cfs_quota_us", "80000\n");
  tree_.write(kContainer + "cpu.cfs_period_us", "200000\n");
  tree_.write(kContainer + "cpu.stat", "");
  apply(wants(800), 5);
  EXPECT_THAT(writes_, testing::ElementsAre("c9 160000")) << "by the period of the new one";
  apply(wants(900), 6);
  apply(wants(1000), 7);
  tree_.remove(kContainer);
  tree_.write(kContainer + "cpu.cfs_quota_us", "-1\n");
  tree_.write(kContainer + "cpu.cfs_period_us", "100000\n");
  tree_.write(kContainer + "cpu.stat", "");
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(300)).ok());
  EXPECT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "-1\n") << "the new one has no quota to be lowered";
  apply(wants(1000), 8);
  apply(wants(1100), 9);
  EXPECT_EQ(tree_.read(kContainer + "cpu.cfs_quota_us"), "110000");
}

TEST_F(ActuatorTest, MakesRoomBelowOthersQuotasTooAndGivesThemBack) {
  tree_.write(kPod + "cpu.cfs_quota_us", "800000\n");
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(300)).ok());
  EXPECT_EQ(pod_quota(), "-1");
  apply({}, 1);
  EXPECT_EQ(pod_quota(), "800000");
}

TEST_F(ActuatorTest, AHoldKeepsOnlyItsOwnGroupFromGoingBack) {
  const std::string other = kCpu + "kubepods/besteffort/podk/";
  for (const auto* file : {"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.stat"})
    tree_.write(other + file, tree_.read(kPod + file));
  tree_.write(kPod + "cpu.cfs_quota_us", "800000\n");
  tree_.write(other + "cpu.cfs_quota_us", "700000\n");
  ASSERT_TRUE(actuator_->lift_be_quotas(MilliCpu(300)).ok());
  ASSERT_EQ(tree_.read(other + "cpu.cfs_quota_us"), "-1");

  held_ = "kubepods/besteffort/podj";
  const decide::HandsOff hold{quota_of("", {}).group, MonoTime{INT64_MAX}, "ann", "tuning"};
  apply({.settled = {}, .refused = {}, .hands_off = {hold}}, 1);
  EXPECT_EQ(tree_.read(other + "cpu.cfs_quota_us"), "700000");
  EXPECT_EQ(pod_quota(), "-1");
  EXPECT_TRUE(actuator_->problems().empty()) << "a hold is no failure";

  held_ = "none";
  apply({}, 2);
  EXPECT_EQ(pod_quota(), "800000") << "in the round that sees its end";
}

/// Sets of the besteffort root, a pod that copied the narrow one, and its container.
class NewbornGroup : public ActuatorTest {
 protected:
  NewbornGroup() {
    for (const auto* group : {"", "podj/", "podj/c9/"})
      tree_.write(kRoot + group + "cpuset.cpus", "0-3\n");
    apply({.settled = {set_of(model::root_of(KubeQos::kBestEffort), {3})}, .refused = {}, .hands_off = {}}, 1);
    EXPECT_THAT(writes_, testing::ElementsAre("besteffort 3"));
    for (const auto* group : {"podj/", "podj/c9/"})
      tree_.write(kRoot + group + "cpuset.cpus", "3\n");
    // Each level is told of once the one above is back.
    written_ = [this](const model::KernelWrite& write) {
      if (write.group.ends_with("besteffort")) actuator_->inherit({taken_over("podj")});
      if (write.group.ends_with("podj")) actuator_->inherit({taken_over("podj/c9")});
    };
  }
  /// Its file, which now has a record.
  std::string taken_over(const std::string& group) const {
    const auto directory = tree_.path(kRoot + group);
    const auto held = kernel::open_directory(directory);
    if (!held) throw std::runtime_error(held.error().message());
    const kernel::FileIdentity file{.path = directory + "/cpuset.cpus", .device = held->device, .inode = held->inode};
    if (!journal_->record(file, "0-3", "3", guard::RestoreClass::kRestore)) throw std::runtime_error(file.path);
    journal_->intend(file, "3", "3");
    return file.path;
  }
  static Settled set_of(const model::GroupRef& group, model::CpuSet cpus) {
    return {.group = group,
            .knob = Knob::kCpuset,
            .value = std::move(cpus),
            .controller = Controller::kCpuset,
            .reason = Reason::kSharePool,
            .overruled = {},
            .held_back = HeldBack::kNone,
            .held_by = {}};
  }
  static decide::Settlement container_on(model::CpuSet cpus) {
    return {.settled = {set_of({model::GroupRef::Level::kContainer, KubeQos::kBestEffort, model::PodUid("j"), "c9"},
                               std::move(cpus))},
            .refused = {},
            .hands_off = {}};
  }
  const std::string kRoot = "sys/fs/cgroup/cpuset/kubepods/besteffort/";
};

TEST_F(NewbornGroup, GoesBackWithTheRootAndAllThatLiesInIt) {
  apply({}, 2);
  EXPECT_THAT(writes_, testing::ElementsAre("besteffort 0-3", "podj 0-3", "c9 0-3"));
}

TEST_F(NewbornGroup, HasItsCpusBackBeforeItsContainerGetsOthers) {
  apply(container_on({1, 2}), 2);
  EXPECT_THAT(writes_, testing::ElementsAre("besteffort 0-3", "podj 0-3", "c9 1-2"))
      << "the kernel would refuse what the pod does not have";
}

TEST_F(NewbornGroup, AContainerThatWasWantedAsItWasBornGoesBackOnceItIsNot) {
  apply(container_on({3}), 2);
  EXPECT_THAT(writes_, testing::ElementsAre("besteffort 0-3", "podj 0-3"));
  apply({}, 3);
  EXPECT_THAT(writes_, testing::ElementsAre("c9 0-3"));
}

TEST_F(ActuatorTest, WhatSomebodyElseChangedIsNotTakenBack) {
  tree_.write(kPod + "cpu.cfs_quota_us", "77000\n");
  apply(both(MilliCpu(500)), 1);
  tree_.write(kPod + "cpu.cfs_quota_us", "400000\n");  // a resize in place
  apply({}, 2);
  EXPECT_EQ(pod_quota(), "400000\n");
}

TEST_F(ActuatorTest, AGroupThatIsIdleNoMoreHasItsOwnWeightAgain) {
  auto idle = quota_of("", MilliCpu(0));
  idle.knob = Knob::kCpuIdle;
  idle.value = model::Number{1};
  tree_.write(kPod + "cpu.shares", "2\n");
  apply({.settled = {idle}, .refused = {}, .hands_off = {}}, 1);
  EXPECT_EQ(tree_.read(kPod + "cpu.idle"), "1");
  tree_.write(kPod + "cpu.shares", "3\n");  // as the kernel does
  apply({}, 2);
  EXPECT_EQ(tree_.read(kPod + "cpu.idle"), "0");
  EXPECT_EQ(tree_.read(kPod + "cpu.shares"), "2");
  EXPECT_THAT(writes_, testing::ElementsAre("podj 0", "podj 2"));
}

TEST_F(ActuatorTest, TheWeightThatAnEarlierWorkerWroteComesBackWithIdleAndNotBefore) {
  auto weight = quota_of("", MilliCpu(0));
  weight.knob = Knob::kCpuWeight;
  weight.value = model::Number{20};
  apply({.settled = {weight}, .refused = {}, .hands_off = {}}, 1);
  auto idle = weight;
  idle.knob = Knob::kCpuIdle;
  idle.value = model::Number{1};
  weight.held_back = HeldBack::kIdle;
  const decide::Settlement both_wanted{.settled = {weight, idle}, .refused = {}, .hands_off = {}};
  apply(both_wanted, 2);
  start();
  for (const int second : {100, 120, 140}) {
    apply(both_wanted, second);
    EXPECT_THAT(writes_, testing::IsEmpty()) << "the kernel takes no weight of an idle group";
  }
  apply({}, 200);
  EXPECT_EQ(tree_.read(kPod + "cpu.idle"), "0");
  EXPECT_EQ(tree_.read(kPod + "cpu.shares"), "1024");
}

TEST_F(ActuatorTest, AFencedWorkerStops) {
  auto other = guard::Lease::take(state_.str());
  ASSERT_TRUE(other.ok());
  const auto done = actuator_->apply(both(MilliCpu(500)), MonoTime{1});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), model::ErrorCode::kFenced);
  EXPECT_EQ(pod_quota(), "-1\n");
}

}  // namespace
}  // namespace tideline::node::actuator_test
