// kill -9 in the middle of appends, many times over one store: what append() had returned is there exactly once.
//
// The victim is a program of its own (a fork alone would not have RocksDB's threads): append_victim appends random
// batches, then their accounts, and writes each sequence number down a pipe after both have returned. The test kills it
// at a random moment, opens the store and compares.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/append_victim.h"
#include "test/storage/rocks/victim_process.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::kill_test {
namespace {

using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;
using store::AppendOutcome;

constexpr WallTime kEver{INT64_MAX};

/// How often each number stands in history, by reports and by their events.
std::map<std::uint64_t, int> count_reports(const RocksStore& store) {
  std::map<std::uint64_t, int> counts;
  WallTime from{};
  for (bool more = true; more;) {
    const auto page = store.reports(NodeName("n"), from, kEver, 0);
    EXPECT_TRUE(page.ok()) << page.error().message();
    for (const auto& row : page.value_or({}).rows) {
      ++counts[row.report.seq.value()];
      from = WallTime{row.at.ms + 1};
    }
    more = page.ok() && page->truncated;
  }
  return counts;
}

std::map<std::uint64_t, int> count_events(const RocksStore& store) {
  std::map<std::uint64_t, int> counts;
  WallTime from{};
  for (bool more = true; more;) {
    const auto page = store.events(NodeName("n"), from, kEver, 0);
    EXPECT_TRUE(page.ok()) << page.error().message();
    for (const auto& row : page.value_or({}).rows) {
      ++counts[std::stoull(row.event.subject)];
      from = WallTime{row.at.ms + 1};
    }
    more = page.ok() && page->truncated;
  }
  return counts;
}

std::set<std::uint64_t> kept_accounts(const RocksStore& store) {
  std::set<std::uint64_t> numbers;
  WallTime from{};
  for (bool more = true; more;) {
    const auto page = store.accounts(NodeName("n"), from, kEver, 0);
    EXPECT_TRUE(page.ok()) << page.error().message();
    for (const auto& row : page.value_or({}).rows) {
      EXPECT_EQ(row, victim::account_of(row.account.policy.value()));
      numbers.insert(row.account.policy.value());
      from = WallTime{row.at.ms + 1};
    }
    more = page.ok() && page->truncated;
  }
  return numbers;
}

TEST(Kill, EveryAppendThatReturnedIsThereExactlyOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const test::TempDir dir;
  const std::string path = dir.str() + "/history";
  const char* wanted_rounds = std::getenv("TIDELINE_KILL_ROUNDS");
  const int rounds = wanted_rounds ? std::atoi(wanted_rounds) : 25;
  std::set<std::uint64_t> acked;
  std::set<std::uint64_t> told;  // by the victim: with their accounts
  int beyond_the_acked = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    victim::Victim victim(TIDELINE_APPEND_VICTIM, path);
    ASSERT_TRUE(victim.wait_for_first_ack());
    usleep(static_cast<useconds_t>(random() % 30'000));
    ASSERT_TRUE(victim.kill_now()) << "the victim died by itself";
    for (const auto number : victim.acked()) {
      ASSERT_TRUE(acked.insert(number).second) << number << " was acked twice";
      told.insert(number);
    }

    auto opened = RocksStore::open(path, victim::kSmall);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    const RocksStore& store = **opened;
    const auto reports = count_reports(store);
    for (const auto number : acked)
      ASSERT_TRUE(reports.contains(number)) << number << " was acked and is lost";
    for (const auto& [number, count] : reports) {
      ASSERT_EQ(count, 1) << number;
      ASSERT_TRUE(store.has(NodeName("n"), Incarnation(1), Seq(number))) << number << " would be stored again";
      beyond_the_acked += acked.insert(number).second ? 1 : 0;  // durable, though the kill came before the ack
    }
    ASSERT_EQ(store.acked_through(NodeName("n"), Incarnation(1)), Seq(reports.size()));
    ASSERT_EQ(count_events(store), reports) << "a report and its events are one step";
    const auto accounts = kept_accounts(store);
    ASSERT_TRUE(std::includes(accounts.begin(), accounts.end(), told.begin(), told.end())) << "an account is lost";
    const std::vector again{victim::numbered(1), victim::numbered(reports.size()),
                            victim::numbered(reports.size() + 1)};
    const auto outcomes = (*opened)->append(again);
    ASSERT_TRUE(outcomes.ok());
    EXPECT_EQ(*outcomes, (std::vector{AppendOutcome::kDuplicate, AppendOutcome::kDuplicate, AppendOutcome::kStored}));
    acked.insert(reports.size() + 1);
  }
  RecordProperty("reports", std::to_string(acked.size()));
  RecordProperty("durable_but_not_acked", beyond_the_acked);
}

}  // namespace
}  // namespace tideline::rocks::kill_test
