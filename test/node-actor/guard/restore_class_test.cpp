#include "node-actor/guard/restore_class.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/guard/restore.h"
#include "test/node-actor/guard/fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using Outcome = RestoreItem::Outcome;
using test::TempDir;

TEST(RestoreClassOf, WhatThrottlesGoesBackAndWhatOrdersStays) {
  for (const auto* file : {"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max", "cpu.cfs_burst_us", "cpu.max.burst",
                           "cpuset.cpus", "memory.high", "file.unheard.of"}) {
    EXPECT_EQ(restore_class_of(file), RestoreClass::kRestore) << file;
  }
  for (const auto* file :
       {"cpu.shares", "cpu.weight", "cpu.idle", "cpu.bvt_warp_ns", "memory.low", "memory.min", "memory.max",
        "memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.oom.group", "memory.wmark_ratio",
        "memory.wmark_scale_factor", "memory.wmark_min_adj", "memory.priority", "memory.use_priority_oom",
        "memory.pagecache_limit.enable", "memory.pagecache_limit.size", "memory.pagecache_limit.sync"}) {
    EXPECT_EQ(restore_class_of(file), RestoreClass::kKeep) << file;
  }
}

TEST(RestoreClassOf, TheSafeValueIsTheOriginal) {
  model::KernelWrite write;
  write.file = "cpu.max";
  write.value = "300000 100000";
  const auto quota = declare_original(write, "100000 100000");
  EXPECT_EQ(quota.restore_class, RestoreClass::kRestore);
  EXPECT_EQ(quota.safe_value, "100000 100000");
  write.file = "cpu.weight";
  EXPECT_EQ(declare_original(write, "39").restore_class, RestoreClass::kKeep);
}

/// An LS pod's group as the agent writes it, everything declared by its name.
class Declared : public testing::Test {
 protected:
  Declared() : lease_(std::move(*Lease::take(state_.str()))), journal_(std::move(*Journal::open(state_.str()))) {}

  std::string make(const std::string& file, const std::string& value) const {
    return host_.write("group/" + file, value + "\n");
  }
  void write(const std::string& file, const std::string& value) {
    const auto path = (host_.path() / "group" / file).string();
    const auto current = kernel::read_file(path);
    ASSERT_TRUE(current);
    model::KernelWrite wanted;
    wanted.file = file;
    wanted.value = value;
    const auto allowed = gate_.before_write(identity_of(path), *current, wanted);
    ASSERT_TRUE(allowed) << allowed.error().message();
    ASSERT_TRUE(kernel::write_identified(identity_of(path), value));
  }
  /// What the kernel does to the weight by itself.
  void kernel_sets(const std::string& file, const std::string& value) const { make(file, value); }
  std::string held(const std::string& file) const {
    return kernel::read_file((host_.path() / "group" / file).string()).value_or("(none)");
  }
  RestoreReport full() const { return *restore_all(state_.str()); }

  TempDir host_;
  TempDir state_;
  Lease lease_;
  Journal journal_;
  JournalGate gate_{journal_, lease_, declare_original};
};

TEST_F(Declared, AnEmptyCpusetIsAnOriginalToo) {
  make("cpuset.cpus", "");
  write("cpuset.cpus", "0-1");
  EXPECT_EQ(held("cpuset.cpus"), "0-1");
  const auto report = restore(journal_, RestoreMode::kSafeState, false);
  ASSERT_EQ(report.items.size(), 1u);
  EXPECT_EQ(report.items[0].outcome, Outcome::kSafeValue) << report.text();
  EXPECT_EQ(held("cpuset.cpus"), "");
  EXPECT_EQ(host_.read("group/cpuset.cpus"), "\n") << "no bytes would be no write";
}

TEST_F(Declared, OurCpusetInTheKernelsSpellingIsOurs) {
  make("cpuset.cpus", "0-3");
  write("cpuset.cpus", "0,1");
  kernel_sets("cpuset.cpus", "0-1");
  EXPECT_EQ(full().items[0].outcome, Outcome::kRestored);
  EXPECT_EQ(held("cpuset.cpus"), "0-3");
}

TEST_F(Declared, IdleTakesTheWeightAlongAndBothComeBack) {
  make("cpu.shares", "512");
  make("cpu.idle", "0");
  write("cpu.idle", "1");
  kernel_sets("cpu.shares", "3");
  // Putting idle back makes the kernel set the default.
  auto journal = Journal::open(state_.str());
  EXPECT_EQ(journal->ownership(identity_of((host_.path() / "group/cpu.shares").string()), "3"), Ownership::kOurs);
  const auto kept = restore(*journal, RestoreMode::kSafeState, true);
  for (const auto& item : kept.items)
    EXPECT_EQ(item.outcome, Outcome::kKept) << line_of(item);
  const auto report = full();
  ASSERT_EQ(report.items.size(), 2u);
  EXPECT_THAT(report.items[0].file.path, testing::EndsWith("cpu.idle")) << "before the weight, which it changes";
  EXPECT_EQ(held("cpu.idle"), "0");
  EXPECT_EQ(held("cpu.shares"), "512");
}

TEST_F(Declared, TheDefaultWeightThatIdleLeavesBehindIsNotSomebodyElses) {
  make("cpu.weight", "39");
  make("cpu.idle", "0");
  write("cpu.weight", "1");
  write("cpu.idle", "1");
  kernel_sets("cpu.weight", "0");
  write("cpu.idle", "0");
  kernel_sets("cpu.weight", "100");
  const auto report = full();
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(held("cpu.weight"), "39") << report.text();
}

}  // namespace
}  // namespace tideline::guard
