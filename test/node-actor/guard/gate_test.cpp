#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/guard/fixture.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using model::ErrorCode;
using test::TempDir;

class Gate : public testing::Test {
 protected:
  Gate()
      : path_(host_.write("cpu/besteffort/cpu.cfs_quota_us", "-1\n")),
        lease_(std::move(*Lease::take(state_.str()))),
        journal_(std::move(*Journal::open(state_.str(), "boot-a"))) {}

  TempDir host_;
  TempDir state_;
  std::string path_;
  Lease lease_;
  Journal journal_;
  JournalGate gate_{journal_, lease_, declare_quota};
};

TEST_F(Gate, TheOriginalIsOnDiskBeforeTheFirstWrite) {
  model::KernelWrite write;
  write.value = "88000";
  ASSERT_TRUE(gate_.before_write(identity_of(path_), "-1", write));
  EXPECT_EQ(host_.read("cpu/besteffort/cpu.cfs_quota_us"), "-1\n") << "the gate itself writes nothing";
  const auto other = Journal::open(state_.str(), "boot-a");
  ASSERT_EQ(other->records().size(), 1u);
  EXPECT_EQ(other->records()[0].original, "-1");
  EXPECT_EQ(other->records()[0].safe_value, "2000");
  EXPECT_EQ(other->ownership(identity_of(path_), "88000"), Ownership::kOurs);
}

TEST_F(Gate, TheOriginalIsTheOneOfTheFirstWrite) {
  ASSERT_TRUE(write_gated(gate_, path_, "88000"));
  ASSERT_TRUE(write_gated(gate_, path_, "72000"));
  EXPECT_EQ(journal_.records().size(), 1u);
  EXPECT_EQ(journal_.records()[0].original, "-1");
}

TEST_F(Gate, AFencedWorkerWritesNothing) {
  const auto other = Lease::take(state_.str());
  const auto result = write_gated(gate_, path_, "88000");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(host_.read("cpu/besteffort/cpu.cfs_quota_us"), "-1\n");
  EXPECT_TRUE(journal_.records().empty());
}

TEST_F(Gate, AWorkerFencedWhileItJournalsWritesNothing) {
  JournalGate gate(journal_, lease_, [&](const model::KernelWrite& write, const std::string& original) {
    EXPECT_TRUE(Lease::take(state_.str()));
    return declare_quota(write, original);
  });
  const auto result = write_gated(gate, path_, "88000");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kFenced);
}

TEST_F(Gate, AFileWithoutSafeValueIsNotWritten) {
  JournalGate gate(journal_, lease_, [](const model::KernelWrite&, const std::string&) {
    return Declaration{RestoreClass::kRestore, ""};
  });
  EXPECT_FALSE(write_gated(gate, path_, "88000"));
  EXPECT_EQ(host_.read("cpu/besteffort/cpu.cfs_quota_us"), "-1\n");
}

TEST_F(Gate, AForeignValueIsReportedOnceAndTheOriginalStays) {
  ASSERT_TRUE(write_gated(gate_, path_, "88000"));
  EXPECT_TRUE(gate_.take_drifts().empty());
  host_.write("cpu/besteffort/cpu.cfs_quota_us", "55555\n");
  ASSERT_TRUE(write_gated(gate_, path_, "72000"));
  const auto drifts = gate_.take_drifts();
  ASSERT_EQ(drifts.size(), 1u);
  EXPECT_EQ(drifts[0].found, "55555");
  EXPECT_EQ(drifts[0].file.path, path_);
  EXPECT_TRUE(gate_.take_drifts().empty());
  EXPECT_EQ(journal_.records()[0].original, "-1");
}

TEST_F(Gate, APolicyThatChangesTheSafeValueChangesTheRecord) {
  ASSERT_TRUE(write_gated(gate_, path_, "88000"));
  JournalGate gate(journal_, lease_, [](const model::KernelWrite&, const std::string& original) {
    EXPECT_EQ(original, "-1");
    return Declaration{RestoreClass::kRestore, "10000"};
  });
  ASSERT_TRUE(write_gated(gate, path_, "72000"));
  EXPECT_EQ(Journal::open(state_.str(), "boot-a")->records()[0].safe_value, "10000");
}

TEST_F(Gate, AFullDiskForANewSafeValueDoesNotKeepBeFromBeingLowered) {
  ASSERT_TRUE(write_gated(gate_, path_, "88000"));
  JournalGate gate(journal_, lease_, [](const model::KernelWrite&, const std::string&) {
    return Declaration{RestoreClass::kRestore, "10000"};
  });
  {
    const test::FileSizeLimit no_room(std::filesystem::file_size(state_.path() / "journal"));
    EXPECT_TRUE(write_gated(gate, path_, "72000"));
  }
  EXPECT_EQ(host_.read("cpu/besteffort/cpu.cfs_quota_us"), "72000");
  EXPECT_EQ(journal_.records()[0].safe_value, "2000");
  EXPECT_EQ(journal_.ownership(identity_of(path_), "72000"), Ownership::kOurs);
  const auto trouble = gate.take_trouble();
  ASSERT_TRUE(trouble);
  EXPECT_THAT(trouble->message(), testing::HasSubstr("safe value of before"));
  EXPECT_FALSE(gate.take_trouble());
  ASSERT_TRUE(write_gated(gate, path_, "71000"));
  EXPECT_FALSE(gate.take_trouble());
  EXPECT_EQ(Journal::open(state_.str(), "boot-a")->records()[0].safe_value, "10000") << "once there is room";
}

TEST_F(Gate, AFullDiskForAnOriginalKeepsTheFileFromBeingWritten) {
  // The journal has a line, so that its size is room for the quota itself: only the gate can keep that from its file.
  ASSERT_TRUE(write_gated(gate_, host_.write("cpu/besteffort/cpu.shares", "1024\n"), "2"));
  const auto result = [&] {
    const test::FileSizeLimit no_room(std::filesystem::file_size(state_.path() / "journal"));
    return write_gated(gate_, path_, "88000");
  }();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message(), testing::HasSubstr("not written"));
  EXPECT_EQ(host_.read("cpu/besteffort/cpu.cfs_quota_us"), "-1\n");
  EXPECT_FALSE(journal_.find(identity_of(path_)));
  EXPECT_FALSE(gate_.take_trouble()) << "that would say it was written";
}

TEST_F(Gate, WithAJournalThatCanOnlyBeReadNothingIsWrittenNotEvenWhatItKnows) {
  ASSERT_TRUE(write_gated(gate_, path_, "88000"));
  auto journal =
      Journal::open_to_read(state_.str(), model::Error(ErrorCode::kUnavailable, "the disk is full"), "boot-a");
  ASSERT_TRUE(journal.ok());
  JournalGate gate(*journal, lease_, declare_quota);
  const auto refused = write_gated(gate, path_, "72000");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("not written: the journal can only be read: the disk"));
  EXPECT_EQ(host_.read("cpu/besteffort/cpu.cfs_quota_us"), "88000");
  host_.write("cpu/besteffort/cpu.cfs_quota_us", "55555\n");
  EXPECT_FALSE(write_gated(gate, path_, "72000"));
  EXPECT_THAT(gate.take_drifts(), testing::IsEmpty()) << "told of each round in which it is refused";
}

TEST(LeaseTest, EachTakerFencesTheOneBefore) {
  const TempDir dir;
  auto first = std::move(*Lease::take(dir.str()));
  EXPECT_TRUE(first.still_mine());
  first.beat({123});
  auto second = std::move(*Lease::take(dir.str()));
  EXPECT_FALSE(first.still_mine());
  EXPECT_TRUE(second.still_mine());
  EXPECT_EQ(second.last_beat().ns, 0) << "the beat of another epoch is not ours";
  second.advance();
  EXPECT_TRUE(second.still_mine());
  EXPECT_GT(second.epoch(), first.epoch());
}

TEST(LeaseTest, AWorkerJoinsOnlyTheEpochItWasStartedFor) {
  const TempDir dir;
  auto supervisor = std::move(*Lease::take(dir.str()));
  auto worker = std::move(*Lease::join(dir.str(), supervisor.epoch()));
  worker.beat({77});
  EXPECT_EQ(supervisor.last_beat().ns, 77);
  supervisor.advance();
  EXPECT_FALSE(worker.still_mine());
  const auto late = Lease::join(dir.str(), worker.epoch());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kFenced);
}

}  // namespace
}  // namespace tideline::guard
