#include "node-actor/actor/oom_scores.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/guard/score_host.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::oom_scores_test {
namespace {

using namespace std::chrono_literals;
using model::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

/// BE pods "a" and "b" below burstable, whose processes kubelet gave 900; "ls" is none of ours.
class OomScoresTest : public testing::Test {
 protected:
  OomScoresTest() {
    for (const auto* uid : {"a", "b", "ls"}) {
      model::Pod pod;
      pod.uid = model::PodUid(uid);
      pod.kube_qos = model::KubeQos::kBurstable;
      pods_.push_back(std::move(pod));
    }
    wants_ = {{.pod = model::PodUid("a"), .score = 1000}, {.pod = model::PodUid("b"), .score = 1000}};
    host_.run_in(group("a"), 10, 100, 1, 900);
    host_.run_in(group("a") + "/c", 11, 110, 10, 900);
    host_.run_in(group("b"), 20, 200, 1, 900);
    host_.run_in(group("ls"), 30, 300, 1, -997);
    begin();
  }
  static std::string group(const std::string& uid) { return "kubepods/burstable/pod" + uid; }
  /// A worker that begins.
  void begin() {
    scores_ = std::make_unique<OomScores>(
        tree_, guard::OomScoreRecord::open(state_.str(), "boot"), [this] { return may_act_; },
        [this](model::Controller, model::Reason, const std::string& subject, const std::string& before,
               const std::string& after) { told_.push_back(subject + ": " + before + " -> " + after); });
  }
  model::Result<void> round() {
    return scores_->round({.wants = wants_,
                           .pods = pods_,
                           .held = [this](const model::PodUid& uid) { return held_.contains(uid.str()); },
                           .now = now_});
  }
  void step(model::Duration pause = 1s) {
    now_ = now_ + pause;
    const auto done = round();
    ASSERT_TRUE(done.ok()) << done.error().message();
  }

  test::TempDir state_;
  kernel::test::FixtureTree files_{kernel::test::v1_files()};
  kernel::CgroupTree tree_ = kernel::test::tree_of(files_);
  guard::ScoreHost host_{files_};
  std::vector<model::Pod> pods_;
  std::vector<decide::OomScoreWant> wants_;
  std::set<std::string> held_;
  bool may_act_ = true;
  std::unique_ptr<OomScores> scores_;
  std::vector<std::string> told_;
  model::MonoTime now_{1'000'000'000'000};
};

TEST_F(OomScoresTest, BatchGetsItsScoreAndOnReleaseItsOwnBack) {
  step();
  for (const int pid : {10, 11, 20})
    EXPECT_EQ(host_.score(pid), 1000) << pid;
  EXPECT_EQ(host_.score(30), -997);
  EXPECT_EQ(scores_->owned(), 3u);
  EXPECT_THAT(told_, ElementsAre("kubepods/burstable/poda oom_score_adj: 2 processes -> 1000",
                                 "kubepods/burstable/podb oom_score_adj: 1 processes -> 1000"));
  ASSERT_TRUE(scores_->release().ok());
  for (const int pid : {10, 11, 20})
    EXPECT_EQ(host_.score(pid), 900) << pid;
  EXPECT_EQ(scores_->owned(), 0u);
}

TEST_F(OomScoresTest, WhatHasTheScoreByItselfIsNotOurs) {
  host_.set(20, 1000);
  step();
  EXPECT_EQ(scores_->owned(), 2u);
  ASSERT_TRUE(scores_->release().ok());
  EXPECT_EQ(host_.score(20), 1000);
}

TEST_F(OomScoresTest, AChildThatInheritsItGetsBackWhatItsParentDoes) {
  step();
  host_.run_in(group("a"), 12, 120, 11, 1000);
  host_.run_in(group("a"), 13, 130, 1, 1000);
  step(30s);
  ASSERT_TRUE(scores_->release().ok());
  EXPECT_EQ(host_.score(12), 900);
  EXPECT_EQ(host_.score(13), 1000) << "its parent is not ours: it may have it by itself";
}

TEST_F(OomScoresTest, AChildThatWasNeverLookedAtGoesBackWithItsParent) {
  step();
  host_.run_in(group("b"), 21, 210, 20, 1000);
  wants_.pop_back();
  step();
  EXPECT_EQ(host_.score(20), 900);
  EXPECT_EQ(host_.score(21), 900);
  EXPECT_EQ(host_.score(10), 1000);
}

TEST_F(OomScoresTest, NewProcessesAreFoundInTimeAndWithNewContainersAtOnce) {
  step();
  host_.run_in(group("a"), 14, 140, 1, 900);
  step(29s);
  EXPECT_EQ(host_.score(14), 900);
  step(1s);
  EXPECT_EQ(host_.score(14), 1000);
  host_.run_in(group("b"), 21, 210, 1, 900);
  pods_[1].containers.push_back({});
  pods_[1].containers.back().id = "new";
  step(1s);
  EXPECT_EQ(host_.score(21), 1000);
}

TEST_F(OomScoresTest, WhatIsNoLongerWantedGoesBackInTheSameRound) {
  step();
  told_.clear();
  wants_.pop_back();
  step();
  EXPECT_EQ(host_.score(20), 900);
  EXPECT_EQ(host_.score(10), 1000);
  EXPECT_THAT(told_, ElementsAre("oom_score_adj: 1 processes -> their own"));
  wants_.clear();
  step();
  EXPECT_EQ(host_.score(10), 900);
  EXPECT_EQ(scores_->owned(), 0u);
}

TEST_F(OomScoresTest, TheNextWorkerKnowsThem) {
  step();
  begin();
  EXPECT_EQ(scores_->owned(), 3u);
  step();
  EXPECT_EQ(scores_->owned(), 3u);
  wants_.clear();
  step();
  for (const int pid : {10, 11, 20})
    EXPECT_EQ(host_.score(pid), 900) << pid;
}

TEST_F(OomScoresTest, ProcessesThatEndedOrBelongToSomebodyElseByNowAreForgotten) {
  step();
  host_.end(11);
  host_.set(20, 200);
  held_ = {"b"};
  step(30s);
  EXPECT_EQ(scores_->owned(), 1u);
  ASSERT_TRUE(scores_->release().ok());
  EXPECT_EQ(host_.score(20), 200);
}

TEST_F(OomScoresTest, AHeldPodIsLeftAsItIs) {
  held_ = {"b"};
  step();
  EXPECT_EQ(host_.score(20), 900);
  held_ = {"a"};
  wants_.clear();
  step(30s);
  EXPECT_EQ(host_.score(10), 1000) << "not put back either";
  EXPECT_EQ(scores_->owned(), 2u);
}

TEST_F(OomScoresTest, AFencedWorkerWritesNothing) {
  may_act_ = false;
  const auto done = round();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(host_.score(10), 900);
}

TEST_F(OomScoresTest, WithoutARecordOnDiskNothingIsChanged) {
  // The file that becomes the record cannot be made.
  state_.write("oom-scores.new/inside", "");
  step();
  EXPECT_EQ(host_.score(10), 900);
  ASSERT_TRUE(scores_->problem());
  EXPECT_EQ(scores_->problem()->code(), ErrorCode::kUnavailable);
}

TEST_F(OomScoresTest, NothingWantedAndNothingKnownCostsNothing) {
  wants_.clear();
  may_act_ = false;
  EXPECT_TRUE(round().ok()) << "not even the lease is asked";
  EXPECT_THAT(told_, IsEmpty());
}

}  // namespace
}  // namespace tideline::node::oom_scores_test
