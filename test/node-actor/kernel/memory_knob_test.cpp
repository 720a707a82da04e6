// Knobs of memory, in the spelling of either version and of Alibaba Cloud Linux.

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/knob.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::memory_knob_test {
namespace {

using model::Bytes;
using model::Controller;
using model::ErrorCode;
using model::Knob;
using model::KnobValue;
using model::MemoryLimit;
using model::Number;
using model::Reason;
using ::testing::HasSubstr;

constexpr auto kV1 = CgroupVersion::kV1;
constexpr auto kV2 = CgroupVersion::kV2;
const std::string kV1Be = "sys/fs/cgroup/memory/kubepods/besteffort/";
const std::string kV2Be = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";
constexpr std::int64_t kPages = 64 * 1024;  // whole ones, however large a page is

KnobValue bytes(std::int64_t value) {
  return MemoryLimit{Bytes(value)};
}
KnobValue number(std::int64_t value) {
  return Number{value};
}
const KnobValue kNone = MemoryLimit{};

/// "file value", or the error's code.
std::string spelled(CgroupVersion version, Knob knob, const KnobValue& value) {
  const auto write = knob_write(version, 0, "g", knob, value, Controller::kMemoryQos, Reason::kMemoryRequest);
  return write ? write->file + " " + write->value : std::string(model::name_of(write.error().code()));
}

TEST(MemoryKnob, IsSpelledForEitherVersion) {
  EXPECT_EQ(spelled(kV1, Knob::kMemoryLimit, bytes(3 * kPages)), "memory.limit_in_bytes 196608");
  EXPECT_EQ(spelled(kV2, Knob::kMemoryLimit, bytes(3 * kPages)), "memory.max 196608");
  EXPECT_EQ(spelled(kV1, Knob::kMemoryLimit, kNone), "memory.limit_in_bytes -1");
  EXPECT_EQ(spelled(kV2, Knob::kMemoryLimit, kNone), "memory.max max");
  EXPECT_EQ(spelled(kV1, Knob::kSoftLimit, bytes(0)), "memory.soft_limit_in_bytes 0");
  EXPECT_EQ(spelled(kV1, Knob::kSoftLimit, kNone), "memory.soft_limit_in_bytes -1");
  EXPECT_EQ(spelled(kV2, Knob::kSoftLimit, bytes(0)), "unsupported");
  EXPECT_EQ(file_of(kV2, Knob::kSoftLimit), "");
  for (const auto version : {kV1, kV2}) {
    EXPECT_EQ(spelled(version, Knob::kMemoryMin, bytes(kPages)), "memory.min 65536");
    EXPECT_EQ(spelled(version, Knob::kMemoryLow, bytes(0)), "memory.low 0");
    EXPECT_EQ(spelled(version, Knob::kMemoryHigh, bytes(kPages)), "memory.high 65536");
    EXPECT_EQ(spelled(version, Knob::kMemoryHigh, kNone), "memory.high max");
    EXPECT_EQ(spelled(version, Knob::kOomGroup, number(1)), "memory.oom.group 1");
    EXPECT_EQ(spelled(version, Knob::kWmarkRatio, number(95)), "memory.wmark_ratio 95");
    EXPECT_EQ(spelled(version, Knob::kWmarkScaleFactor, number(20)), "memory.wmark_scale_factor 20");
    EXPECT_EQ(spelled(version, Knob::kWmarkMinAdj, number(-25)), "memory.wmark_min_adj -25");
    EXPECT_EQ(spelled(version, Knob::kMemoryPriority, number(12)), "memory.priority 12");
    EXPECT_EQ(spelled(version, Knob::kUsePriorityOom, number(1)), "memory.use_priority_oom 1");
    EXPECT_EQ(spelled(version, Knob::kPageCacheEnable, number(1)), "memory.pagecache_limit.enable 1");
    EXPECT_EQ(spelled(version, Knob::kPageCacheSize, bytes(kPages)), "memory.pagecache_limit.size 65536");
    EXPECT_EQ(spelled(version, Knob::kPageCacheSync, number(0)), "memory.pagecache_limit.sync 0");
  }
}

TEST(MemoryKnob, IsRoundedDownToAPageAndNoLimitIsNothing) {
  EXPECT_EQ(spelled(kV2, Knob::kMemoryLow, bytes(kPages + 1)), "memory.low 65536");
  EXPECT_EQ(spelled(kV2, Knob::kMemoryLow, bytes(1)), "memory.low 0");
  for (const auto knob : {Knob::kMemoryLimit, Knob::kMemoryHigh}) {
    const auto least = spelled(kV2, knob, bytes(0));
    EXPECT_EQ(least, spelled(kV2, knob, bytes(1)));
    EXPECT_GT(std::stoll(least.substr(least.find(' '))), 0) << least;
  }
  constexpr auto kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(spelled(kV1, Knob::kMemoryLimit, bytes(kHuge)), "memory.limit_in_bytes -1");
  EXPECT_EQ(spelled(kV2, Knob::kMemoryLimit, bytes(kHuge)), "memory.max max");
}

TEST(MemoryKnob, WhatIsNoValueOfItIsRefused) {
  const std::vector<std::pair<Knob, KnobValue>> wrong = {{Knob::kMemoryMin, kNone},
                                                         {Knob::kMemoryLow, kNone},
                                                         {Knob::kPageCacheSize, kNone},
                                                         {Knob::kMemoryLow, bytes(-1)},
                                                         {Knob::kMemoryLimit, bytes(-1)},
                                                         {Knob::kMemoryLimit, number(1)},
                                                         {Knob::kSoftLimit, bytes(-1)},
                                                         {Knob::kOomGroup, number(2)},
                                                         {Knob::kWmarkRatio, number(101)},
                                                         {Knob::kWmarkScaleFactor, number(0)},
                                                         {Knob::kWmarkMinAdj, number(51)},
                                                         {Knob::kWmarkMinAdj, number(-26)},
                                                         {Knob::kMemoryPriority, number(13)},
                                                         {Knob::kPageCacheSync, bytes(1)},
                                                         {Knob::kCpuQuota, kNone}};
  for (const auto& [knob, value] : wrong) {
    EXPECT_EQ(spelled(kV1, knob, value), "invalid-argument") << model::name_of(knob) << " " << model::text_of(value);
    EXPECT_FALSE(same(kV1, 0, knob, value, "1")) << model::name_of(knob);
  }
}

TEST(MemoryKnob, IsTheSameHoweverItIsWrittenAndRounded) {
  EXPECT_TRUE(same(kV2, 0, Knob::kMemoryLimit, bytes(kPages + 100), "65536\n"));
  EXPECT_TRUE(same(kV1, 0, Knob::kMemoryLimit, kNone, "9223372036854771712"));
  EXPECT_TRUE(same(kV1, 0, Knob::kSoftLimit, kNone, "-1")) << "as it is written";
  EXPECT_TRUE(same(kV2, 0, Knob::kMemoryHigh, kNone, "max"));
  EXPECT_TRUE(same(kV1, 0, Knob::kSoftLimit, bytes(0), "0"));
  EXPECT_TRUE(same(kV1, 0, Knob::kWmarkMinAdj, number(-25), "-25"));
  EXPECT_FALSE(same(kV2, 0, Knob::kMemoryLimit, bytes(kPages), "131072"));
  EXPECT_FALSE(same(kV2, 0, Knob::kMemoryLimit, bytes(kPages), "max"));
  EXPECT_FALSE(same(kV2, 0, Knob::kMemoryLimit, kNone, "65536"));
  EXPECT_FALSE(same(kV2, 0, Knob::kMemoryLow, bytes(0), "max"));
  for (const auto* text : {"", "lots", "1 2", "-2", "18446744073709551615"}) {
    EXPECT_FALSE(same(kV1, 0, Knob::kMemoryLimit, kNone, text)) << text;
    EXPECT_FALSE(same(kV1, 0, Knob::kSoftLimit, bytes(0), text)) << text;
    EXPECT_EQ(value_of(kV1, 0, Knob::kMemoryLimit, text), std::nullopt) << text;
  }
}

TEST(MemoryKnob, WhatIsWrittenIsTheSame) {
  const std::vector<std::pair<Knob, KnobValue>> values = {
      {Knob::kMemoryMin, bytes(12'345'678)}, {Knob::kMemoryLow, bytes(0)},
      {Knob::kMemoryHigh, bytes(1)},         {Knob::kMemoryHigh, kNone},
      {Knob::kMemoryLimit, bytes(99'999)},   {Knob::kMemoryLimit, kNone},
      {Knob::kPageCacheSize, bytes(70'000)}, {Knob::kMemoryPriority, number(5)},
      {Knob::kMemoryLimit, bytes(0)},        {Knob::kMemoryLow, bytes(std::numeric_limits<std::int64_t>::max())}};
  for (const auto version : {kV1, kV2}) {
    for (const auto& [knob, value] : values) {
      const auto write = knob_write(version, 0, "g", knob, value, {}, {});
      ASSERT_TRUE(write.ok()) << model::name_of(knob);
      EXPECT_TRUE(same(version, 0, knob, value, write->value)) << write->file << " " << write->value;
    }
  }
  EXPECT_EQ(value_of(kV1, 0, Knob::kSoftLimit, "-1"), kNone);
  EXPECT_EQ(value_of(kV2, 0, Knob::kMemoryLow, "4096\n"), bytes(4096));
}

TEST(MemoryKnob, ReadsWhatTheGroupHas) {
  const FixtureTree v1(v1_files());
  const auto tree = tree_of(v1);
  const auto limit = read_knob(tree, tree.best_effort(), Knob::kMemoryLimit);
  ASSERT_TRUE(limit.ok()) << limit.error().message();
  EXPECT_EQ(limit->value, kNone);
  EXPECT_EQ(limit->file, "memory.limit_in_bytes");
  EXPECT_EQ(limit->raw, "9223372036854771712");
  v1.write(kV1Be + "memory.soft_limit_in_bytes", "65536\n");
  EXPECT_EQ(read_knob(tree, tree.best_effort(), Knob::kSoftLimit)->value, bytes(65536));
  EXPECT_EQ(read_knob(tree, tree.best_effort(), Knob::kMemoryHigh).error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(read_knob(tree, "kubepods/gone", Knob::kMemoryLimit).error().code(), ErrorCode::kNotFound);

  v1.write(kV1Be + "memory.wmark_min_adj", "-25\n");
  EXPECT_EQ(read_knob(tree, tree.best_effort(), Knob::kWmarkMinAdj)->value, number(-25));
  v1.write(kV1Be + "memory.priority", "-1\n");
  EXPECT_EQ(read_knob(tree, tree.best_effort(), Knob::kMemoryPriority).error().code(), ErrorCode::kMalformed);
  v1.write(kV1Be + "memory.limit_in_bytes", "much\n");
  const auto garbled = read_knob(tree, tree.best_effort(), Knob::kMemoryLimit);
  EXPECT_EQ(garbled.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(garbled.error().message(),
              HasSubstr(v1.path(kV1Be + "memory.limit_in_bytes") + ": unexpected text 'much"));

  const FixtureTree v2(v2_files());
  v2.write(kV2Be + "memory.max", "131072\n");
  const auto unified = tree_of(v2);
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kMemoryLimit)->value, bytes(131072));
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kMemoryHigh)->value, kNone);
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kMemoryMin)->value, bytes(0));
  const auto soft = read_knob(unified, unified.best_effort(), Knob::kSoftLimit);
  EXPECT_EQ(soft.error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(soft.error().message(), "cgroup v2 has no soft-limit");
}

TEST(MemoryKnob, InAHybridTreeIsThatOfItsOwnVersion) {
  // The CPU on v1, memory alone on v2.
  auto mounts = FixtureTree::mountinfo_v1();
  const auto from = mounts.find("35 31");
  mounts.erase(from, mounts.find('\n', from) - from + 1);
  const std::string unified = "sys/fs/cgroup/unified/";
  const FixtureTree hybrid(v1_files() + FixtureTree::Files{{"proc/self/mountinfo", mounts},
                                                           {unified + "cgroup.controllers", "memory\n"},
                                                           {unified + "kubepods/besteffort/memory.max", "65536\n"}});
  const auto tree = tree_of(hybrid);
  EXPECT_EQ(version_of(tree, Knob::kCpuQuota), kV1);
  EXPECT_EQ(version_of(tree, Knob::kMemoryLimit), kV2);
  const auto held = read_knob(tree, tree.best_effort(), Knob::kMemoryLimit);
  ASSERT_TRUE(held.ok()) << held.error().message();
  EXPECT_EQ(held->file, "memory.max");
  EXPECT_TRUE(same(tree, Knob::kMemoryLimit, bytes(65540), *held));
  const auto write = knob_write(tree, tree.best_effort(), Knob::kMemoryLimit, kNone, {}, {});
  EXPECT_EQ(write->file + " " + write->value, "memory.max max");
}

TEST(MemoryKnob, OfATreeWithoutAMemoryHierarchyIsCalledAsTheOthersAre) {
  const FixtureTree v2(v2_files());
  v2.write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io\n");
  const auto tree = tree_of(v2);
  EXPECT_EQ(version_of(tree, Knob::kMemoryLimit), kV2);
  EXPECT_EQ(read_knob(tree, tree.best_effort(), Knob::kMemoryLimit).error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace tideline::kernel::test::memory_knob_test
