// kill -9 in the midst of folding, many times over one store: what was acknowledged is in the tables exactly once.
//
// fold_victim appends random batches, many of them of hours that are folded, while another of its threads folds and
// reports that are folded are dropped. The test kills it at a random moment, opens the store and counts.

#include <algorithm>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/fold_victim.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/victim_process.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::fold_kill_test {
namespace {

using model::Incarnation;
using model::NodeName;
using testing::IsEmpty;

/// Samples of node.cpu in the node's tables of a tier: each report has ten.
std::uint64_t count_samples(const RocksStore& store, series::Tier tier) {
  const auto field = series::field_of(model::Metric::kNodeCpu);
  std::uint64_t samples = 0;
  const std::vector<series::Subject> only{series::Subject{}};
  const auto read = store.read({NodeName("n"), tier, {0}, kForever}, &only, [&](series::Table&& table) {
    for (const auto& column : table.fields) {
      if (column.field != field) continue;
      for (const auto& cell : column.cells) {
        samples += cell.count;
        EXPECT_TRUE(cell.count == 0 || (cell.min == 1'500 && cell.max == 1'500 && cell.mean() == 1'500));
      }
    }
    return true;
  });
  EXPECT_TRUE(read.ok()) << read.error().message();
  return samples;
}

void expect_counts(const RocksStore& store, std::uint64_t stored) {
  for (const auto tier : series::kTiers) {
    SCOPED_TRACE(series::name_of(tier));
    EXPECT_EQ(count_reports(store, "n", tier), static_cast<std::int64_t>(stored));
    EXPECT_EQ(count_samples(store, tier), 10 * stored);
  }
}

TEST(FoldKill, EveryReportThatIsStoredIsInTheTablesExactlyOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const test::TempDir dir;
  const std::string path = dir.str() + "/history";
  const int rounds = test::rounds(25);
  std::uint64_t acked = 0;
  std::uint64_t folded_hours = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    victim::Victim victim(TIDELINE_FOLD_VICTIM, path);
    ASSERT_TRUE(victim.wait_for_first_ack());
    usleep(static_cast<useconds_t>(random() % 60'000));
    ASSERT_TRUE(victim.kill_now()) << "the victim died by itself";
    for (const auto number : victim.acked())
      acked = std::max(acked, number);

    const auto store = open_store(path, victim::kFolding);
    ASSERT_NE(store, nullptr);
    const std::uint64_t stored = store->acked_through(NodeName("n"), Incarnation(1)).value();
    ASSERT_GE(stored, acked) << "a report is lost";
    acked = stored;
    ASSERT_NO_FATAL_FAILURE(expect_counts(*store, stored));
    // Half of the time the next victim finds the rest folded, else it does that itself.
    if (random() % 2 == 0) {
      folded_hours += fold_all(*store, {victim::clock_ms(stored) + 2 * kHourMs}).hours;
      EXPECT_EQ(store->series_state()->late, 0u);
      expect_counts(*store, stored);
    }
    if (round % 8 == 7) {
      EXPECT_THAT(verify_all(*store, 4 << 20), IsEmpty());
    }
    if (HasFailure()) return;
  }
  RecordProperty("reports", std::to_string(acked));
  RecordProperty("hours_folded_by_the_test", std::to_string(folded_hours));
}

}  // namespace
}  // namespace tideline::rocks::fold_kill_test
