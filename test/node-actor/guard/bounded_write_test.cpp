#include "node-actor/guard/bounded_write.h"

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test/node-actor/guard/fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using namespace std::chrono_literals;
using model::ErrorCode;
using testing::HasSubstr;

const std::string kHigh = "/sys/fs/cgroup/kubepods/memory.high";
const std::string kV1 = "/sys/fs/cgroup/memory/kubepods/memory.limit_in_bytes";

TEST(MayBlock, AMemoryLimitThatFalls) {
  EXPECT_TRUE(may_block(kHigh, "max", "104857600"));
  EXPECT_TRUE(may_block(kHigh, "104857600", "52428800"));
  EXPECT_TRUE(may_block("/g/memory.max", "104857600", "52428800"));
  EXPECT_TRUE(may_block(kV1, "9223372036854771712", "104857600"));
  EXPECT_TRUE(may_block(kV1, "-1", "104857600"));
  EXPECT_FALSE(may_block(kHigh, "52428800", "max"));
  EXPECT_FALSE(may_block(kV1, "52428800", "9223372036854771712"));
  EXPECT_FALSE(may_block(kV1, "52428800", "-1"));
  EXPECT_FALSE(may_block("/g/memory.low", "104857600", "0"));
  EXPECT_FALSE(may_block("/g/memory.soft_limit_in_bytes", "104857600", "0"));
  EXPECT_FALSE(may_block("/g/cpu.cfs_quota_us", "100000", "2000"));
  EXPECT_TRUE(may_block(kHigh, "nonsense", "max")) << "what cannot be read counts as lower";
}

TEST(MayBlock, OneThatRisesToLessThanIsUsed) {
  const test::TempDir host;
  host.write("v2/memory.current", "104857600\n");
  const auto high = host.str() + "/v2/memory.high";
  EXPECT_FALSE(may_block(high, "52428800", "104857600"));
  EXPECT_TRUE(may_block(high, "52428800", "104853504")) << "memory.high stops nobody: the use may lie above both";
  EXPECT_TRUE(may_block(host.str() + "/v2/memory.max", "52428800", "104853504"));
  EXPECT_FALSE(may_block(high, "52428800", "max"));
  EXPECT_TRUE(may_block(kHigh, "52428800", "104857600")) << "nobody knows what is used there";
  host.write("v1/memory.usage_in_bytes", "104857600\n");
  EXPECT_TRUE(may_block(host.str() + "/v1/memory.high", "52428800", "104853504")) << "of Alibaba Cloud Linux";
  EXPECT_FALSE(may_block(host.str() + "/v1/memory.limit_in_bytes", "104857600", "209715200"));
}

class WriteWithin : public testing::Test {
 protected:
  test::TempDir host_;
};

TEST_F(WriteWithin, WritesAndLeavesNoChild) {
  const auto path = host_.write("group/memory.high", "9223372036854771712\n");
  const auto written = write_within(identity_of(path), "4096", 20s);
  EXPECT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(host_.read("group/memory.high"), "4096");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST_F(WriteWithin, AGroupMadeAgainIsNotWritten) {
  const auto path = host_.write("group/memory.high", "max\n");
  auto file = identity_of(path);
  file.inode += 1;
  const auto written = write_within(file, "4096", 20s);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(host_.read("group/memory.high"), "max\n");
}

TEST_F(WriteWithin, AMissingFileIsNotFound) {
  std::filesystem::create_directories(host_.path() / "group");
  const auto path = host_.str() + "/group/memory.high";
  EXPECT_EQ(write_within(identity_of(path), "4096", 20s).error().code(), ErrorCode::kNotFound);
}

TEST_F(WriteWithin, AWriteThatBlocksIsEndedAtItsDeadline) {
  // A FIFO without a reader blocks whoever opens it to write.
  std::filesystem::create_directories(host_.path() / "group");
  const auto path = host_.str() + "/group/memory.high";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  // On a busy host a child that was killed takes its time to go: only one that is stuck is left behind.
  const auto written = write_within(identity_of(path), "4096", 30ms, 60s);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(written.error().message(), HasSubstr("ended after 30 ms"));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST_F(WriteWithin, WithoutTimeNothingIsTried) {
  const auto path = host_.write("group/memory.high", "max\n");
  EXPECT_EQ(write_within(identity_of(path), "4096", 0s).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(host_.read("group/memory.high"), "max\n");
}

}  // namespace
}  // namespace tideline::guard
