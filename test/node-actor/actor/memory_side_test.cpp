// Relief on a tree of files, in virtual time: what its rungs do, and who keeps it from it.

#include "node-actor/actor/memory_side.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "node-actor/guard/journal_gate.h"
#include "node-actor/guard/lease.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::memory_side_test {
namespace {

using namespace std::chrono_literals;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Bytes;
using model::FeatureState;
using model::Reason;
using model::ReliefRung;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const std::string kBe = "kubepods.slice/kubepods-besteffort.slice";
const std::string kBeDir = "sys/fs/cgroup/" + kBe + "/";
const std::string kHigh = kBeDir + "memory.high";
constexpr std::int64_t kMib = 1 << 20;

/// 16 GiB, of it the threshold of 70 % is 11469 MiB.
FixtureTree::Files files() {
  return kernel::test::v2_files() + FixtureTree::Files{{kHigh, "max\n"}, {kBeDir + "memory.reclaim", ""}};
}

model::Pod batch_pod(const std::string& uid) {
  auto pod = kernel::test::pod_of(uid, model::KubeQos::kBestEffort);
  pod.name_space = "jobs";
  pod.name = "train-" + uid;
  pod.phase = model::PodPhase::kRunning;
  return pod;
}

class MemorySideTest : public testing::Test {
 protected:
  MemorySideTest() {
    auto lease = guard::Lease::take(state_.str());
    auto journal = guard::Journal::open(state_.str(), "boot");
    if (!lease || !journal) throw std::runtime_error("no lease or journal");
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    gate_ = std::make_unique<guard::JournalGate>(*journal_, *lease_, [](const auto&, const std::string& original) {
      return guard::Declaration{guard::RestoreClass::kRestore, original};
    });
    writer_ = std::make_unique<kernel::Writer>(groups_, *gate_);
    policy_.emplace();
    policy_->threshold.enable = true;
    pods_ = {batch_pod("b")};
    memory(12000);
    batch(1000, 0);
    begin();
  }
  /// A worker.
  void begin(std::vector<std::string> slow_writer = {}) {
    side_.reset();
    side_ = std::make_unique<MemorySide>(
        groups_, *journal_,
        MemorySide::Host{.boot_id = "boot",
                         .slow = {.argv = std::move(slow_writer), .state_dir = state_.str(), .epoch = lease_->epoch()},
                         .v1 = false},
        guard::OomScoreRecord::open(state_.str(), "boot"),
        MemorySide::Writes{
            .perform = [this](const model::KernelWrite& write) -> model::Result<kernel::WriteOutcome> {
              if (refuses_) return model::Error(model::ErrorCode::kUnavailable, "not now");
              auto outcome = writer_->perform(write);
              if (outcome && outcome->changed) written_.push_back(write);
              return outcome;
            },
            .prepare = [this](const model::KernelWrite& write) { return writer_->prepare(write); },
            .made = [this](const model::KernelWrite& write, const std::string&) { written_.push_back(write); }},
        [this] { return may_act_; },
        [this](model::Controller controller, Reason reason, const std::string& subject, const std::string& before,
               const std::string& after) {
          EXPECT_EQ(controller, model::Controller::kMemoryRelief);
          told_.push_back(fmt::format("{}: {}: {} -> {}", model::name_of(reason), subject, before, after));
        });
    see();
  }
  void memory(std::int64_t available_mib, std::int64_t free_mib = 8000) {
    tree_.write("proc/meminfo", fmt::format("MemTotal: {} kB\nMemFree: {} kB\nMemAvailable: {} kB\n", 16 << 20,
                                            free_mib * 1024, available_mib * 1024));
    free_ = Bytes(free_mib * kMib);
  }
  /// Both as the kernel has them; what of it can be reclaimed relief hears with see().
  void batch(std::int64_t usage_mib, std::int64_t cache_mib) {
    tree_.write(kBeDir + "memory.current", fmt::format("{}\n", usage_mib * kMib));
    cache_ = Bytes(cache_mib * kMib);
  }
  /// A pod round, in which pod b uses so much.
  model::NodeSample see(std::int64_t b_mib = 900) {
    model::HostCounters counters;
    counters.memory_host.total = Bytes((16 << 10) * kMib);
    counters.memory_host.available = Bytes(5000 * kMib);
    counters.memory_host.free = free_;
    counters.memory_host.low_watermark = Bytes(100 * kMib);
    counters.best_effort.memory_side.reclaimable = cache_;
    model::NodeSample sample;
    sample.pods.push_back({.uid = model::PodUid("b"),
                           .cpu = {},
                           .memory = Bytes(b_mib * kMib),
                           .throttled_ratio = {},
                           .run_delay = {},
                           .containers = {},
                           .memory_usage = {},
                           .memory_signals = {}});
    side_->seen(counters, sample);
    side_->add_to(sample);
    return sample;
  }
  void fast(model::Duration step = 100ms) {
    now_ = now_ + step;
    const std::function<std::vector<model::PodUid>()> leaving = [this] { return leaving_; };
    const auto done = side_->fast_round(
        {.now = now_, .pods = pods_, .policy = policy_, .holds = holds_, .leaving = leaving, .recorder = recorder_});
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  /// BE grows until a helper that serves has written its limit.
  void grow_until_held() {
    batch(4000, 0);
    memory(5000);
    fast();
    batch(4100, 0);
    memory(4900);
    for (int tries = 0; tries < 20'000 && !see().memory_side.be_tightened; ++tries) {
      fast(tries < 2 ? 100ms : 0ms);
      ::usleep(1000);
    }
  }
  void hold(const std::string& group) {
    model::HandsOff what;
    what.group = group;
    what.who = "ann";
    what.reason = "looking";
    holds_ = decide::holds_of({what}, now_, {});
  }
  FeatureState feature(const std::string& name) const {
    for (auto& each : side_->features(policy_, "no pods yet")) {
      if (each.feature == name) return each;
    }
    return {};
  }
  std::vector<std::string> take_told() { return std::exchange(told_, {}); }

  FixtureTree tree_{files()};
  kernel::CgroupTree groups_ = kernel::test::tree_of(tree_);
  test::TempDir state_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<guard::JournalGate> gate_;
  std::unique_ptr<kernel::Writer> writer_;
  Bytes free_;
  Bytes cache_;
  model::MonoTime now_{1'000'000'000'000};
  std::optional<model::NodePolicy> policy_;
  std::vector<model::Pod> pods_;
  std::vector<decide::Hold> holds_;
  std::vector<model::PodUid> leaving_;
  Recorder recorder_;
  bool may_act_ = true;
  bool refuses_ = false;  // writes that are made at once
  std::vector<model::KernelWrite> written_;
  std::vector<std::string> told_;
  std::unique_ptr<MemorySide> side_;  // last: it ends before what it refers to
};

TEST_F(MemorySideTest, ReadsNothingWhereItIsOff) {
  tree_.write("proc/meminfo", "nonsense\n");
  policy_->threshold.memory_evict_threshold_percent = 0;
  fast();
  EXPECT_THAT(side_->take_troubles(), IsEmpty());
  EXPECT_EQ(feature("memoryRelief.reclaim").state, FeatureState::State::kInactive);
  policy_->threshold.memory_evict_threshold_percent = 70;
  fast();
  EXPECT_THAT(side_->take_troubles(), Not(IsEmpty()));
}

TEST_F(MemorySideTest, EachRungIsToldWhenItIsEnteredAndIsInTheSample) {
  fast();
  EXPECT_THAT(take_told(), IsEmpty()) << "there is room";
  EXPECT_EQ(see().memory_side.rung, ReliefRung::kNone);
  memory(2000);
  fast();
  fast();
  EXPECT_THAT(take_told(),
              ElementsAre(AllOf(HasSubstr(kBe + " (relief): rung none -> rung evict: "), HasSubstr("used"))));
  const auto sample = see();
  EXPECT_EQ(sample.memory_side.rung, ReliefRung::kEvict);
  EXPECT_EQ(sample.memory_side.available, Bytes(5000 * kMib)) << "as the pod loop read it";
  EXPECT_GT(side_->relief().evict, Bytes(1000 * kMib));
  policy_->threshold.enable = false;
  fast();
  EXPECT_THAT(take_told(), ElementsAre(StartsWith("disabled: " + kBe + " (relief): rung evict -> rung none")));
  EXPECT_EQ(see().memory_side.rung, ReliefRung::kNone);
}

TEST_F(MemorySideTest, MissingDataEntersNoRung) {
  memory(2000);
  tree_.write("proc/meminfo", "MemTotal: 16777216 kB\n");
  fast();
  EXPECT_THAT(take_told(), IsEmpty());
  EXPECT_EQ(side_->relief().rung, ReliefRung::kNone);
  EXPECT_EQ(feature("memoryRelief.tighten").state, FeatureState::State::kInactive);
}

TEST_F(MemorySideTest, DryRunSaysWhatItWouldDoAndDoesNothing) {
  policy_->dry_run.memory_relief = true;
  policy_->relief.emergency_kill = true;
  memory(100);
  batch(9000, 0);
  fast();
  batch(9100, 0);
  fast();
  EXPECT_THAT(take_told(), Each(StartsWith("dry-run: " + kBe + " (relief): rung none -> rung ")));
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_EQ(see().memory_side.rung, ReliefRung::kNone) << "nothing is done";
  EXPECT_EQ(feature("memoryRelief.tighten").state, FeatureState::State::kInactive);
  EXPECT_THAT(feature("memoryRelief.tighten").why, StartsWith("dry run"));
  EXPECT_NE(side_->relief().rung, ReliefRung::kNone) << "evictions, which may act, hear of it";
  policy_->threshold.enable = false;
  fast();
  EXPECT_THAT(take_told(), ElementsAre("dry-run: " + kBe + " (relief): rung none -> ")) << "it is so no longer";
}

TEST_F(MemorySideTest, WhatAnEarlierWorkerTightenedStaysWithoutAPolicyAndGoesWithTheMechanism) {
  const model::KernelWrite earlier{kBe, "memory.high", "734003200", model::Controller::kMemoryRelief,
                                   Reason::kBeTightened};
  ASSERT_TRUE(writer_->perform(earlier).ok());
  begin();
  EXPECT_EQ(see().memory_side.be_tightened, Bytes(700 * kMib));
  const auto policy = std::exchange(policy_, std::nullopt);
  fast();
  EXPECT_EQ(tree_.read(kHigh), "734003200") << "absence of a policy gives nothing back";
  policy_ = policy;
  policy_->threshold.enable = false;
  hold(kBe);
  fast();
  EXPECT_EQ(tree_.read(kHigh), "734003200") << "a hold keeps what is there";
  holds_.clear();
  fast();
  EXPECT_EQ(tree_.read(kHigh), "max");
  EXPECT_EQ(see().memory_side.be_tightened, std::nullopt);
}

TEST_F(MemorySideTest, AnEarlierWorkersLimitIsNotGivenBackOnlyBecauseNoGrowthIsSeenYet) {
  const model::KernelWrite earlier{kBe, "memory.high", "734003200", model::Controller::kMemoryRelief,
                                   Reason::kBeTightened};
  ASSERT_TRUE(writer_->perform(earlier).ok());
  begin();
  batch(700, 0);
  memory(4700);
  see();
  fast();
  EXPECT_EQ(tree_.read(kHigh), "734003200");
  tree_.write("proc/meminfo", "MemTotal: 16777216 kB\n");
  for (int i = 0; i < 50; ++i)
    fast();
  EXPECT_EQ(tree_.read(kHigh), "734003200") << "nor because nothing is known";
  memory(9000);
  batch(300, 0);
  for (int i = 0; i < 110; ++i)
    fast();
  EXPECT_EQ(tree_.read(kHigh), "max") << "there is room for long enough";
}

TEST_F(MemorySideTest, AHoldOnTheBesteffortRootKeepsItFromReclaimAndTightening) {
  hold(kBe);
  memory(5000, 20);
  batch(4000, 3000);
  see();
  fast();
  memory(4900, 20);
  batch(4100, 3000);
  fast();
  EXPECT_THAT(written_, IsEmpty());
  for (const auto* name : {"memoryRelief.reclaim", "memoryRelief.tighten"}) {
    EXPECT_EQ(feature(name).state, FeatureState::State::kInactive) << name;
    EXPECT_THAT(feature(name).why, HasSubstr("by ann: looking")) << name;
  }
  for (int i = 0; i < 150; ++i)
    fast();
  EXPECT_THAT(take_told(), Not(Contains(HasSubstr("(reclaim)"))));
}

TEST_F(MemorySideTest, ALimitThatCannotBeWrittenIsUnsupportedAndSaysWhy) {
  batch(4000, 0);
  memory(5000);
  fast();
  batch(4100, 0);
  memory(4900);
  fast();
  fast();
  ASSERT_TRUE(side_->relief().tighten) << side_->relief().why;
  EXPECT_EQ(tree_.read(kHigh), "max\n") << "no program may write it";
  EXPECT_EQ(feature("memoryRelief.tighten").state, FeatureState::State::kUnsupported);
  EXPECT_THAT(feature("memoryRelief.tighten").why, HasSubstr("no program given"));
}

TEST_F(MemorySideTest, WhatReclaimGaveIsToldAtMostEachTenSeconds) {
  memory(8000, 20);
  batch(4000, 3000);
  see();
  for (int i = 0; i < 250; ++i) {
    if (i % 10 == 0) see();
    fast();
  }
  const auto told = take_told();
  std::size_t sums = 0;
  for (const auto& each : told)
    sums += each.find("(reclaim)") != std::string::npos ? 1 : 0;
  EXPECT_GE(sums, 2u);
  EXPECT_LE(sums, 6u) << "in 25 s";
  EXPECT_THAT(told, Contains(AllOf(StartsWith("reclaim-failed"), HasSubstr("of them came short"))));
}

TEST_F(MemorySideTest, AnEmergencyKillsNobodyThatIsHeldOrLeaving) {
  policy_->relief.emergency_kill = true;
  memory(50);
  batch(9000, 0);
  see(8000);
  hold(kBe + "/kubepods-besteffort-podb.slice");
  fast();
  EXPECT_THAT(take_told(),
              Contains(AllOf(StartsWith("emergency-kill: " + kBe + " (emergency)"), HasSubstr("nobody is killed"))));
  for (int i = 0; i < 90; ++i)
    fast();
  EXPECT_THAT(take_told(), Not(Contains(HasSubstr("nobody is killed")))) << "told each ten seconds";
  holds_.clear();
  leaving_ = {model::PodUid("b")};
  for (int i = 0; i < 20; ++i)
    fast();
  EXPECT_THAT(take_told(), Not(Contains(HasSubstr("pod jobs/train-b"))));
  leaving_.clear();
  for (int i = 0; i < 50; ++i)
    fast();
  const auto told = take_told();
  EXPECT_THAT(told, Contains(AllOf(StartsWith("emergency-kill: pod jobs/train-b"), HasSubstr("not killed"))))
      << "it has no group here";
  EXPECT_EQ(std::count_if(told.begin(), told.end(),
                          [](const std::string& each) { return each.find("not killed") != std::string::npos; }),
            1)
      << "and is not tried each second";
}

TEST_F(MemorySideTest, AnEmergencyIsThePolicysToAllow) {
  memory(50);
  batch(9000, 0);
  see(8000);
  for (int i = 0; i < 30; ++i)
    fast();
  EXPECT_THAT(take_told(), Not(Contains(HasSubstr("emergency-kill"))));
}

TEST_F(MemorySideTest, WhoeverIsFencedKillsNobody) {
  policy_->relief.emergency_kill = true;
  memory(50);
  batch(9000, 0);
  see(8000);
  may_act_ = false;
  const std::function<std::vector<model::PodUid>()> leaving = [] { return std::vector<model::PodUid>(); };
  const auto done = side_->fast_round(
      {.now = now_, .pods = pods_, .policy = policy_, .holds = holds_, .leaving = leaving, .recorder = recorder_});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), model::ErrorCode::kFenced);
}

/// With a helper as it is at work, in real time only until its answer is there.
TEST_F(MemorySideTest, BatchIsHeldByTheHelpersWriteAndLetGoWithTheMechanism) {
  const auto* programs = std::getenv("TIDELINE_BIN");
  if (programs == nullptr) GTEST_SKIP() << "TIDELINE_BIN is not set: no helper to start";
  begin({std::string(programs) + "/guard_test_slow_writer", "serve"});
  grow_until_held();
  const auto held = see().memory_side;
  ASSERT_TRUE(held.be_tightened);
  EXPECT_EQ(tree_.read(kHigh), std::to_string(held.be_tightened->value()));
  EXPECT_GE(*held.be_tightened, Bytes(4000 * kMib)) << "not below what it uses, less what can be reclaimed";
  ASSERT_THAT(written_, SizeIs(testing::Ge(1)));
  EXPECT_EQ(written_.back().reason, Reason::kBeTightened);
  // As systemd does when it is reloaded: the gate takes the original for nobody's meddling.
  take_told();
  const auto before = written_.size();
  tree_.write(kHigh, "max\n");
  fast(BeMemory::kLook);
  for (int tries = 0; tries < 20'000 && written_.size() == before; ++tries) {
    fast(0ms);
    ::usleep(1000);
  }
  EXPECT_THAT(tree_.read(kHigh), Not(StartsWith("max"))) << "answered";
  EXPECT_THAT(take_told(), Contains(StartsWith("drift: " + kBe + "/memory.high: max -> ")));
  policy_->threshold.enable = false;
  fast();
  EXPECT_EQ(tree_.read(kHigh), "max");
  EXPECT_EQ(feature("memoryRelief.tighten").state, FeatureState::State::kInactive);
}

TEST_F(MemorySideTest, TheOriginalOverReliefsLimitIsToldAsDriftThoughTheGateKnowsIt) {
  const auto* programs = std::getenv("TIDELINE_BIN");
  if (programs == nullptr) GTEST_SKIP() << "TIDELINE_BIN is not set: no helper to start";
  begin({std::string(programs) + "/guard_test_slow_writer", "serve"});
  grow_until_held();
  ASSERT_TRUE(see().memory_side.be_tightened);
  const auto ours = tree_.read(kHigh);
  tree_.write(kHigh, "max\n");
  take_told();
  fast(1s);
  EXPECT_THAT(take_told(), Contains("drift: " + kBe + "/memory.high: max -> " + ours));
}

TEST_F(MemorySideTest, ALimitThatComesTrueAfterTheEndOfTheMechanismIsTakenOffUntilThatSucceeds) {
  const auto* programs = std::getenv("TIDELINE_BIN");
  if (programs == nullptr) GTEST_SKIP() << "TIDELINE_BIN is not set: no helper to start";
  begin({std::string(programs) + "/guard_test_slow_writer", "deaf"});
  batch(4000, 0);
  memory(5000);
  fast();
  batch(4100, 0);
  memory(4900);
  for (int tries = 0; tries < 5 && !side_->relief().tighten; ++tries)
    fast();
  ASSERT_TRUE(side_->relief().tighten) << side_->relief().why;
  const auto limit = std::to_string(side_->relief().tighten->value() / 4096 * 4096);
  policy_->threshold.enable = false;
  fast();
  // In force, while the helper still reclaims.
  tree_.write(kHigh, limit + "\n");
  refuses_ = true;
  fast(2s);
  for (int tries = 0; tries < 20'000 && !see().memory_side.be_tightened; ++tries) {
    fast(0ms);
    ::usleep(1000);
  }
  ASSERT_TRUE(see().memory_side.be_tightened);
  EXPECT_EQ(tree_.read(kHigh), limit + "\n");
  refuses_ = false;
  fast(1s);
  EXPECT_EQ(tree_.read(kHigh), "max");
}

}  // namespace
}  // namespace tideline::node::memory_side_test
