#include "node-actor/guard/journal.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "node-actor/guard/mapped_file.h"
#include "node-actor/kernel/fd.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using model::ErrorCode;
using test::TempDir;

constexpr const char* kBoot = "boot-a";
const kernel::FileIdentity kQuota{"/sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_quota_us", 25, 4711};
const kernel::FileIdentity kShares{"/sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", 25, 4711};
const kernel::FileIdentity kMemory{"/sys/fs/cgroup/kubepods/besteffort/memory.high", 26, 99};

Journal open(const TempDir& dir, const std::string& boot = kBoot) {
  auto journal = Journal::open(dir.str(), boot);
  EXPECT_TRUE(journal.ok()) << (journal.ok() ? "" : journal.error().message());
  return std::move(*journal);
}

TEST(Journal, RemembersTheOriginalAcrossLives) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    ASSERT_TRUE(journal.record(kShares, "1024", "", RestoreClass::kKeep));
  }
  const auto journal = open(dir);
  ASSERT_EQ(journal.records().size(), 2u);
  EXPECT_EQ(journal.records()[0].original, "-1");
  EXPECT_EQ(journal.records()[0].safe_value, "2000");
  EXPECT_EQ(journal.records()[0].file, kQuota);
  EXPECT_EQ(journal.find(kShares)->restore_class, RestoreClass::kKeep);
  EXPECT_NE(journal.records()[0].slot, journal.records()[1].slot);
  EXPECT_TRUE(journal.notes().empty());
}

TEST(Journal, TheFirstOriginalStaysWhenOnlyTheSafeValueChanges) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    ASSERT_TRUE(journal.record(kQuota, "88000", "4000", RestoreClass::kRestore));
  }
  const auto journal = open(dir);
  ASSERT_EQ(journal.records().size(), 1u);
  EXPECT_EQ(journal.records()[0].original, "-1");
  EXPECT_EQ(journal.records()[0].safe_value, "4000");
}

TEST(Journal, RecordsEachFileOnce) {
  const TempDir dir;
  auto journal = open(dir);
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  const auto text = dir.read("journal");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Journal, AnotherBootsRecordsAreNeverApplied) {
  const TempDir dir;
  ASSERT_TRUE(open(dir).record(kQuota, "-1", "2000", RestoreClass::kRestore));
  const auto journal = open(dir, "boot-b");
  EXPECT_TRUE(journal.records().empty());
  EXPECT_FALSE(journal.find(kQuota));
  EXPECT_EQ(journal.ownership(kQuota, "88000"), Ownership::kForeign);
}

TEST(Journal, ACgroupMadeAgainIsAnotherFile) {
  const TempDir dir;
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  auto again = kQuota;
  again.inode = 4712;
  EXPECT_FALSE(journal.find(again));
  ASSERT_TRUE(journal.record(again, "50000", "2000", RestoreClass::kRestore));
  EXPECT_EQ(journal.find(again)->original, "50000");
  EXPECT_EQ(journal.find(kQuota)->original, "-1");
}

TEST(Journal, ACorruptLineIsSkippedAndNamedAndTheOthersStand) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    ASSERT_TRUE(journal.record(kShares, "1024", "", RestoreClass::kKeep));
    ASSERT_TRUE(journal.record(kMemory, "max", "max", RestoreClass::kRestore));
  }
  auto text = dir.read("journal");
  const auto place = text.find("1024");
  text[place] = '9';
  dir.write("journal", text);
  const auto journal = open(dir);
  EXPECT_EQ(journal.records().size(), 2u);
  EXPECT_FALSE(journal.find(kShares));
  ASSERT_EQ(journal.notes().size(), 1u);
  EXPECT_THAT(journal.notes()[0], testing::HasSubstr("line 2"));
  EXPECT_THAT(journal.notes()[0], testing::HasSubstr("crc"));
}

TEST(Journal, CutAnywhereKeepsAllWholeLinesAndTakesNewOnes) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    ASSERT_TRUE(journal.record(kShares, "1024", "", RestoreClass::kKeep));
  }
  const auto text = dir.read("journal");
  const auto first_line = text.find('\n') + 1;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    dir.write("journal", text.substr(0, cut));
    {
      auto journal = open(dir);
      const std::size_t whole = cut < first_line ? 0 : cut < text.size() ? 1 : 2;
      ASSERT_EQ(journal.records().size(), whole) << "cut at " << cut;
      ASSERT_TRUE(journal.record(kMemory, "max", "max", RestoreClass::kRestore));
    }
    const auto journal = open(dir);
    ASSERT_TRUE(journal.find(kMemory)) << "cut at " << cut;
    ASSERT_TRUE(journal.notes().empty()) << "cut at " << cut << ": " << journal.notes()[0];
  }
}

TEST(Journal, AnyFlippedBitIsFoundOrHarmless) {
  const TempDir dir;
  ASSERT_TRUE(open(dir).record(kQuota, "-1", "2000", RestoreClass::kRestore));
  const auto text = dir.read("journal");
  const auto original = open(dir).records()[0];
  for (std::size_t byte = 0; byte < text.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      auto rotten = text;
      rotten[byte] = static_cast<char>(rotten[byte] ^ (1 << bit));
      dir.write("journal", rotten);
      const auto journal = open(dir);
      for (const auto& record : journal.records())
        ASSERT_EQ(record, original) << "byte " << byte << " bit " << bit;
    }
  }
}

TEST(Journal, GarbageIsSkippedWithoutHarm) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const TempDir dir;
  for (int round = 0; round < 50; ++round) {
    std::string bytes;
    for (int i = 0; i < 2000; ++i)
      bytes.push_back(static_cast<char>(random()));
    // What is nested deeply is the same each time, and takes a sanitizer a fifth of a second.
    const std::size_t deep = round == 0 ? 100'000 : 100;
    dir.write("journal", bytes + "\n" + std::string(deep, '[') + "\n{\"crc\":1,\"a\":" + std::string(1000, '{') + "\n");
    const auto journal = open(dir);
    ASSERT_TRUE(journal.records().empty());
    ASSERT_FALSE(journal.notes().empty());
  }
}

TEST(Journal, TextThatIsNotUtf8IsRefusedBeforeItIsWritten) {
  const TempDir dir;
  auto journal = open(dir);
  const auto result = journal.record(kQuota, "\xff\xfe", "2000", RestoreClass::kRestore);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kMalformed);
  EXPECT_TRUE(journal.records().empty());
}

TEST(Journal, KnowsItsOwnValuesFromForeignOnes) {
  const TempDir dir;
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  journal.intend(kQuota, "-1", "88000");
  EXPECT_EQ(journal.ownership(kQuota, "-1"), Ownership::kOriginal);
  EXPECT_EQ(journal.ownership(kQuota, "88000"), Ownership::kOurs);
  EXPECT_EQ(journal.ownership(kQuota, "99999"), Ownership::kForeign);
  journal.intend(kQuota, "88000", "72000");
  EXPECT_EQ(journal.ownership(kQuota, "88000"), Ownership::kOurs) << "killed before the write";
  EXPECT_EQ(journal.ownership(kQuota, "72000"), Ownership::kOurs) << "killed after it";
  journal.intend(kQuota, "72000", "60000");
  EXPECT_EQ(journal.ownership(kQuota, "88000"), Ownership::kForeign) << "not ours any more";
}

TEST(Journal, AWriteTheKernelRefusedDoesNotDisownTheOneBefore) {
  const TempDir dir;
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  journal.intend(kQuota, "-1", "88000");
  journal.intend(kQuota, "88000", "1");
  journal.intend(kQuota, "88000", "2");
  EXPECT_EQ(journal.ownership(kQuota, "88000"), Ownership::kOurs);
}

TEST(Journal, PassingOverAForeignValueDoesNotMakeItOurs) {
  const TempDir dir;
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  journal.intend(kQuota, "-1", "88000");
  journal.intend(kQuota, "55555", "72000");
  EXPECT_EQ(journal.ownership(kQuota, "55555"), Ownership::kForeign);
  EXPECT_EQ(journal.ownership(kQuota, "72000"), Ownership::kOurs);
}

TEST(Journal, OwnWritesAreKnownInTheNextLife) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    journal.intend(kQuota, "-1", "88000");
  }
  const auto journal = open(dir);
  EXPECT_EQ(journal.ownership(kQuota, "88000"), Ownership::kOurs);
  EXPECT_EQ(journal.ownership(kQuota, "99999"), Ownership::kForeign);
}

TEST(Journal, WithoutTheWrittenFileEveryValueCountsAsOurs) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    journal.intend(kQuota, "-1", "88000");
  }
  std::filesystem::remove(dir.path() / "written");
  EXPECT_EQ(open(dir).ownership(kQuota, "88000"), Ownership::kOurs);
}

TEST(Journal, TheWrittenFileCostsNoDiskForSlotsThatAreNotUsed) {
  const TempDir dir;
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  journal.intend(kQuota, "-1", "88000");
  struct stat status {};
  ASSERT_EQ(::stat((dir.str() + "/written").c_str(), &status), 0);
  EXPECT_LE(status.st_blocks * 512, 64 * 1024);
}

TEST(Journal, TheFirstPageOfTheWrittenFileHasItsBlockBeforeItIsMapped) {
  const TempDir dir;
  const auto mapped = MappedFile::open(dir.str() + "/written", 1 << 20);
  ASSERT_TRUE(mapped);
  struct stat status {};
  ASSERT_EQ(::stat((dir.str() + "/written").c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 4096) << "else a full disk is a SIGBUS";
}

TEST(Journal, CompactingKeepsOnlyWhatIsNamed) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    ASSERT_TRUE(journal.record(kMemory, "max", "max", RestoreClass::kRestore));
    journal.intend(kMemory, "max", "40960");
    ASSERT_TRUE(journal.compact({kMemory}));
    EXPECT_EQ(journal.records().size(), 1u);
    ASSERT_TRUE(journal.record(kShares, "1024", "", RestoreClass::kKeep)) << "still writable";
  }
  {
    auto journal = open(dir);
    EXPECT_EQ(journal.records().size(), 2u);
    EXPECT_EQ(journal.ownership(kMemory, "40960"), Ownership::kOurs);
    EXPECT_EQ(journal.ownership(kMemory, "81920"), Ownership::kForeign);
    ASSERT_TRUE(journal.compact({}));
  }
  EXPECT_EQ(dir.read("journal"), "");
  EXPECT_TRUE(open(dir).records().empty());
}

TEST(Journal, WhatIsRecordedAfterACompactionThatCouldNotBeMadeDurableIsInTheFileAllTheSame) {
  const TempDir dir;
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(kMemory, "max", "max", RestoreClass::kRestore));
  // May be written to, and not opened. Root may: this thread meets files as somebody else for a while.
  std::filesystem::permissions(dir.path(), std::filesystem::perms{0333});
  constexpr uid_t kNobody = 65534;
  const auto before = ::setfsuid(kNobody);
  const auto compacted = journal.compact({});
  ::setfsuid(static_cast<uid_t>(before));
  std::filesystem::permissions(dir.path(), std::filesystem::perms{0755});
  ASSERT_FALSE(compacted.ok());
  EXPECT_THAT(compacted.error().message(), testing::HasSubstr("fsync " + dir.str()));
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
  EXPECT_TRUE(open(dir).find(kQuota));
}

TEST(Journal, ForgetsGroupsThatAreGoneAndTakesTheirPlacesAgain) {
  const TempDir dir;
  const TempDir groups;
  const auto held = kernel::open_directory(groups.str());
  ASSERT_TRUE(held);
  const kernel::FileIdentity stays{groups.str() + "/cpu.shares", held->device, held->inode};
  auto journal = open(dir);
  ASSERT_TRUE(journal.record(stays, "2", "", RestoreClass::kKeep));
  for (int i = 0; i < 300; ++i) {
    const kernel::FileIdentity gone{groups.str() + "/pod" + std::to_string(i) + "/cpu.shares", held->device, 1};
    ASSERT_TRUE(journal.record(gone, "2", "", RestoreClass::kKeep));
  }
  ASSERT_TRUE(journal.forget_gone());
  ASSERT_EQ(journal.records().size(), 1u);
  EXPECT_TRUE(journal.find(stays));
  ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore)) << "still writable";
  EXPECT_TRUE(journal.find(kQuota));
  EXPECT_EQ(open(dir).records().size(), 2u);
}

TEST(Journal, ManyLinesOfFewFilesAreRewritten) {
  const TempDir dir;
  const TempDir groups;
  const auto held = kernel::open_directory(groups.str());
  ASSERT_TRUE(held);
  const kernel::FileIdentity file{groups.str() + "/cpuset.cpus", held->device, held->inode};
  auto journal = open(dir);
  for (int i = 0; i < 1100; ++i)
    ASSERT_TRUE(journal.record(file, "0-7", std::to_string(i % 8), RestoreClass::kRestore));
  ASSERT_TRUE(journal.forget_gone());
  const auto text = dir.read("journal");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(open(dir).find(file)->safe_value, std::to_string(1099 % 8));
}

TEST(Journal, AnUnusableDirectoryIsNamed) {
  const auto journal = Journal::open("/proc/no-such-place/state", kBoot);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(journal.error().message(), testing::HasSubstr("/proc/no-such-place/state"));
}

TEST(Journal, OpenedToReadItKnowsWhatIsThereAndTakesAndChangesNothing) {
  const TempDir dir;
  {
    auto journal = open(dir);
    ASSERT_TRUE(journal.record(kQuota, "-1", "2000", RestoreClass::kRestore));
    journal.intend(kQuota, "-1", "88000");
  }
  // Half a line is left where it is, too.
  const auto text = dir.read("journal") + "{\"slot\"";
  dir.write("journal", text);
  const auto written = dir.read("written");
  const model::Error why(ErrorCode::kUnavailable, "the disk is full");
  auto journal = Journal::open_to_read(dir.str(), why, kBoot);
  ASSERT_TRUE(journal.ok()) << journal.error().message();
  ASSERT_EQ(journal->records().size(), 1u);
  EXPECT_EQ(journal->ownership(kQuota, "88000"), Ownership::kOurs);
  EXPECT_EQ(journal->ownership(kQuota, "4711"), Ownership::kForeign);
  EXPECT_THAT(journal->notes().front(), testing::HasSubstr("nothing new is written on this host: the disk is full"));
  for (const auto& file : {kQuota, kShares}) {
    const auto refused = journal->record(file, "-1", "2000", RestoreClass::kRestore);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kPermissionDenied) << "a gate goes on where it is kUnavailable";
  }
  EXPECT_FALSE(journal->compact({}));
  EXPECT_TRUE(journal->forget_gone());
  journal->intend(kQuota, "88000", "72000");
  EXPECT_EQ(dir.read("journal"), text);
  EXPECT_TRUE(dir.read("written") == written);
}

TEST(Journal, OpenedToReadWithoutOneItIsEmptyAndMakesNone) {
  const TempDir dir;
  const auto journal =
      Journal::open_to_read(dir.str(), model::Error(ErrorCode::kUnavailable, "the disk is full"), kBoot);
  ASSERT_TRUE(journal.ok()) << journal.error().message();
  EXPECT_TRUE(journal->records().empty());
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Journal, ValuesAreTheSameToTheKernel) {
  EXPECT_TRUE(same_value("/x/cpu.max", "max 100000", "max 100000\n"));
  EXPECT_FALSE(same_value("/x/cpu.cfs_quota_us", "88000", "88001"));
  EXPECT_TRUE(same_value("/x/memory.high", "1000000", "999424")) << "rounded down to pages";
  EXPECT_FALSE(same_value("/x/memory.high", "1000000", "max"));
  for (const auto* file : {"oom.group", "priority", "use_priority_oom", "wmark_ratio", "wmark_min_adj"})
    EXPECT_FALSE(same_value(std::string("/x/memory.") + file, "0", "1")) << file << " counts no bytes";
  for (const auto* file : {"limit_in_bytes", "soft_limit_in_bytes"})
    EXPECT_TRUE(same_value(std::string("/x/memory.") + file, "-1", "9223372036854771712")) << file << ": none";
  EXPECT_FALSE(same_value("/x/memory.limit_in_bytes", "-1", "0"));
  EXPECT_TRUE(same_value("/x/cpuset.cpus", "0-1", "0,1\n")) << "sets";
  EXPECT_TRUE(same_value("/x/cpuset.cpus", "", "\n"));
  EXPECT_FALSE(same_value("/x/cpuset.cpus", "0-1", "0-2"));
  EXPECT_FALSE(same_value("/x/cpuset.cpus", "0-1", ""));
  EXPECT_TRUE(same_value("/x/cpu.max", "5000  100000", "5000 100000"));
  EXPECT_FALSE(same_value("/x/cpu.max", "5000 100000", "5000 50000")) << "another period is another limit";
  EXPECT_TRUE(same_value("/x/cpu.cfs_quota_us", "-1", "-2")) << "any negative quota is none";
  EXPECT_TRUE(same_value("/x/cpu.shares", "1", "2")) << "the kernel takes no fewer";
  EXPECT_FALSE(same_value("/x/cpu.shares", "1024", "1025"));
  EXPECT_FALSE(same_value("/x/cpu.weight", "1", "2"));
}

}  // namespace
}  // namespace tideline::guard
