// Relief's limit on plain files, with a slow writer that is a real process: its answers are waited for while `now_`
// stands still.

#include "node-actor/actor/be_memory.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/actor/safe_state.h"
#include "node-actor/guard/journal_gate.h"
#include "node-actor/guard/restore.h"
#include "test/node-actor/guard/slow_fixture.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::be_memory_test {
namespace {

using namespace std::chrono_literals;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Bytes;
using model::ErrorCode;
using model::Reason;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kNone = "9223372036854771712";
const std::string kV1 = "sys/fs/cgroup/memory/kubepods/besteffort/";
const std::string kV2 = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";

constexpr Bytes mib(std::int64_t count) {
  return Bytes(count << 20);
}
std::string text(std::int64_t count) {
  return std::to_string(count << 20);
}

/// A besteffort root that uses 600 MiB, 400 of them page cache.
FixtureTree::Files v1_host() {
  return kernel::test::v1_files() +
         FixtureTree::Files{{kV1 + "memory.limit_in_bytes", std::string(kNone) + "\n"},
                            {kV1 + "memory.usage_in_bytes", text(600) + "\n"},
                            {kV1 + "memory.stat", "total_inactive_file " + text(400) + "\ntotal_active_file 0\n"}};
}
FixtureTree::Files v2_host() {
  return kernel::test::v2_files() + FixtureTree::Files{{kV2 + "memory.high", "max\n"},
                                                       {kV2 + "memory.current", text(600) + "\n"},
                                                       {kV2 + "memory.reclaim", ""}};
}

class BeMemoryTest : public testing::Test {
 protected:
  explicit BeMemoryTest(const FixtureTree::Files& files = v1_host())
      : files_(files), tree_(kernel::test::tree_of(files_)) {
    begin();
  }

  /// Of a worker that begins.
  void begin() {
    memory_.reset();
    slow_.reset();
    lease_ = std::make_unique<guard::Lease>(std::move(*guard::Lease::take(state_.str())));
    auto journal = guard::Journal::open(state_.str(), "boot");
    if (!journal) throw std::runtime_error(journal.error().message());
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    gate_ = std::make_unique<guard::JournalGate>(*journal_, *lease_,
                                                 [this](const model::KernelWrite& write, const std::string& original) {
                                                   return safe_state_of(tree_, model::MilliCpu(20), write, original);
                                                 });
    writer_ = std::make_unique<kernel::Writer>(tree_, *gate_);
    slow_ = std::make_unique<guard::SlowWriter>(guard::slow_config(helper_, state_.str(), lease_->epoch()));
    memory_ = std::make_unique<BeMemory>(
        tree_, *journal_, *slow_,
        [this](const model::KernelWrite& write) {
          auto outcome = writer_->perform(write);
          if (outcome && outcome->changed) writes_.push_back(outcome->old_value + " -> " + write.value);
          return outcome;
        },
        [this](const model::KernelWrite& write) { return writer_->prepare(write); },
        [this](const model::KernelWrite& write, const std::string& before) {
          writes_.push_back("slowly " + before + " -> " + write.value);
        });
  }
  /// tighten(), and what comes of it.
  void tighten(std::optional<Bytes> limit, Reason reason = Reason::kBeTightened) {
    const auto done = memory_->tighten(limit, reason, now_);
    ASSERT_TRUE(done.ok()) << done.error().message();
    settle();
  }
  std::optional<BeMemory::Reclaimed> settle() {
    for (int tries = 0; memory_->busy(); ++tries) {
      if (auto reclaimed = memory_->poll(now_)) return reclaimed;
      if (tries > 20'000) throw std::runtime_error("the slow writer said nothing");
      ::usleep(1000);
    }
    return memory_->poll(now_);
  }
  std::string limit_of_v1() const { return files_.read(kV1 + "memory.limit_in_bytes"); }
  std::string high() const { return files_.read(kV2 + "memory.high"); }
  void block(const std::string& path) const {
    files_.remove(path);
    ASSERT_EQ(::mkfifo(files_.path(path).c_str(), 0600), 0);
  }

  std::string helper_ = "serve";
  test::TempDir state_;
  FixtureTree files_;
  kernel::CgroupTree tree_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<guard::JournalGate> gate_;
  std::unique_ptr<kernel::Writer> writer_;
  std::unique_ptr<guard::SlowWriter> slow_;
  std::unique_ptr<BeMemory> memory_;
  std::vector<std::string> writes_;
  model::MonoTime now_{1'000'000'000'000};
};

class BeMemoryV2 : public BeMemoryTest {
 protected:
  BeMemoryV2() : BeMemoryTest(v2_host()) {}
};

TEST_F(BeMemoryV2, AFallIsTheSlowWritersAndARiseIsMadeAtOnce) {
  EXPECT_EQ(memory_->no_tighten(), "");
  EXPECT_EQ(memory_->no_reclaim(), "");
  tighten(mib(500));
  EXPECT_EQ(memory_->tightened(), mib(500));
  EXPECT_EQ(high(), text(500));
  tighten(mib(700));
  EXPECT_EQ(memory_->tightened(), mib(700));
  EXPECT_FALSE(memory_->busy()) << "a rise";
  tighten(std::nullopt);
  EXPECT_EQ(memory_->tightened(), std::nullopt);
  EXPECT_EQ(high(), "max");
  EXPECT_THAT(writes_,
              ElementsAre("slowly max -> " + text(500), text(500) + " -> " + text(700), text(700) + " -> max"));
  EXPECT_EQ(memory_->problem(), "");
}

TEST_F(BeMemoryV2, TheOriginalIsOnDiskBeforeTheSlowWriterIsAsked) {
  ASSERT_TRUE(memory_->tighten(mib(500), Reason::kBeTightened, now_).ok());
  EXPECT_TRUE(memory_->busy());
  const auto other = guard::Journal::open(state_.str(), "boot");
  ASSERT_EQ(other->records().size(), 1u);
  EXPECT_EQ(other->records()[0].original, "max");
  EXPECT_EQ(other->records()[0].restore_class, guard::RestoreClass::kRestore);
  EXPECT_EQ(other->ownership(other->records()[0].file, text(500)), guard::Ownership::kOurs);
  settle();
}

TEST_F(BeMemoryV2, ALimitOfItsOwnThatIsTighterStays) {
  files_.write(kV2 + "memory.high", text(300) + "\n");
  tighten(mib(500));
  EXPECT_EQ(memory_->tightened(), std::nullopt);
  EXPECT_EQ(high(), text(300) + "\n");
  EXPECT_THAT(writes_, IsEmpty());
  tighten(mib(200));
  EXPECT_EQ(high(), text(200));
  tighten(mib(400));
  EXPECT_EQ(high(), text(300)) << "never above what it had";
}

TEST_F(BeMemoryV2, TheNextWorkerTakesAnEarlierOnesLimitOver) {
  tighten(mib(500));
  begin();
  EXPECT_TRUE(memory_->inherited());
  EXPECT_EQ(memory_->tightened(), mib(500));
  tighten(std::nullopt);
  EXPECT_EQ(high(), "max");
  begin();
  EXPECT_FALSE(memory_->inherited());
}

TEST_F(BeMemoryV2, AValueOfSomebodyElseIsAnsweredOnceAndThenAtThePaceOfDrift) {
  tighten(mib(500));
  const auto meddle = [&] { files_.write(kV2 + "memory.high", "max\n"); };
  meddle();
  now_ = now_ + 500ms;
  tighten(mib(500));
  EXPECT_EQ(high(), "max\n") << "it is looked at once a second";
  now_ = now_ + 500ms;
  tighten(mib(500));
  EXPECT_EQ(high(), text(500));
  const auto told = memory_->take_overwritten();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->found, "max");
  EXPECT_EQ(told->ours, text(500));
  EXPECT_FALSE(memory_->take_overwritten());
  meddle();
  now_ = now_ + 1s;
  tighten(mib(500));
  EXPECT_EQ(high(), text(500));
  meddle();
  now_ = now_ + 1s;
  tighten(mib(500));
  EXPECT_EQ(high(), "max\n") << "two seconds after the second answer at the earliest";
  now_ = now_ + 1s;
  tighten(mib(500));
  EXPECT_EQ(high(), text(500));
}

TEST_F(BeMemoryV2, AValueThatIsNeitherOursNorTheOriginalTheGateTellsOf) {
  tighten(mib(500));
  files_.write(kV2 + "memory.high", text(800) + "\n");
  now_ = now_ + 1s;
  tighten(mib(500));
  EXPECT_EQ(high(), text(500));
  EXPECT_FALSE(memory_->take_overwritten());
  const auto drifts = gate_->take_drifts();
  ASSERT_EQ(drifts.size(), 1u);
  EXPECT_EQ(drifts[0].found, text(800));
}

TEST_F(BeMemoryV2, WhatSomebodyElseWroteIsTheirsOnceNothingIsWanted) {
  tighten(mib(500));
  files_.write(kV2 + "memory.high", text(123) + "\n");
  tighten(std::nullopt);
  EXPECT_EQ(high(), text(123) + "\n");
  EXPECT_EQ(memory_->tightened(), std::nullopt);
}

TEST_F(BeMemoryV2, AGroupThatIsGoneOrHasNoSuchFileIsNoError) {
  files_.remove(kV2);
  tighten(mib(500));
  EXPECT_EQ(memory_->problem(), "");
  EXPECT_EQ(memory_->reclaim(mib(8), now_).error().code(), ErrorCode::kNotFound);
  begin();
  EXPECT_EQ(memory_->no_tighten(), "") << "a group that is not there says nothing of the kernel";
  files_.write(kV2 + "memory.current", "0\n");
  begin();
  EXPECT_THAT(memory_->no_tighten(), HasSubstr("has no memory.high"));
  EXPECT_THAT(memory_->no_reclaim(), HasSubstr("has no memory.reclaim"));
  tighten(mib(500));
  EXPECT_EQ(memory_->reclaim(mib(8), now_).error().code(), ErrorCode::kUnsupported);
}

TEST_F(BeMemoryV2, AFencedWorkerIsToldToStop) {
  const auto other = guard::Lease::take(state_.str());
  const auto done = memory_->tighten(mib(500), Reason::kBeTightened, now_);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(high(), "max\n");
}

TEST_F(BeMemoryV2, ReclaimTellsWhatBecameOfIt) {
  ASSERT_TRUE(memory_->reclaim(mib(8), now_).ok());
  EXPECT_TRUE(memory_->busy());
  EXPECT_EQ(memory_->reclaim(mib(8), now_).error().code(), ErrorCode::kOverloaded);
  const auto reclaimed = settle();
  ASSERT_TRUE(reclaimed);
  EXPECT_EQ(reclaimed->asked, mib(8));
  EXPECT_EQ(reclaimed->freed, Bytes(0)) << "files free nothing";
  EXPECT_FALSE(reclaimed->error);
  EXPECT_EQ(files_.read(kV2 + "memory.reclaim"), text(8));
  EXPECT_TRUE(journal_->records().empty()) << "nothing to put back";
}

TEST_F(BeMemoryV2, ALimitGoesBeforeTheNextReclaim) {
  block(kV2 + "memory.reclaim");
  ASSERT_TRUE(memory_->reclaim(mib(8), now_).ok());
  ASSERT_TRUE(memory_->tighten(mib(500), Reason::kBeTightened, now_).ok());
  EXPECT_EQ(high(), "max\n") << "one at a time";
  now_ = now_ + 2s;
  const auto reclaimed = settle();
  ASSERT_TRUE(reclaimed);
  ASSERT_TRUE(reclaimed->error);
  EXPECT_THAT(reclaimed->error->message(), HasSubstr("deadline"));
  EXPECT_TRUE(memory_->busy()) << "with the limit";
  settle();
  EXPECT_EQ(high(), text(500));
  EXPECT_EQ(memory_->tightened(), mib(500));
}

TEST_F(BeMemoryTest, V1NeverGoesBelowTheUse) {
  tighten(mib(500));
  const auto slack = BeMemory::kV1Slack.value() >> 20;
  EXPECT_EQ(memory_->tightened(), mib(600 + slack));
  EXPECT_EQ(limit_of_v1(), text(600 + slack));
  files_.write(kV1 + "memory.usage_in_bytes", text(650) + "\n");
  tighten(mib(500));
  EXPECT_EQ(limit_of_v1(), text(600 + slack)) << "it does not rise with the use";
  files_.write(kV1 + "memory.usage_in_bytes", text(400) + "\n");
  tighten(mib(500));
  EXPECT_EQ(memory_->tightened(), mib(500));
  tighten(std::nullopt);
  EXPECT_EQ(limit_of_v1(), kNone);
}

TEST_F(BeMemoryTest, V1ReclaimMovesTheLimitAndTheJournalKnowsWhereTo) {
  ASSERT_TRUE(memory_->reclaim(mib(64), now_).ok());
  const auto record = journal_->records().at(0);
  EXPECT_EQ(record.original, kNone);
  EXPECT_EQ(record.restore_class, guard::RestoreClass::kRestore);
  EXPECT_EQ(journal_->ownership(record.file, text(536)), guard::Ownership::kOurs) << "where a killed one may leave it";
  const auto reclaimed = settle();
  ASSERT_TRUE(reclaimed);
  EXPECT_FALSE(reclaimed->error) << reclaimed->error->message();
  EXPECT_EQ(limit_of_v1(), kNone);
}

TEST_F(BeMemoryTest, V1WhereALimitBelowTheUseIsWantedAReclaimEndsThere) {
  tighten(mib(500));
  const auto reclaim = [&](std::int64_t count) {
    EXPECT_TRUE(memory_->reclaim(mib(count), now_).ok());
    const auto reclaimed = settle();
    EXPECT_TRUE(reclaimed && !reclaimed->error) << count;
  };
  reclaim(64);
  EXPECT_EQ(limit_of_v1(), text(536)) << "what BE would fill again is held";
  EXPECT_EQ(memory_->tightened(), mib(536));
  files_.write(kV1 + "memory.usage_in_bytes", text(536) + "\n");
  reclaim(64);
  EXPECT_EQ(limit_of_v1(), text(500)) << "and no further than is wanted";
  EXPECT_EQ(memory_->tightened(), mib(500));
  files_.write(kV1 + "memory.usage_in_bytes", text(500) + "\n");
  reclaim(64);
  EXPECT_EQ(limit_of_v1(), text(500)) << "from there it goes down and back";
  tighten(std::nullopt);
  EXPECT_EQ(limit_of_v1(), kNone);
  EXPECT_EQ(memory_->problem(), "");
}

TEST_F(BeMemoryTest, V1AReclaimThatComesShortLeavesTheLimitAsItWas) {
  files_.write(kV1 + "memory.stat", "total_inactive_file " + text(100) + "\ntotal_active_file 0\n");
  tighten(mib(500));
  const auto before = limit_of_v1();
  ASSERT_TRUE(memory_->reclaim(mib(64), now_).ok());
  const auto reclaimed = settle();
  ASSERT_TRUE(reclaimed);
  ASSERT_TRUE(reclaimed->error) << "it has no page cache of twice that";
  EXPECT_EQ(reclaimed->error->code(), ErrorCode::kOverloaded);
  EXPECT_EQ(limit_of_v1(), before);
  EXPECT_EQ(memory_->problem(), "") << "tightening goes on as it can";
}

TEST_F(BeMemoryTest, V1ReclaimThatDiesLeavesNoLimitBehind) {
  helper_ = "exit";
  begin();
  ASSERT_TRUE(memory_->reclaim(mib(64), now_).ok());
  files_.write(kV1 + "memory.limit_in_bytes", text(536) + "\n");
  const auto reclaimed = settle();
  ASSERT_TRUE(reclaimed);
  ASSERT_TRUE(reclaimed->error);
  EXPECT_EQ(reclaimed->error->code(), ErrorCode::kUnavailable);
  EXPECT_EQ(limit_of_v1(), kNone);
}

TEST_F(BeMemoryTest, V1AWorkerKilledInAReclaimLeavesTheLimitToTheSafeState) {
  helper_ = "deaf";
  begin();
  ASSERT_TRUE(memory_->reclaim(mib(64), now_).ok());
  files_.write(kV1 + "memory.limit_in_bytes", text(536) + "\n");
  memory_.reset();
  slow_.reset();
  auto journal = guard::Journal::open(state_.str(), "boot");
  for (const bool verified : {false, true}) {
    files_.write(kV1 + "memory.limit_in_bytes", text(536) + "\n");
    const auto report = guard::restore(*journal, guard::RestoreMode::kSafeState, verified);
    EXPECT_EQ(limit_of_v1(), kNone) << report.text();
  }
}

TEST_F(BeMemoryTest, V1NothingElseWritesTheLimitDuringAReclaim) {
  files_.write(kV1 + "memory.usage_in_bytes", text(600) + "\n");
  tighten(mib(700));
  helper_ = "deaf";
  begin();
  ASSERT_TRUE(memory_->reclaim(mib(64), now_).ok());
  ASSERT_TRUE(memory_->tighten(std::nullopt, Reason::kMemoryEasy, now_).ok());
  EXPECT_EQ(limit_of_v1(), text(700)) << "the reclaim would put it back";
  now_ = now_ + 2s;
  ASSERT_TRUE(settle());
  EXPECT_EQ(limit_of_v1(), kNone);
  EXPECT_EQ(memory_->tightened(), std::nullopt);
}

TEST_F(BeMemoryTest, AfterAllWasPutBackAReclaimUnderWayLeavesNothing) {
  tighten(mib(700));
  helper_ = "deaf";
  begin();
  ASSERT_TRUE(memory_->reclaim(mib(64), now_).ok());
  auto report = guard::restore(*journal_, guard::RestoreMode::kAllOriginals, false);
  guard::settle(*journal_, report);
  ASSERT_EQ(limit_of_v1(), kNone);
  // What the reclaim, which is over now, takes for the limit of before.
  files_.write(kV1 + "memory.limit_in_bytes", text(700));
  memory_->forget();
  EXPECT_EQ(limit_of_v1(), kNone);
  EXPECT_FALSE(memory_->busy());
  EXPECT_EQ(memory_->tightened(), std::nullopt);
}

TEST_F(BeMemoryTest, MoreThanThereIsCannotBeReclaimed) {
  EXPECT_EQ(memory_->reclaim(mib(600), now_).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(memory_->busy());
}

}  // namespace
}  // namespace tideline::node::be_memory_test
