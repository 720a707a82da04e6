#include "node-actor/kernel/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::writer_test {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using ::testing::HasSubstr;

constexpr const char* kQuota = "sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_quota_us";

/// Lets writes pass, or not, and remembers them.
class Gate : public WriteGate {
 public:
  Result<void> before_write(const FileIdentity& file, const std::string& current, const model::KernelWrite&) override {
    seen.push_back(file);
    values.push_back(current);
    if (shut) return Error(ErrorCode::kFenced, "a newer owner");
    return {};
  }
  std::vector<FileIdentity> seen;
  std::vector<std::string> values;
  bool shut = false;
};

class WriterTest : public ::testing::Test {
 protected:
  static model::KernelWrite quota(const std::string& value) {
    return {.group = "kubepods/besteffort",
            .file = "cpu.cfs_quota_us",
            .value = value,
            .controller = model::Controller::kCpuSuppress,
            .reason = model::Reason::kThresholdFormula};
  }
  FixtureTree fixture_{v1_files()};
  CgroupTree tree_ = tree_of(fixture_);
  Gate gate_;
  Writer writer_{tree_, gate_};
};

TEST_F(WriterTest, WritesAndTellsWhatWasThere) {
  const auto outcome = writer_.perform(quota("20000"));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_TRUE(outcome->changed);
  EXPECT_EQ(outcome->old_value, "-1");
  EXPECT_EQ(fixture_.read(kQuota), "20000");
}

TEST_F(WriterTest, PreparesAWriteThatAnotherMakes) {
  const auto prepared = writer_.prepare(quota("20000"));
  ASSERT_TRUE(prepared.ok()) << prepared.error().message();
  EXPECT_TRUE(prepared->changes);
  EXPECT_EQ(prepared->old_value, "-1");
  EXPECT_EQ(prepared->value, "20000");
  EXPECT_EQ(prepared->file, gate_.seen.at(0));
  EXPECT_EQ(fixture_.read(kQuota), "-1\n") << "it is not made";
  const auto same = writer_.prepare(quota("-1"));
  ASSERT_TRUE(same.ok());
  EXPECT_FALSE(same->changes);
  EXPECT_EQ(gate_.seen.size(), 1u) << "what changes nothing is not asked for";
  gate_.shut = true;
  EXPECT_EQ(writer_.prepare(quota("30000")).error().code(), ErrorCode::kFenced);
}

TEST_F(WriterTest, ShowsTheGateTheCurrentValueAndTheGroupsIdentity) {
  ASSERT_TRUE(writer_.perform(quota("20000")).ok());
  struct stat status {};
  ASSERT_EQ(::stat(fixture_.path("sys/fs/cgroup/cpu/kubepods/besteffort").c_str(), &status), 0);
  ASSERT_EQ(gate_.seen.size(), 1U);
  EXPECT_EQ(gate_.seen[0].path, fixture_.path(kQuota));
  EXPECT_EQ(gate_.seen[0].inode, status.st_ino);
  EXPECT_EQ(gate_.seen[0].device, status.st_dev);
  EXPECT_EQ(gate_.values[0], "-1");
}

TEST_F(WriterTest, LeavesAloneWhatHoldsTheValueAlready) {
  const auto outcome = writer_.perform(quota("-1"));
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome->changed);
  EXPECT_TRUE(gate_.seen.empty());
}

TEST_F(WriterTest, DoesNotWriteThroughAShutGate) {
  gate_.shut = true;
  EXPECT_EQ(writer_.perform(quota("20000")).error().code(), ErrorCode::kFenced);
  EXPECT_EQ(fixture_.read(kQuota), "-1\n");
}

TEST_F(WriterTest, VanishedGroupIsNotFound) {
  fixture_.remove("sys/fs/cgroup/cpu/kubepods/besteffort");
  const auto error = writer_.perform(quota("20000")).error();
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr(fixture_.path(kQuota)));
  EXPECT_THAT(error.message(), HasSubstr("'20000'"));
}

TEST_F(WriterTest, MissingKnobIsUnsupported) {
  auto write = quota("1");
  write.file = "cpu.uclamp.max";
  const auto error = writer_.perform(write).error();
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("cpu.uclamp.max"));
}

TEST_F(WriterTest, RefusesNamesThatLeadOut) {
  auto write = quota("1");
  write.group = "../../../etc";
  EXPECT_EQ(writer_.perform(write).error().code(), ErrorCode::kInvalidArgument);
  write = quota("1");
  write.file = "../besteffort/cpu.shares";
  EXPECT_EQ(writer_.perform(write).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(WriterTest, NamesPathAndValueOfAReadOnlyFile) {
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  fixture_.make_read_only(kQuota);
  if (root) {  // root may write what is read-only
    ASSERT_EQ(::chmod(fixture_.str().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(fixture_.path(kQuota).c_str(), 0444), 0);
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto outcome = writer_.perform(quota("20000"));
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(outcome.error().message(), HasSubstr(fixture_.path(kQuota)));
  EXPECT_THAT(outcome.error().message(), HasSubstr("'20000'"));
  EXPECT_EQ(fixture_.read(kQuota), "-1\n");
}

TEST_F(WriterTest, PutsBackIntoTheSameGroupOnly) {
  ASSERT_TRUE(writer_.perform(quota("20000")).ok());
  const FileIdentity identity = gate_.seen[0];
  ASSERT_TRUE(write_identified(identity, "-1").ok());
  EXPECT_EQ(fixture_.read(kQuota), "-1");

  FileIdentity other = identity;
  ++other.inode;
  const auto error = write_identified(other, "30000").error();
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr(identity.path));
  EXPECT_EQ(fixture_.read(kQuota), "-1");
}

TEST(WritableValue, AGroupWithProcessesGetsItsParentsCpusInsteadOfNone) {
  const FixtureTree fixture({{"pod/cpuset.cpus.effective", "0-3\n"},
                             {"pod/c1/cpuset.cpus", "1\n"},
                             {"pod/c1/cgroup.events", "populated 1\nfrozen 0\n"},
                             {"pod/c2/cpuset.cpus", "1\n"},
                             {"pod/c2/cgroup.events", "populated 0\nfrozen 0\n"}});
  EXPECT_EQ(writable_value(fixture.path("pod/c1/cpuset.cpus"), ""), "0-3");
  EXPECT_EQ(writable_value(fixture.path("pod/c2/cpuset.cpus"), ""), "");
  EXPECT_EQ(writable_value(fixture.path("pod/c1/cpuset.cpus"), "2"), "2");
  EXPECT_EQ(writable_value(fixture.path("pod/c1/cpu.max"), ""), "");
}

TEST(ReadValue, IsTheWholeFileHoweverLongItIs) {
  const FixtureTree fixture(FixtureTree::Files{{"file", ""}});
  for (const std::size_t length : {0U, 1U, 4095U, 4096U, 4097U, 8192U, 9000U}) {
    fixture.write("file", std::string(length, 'x') + "\n");
    EXPECT_EQ(read_value(fixture.path("file")).value_or("unreadable"), std::string(length, 'x')) << length;
    EXPECT_EQ(read_file(fixture.path("file")).value_or("unreadable"), std::string(length, 'x')) << length;
  }
  EXPECT_EQ(read_value(fixture.path("none")).error().code(), ErrorCode::kNotFound);
}

TEST(ReadFile, StripsOneNewlineAndNamesWhatItCannotRead) {
  const FixtureTree fixture({{"a", "one\ntwo\n"}, {"long", std::string(100000, 'x')}});
  EXPECT_EQ(read_file(fixture.path("a")).value(), "one\ntwo");
  EXPECT_EQ(read_file(fixture.path("b")).error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(read_file(fixture.path("b")).error().message(), HasSubstr(fixture.path("b")));
  EXPECT_EQ(read_file(fixture.path("long")).error().code(), ErrorCode::kMalformed);
}

}  // namespace
}  // namespace tideline::kernel::test::writer_test
