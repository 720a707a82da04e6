#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/clock/clock.h"
#include "node-actor/actor/hands_off_file.h"
#include "node-actor/actor/link_actor.h"
#include "node-actor/actor/node_loop.h"
#include "node-actor/guard/lease.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::hands_off_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using decide::Hold;
using model::Duration;
using model::FeatureState;
using model::Reason;
using std::chrono::hours;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kQuota = "sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_quota_us";
const std::string kPeriod = "sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_period_us";

model::HandsOff order(Duration remaining = hours(2), const std::string& group = "kubepods/besteffort") {
  return {group, remaining, false, "ann", "tuning"};
}
std::vector<Hold> holds(const std::vector<model::HandsOff>& ordered) {
  return decide::holds_of(ordered, clock::mono_now(), clock::wall_now());
}
std::vector<Hold> release() {
  return holds({{"", std::nullopt, true, "bob", "debugging"}});
}

/// One host of 4 CPUs on which nothing runs, so that 65 % of it is 2600 millicores.
class HandsOffLoop : public testing::Test {
 protected:
  void SetUp() override {
    auto lease = guard::Lease::take(state_.str());
    auto journal = guard::Journal::open(state_.str(), "boot");
    ASSERT_TRUE(lease.ok() && journal.ok());
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    NodeConfig config;
    config.kernel = kernel::KernelRoot::below(tree_.str());
    config.state_dir = state_.str();
    auto loop = NodeLoop::open(config, *journal_, *lease_);
    ASSERT_TRUE(loop.ok()) << loop.error().message();
    loop_ = std::move(*loop);
    model::NodePolicy policy;
    policy.threshold.enable = true;
    policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
    loop_->set_policy(policy);
  }
  void rounds() {
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(loop_->fast_round().ok());
      loop_->pod_round();
    }
    ASSERT_TRUE(loop_->fast_round().ok());
  }
  FeatureState suppress() const {
    for (auto& feature : loop_->status().features) {
      if (feature.feature == "cpuSuppress") return feature;
    }
    return {};
  }
  std::vector<std::string> told(Reason reason) {
    std::vector<std::string> all;
    for (const auto& event : loop_->take_events()) {
      if (event.reason == reason) all.push_back(event.subject + ": " + event.old_value + " -> " + event.new_value);
    }
    return all;
  }

  FixtureTree tree_{kernel::test::v1_files() + FixtureTree::Files{{"sys/devices/system/cpu/online", "0-3\n"},
                                                                  {"proc/sys/kernel/random/boot_id", "boot\n"},
                                                                  {"proc/sys/kernel/osrelease", "6.18.1\n"},
                                                                  {"proc/sys/kernel/hostname", "host\n"}}};
  test::TempDir state_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<NodeLoop> loop_;
};

TEST_F(HandsOffLoop, NothingIsWrittenBelowAHeldGroupAndTheFeatureSaysWhy) {
  ASSERT_TRUE(loop_->set_hands_off(holds({order()})).ok());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "-1\n");
  EXPECT_EQ(suppress().state, FeatureState::State::kInactive);
  EXPECT_THAT(suppress().why, HasSubstr("hands off until "));
  EXPECT_THAT(suppress().why, HasSubstr(" by ann: tuning"));
  EXPECT_THAT(told(Reason::kHandsOff), testing::ElementsAre("kubepods/besteffort:  -> hands off by ann: tuning"));

  ASSERT_TRUE(loop_->set_hands_off({}).ok());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "2600000");
  EXPECT_EQ(suppress().state, FeatureState::State::kActive);
  EXPECT_THAT(told(Reason::kHandsOff), testing::ElementsAre("kubepods/besteffort: hands off by ann: tuning -> ended"));
}

TEST_F(HandsOffLoop, WhatAnOperatorSetsMeanwhileStays) {
  rounds();
  ASSERT_EQ(tree_.read(kQuota), "2600000");
  ASSERT_TRUE(loop_->set_hands_off(holds({order()})).ok());
  tree_.write(kQuota, "777000\n");
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "777000\n");
}

TEST_F(HandsOffLoop, AHoldOfAnotherGroupChangesNothing) {
  ASSERT_TRUE(loop_->set_hands_off(holds({order(hours(1), "kubepods/burstable")})).ok());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "2600000");
}

TEST_F(HandsOffLoop, ExpiresByItselfAndSaysSo) {
  auto ordered = holds({order()});
  ASSERT_TRUE(loop_->set_hands_off(ordered).ok());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "-1\n");
  ordered[0].until = clock::mono_now();
  ASSERT_TRUE(loop_->set_hands_off(ordered).ok());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "2600000");
  EXPECT_THAT(loop_->hands_off(), IsEmpty());
  EXPECT_THAT(told(Reason::kHandsOff), Contains("kubepods/besteffort: hands off by ann: tuning -> expired"));
}

TEST_F(HandsOffLoop, ReleasePutsAllBackAndStaysPassiveUntilResumed) {
  rounds();
  ASSERT_EQ(tree_.read(kQuota), "2600000");
  ASSERT_EQ(tree_.read(kPeriod), "1000000");
  loop_->take_events();
  ASSERT_TRUE(loop_->set_hands_off(release()).ok());
  EXPECT_EQ(tree_.read(kQuota), "-1");
  EXPECT_EQ(tree_.read(kPeriod), "100000");
  EXPECT_THAT(told(Reason::kRelease), Contains("kubepods/besteffort/cpu.cfs_quota_us: 2600000 -> -1"));
  EXPECT_THAT(journal_->records(), IsEmpty());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "-1");
  EXPECT_EQ(suppress().why, "released by bob: debugging");

  // What is there at the resumption is what the next limit gives back.
  tree_.write(kQuota, "350000\n");
  ASSERT_TRUE(loop_->set_hands_off({}).ok());
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "260000");
  loop_->set_policy(model::NodePolicy{});
  rounds();
  EXPECT_EQ(tree_.read(kQuota), "350000");
}

TEST_F(HandsOffLoop, FencedLoopReleasesNothing) {
  rounds();
  ASSERT_EQ(tree_.read(kQuota), "2600000");
  ASSERT_TRUE(guard::Lease::take(state_.str()).ok());
  const auto released = loop_->set_hands_off(release());
  ASSERT_FALSE(released.ok());
  EXPECT_EQ(released.error().code(), model::ErrorCode::kFenced);
  EXPECT_EQ(tree_.read(kQuota), "2600000");
}

TEST_F(HandsOffLoop, TellsRestoresOfBeforeByTheNameThatWritesHave) {
  model::Event event{{1000}, model::Controller::kGuard, Reason::kSafeState, tree_.str() + "/" + kQuota, "5", "-1"};
  auto elsewhere = event;
  elsewhere.subject = "/tmp/elsewhere/cpu.max";
  loop_->tell({.records = {{1, event}, {2, elsewhere}}, .lost = 0});
  const auto events = loop_->take_events();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].subject, "kubepods/besteffort/cpu.cfs_quota_us");
  EXPECT_EQ(events[1].subject, "/tmp/elsewhere/cpu.max");
}

constexpr model::MonoTime kMono{5'000'000'000};
constexpr model::WallTime kWall{1'772'366'400'000};

TEST(HandsOffFile, ComesBackAsItWasOnTheSameBoot) {
  const test::TempDir dir;
  EXPECT_THAT(*load_hands_off(dir.str(), "boot", kMono, kWall), IsEmpty());
  const auto kept = decide::holds_of({order(), {"", std::nullopt, true, "bob", "debugging"}}, kMono, kWall);
  ASSERT_TRUE(keep_hands_off(dir.str(), "boot", kept).ok());
  const auto back = load_hands_off(dir.str(), "boot", kMono + hours(1), {0});
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, kept) << "whatever the wall clock says";
  EXPECT_THAT(*load_hands_off(dir.str(), "boot", kMono + hours(2), kWall), SizeIs(1)) << "one is over";
}

TEST(HandsOffFile, AfterARebootTheWallClockCountsAndGivesNoMoreThanWasOrdered) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_hands_off(dir.str(), "boot", decide::holds_of({order()}, kMono, kWall)).ok());
  const auto left = [&](std::int64_t wall_ms) -> Duration {
    const auto back = load_hands_off(dir.str(), "other", {1000}, {wall_ms});
    return back && !back->empty() ? *back->front().until - model::MonoTime{1000} : Duration(0);
  };
  EXPECT_EQ(left(kWall.ms + 3'600'000), Duration(hours(1)));
  EXPECT_EQ(left(0), Duration(hours(2)));
  EXPECT_EQ(left(kWall.ms + 3 * 3'600'000), Duration(0));
}

TEST(HandsOffFile, DamageIsNamedAndNeverACrash) {
  test::TempDir dir;
  ASSERT_TRUE(keep_hands_off(dir.str(), "boot", decide::holds_of({order()}, kMono, kWall)).ok());
  const auto good = dir.read("hands-off");
  for (std::size_t length = 0; length < good.size(); ++length) {
    dir.write("hands-off", good.substr(0, length));
    const auto cut = load_hands_off(dir.str(), "boot", kMono, kWall);
    ASSERT_FALSE(cut.ok()) << length;
    EXPECT_THAT(cut.error().message(), HasSubstr(dir.str()));
  }
}

class HandsOffLink : public testing::Test {
 protected:
  test::TempDir dir_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
};

TEST_F(HandsOffLink, OrderIsOnDiskBeforeItIsWantedAndAnOldCoordinatorsIsRefused) {
  LinkOptions options{model::NodeName("n1"), "boot", dir_.str(), std::chrono::seconds(1), model::Epoch(10)};
  auto spool = spool::Spool::open(dir_.str() + "/spool", {}, "boot");
  ASSERT_TRUE(spool.ok());
  auto actor = system_.spawn<LinkActor>(std::move(options), std::make_shared<spool::Spool>(std::move(*spool)),
                                        std::make_shared<ClientPort>());
  caf::anon_send(actor, caf::actor_cast<caf::actor>(self_));
  caf::anon_send(actor, HandsOffArrived{{1, model::Epoch(9), {order(hours(1), "old")}}});
  caf::anon_send(actor, HandsOffArrived{{2, model::Epoch(10), {order()}}});
  std::optional<HandsOffWanted> wanted;
  self_->receive([&](const HandsOffWanted& message) { wanted = message; },
                 caf::after(std::chrono::seconds(60)) >> [] {});
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->number, 2u);
  ASSERT_THAT(wanted->holds, SizeIs(1));
  EXPECT_EQ(wanted->holds[0].what, order());
  EXPECT_EQ(*load_hands_off(dir_.str(), "boot", clock::mono_now(), clock::wall_now()), wanted->holds);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  self_->wait_for(actor);
  actor = nullptr;
}

}  // namespace
}  // namespace tideline::node::hands_off_test
