// The memory side on the real kernel.

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/capabilities.h"
#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/knob.h"
#include "node-actor/kernel/memory_reader.h"
#include "node-actor/kernel/pod_reader.h"
#include "test/node-actor/kernel/real_cgroup.h"
#include "test/support/process.h"

namespace tideline::kernel::test::real_memory_test {
namespace {

using model::Bytes;
using model::Controller;
using model::Knob;
using model::KnobValue;
using model::MemoryLimit;
using model::Reason;
using ::testing::IsEmpty;

constexpr std::int64_t kMiB = 1 << 20;
const KnobValue kUnlimited = MemoryLimit{};

KnobValue memory(std::int64_t bytes) {
  return MemoryLimit{Bytes(bytes)};
}

class RealMemory : public RealCgroup {
 protected:
  void SetUp() override {
    RealCgroup::SetUp();
    if (::testing::Test::IsSkipped() || ::testing::Test::HasFatalFailure()) return;
    group_ = tree_->pod_group(pods_[1]) + "/c1";
    knobs_ = probe_knobs(*tree_);
    writer_ = std::make_unique<Writer>(*tree_, gate_);
  }
  /// Writes the value, and the kernel holds it.
  void expect_taken(Knob knob, const KnobValue& value) {
    const auto write = knob_write(*tree_, group_, knob, value, Controller::kMemoryQos, Reason::kMemoryRequest);
    ASSERT_TRUE(write.ok()) << write.error().message();
    const auto written = writer_->perform(*write);
    ASSERT_TRUE(written.ok()) << written.error().message();
    const auto read = read_knob(*tree_, group_, knob);
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_TRUE(same(*tree_, knob, value, *read)) << read->file << " holds " << read->raw;
    if (std::get<MemoryLimit>(value).bytes) {
      EXPECT_EQ(read->raw, write->value) << "what is written is what is read";
    }
    const auto again = writer_->perform(*write);
    ASSERT_TRUE(again.ok()) << again.error().message();
  }
  std::string group_;
  model::KnobSet knobs_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(RealMemory, LimitsAreTakenAndReadBackInWholePages) {
  ASSERT_TRUE(knobs_.has(Knob::kMemoryLimit)) << knobs_.why_not(Knob::kMemoryLimit);
  for (const auto& value : {memory(64 * kMiB), memory(64 * kMiB + 1234), memory(8 * kMiB - 1), kUnlimited})
    expect_taken(Knob::kMemoryLimit, value);
  EXPECT_EQ(read_knob(*tree_, group_, Knob::kMemoryLimit)->value, kUnlimited);
}

TEST_F(RealMemory, SoftLimitsAreTakenAndReadBackOnV1) {
  if (!scratch_->v1()) {
    EXPECT_EQ(knobs_.why_not(Knob::kSoftLimit), "cgroup v2 has no soft-limit");
    return;
  }
  ASSERT_TRUE(knobs_.has(Knob::kSoftLimit)) << knobs_.why_not(Knob::kSoftLimit);
  for (const auto& value : {memory(0), memory(32 * kMiB + 17), kUnlimited})
    expect_taken(Knob::kSoftLimit, value);
}

TEST_F(RealMemory, FloorsAndHighAreTakenAndReadBackWhereThereAreSome) {
  if (!knobs_.has(Knob::kMemoryHigh)) GTEST_SKIP() << "needs memory.high: " << knobs_.why_not(Knob::kMemoryHigh);
  for (const auto knob : {Knob::kMemoryMin, Knob::kMemoryLow}) {
    for (const auto& value : {memory(16 * kMiB + 5), memory(0)})
      expect_taken(knob, value);
  }
  for (const auto& value : {memory(16 * kMiB + 5), kUnlimited})
    expect_taken(Knob::kMemoryHigh, value);
}

TEST_F(RealMemory, ProbingLeavesWhatIsThere) {
  const bool v1 = scratch_->v1();
  const auto file = v1 ? "memory.soft_limit_in_bytes" : "memory.high";
  scratch_->write("kubepods/besteffort", file, std::to_string(32 * kMiB));
  probe_knobs(*tree_);
  EXPECT_EQ(scratch_->read("kubepods/besteffort", file), std::to_string(32 * kMiB));
}

TEST_F(RealMemory, SeesWhatABatchPodHolds) {
  PodReader reader(*tree_);
  FastMemoryReader fast(*tree_);
  scratch_->spin("kubepods/besteffort/podbe/c1");
  // The kernel sums memory.stat up every two seconds where little changed.
  EXPECT_TRUE(tideline::test::eventually(std::chrono::seconds(10), [&] {
    const auto reading = reader.read(pods_);
    EXPECT_THAT(reading.errors, IsEmpty());
    const auto& be = reading.counters.best_effort.memory_side;
    const auto& batch = reading.counters.pods[1].group.memory_side;
    return be.anon && *be.anon > Bytes(4 * kMiB) && batch.anon && *batch.anon > Bytes(4 * kMiB);
  }));
  const auto reading = reader.read(pods_);
  const auto& be = reading.counters.best_effort.memory_side;
  Errors errors;
  const auto now = fast.read(monotonic_now(), errors);
  EXPECT_THAT(errors, IsEmpty());
  ASSERT_TRUE(be.usage && now.best_effort.usage && now.kubepods.usage);
  EXPECT_GT(*be.usage, Bytes(4 * kMiB));
  EXPECT_GT(*now.best_effort.usage, Bytes(4 * kMiB));
  EXPECT_GT(*now.kubepods.usage, Bytes(4 * kMiB));
  EXPECT_EQ(now.kubepods.limit, std::nullopt);
  EXPECT_TRUE(be.reclaimable && be.refaults);
  EXPECT_EQ(be.scanned.has_value(), !scratch_->v1());
  EXPECT_EQ(be.oom_kills.has_value(), !scratch_->v1());
  const auto& host = reading.counters.memory_host;
  ASSERT_TRUE(host.total && host.available && host.free && host.low_watermark && host.alloc_stalls);
  EXPECT_GT(*host.low_watermark, Bytes(0));
  EXPECT_LT(*host.low_watermark, *host.total);
}

TEST_F(RealMemory, ALimitOfKubepodsIsSeenByBothLoops) {
  scratch_->write("kubepods", scratch_->v1() ? "memory.limit_in_bytes" : "memory.max", std::to_string(256 * kMiB));
  Errors errors;
  EXPECT_EQ(FastMemoryReader(*tree_).read(monotonic_now(), errors).kubepods.limit, Bytes(256 * kMiB));
  EXPECT_EQ(PodReader(*tree_).read(pods_).counters.kubepods_memory.limit, Bytes(256 * kMiB));
  EXPECT_THAT(errors, IsEmpty());
}

TEST_F(RealMemory, ABestEffortRootMadeAgainIsOpenedAnew) {
  FastMemoryReader fast(*tree_);
  Errors errors;
  const auto before = fast.read(monotonic_now(), errors);
  for (const auto* group : {"kubepods/besteffort/podbe/c1", "kubepods/besteffort/podbe", "kubepods/besteffort"})
    scratch_->remove(group);
  const auto gone = fast.read(monotonic_now(), errors);
  EXPECT_EQ(gone.be_inode, 0U);
  EXPECT_EQ(gone.best_effort.usage, std::nullopt);
  scratch_->make("kubepods/besteffort");
  const auto again = fast.read(monotonic_now(), errors);
  EXPECT_NE(again.be_inode, 0U);
  EXPECT_NE(again.be_inode, before.be_inode);
  EXPECT_TRUE(again.best_effort.usage.has_value());
  EXPECT_THAT(errors, IsEmpty());
}

}  // namespace
}  // namespace tideline::kernel::test::real_memory_test
