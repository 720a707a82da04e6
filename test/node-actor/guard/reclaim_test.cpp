// Plain files in place of a group's: what is written, and that everything else is left as it was.

#include "node-actor/guard/reclaim.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/guard/fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

constexpr const char* kNone = "9223372036854771712";

/// A group of cgroup v1 without a limit that uses 64 MiB, 40 of them page cache that can go at once.
class ReclaimFiles : public testing::Test {
 protected:
  ReclaimFiles() {
    stat(50, 10);
    host_.write("g/memory.usage_in_bytes", "67108864\n");
    limit_ = host_.write("g/memory.limit_in_bytes", std::string(kNone) + "\n");
  }
  void stat(int cache_mib, int dirty_mib) const {
    host_.write("g/memory.stat", "cache 1\nactive_file 1\ninactive_file 1\ntotal_inactive_file " +
                                     std::to_string(cache_mib << 20) + "\ntotal_active_file 0\ntotal_dirty " +
                                     std::to_string(dirty_mib << 20) + "\ntotal_writeback 0\n");
  }
  static std::string mib(int count) { return std::to_string(count << 20); }
  std::string limit() const { return host_.read("g/memory.limit_in_bytes"); }

  test::TempDir host_;
  std::string limit_;
};

TEST_F(ReclaimFiles, TheLimitGoesDownAndBack) {
  int asked = 0;
  std::string seen;
  const auto done = reclaim_v1(identity_of(limit_), mib(48), [&] {
    seen += limit() + " ";
    return ++asked > 0;
  });
  EXPECT_TRUE(done.result.ok()) << done.result.error().message();
  EXPECT_EQ(limit(), kNone);
  EXPECT_EQ(seen, std::string(kNone) + "\n " + mib(48) + " ") << "the fence is asked before each of two writes";
}

TEST_F(ReclaimFiles, OnlyWhileTheGroupHasTwiceAsMuchCleanCache) {
  for (const auto& [low, may] : {std::pair(44, true), std::pair(43, false)}) {
    bool wrote = false;
    const auto done = reclaim_v1(identity_of(limit_), mib(low), [&] { return wrote = true; });
    EXPECT_EQ(wrote, may) << low;
    EXPECT_EQ(done.result.ok(), may) << low;
    if (!may) {
      EXPECT_EQ(done.result.error().code(), ErrorCode::kOverloaded);
      EXPECT_THAT(done.result.error().message(), HasSubstr("41943040 bytes of page cache"));
    }
  }
}

TEST_F(ReclaimFiles, AGroupThatUsesNoMoreAnyWayIsLeftAlone) {
  const auto done = reclaim_v1(identity_of(limit_), mib(64), [] { return false; });
  EXPECT_TRUE(done.result.ok());
  EXPECT_EQ(done.freed_bytes, 0);
}

TEST_F(ReclaimFiles, ALimitThatIsLowerAlreadyIsNotRaised) {
  host_.write("g/memory.limit_in_bytes", mib(40) + "\n");
  EXPECT_EQ(reclaim_v1(identity_of(limit_), mib(48)).result.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(limit(), mib(40) + "\n");
  for (const auto* lowest : {"", "0", "-1", "max"})
    EXPECT_EQ(reclaim_v1(identity_of(limit_), lowest).result.error().code(), ErrorCode::kInvalidArgument) << lowest;
}

TEST_F(ReclaimFiles, ALoweredLimitStays) {
  EXPECT_EQ(lower_v1(identity_of(limit_), mib(43)).result.error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(limit(), std::string(kNone) + "\n") << "of the same page cache as a reclaim";
  EXPECT_EQ(lower_v1(identity_of(limit_), mib(48), [] { return false; }).result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(limit(), std::string(kNone) + "\n");
  const auto done = lower_v1(identity_of(limit_), mib(48));
  EXPECT_TRUE(done.result.ok()) << done.result.error().message();
  EXPECT_EQ(limit(), mib(48));
  host_.write("g/memory.usage_in_bytes", "0\n");
  EXPECT_TRUE(lower_v1(identity_of(limit_), mib(40)).result.ok());
  EXPECT_EQ(limit(), mib(40)) << "also above the use";
}

TEST_F(ReclaimFiles, AFencedOneWritesNothingMore) {
  EXPECT_EQ(reclaim_v1(identity_of(limit_), mib(48), [] { return false; }).result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(limit(), std::string(kNone) + "\n");
  // Fenced in between: whoever fenced puts the original back, and it must stay.
  int asked = 0;
  const auto done = reclaim_v1(identity_of(limit_), mib(48), [&] {
    if (++asked < 2) return true;
    host_.write("g/memory.limit_in_bytes", mib(100));
    return false;
  });
  EXPECT_EQ(done.result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(limit(), mib(100));
}

TEST_F(ReclaimFiles, AGroupMadeAgainIsNotWritten) {
  auto file = identity_of(limit_);
  file.inode += 1;
  EXPECT_EQ(reclaim_v1(file, mib(48)).result.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(limit(), std::string(kNone) + "\n");
}

TEST_F(ReclaimFiles, V2TellsTheKernelHowMuch) {
  host_.write("v2/memory.current", "67108864\n");
  const auto path = host_.write("v2/memory.reclaim", "");
  const auto done = reclaim_v2(identity_of(path), 8 << 20);
  EXPECT_TRUE(done.result.ok()) << done.result.error().message();
  EXPECT_EQ(host_.read("v2/memory.reclaim"), "8388608");
  EXPECT_EQ(done.freed_bytes, 0);
  EXPECT_EQ(reclaim_v2(identity_of(path), 4096, [] { return false; }).result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(host_.read("v2/memory.reclaim"), "8388608");
  std::filesystem::remove(path);
  EXPECT_EQ(reclaim_v2(identity_of(path), 4096).result.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::guard
