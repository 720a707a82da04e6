// kill -9 while a store is salvaged: what it reads stays as it is, and what it makes is whole or not there.

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/rocks/salvage.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/victim_process.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::salvage_kill_test {
namespace {

namespace fs = std::filesystem;

using testing::HasSubstr;
using testing::IsEmpty;

constexpr RocksOptions kFoldedStore{.series = true};

TEST(SalvageKill, LeavesWhatItReadsAsItIsAndMakesAWholeStoreOrNone) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const test::TempDir dir;
  const std::string from = dir.str() + "/history";
  const std::string to = dir.str() + "/salvaged";
  std::vector<store::IncomingReport> reports;
  {
    const auto store = open_store(from, kFoldedStore);
    for (std::uint64_t seq = 1; seq <= 2'000; ++seq)
      reports.push_back(exact_report("n", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 10'000));
    append_all(*store, reports);
    fold_all(*store, {kMidnight + 4 * kHourMs});
  }
  const auto bytes = bytes_of_files(from);
  int killed_on_its_way = 0;
  for (int round = 0; round < test::rounds(10); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    bool is_told = false;
    {
      victim::Victim victim(TIDELINE_SALVAGE_VICTIM, dir.str());
      usleep(static_cast<useconds_t>(random() % 400'000));
      ASSERT_TRUE(victim.kill_now()) << "the victim died by itself";
      is_told = !victim.acked().empty();
    }
    ASSERT_TRUE(bytes_of_files(from) == bytes);
    const bool is_there = fs::exists(to);
    ASSERT_TRUE(is_there || !is_told) << "it said that it is there";
    if (is_there) {
      const auto store = open_store(to, kFoldedStore);
      ASSERT_NE(store, nullptr);
      ASSERT_THAT(verify_all(*store, 16 << 20), IsEmpty());
      ASSERT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
    } else if (fs::exists(to + ".salvaging")) {
      ++killed_on_its_way;
      const auto next = salvage(from, to);
      ASSERT_FALSE(next.ok());
      EXPECT_THAT(next.error().message(), HasSubstr(to + ".salvaging"));
    }
    fs::remove_all(to);
    fs::remove_all(to + ".salvaging");
  }
  RecordProperty("killed_on_its_way", killed_on_its_way);
  ASSERT_TRUE(salvage(from, to).ok());
  EXPECT_TRUE(same(read_tables(*open_store(to, kFoldedStore), "n"), tables_of(reports)));
}

}  // namespace
}  // namespace tideline::rocks::salvage_kill_test
