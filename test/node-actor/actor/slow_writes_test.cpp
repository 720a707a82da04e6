#include "node-actor/actor/slow_writes.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "node-actor/guard/journal_gate.h"
#include "node-actor/guard/lease.h"
#include "test/node-actor/guard/slow_fixture.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::node::slow_writes_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kPod = "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podb.slice";
const std::string kPodDir = "sys/fs/cgroup/" + kPod + "/";

/// A batch pod that uses 1000 bytes, 300 of them page cache.
FixtureTree::Files files() {
  return kernel::test::v2_files() +
         FixtureTree::Files{{kPodDir + "memory.high", "max\n"},
                            {kPodDir + "memory.max", "max\n"},
                            {kPodDir + "memory.current", "1000\n"},
                            {kPodDir + "memory.stat", "active_file 100\ninactive_file 200\n"}};
}

class SlowWritesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto lease = guard::Lease::take(state_.str());
    auto journal = guard::Journal::open(state_.str(), "boot");
    ASSERT_TRUE(lease.ok() && journal.ok());
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    gate_ = std::make_unique<guard::JournalGate>(*journal_, *lease_, [](const auto&, const std::string& original) {
      return guard::Declaration{guard::RestoreClass::kRestore, original};
    });
    writer_ = std::make_unique<kernel::Writer>(groups_, *gate_);
    // Without a program nothing can be written.
    writes_ = std::make_unique<SlowWrites>(
        groups_, *writer_, guard::SlowWriterConfig{.argv = {}, .state_dir = state_.str(), .epoch = lease_->epoch()});
  }
  static model::KernelWrite write(const std::string& file, const std::string& value) {
    return {kPod, file, value, model::Controller::kMemoryQos, model::Reason::kMemoryThrottle};
  }
  /// See test_slow_writer.cpp.
  void with_helper(const std::string& mode) {
    writes_ = std::make_unique<SlowWrites>(groups_, *writer_, guard::slow_config(mode, state_.str(), lease_->epoch()));
  }
  std::vector<SlowWrites::Refused> step(bool held = false, model::MonoTime now = {1}) {
    return writes_->step(now, [held](const std::string&) { return held; });
  }

  FixtureTree tree_{files()};
  kernel::CgroupTree groups_ = kernel::test::tree_of(tree_);
  test::TempDir state_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<guard::JournalGate> gate_;
  std::unique_ptr<kernel::Writer> writer_;
  std::unique_ptr<SlowWrites> writes_;
};

TEST_F(SlowWritesTest, OnlyLimitsOfMemoryBelowTheUseMayBlock) {
  EXPECT_TRUE(writes_->may_block(write("memory.high", "999")));
  EXPECT_TRUE(writes_->may_block(write("memory.max", "999")));
  EXPECT_FALSE(writes_->may_block(write("memory.high", "1000")));
  EXPECT_FALSE(writes_->may_block(write("memory.high", "max")));
  EXPECT_FALSE(writes_->may_block(write("memory.low", "0")));
  EXPECT_FALSE(writes_->may_block(write("cpu.weight", "1")));
  tree_.remove(kPodDir + "memory.current");
  EXPECT_FALSE(writes_->may_block(write("memory.high", "999"))) << "what is gone has nothing to reclaim";
}

TEST_F(SlowWritesTest, SuchAWriteIsJournaledAtOnceAndMadeByAnother) {
  const auto outcome = writes_->perform(write("memory.high", "700"));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_TRUE(outcome->changed);
  EXPECT_EQ(outcome->old_value, "max");
  EXPECT_EQ(tree_.read(kPodDir + "memory.high"), "max\n");
  ASSERT_THAT(journal_->records(), SizeIs(1));
  EXPECT_EQ(journal_->records()[0].original, "max");
  const auto refused = step();
  ASSERT_THAT(refused, SizeIs(1)) << "there is no program here";
  EXPECT_EQ(refused[0].write.value, "700");
  EXPECT_THAT(refused[0].why.message(), HasSubstr("no program"));
  EXPECT_EQ(writes_->waiting(), 0u);
}

TEST_F(SlowWritesTest, ALimitThatTheKernelWouldKillForIsNotWritten) {
  const auto refused = writes_->perform(write("memory.max", "699"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kUnavailable);
  EXPECT_THAT(journal_->records(), IsEmpty());
  EXPECT_TRUE(writes_->perform(write("memory.max", "700")).ok()) << "300 of its 1000 bytes are page cache";
  EXPECT_TRUE(writes_->perform(write("memory.high", "10")).ok()) << "memory.high kills nobody";
}

TEST_F(SlowWritesTest, ANewerValueTakesThePlaceOfOneThatWaits) {
  ASSERT_TRUE(writes_->perform(write("memory.high", "700")).ok());
  ASSERT_TRUE(writes_->perform(write("memory.high", "800")).ok());
  EXPECT_EQ(writes_->waiting(), 1u);
  EXPECT_FALSE(writes_->perform(write("memory.high", "800"))->changed) << "it waits already";
  writes_->withdraw(write("memory.high", "max"));
  EXPECT_EQ(writes_->waiting(), 0u) << "somebody else writes the file now";
  EXPECT_THAT(step(), IsEmpty());
}

TEST_F(SlowWritesTest, OneThatIsUnderWayEndsBeforeTheJournalHearsOfAnother) {
  with_helper("deaf");
  ASSERT_TRUE(writes_->perform(write("memory.high", "700")).ok());
  EXPECT_THAT(step(), IsEmpty());
  EXPECT_FALSE(writes_->perform(write("memory.high", "700"))->changed) << "it is on its way";
  ASSERT_EQ(writes_->waiting(), 1u);
  // In force at once, as on v2, and found so by the next one.
  tree_.write(kPodDir + "memory.high", "700\n");
  EXPECT_TRUE(writes_->perform(write("memory.high", "800"))->changed);
  EXPECT_EQ(writes_->waiting(), 1u) << "nobody writes 700 any more";
}

TEST_F(SlowWritesTest, AnOlderValueThatWaitsIsDroppedWhereTheFileHoldsWhatIsWanted) {
  tree_.write(kPodDir + "memory.high", "500\n");
  ASSERT_TRUE(writes_->perform(write("memory.high", "700")).ok());
  EXPECT_FALSE(writes_->perform(write("memory.high", "500"))->changed);
  EXPECT_EQ(writes_->waiting(), 0u);
}

TEST_F(SlowWritesTest, AHelperThatNobodyNeedsIsEnded) {
  with_helper("serve");
  ASSERT_TRUE(writes_->perform(write("memory.high", "700")).ok());
  ASSERT_TRUE(test::eventually(std::chrono::seconds(20), [&] {
    EXPECT_THAT(step(), IsEmpty());
    return writes_->waiting() == 0;
  }));
  EXPECT_EQ(tree_.read(kPodDir + "memory.high"), "700");
  const auto late = model::MonoTime{1} + guard::SlowWriter::kIdle + std::chrono::seconds(1);
  EXPECT_TRUE(test::eventually(std::chrono::seconds(20), [&] {
    step(false, late);
    return ::waitpid(-1, nullptr, WNOHANG) < 0;
  }));
}

TEST_F(SlowWritesTest, AlibabasHighOfCgroupV1MayBlockToo) {
  const std::string pod = "kubepods/besteffort/podb";
  const std::string directory = "sys/fs/cgroup/memory/" + pod + "/";
  const FixtureTree v1{kernel::test::v1_files() + FixtureTree::Files{{directory + "memory.high", "max\n"},
                                                                     {directory + "memory.usage_in_bytes", "1000\n"}}};
  const auto groups = kernel::test::tree_of(v1);
  kernel::Writer writer(groups, *gate_);
  const SlowWrites writes(groups, writer, {.argv = {}, .state_dir = state_.str(), .epoch = lease_->epoch()});
  auto high = write("memory.high", "999");
  high.group = pod;
  EXPECT_TRUE(writes.may_block(high));
  high.value = "1000";
  EXPECT_FALSE(writes.may_block(high));
}

TEST_F(SlowWritesTest, WhatIsHeldMeanwhileIsNotWritten) {
  ASSERT_TRUE(writes_->perform(write("memory.high", "700")).ok());
  EXPECT_THAT(step(true), IsEmpty());
  EXPECT_EQ(writes_->waiting(), 0u);
}

TEST_F(SlowWritesTest, NoMoreThanABoundWait) {
  for (std::size_t i = 0; i < SlowWrites::kMostWaiting; ++i) {
    const auto group = kPod + "/c" + std::to_string(i);
    const auto directory = "sys/fs/cgroup/" + group + "/";
    tree_.write(directory + "memory.high", "max\n");
    auto each = write("memory.high", "700");
    each.group = group;
    ASSERT_TRUE(writes_->perform(each).ok());
  }
  const auto refused = writes_->perform(write("memory.high", "700"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kOverloaded);
}

}  // namespace
}  // namespace tideline::node::slow_writes_test
