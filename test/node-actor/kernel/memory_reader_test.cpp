#include "node-actor/kernel/memory_reader.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::memory_reader_test {
namespace {

using model::Bytes;
using model::ErrorCode;
using model::MonoTime;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr MonoTime kStart{1'000'000'000};
const std::string kPodsV1 = "sys/fs/cgroup/memory/kubepods/";
const std::string kBeV1 = kPodsV1 + "besteffort/";
const std::string kBeV2 = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";

class FastMemory : public ::testing::Test {
 protected:
  model::FastMemoryCounters read() {
    errors_.clear();
    return reader_.read(kStart, errors_);
  }
  FixtureTree fixture_{v1_files()};
  CgroupTree tree_ = tree_of(fixture_);
  FastMemoryReader reader_{tree_};
  Errors errors_;
};

TEST_F(FastMemory, ReadsHostKubepodsAndBestEffort) {
  const auto counters = read();
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(counters.at, kStart);
  EXPECT_EQ(counters.host.total, Bytes(1000 * 1024));
  EXPECT_EQ(counters.host.available, Bytes(600 * 1024));
  EXPECT_EQ(counters.kubepods.usage, Bytes(7630));
  EXPECT_EQ(counters.kubepods.limit, Bytes(819'200));
  EXPECT_EQ(counters.best_effort.usage, Bytes(5523));
  EXPECT_EQ(counters.best_effort.limit, std::nullopt);
  EXPECT_EQ(counters.best_effort.reclaimable, std::nullopt) << "the pod loop's";
  EXPECT_NE(counters.be_inode, 0U);
}

TEST_F(FastMemory, SeesWhatChangedInFilesItKeepsOpen) {
  const auto before = read();
  fixture_.write(kBeV1 + "memory.usage_in_bytes", "6000\n");
  fixture_.write(kPodsV1 + "memory.limit_in_bytes", "9223372036854771712\n");
  fixture_.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 2 kB\n");
  const auto now = read();
  EXPECT_EQ(now.best_effort.usage, Bytes(6000));
  EXPECT_EQ(now.kubepods.limit, std::nullopt);
  EXPECT_EQ(now.host.available, Bytes(2048));
  EXPECT_EQ(now.be_inode, before.be_inode);
}

TEST_F(FastMemory, ABestEffortRootThatIsGoneIsUnknownAndFoundAgain) {
  const auto before = read();
  // The old directory is kept, so that the new one cannot have its inode.
  const auto directory = fixture_.path(kBeV1.substr(0, kBeV1.size() - 1));
  fixture_.remove(kBeV1 + "memory.usage_in_bytes");
  std::filesystem::rename(directory, fixture_.path("kept"));
  const auto gone = read();
  EXPECT_THAT(errors_, IsEmpty()) << "that is normal";
  EXPECT_EQ(gone.best_effort.usage, std::nullopt);
  EXPECT_EQ(gone.be_inode, 0U);
  EXPECT_EQ(gone.kubepods.usage, Bytes(7630));
  fixture_.write(kBeV1 + "memory.usage_in_bytes", "7\n");
  const auto again = read();
  EXPECT_EQ(again.best_effort.usage, Bytes(7));
  EXPECT_NE(again.be_inode, 0U);
  EXPECT_NE(again.be_inode, before.be_inode);
}

TEST_F(FastMemory, ALimitOfAGroupMadeAgainIsReadAnew) {
  read();
  fixture_.remove("sys/fs/cgroup/memory/kubepods");
  EXPECT_EQ(read().kubepods, model::MemoryCounters{});
  EXPECT_THAT(errors_, IsEmpty());
  fixture_.write(kPodsV1 + "memory.usage_in_bytes", "5\n");
  fixture_.write(kPodsV1 + "memory.limit_in_bytes", "65536\n");
  const auto again = read();
  EXPECT_EQ(again.kubepods.usage, Bytes(5));
  EXPECT_EQ(again.kubepods.limit, Bytes(65536));
}

TEST_F(FastMemory, NamesGarbageAndKeepsTheRest) {
  fixture_.write(kBeV1 + "memory.usage_in_bytes", "-5\n");
  fixture_.write(kPodsV1 + "memory.limit_in_bytes", "lots\n");
  fixture_.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\n");
  const auto counters = read();
  ASSERT_THAT(errors_, SizeIs(3));
  for (const auto& error : errors_)
    EXPECT_EQ(error.code(), ErrorCode::kMalformed);
  EXPECT_THAT(errors_[0].message(), HasSubstr(fixture_.path("proc/meminfo")));
  EXPECT_THAT(errors_[1].message(), HasSubstr("kubepods/memory.limit_in_bytes: unexpected text 'lots"));
  EXPECT_THAT(errors_[2].message(), HasSubstr("besteffort/memory.usage_in_bytes: unexpected text '-5"));
  EXPECT_EQ(counters.host.total, Bytes(1000 * 1024));
  EXPECT_EQ(counters.host.available, std::nullopt);
  EXPECT_EQ(counters.kubepods.usage, Bytes(7630));
  EXPECT_EQ(counters.best_effort.usage, std::nullopt);
}

TEST(FastMemoryReader, AFileThatMayNotBeReadIsNamed) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  FastMemoryReader reader(tree);
  std::filesystem::permissions(fixture.str(), std::filesystem::perms{0755});
  std::filesystem::permissions(fixture.path(kBeV1 + "memory.usage_in_bytes"), std::filesystem::perms{0000});
  // Root may read any file: this thread meets files as somebody else for a while.
  constexpr uid_t kNobody = 65534;
  const auto before = ::setfsuid(kNobody);
  Errors errors;
  const auto counters = reader.read(kStart, errors);
  ::setfsuid(static_cast<uid_t>(before));
  EXPECT_EQ(counters.best_effort.usage, std::nullopt);
  EXPECT_EQ(counters.kubepods.usage, Bytes(7630));
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(errors[0].message(), HasSubstr("besteffort/memory.usage_in_bytes"));
}

TEST(FastMemoryReader, ReadsV2) {
  const FixtureTree fixture(v2_files());
  const auto tree = tree_of(fixture);
  FastMemoryReader reader(tree);
  Errors errors;
  auto counters = reader.read(kStart, errors);
  EXPECT_EQ(counters.kubepods.usage, Bytes(7730));
  EXPECT_EQ(counters.kubepods.limit, Bytes(819'200));
  EXPECT_EQ(counters.best_effort.usage, Bytes(5530));
  fixture.write("sys/fs/cgroup/kubepods.slice/memory.max", "max\n");
  EXPECT_EQ(reader.read(kStart, errors).kubepods.limit, std::nullopt);
  fixture.remove(kBeV2);
  EXPECT_EQ(reader.read(kStart, errors).be_inode, 0U);
  EXPECT_THAT(errors, IsEmpty());
}

TEST(FastMemoryReader, OfATreeWithoutAMemoryHierarchyOnlyTheHostIsKnown) {
  const FixtureTree fixture(v2_files());
  fixture.write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io\n");
  const auto tree = tree_of(fixture);
  FastMemoryReader reader(tree);
  Errors errors;
  const auto counters = reader.read(kStart, errors);
  EXPECT_THAT(errors, IsEmpty()) << "the pod loop says so";
  EXPECT_EQ(counters.host.available, Bytes(600 * 1024));
  EXPECT_EQ(counters.kubepods, model::MemoryCounters{});
  EXPECT_EQ(counters.be_inode, 0U);
}

class HostMemory : public ::testing::Test {
 protected:
  model::HostMemoryCounters read(model::Duration at = seconds(0)) {
    errors_.clear();
    return reader_.read(kStart + at, buffer_, errors_);
  }
  FixtureTree fixture_{proc_files()};
  HostMemoryReader reader_{KernelRoot::below(fixture_.str())};
  ReadBuffer buffer_;
  Errors errors_;
};

TEST_F(HostMemory, ReadsLevelsStallsAndTheWatermark) {
  const auto counters = read();
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(counters.total, Bytes(1000 * 1024));
  EXPECT_EQ(counters.available, Bytes(600 * 1024));
  EXPECT_EQ(counters.free, Bytes(100 * 1024));
  EXPECT_EQ(counters.alloc_stalls, 321);
  EXPECT_EQ(counters.direct_scanned, 4000);
  EXPECT_EQ(counters.low_watermark, Bytes(2145 * ::sysconf(_SC_PAGESIZE)));
}

TEST_F(HostMemory, TheWatermarkIsReadOnceAMinute) {
  const auto before = read().low_watermark;
  fixture_.write("proc/zoneinfo", "Node 0, zone DMA\n        low      1\n");
  EXPECT_EQ(read(seconds(59)).low_watermark, before);
  EXPECT_EQ(read(seconds(60)).low_watermark, Bytes(::sysconf(_SC_PAGESIZE)));
  fixture_.write("proc/zoneinfo", "Node 0, zone DMA\n        low      lots\n");
  EXPECT_NE(read(seconds(119)).low_watermark, std::nullopt);
  EXPECT_EQ(read(seconds(120)).low_watermark, std::nullopt) << "what stood there does not hold any more";
  ASSERT_THAT(errors_, SizeIs(1));
  EXPECT_THAT(errors_[0].message(), HasSubstr(fixture_.path("proc/zoneinfo") + ": unexpected text"));
  read(seconds(121));
  EXPECT_THAT(errors_, IsEmpty()) << "told once a minute";
}

TEST_F(HostMemory, ReadsALongZoneinfo) {
  std::string text;
  for (int zone = 0; zone < 3; ++zone) {
    text += "Node 0, zone   Normal\n        low      10\n";
    for (int cpu = 0; cpu < 512; ++cpu)
      text += "    cpu: " + std::to_string(cpu) + "\n              count: 300\n              high:  700\n";
  }
  ASSERT_GT(text.size(), 64U * 1024);
  fixture_.write("proc/zoneinfo", text);
  EXPECT_EQ(read().low_watermark, Bytes(30 * ::sysconf(_SC_PAGESIZE)));
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(HostMemory, AKernelWithoutVmstatOrZoneinfoIsNoError) {
  fixture_.remove("proc/vmstat");
  fixture_.remove("proc/zoneinfo");
  const auto counters = read();
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(counters.alloc_stalls, std::nullopt);
  EXPECT_EQ(counters.direct_scanned, std::nullopt);
  EXPECT_EQ(counters.low_watermark, std::nullopt);
  EXPECT_EQ(counters.available, Bytes(600 * 1024));
}

TEST_F(HostMemory, NamesGarbageAndKeepsTheRest) {
  fixture_.write("proc/vmstat", "allocstall_normal many\npgscan_direct 1\n");
  fixture_.write("proc/meminfo", "none\n");
  const auto counters = read();
  ASSERT_THAT(errors_, SizeIs(2));
  EXPECT_THAT(errors_[0].message(), AllOf(HasSubstr("proc/meminfo"), HasSubstr("unexpected text")));
  EXPECT_THAT(errors_[1].message(), AllOf(HasSubstr("proc/vmstat"), HasSubstr("allocstall_normal many")));
  EXPECT_EQ(counters.alloc_stalls, std::nullopt);
  EXPECT_EQ(counters.direct_scanned, std::nullopt) << "of a garbled text nothing is believed";
  EXPECT_NE(counters.low_watermark, std::nullopt);
}

}  // namespace
}  // namespace tideline::kernel::test::memory_reader_test
