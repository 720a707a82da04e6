// The limit on batch and somebody else who writes the same file, in virtual time.

#include "node-actor/actor/be_limit.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/quota.h"
#include "test/node-actor/decide/worked_host.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::be_limit_test {
namespace {

using namespace std::chrono_literals;
using decide::CurrentLimit;
using kernel::test::FixtureTree;
using model::MilliCpu;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;

const std::string kHierarchy = "sys/fs/cgroup/cpu/";
const std::string kQuota = kHierarchy + "kubepods/besteffort/cpu.cfs_quota_us";

/// Koordinator's worked host, where BE may use 8800 millicores. Its loop: each 100 ms a decision, each second what the
/// kernel holds.
class BeLimitTest : public testing::Test {
 protected:
  BeLimitTest() : groups_(kernel::test::tree_of(tree_)) {
    auto journal = guard::Journal::open(state_dir_.str(), "boot");
    if (!journal) throw std::runtime_error(journal.error().message());
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    limit_ = std::make_unique<BeLimit>(
        BeQuota(groups_, *journal_, kernel::kUsualPeriodUs, [this](const auto& write) { return perform(write); }),
        [](MilliCpu) { return model::Result<void>{}; });
    input_ = decide::test::worked_host(CurrentLimit::unknown());
  }

  model::Result<kernel::WriteOutcome> perform(const model::KernelWrite& write) {
    const auto path = kHierarchy + write.group + "/" + write.file;
    kernel::WriteOutcome outcome{.old_value = tree_.read(path), .changed = true};
    tree_.write(path, write.value + "\n");
    answers_.push_back(std::chrono::duration<double>(now_ - start_).count());
    return outcome;
  }
  void see() {
    model::HostCounters counters;
    counters.at = now_;
    counters.best_effort.inode = inode_;
    const auto quota = kernel::read_quota(groups_, "kubepods/besteffort");
    ASSERT_TRUE(quota.ok());
    counters.be_limit = quota->limit;
    counters.be_limit_known = true;
    if (const auto foreign = limit_->seen(counters)) told_.push_back(foreign->found);
  }
  /// `meddle` is called each second, before the kernel is read.
  void run(
      model::Duration length, const std::function<void()>& meddle = [] {}) {
    const auto end = now_ + length;
    for (; now_ < end; now_ = now_ + 100ms) {
      if ((now_ - start_) % 1s == model::kZeroDuration) {
        meddle();
        see();
      }
      input_.now = input_.pods->at = input_.fast->at = now_;
      input_.current = limit_->whole();
      input_.overwritten = limit_->overwritten(now_);
      auto step = decide::cpu_suppress_untold(state_, input_, policy_);
      state_ = std::move(step.state);
      if (!step.decision.write) continue;
      const auto limit = step.decision.limit;
      ASSERT_TRUE(limit_->limit(limit, limit, step.decision.reason, now_).ok());
    }
  }
  /// Until the limit is there and nobody has written over it.
  void settle() {
    run(10s);
    ASSERT_EQ(tree_.read(kQuota), "880000\n");
    ASSERT_THAT(told_, IsEmpty());
    answers_.clear();
    start_ = now_;
  }

  FixtureTree tree_{kernel::test::v1_files()};
  kernel::CgroupTree groups_;
  test::TempDir state_dir_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<BeLimit> limit_;
  decide::SuppressInput input_;
  decide::SuppressState state_;
  std::optional<model::NodePolicy> policy_ = decide::test::policy_of(model::SuppressPolicy::kCfsQuota);
  model::MonoTime start_{1'000'000'000'000};
  model::MonoTime now_ = start_;
  std::uint64_t inode_ = 7;
  std::vector<double> answers_;    // seconds since start_
  std::vector<std::string> told_;  // what was found
};

TEST_F(BeLimitTest, WhoTakesTheQuotaAwayEachSecondIsAnsweredAtOnceAndThenLessAndLess) {
  settle();
  run(200s, [&] { tree_.write(kQuota, "-1\n"); });
  EXPECT_THAT(answers_, ElementsAre(0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181));
  EXPECT_EQ(told_.size(), 12u) << "each once, and one that is not answered yet";
  EXPECT_THAT(told_, Each("-1"));
}

TEST_F(BeLimitTest, WhoGivesBatchLessHasHalfAMinuteEachTime) {
  settle();
  run(100s, [&] { tree_.write(kQuota, "100000\n"); });
  ASSERT_THAT(answers_, testing::SizeIs(Ge(3u)));
  EXPECT_THAT(answers_, Each(Ge(30)));
  // Each answer rises by the rules for rises, in a step or two.
  EXPECT_LE(answers_.size(), 6u);
  EXPECT_EQ(told_.size(), 4u);
}

TEST_F(BeLimitTest, ServicesThatNeedMoreAreNotKeptWaiting) {
  settle();
  run(2500ms, [&] { tree_.write(kQuota, "-1\n"); });
  ASSERT_TRUE(limit_->overwritten(now_)) << "the next answer is due after 3 s";
  input_.fast->node_cpu = MilliCpu(29'000);
  run(100ms);
  EXPECT_THAT(answers_, ElementsAre(0, 1, 2.5));
  EXPECT_EQ(tree_.read(kQuota), "380000\n");
}

TEST_F(BeLimitTest, OurOwnChangesAreNoDrift) {
  settle();
  for (const int ls : {14'000, 9000, 16'000, 10'000}) {
    input_.fast->node_cpu = input_.pods->node_cpu = MilliCpu(12'000 + ls);
    input_.pods->ls_cpu = MilliCpu(ls - 1000);
    run(12s);
  }
  EXPECT_THAT(answers_, testing::SizeIs(Ge(4u)));
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(BeLimitTest, AGroupThatWasMadeAgainIsLimitedAtOnceAndIsNoDrift) {
  settle();
  inode_ = 8;
  tree_.write(kQuota, "-1\n");
  run(1s);
  EXPECT_THAT(answers_, ElementsAre(0));
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(BeLimitTest, WhatIsWrittenDuringAHoldIsNotDefendedAgainst) {
  settle();
  tree_.write(kQuota, "100000\n");
  limit_->disown();
  see();
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_EQ(limit_->overwritten(now_), std::nullopt);
  EXPECT_EQ(limit_->whole(), CurrentLimit::of(MilliCpu(1000)));
}

}  // namespace
}  // namespace tideline::node::be_limit_test
