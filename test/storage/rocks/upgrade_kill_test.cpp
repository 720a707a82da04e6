// kill -9 while a store of format 3 is made one of this format, many times over: its tables are all there, and whoever
// opens it next goes on.
//
// append_victim opens the store, which moves tables, and then appends to it. The test kills it at a random moment,
// opens a copy of what lies there, and compares.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/format_three.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/storage/rocks/victim_process.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::upgrade_kill_test {
namespace {

namespace fs = std::filesystem;

using model::NodeName;
using series::SubjectKind;
using testing::IsEmpty;

constexpr RocksOptions kSeries{.series = true};

/// An hour of numbers that do not compress: some 20 KB.
series::Table noisy_table(series::Subject subject, std::mt19937_64& random) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  const auto any = [&random] { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kMost)); };
  series::Table table{.subject = std::move(subject),
                      .tier = series::Tier::kTenSeconds,
                      .times = {},
                      .fields = {},
                      .sketches = {{.field = series::Field::kPodCpu, .cells = {}}}};
  const std::array fields{series::Field::kPodCpu, series::Field::kPodMemory, series::Field::kPodThrottled};
  for (const series::Field field : fields)
    table.fields.push_back({.field = field, .step = 1, .cells = {}});
  for (std::int64_t time = kMidnight / 1000; time < (kMidnight + kHourMs) / 1000; time += 10) {
    table.times.push_back(time);
    for (series::FieldColumn& column : table.fields) {
      const std::int64_t least = any();
      const std::int64_t mean = least + any();
      column.cells.push_back({.count = 1, .min = least, .max = mean + any(), .sum = mean});
    }
    table.sketches.front().cells.emplace_back().add(any());
  }
  return table;
}

/// Tables of nodes and of their pods, more than some steps of an upgrade move.
std::map<std::string, Tables> write_large(const std::string& directory, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto store = open_store(directory, kSeries);
  std::map<std::string, Tables> wanted;
  for (int number = 0; number < 4; ++number) {
    const std::string node = "p-" + std::to_string(number);
    std::vector<series::Table> tables{noisy_table({}, random)};
    for (int pod = 0; pod < 250; ++pod)
      tables.push_back(noisy_table({.kind = SubjectKind::kPod, .name = "uid-" + std::to_string(pod)}, random));
    const std::size_t count = tables.size();
    const auto put = store->put_tables(NodeName(node), std::move(tables), {});
    EXPECT_TRUE(put.ok()) << put.error().message();
    EXPECT_EQ(put.value_or({}).put, count);
    wanted[node] = read_tables(*store, node);
  }
  const auto state = store->series_state();
  EXPECT_GT(state->passing[series::place_of(series::Tier::kTenSeconds)].bytes, 12u << 20)
      << "or all was one step, and this says little";
  return wanted;
}

bool is_on_its_way(const std::string& directory) {
  bool is_begun = false;
  with_family(directory, "meta", [&is_begun](auto& db, auto* meta) {
    std::string from;
    is_begun = db.Get({}, meta, "upgrading-from", &from).ok();
  });
  return is_begun;
}

void expect_whole(const RocksStore& store, const std::map<std::string, Tables>& wanted) {
  for (const auto& [node, tables] : wanted)
    ASSERT_TRUE(same(read_tables(store, node), tables)) << node;
  ASSERT_THAT(verify_all(store, 16 << 20), IsEmpty());
}

TEST(UpgradeKill, TablesOfAStoreOfFormatThreeAreAllThereHoweverOftenItsUpgradeIsKilled) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const test::TempDir dir;
  const std::string path = dir.str() + "/history";
  const auto wanted = write_large(path, seed);
  ASSERT_NO_FATAL_FAILURE(make_format_three(path));
  // In files, or each start would begin with a long log.
  with_families(path, [](auto& db, auto* family) { ASSERT_TRUE(db.Flush({}, family).ok()); });
  int killed_on_its_way = 0;
  bool is_done = false;
  for (int round = 0; round < test::rounds(10) && !is_done; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    {
      victim::Victim victim(TIDELINE_APPEND_VICTIM, path);
      usleep(static_cast<useconds_t>(random() % 250'000));
      ASSERT_TRUE(victim.kill_now()) << "the victim died by itself";
      is_done = !victim.acked().empty();
    }
    const test::TempDir copy;
    const std::string left = copy.str() + "/history";
    fs::copy(path, left, fs::copy_options::recursive);
    killed_on_its_way += is_on_its_way(left) ? 1 : 0;
    const auto store = open_store(left, kSeries);
    ASSERT_NE(store, nullptr);
    ASSERT_NO_FATAL_FAILURE(expect_whole(*store, wanted));
  }
  const auto store = open_store(path, kSeries);
  ASSERT_NE(store, nullptr);
  ASSERT_NO_FATAL_FAILURE(expect_whole(*store, wanted));
  RecordProperty("killed_on_its_way", killed_on_its_way);
}

}  // namespace
}  // namespace tideline::rocks::upgrade_kill_test
