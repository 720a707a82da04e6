#include "node-actor/actor/unwritten.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::node::unwritten_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Controller;
using model::Limit;
using model::MilliCpu;
using model::Reason;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kPod = "sys/fs/cgroup/cpu/kubepods/besteffort/podj/";

/// cgroup v1 with a batch pod "j".
FixtureTree::Files with_batch_pod() {
  return kernel::test::v1_files() +
         FixtureTree::Files{{kPod + "cpu.cfs_quota_us", "20000\n"},
                            {kPod + "cpu.cfs_period_us", "100000\n"},
                            {kPod + "cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
                            {kPod + "tasks", ""}};
}

class UnwrittenTest : public testing::Test {
 protected:
  static decide::Want quota(std::int64_t milli, Controller controller, Reason reason) {
    return {{model::GroupRef::Level::kPod, model::KubeQos::kBestEffort, model::PodUid("j"), {}},
            model::Knob::kCpuQuota,
            Limit{MilliCpu(milli)},
            controller,
            reason};
  }
  void round(const std::vector<decide::Want>& wants, int second,
             const std::optional<decide::Aside>& suppress = std::nullopt, bool unchanged = false) {
    model::DryRun dry_run;
    dry_run.cpu_burst = true;
    told_.clear();
    const model::MonoTime now{(1000 + std::int64_t{second}) * 1'000'000'000};
    unwritten_.round(decide::settle(wants, dry_run, {}, now), suppress, now, unchanged);
  }

  FixtureTree tree_{with_batch_pod()};
  kernel::CgroupTree groups_ = kernel::test::tree_of(tree_);
  std::vector<std::string> told_;
  Unwritten unwritten_{groups_, [this](Controller controller, Reason reason, const std::string& subject,
                                       const std::string& before, const std::string& after) {
                         told_.push_back(std::string(name_of(controller)) + " " + std::string(name_of(reason)) + " " +
                                         subject + ": " + before + " -> " + after);
                       }};
};

TEST_F(UnwrittenTest, SaysWhatADryRunWouldWriteInTheFilesSpellingAndWhatIsThere) {
  const auto burst = quota(500, Controller::kCpuBurst, Reason::kThrottled);
  round({burst}, 0);
  EXPECT_THAT(told_, ElementsAre("cpu-burst dry-run kubepods/besteffort/podj/cpu.cfs_quota_us: 20000 -> "
                                 "50000 (throttled)"));
  EXPECT_EQ(tree_.read(kPod + "cpu.cfs_quota_us"), "20000\n") << "nothing is written";
  round({burst}, 1);
  EXPECT_THAT(told_, IsEmpty());
  round({}, 61);
  EXPECT_THAT(told_, ElementsAre("cpu-burst dry-run kubepods/besteffort/podj/cpu.cfs_quota_us: 20000 -> "))
      << "it would no longer";
}

TEST_F(UnwrittenTest, SaysWhoWasOverruled) {
  const auto bound = quota(300, Controller::kCpuset, Reason::kBoundCpus);
  round({quota(500, Controller::kBatchLimits, Reason::kBatchLimit), bound}, 0);
  EXPECT_THAT(told_, ElementsAre("batch-limits overruled kubepods/besteffort/podj/cpu.cfs_quota_us: 20000 -> "
                                 "50000 (batch-limit)"));
}

TEST_F(UnwrittenTest, SaysWhatCpuSuppressWouldPutOnTheRoot) {
  const decide::Aside limit{{{model::root_of(model::KubeQos::kBestEffort), model::Knob::kCpuQuota},
                             decide::AsideKey::Kind::kDryRun,
                             Controller::kCpuSuppress},
                            Limit{MilliCpu(2600)},
                            Reason::kThresholdFormula};
  round({}, 0, limit);
  EXPECT_THAT(told_, ElementsAre("cpu-suppress dry-run kubepods/besteffort/cpu.cfs_quota_us: -1 -> "
                                 "260000 (threshold-formula)"));
  auto moved = limit;
  for (int second = 1; second < 60; ++second) {
    moved.value = Limit{MilliCpu(2600 + second)};
    round({}, second, moved, true);
    EXPECT_THAT(told_, IsEmpty()) << "it follows the load, and is told once a minute";
  }
  round({}, 60, moved, true);
  EXPECT_THAT(told_, testing::SizeIs(1));
  round({}, 120, std::nullopt, true);
  EXPECT_THAT(told_, testing::SizeIs(1)) << "it would be written no longer";
}

TEST_F(UnwrittenTest, OfAGroupThatIsGoneNothingHoldsAnyMore) {
  round({quota(500, Controller::kCpuBurst, Reason::kThrottled)}, 0);
  std::filesystem::rename(tree_.path("sys/fs/cgroup/cpu/kubepods/besteffort/podj"),
                          tree_.path("sys/fs/cgroup/cpu/elsewhere"));
  round({quota(700, Controller::kCpuBurst, Reason::kThrottled)}, 61);
  EXPECT_THAT(told_, ElementsAre("cpu-burst dry-run kubepods/besteffort/podj/cpu.cfs_quota_us:  -> "));
  round({}, 122);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(UnwrittenTest, AGroupThatComesLaterIsToldOfThen) {
  const auto burst = quota(500, Controller::kCpuBurst, Reason::kThrottled);
  const auto group = tree_.path("sys/fs/cgroup/cpu/kubepods/besteffort/podj");
  std::filesystem::rename(group, tree_.path("sys/fs/cgroup/cpu/elsewhere"));
  round({burst}, 0);
  EXPECT_THAT(told_, IsEmpty());
  std::filesystem::rename(tree_.path("sys/fs/cgroup/cpu/elsewhere"), group);
  round({burst}, 10);
  EXPECT_THAT(told_, testing::SizeIs(1));
}

}  // namespace
}  // namespace tideline::node::unwritten_test
