#include "node-actor/kernel/parse.h"

#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/cpu_counter.h"
#include "test/support/fixture_tree.h"

namespace tideline::kernel::test::parse_test {
namespace {

using model::Bytes;
using model::Duration;
using std::chrono::microseconds;

TEST(Parse, NumbersAreWholeTexts) {
  EXPECT_EQ(parse_number("42\n"), 42);
  EXPECT_EQ(parse_number("-1"), -1);
  for (const char* text : {"", "\n", "4 2", "42x", "x", "0x10", "1.5", "99999999999999999999", "+1", "--1"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(Parse, KeyedLinesMatchWholeKeys) {
  const std::string text = "nr_periods_x 1\nnr_periods 7\nnr_throttled oops\n";
  EXPECT_EQ(parse_keyed(text, "nr_periods"), 7);
  EXPECT_EQ(parse_keyed(text, "nr_throttled"), std::nullopt);
  EXPECT_EQ(parse_keyed(text, "usage_usec"), std::nullopt);
}

TEST(Parse, MemoryStatOfV1CountsTheGroupsBelow) {
  const std::string text =
      "rss 1\nshmem 1\nactive_anon 9\ninactive_anon 9\nactive_file 9\nunevictable 9\nworkingset_refault_file 9\n"
      "total_cache 7\ntotal_rss 400\ntotal_rss_huge 5\ntotal_shmem 1\ntotal_workingset_refault_anon 6\n"
      "total_workingset_refault_file 70\ntotal_active_anon 1\ntotal_inactive_anon 20\ntotal_active_file 5\n"
      "total_inactive_file 30\ntotal_unevictable 300\n";
  const auto stat = parse_memory_stat(text, true);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->without_cache, Bytes(321));
  EXPECT_EQ(stat->anon, Bytes(401));
  EXPECT_EQ(stat->reclaimable, Bytes(35));
  EXPECT_EQ(stat->refaults, 76);
  EXPECT_EQ(stat->scanned, std::nullopt) << "v1 does not tell";
}

TEST(Parse, MemoryStatOfV2) {
  const std::string text =
      "anon 400\nfile 9\nshmem 1\ninactive_anon 20\nactive_anon 1\ninactive_file 30\nactive_file 5\nunevictable 300\n"
      "slab_reclaimable 1000\nslab_unreclaimable 9\nworkingset_refault_anon 6\nworkingset_refault_file 70\n"
      "workingset_activate_file 9\npgscan 8\npgsteal 9\npgscan_kswapd 9\n";
  const auto stat = parse_memory_stat(text, false);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->without_cache, Bytes(321));
  EXPECT_EQ(stat->anon, Bytes(401));
  EXPECT_EQ(stat->reclaimable, Bytes(1035));
  EXPECT_EQ(stat->refaults, 76);
  EXPECT_EQ(stat->scanned, 8);
  EXPECT_EQ(parse_memory_stat(text, true), std::nullopt) << "no line of it is of v1";
}

TEST(Parse, WhatAKernelDoesNotTellInMemoryStatIsUnknown) {
  const std::string least = "active_anon 1\ninactive_anon 2\nunevictable 3\n";
  const auto stat = parse_memory_stat(least, false);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->without_cache, Bytes(6));
  EXPECT_TRUE(!stat->anon && !stat->reclaimable && !stat->refaults && !stat->scanned);
  EXPECT_EQ(parse_memory_stat(least + "workingset_refault 7\n", false)->refaults, 7) << "before 5.9";
  EXPECT_EQ(parse_memory_stat(least + "workingset_refault_file 7\n", false)->refaults, std::nullopt);
  EXPECT_EQ(parse_memory_stat(least + "active_file 1\nslab_reclaimable 5\n", false)->reclaimable, std::nullopt);
  for (const auto& text :
       {std::string("active_anon 1\ninactive_anon 2\n"),
        std::string("active_anon 1\ninactive_anon 2\nunevictable -3\n"), least + "shmem lots\n", least + "pgscan\n",
        least + "anon 1 2\n", std::string("active_anon 9223372036854775807\ninactive_anon 2\nunevictable 3\n")}) {
    EXPECT_FALSE(parse_memory_stat(text, false)) << text;
  }
}

TEST(Parse, MemoryLimits) {
  const auto none = model::MemoryLimit{};
  for (const char* text : {"max\n", "-1", "9223372036854771712\n", "9223372036854710272", "9223372036854775807"})
    EXPECT_EQ(parse_memory_limit(text), none) << text;
  EXPECT_EQ(parse_memory_limit("104857600\n"), model::MemoryLimit{Bytes(104857600)});
  EXPECT_EQ(parse_memory_limit("0"), model::MemoryLimit{Bytes(0)});
  for (const char* text : {"", "\n", "lots", "-2", "1 2", "max 1", "18446744073709551615", "4K"})
    EXPECT_EQ(parse_memory_limit(text), std::nullopt) << text;
}

TEST(Parse, VmstatSumsTheStallsOfAllZones) {
  const auto stat = parse_vmstat("allocstall_dma 1\nallocstall_normal 20\npgscan_direct_throttle 9\npgscan_direct 5\n");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->alloc_stalls, 21);
  EXPECT_EQ(stat->direct_scanned, 5);
  EXPECT_EQ(parse_vmstat("allocstall 7\n")->alloc_stalls, 7) << "before 4.10";
  EXPECT_EQ(parse_vmstat("nr_free_pages 7\nallocstalls 3\n")->alloc_stalls, std::nullopt) << "not told";
  for (const char* text : {"allocstall_dma x\n", "allocstall_dma -1\n", "pgscan_direct\n",
                           "allocstall_a 9223372036854775807\nallocstall_b 1\n"})
    EXPECT_FALSE(parse_vmstat(text)) << text;
}

TEST(Parse, LowWatermarksOfAllZones) {
  EXPECT_EQ(parse_low_watermark("Node 0, zone DMA\n        min      3\n        low      45\n        high     54\n"
                                "Node 1, zone Normal\n        low      100\n"),
            145);
  for (const char* text : {"", "low\n", "low x\n", "low -1\n", "high 3\n", "low 9223372036854775807\nlow 1\n"})
    EXPECT_EQ(parse_low_watermark(text), std::nullopt) << text;
}

TEST(Parse, MeminfoIsInKibibytes) {
  const std::string text = "MemTotal:       24682416 kB\nMemFree:  1 kB\nHugePages_Total:       0\n";
  EXPECT_EQ(parse_meminfo(text, "MemTotal"), Bytes(24682416LL * 1024));
  EXPECT_EQ(parse_meminfo(text, "MemAvailable"), std::nullopt);
  EXPECT_EQ(parse_meminfo(text, "HugePages_Total"), std::nullopt);
  EXPECT_EQ(parse_meminfo("MemTotal: 9223372036854775807 kB\n", "MemTotal"), std::nullopt);
}

TEST(Parse, PressureTotalsAreMicroseconds) {
  const std::string some = "some avg10=0.42 avg60=0.36 avg300=0.31 total=4894132\n";
  EXPECT_EQ(parse_pressure(some + "full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n"),
            (model::StallTotals{microseconds(4894132), microseconds(12)}));
  EXPECT_EQ(parse_pressure(some), (model::StallTotals{microseconds(4894132), Duration(0)}));
  for (const char* text : {"", "some\n", "some total=x\n", "full total=1\n", "some total=-1\n",
                           "some total=1\nfull total=\n", "some total=9223372036854775807\n"}) {
    EXPECT_EQ(parse_pressure(text), std::nullopt) << text;
  }
}

TEST(Parse, UsedTicksLeaveOutIdleIowaitStealAndGuest) {
  EXPECT_EQ(parse_stat_ticks("cpu  1 20 300 9 9 4000 50000 9 9 9\ncpu0 1 1 1\n"), 54321);
  EXPECT_EQ(parse_stat_ticks("cpu  1 2 3\n"), std::nullopt);
  EXPECT_EQ(parse_stat_ticks("cpu0 1 20 300 9 9 4000 50000 9 9 9\n"), std::nullopt);
}

TEST(Parse, SchedstatHasThreeNumbers) {
  const auto stat = parse_schedstat("100 2000 3\n");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->run, Duration(100));
  EXPECT_EQ(stat->delay, Duration(2000));
  EXPECT_EQ(stat->timeslices, 3);
  for (const char* text : {"", "1 2", "1 2 3 4", "1 -2 3", "a b c"})
    EXPECT_FALSE(parse_schedstat(text)) << text;
}

TEST(Parse, CpuLists) {
  EXPECT_EQ(count_cpus("0-3,8\n"), 5);
  EXPECT_EQ(count_cpus("0"), 1);
  for (const char* text : {"", "\n", "3-1", "0-", "-3", "0,,1", "0-3,2", "a", "0-99999999"}) {
    EXPECT_EQ(count_cpus(text), std::nullopt) << text;
  }
}

TEST(Parse, CpuMax) {
  EXPECT_EQ(parse_cpu_max("max 100000\n")->quota_us, std::nullopt);
  EXPECT_EQ(parse_cpu_max("max 100000\n")->period_us, 100000);
  EXPECT_EQ(parse_cpu_max("5000 20000")->quota_us, 5000);
  for (const char* text : {"", "max", "max 0", "5000", "-5 100000", "x 100000", "5000 100000 1"}) {
    EXPECT_FALSE(parse_cpu_max(text)) << text;
  }
}

TEST(Parse, MalformedTextIsShownShortAndPrintable) {
  const auto error = malformed("/sys/x", "a\x01" + std::string(500, 'b'));
  EXPECT_EQ(error.code(), model::ErrorCode::kMalformed);
  EXPECT_THAT(error.message(), ::testing::StartsWith("/sys/x: unexpected text 'a?bbb"));
  EXPECT_LT(error.message().size(), 130U);
}

/// Bytes that are random, or a real text with some of its bytes changed, cut off or doubled.
std::string hostile_text(std::mt19937_64& random) {
  static const std::vector<std::string> kReal = {
      tideline::test::FixtureTree::mountinfo_v1(),
      tideline::test::FixtureTree::mountinfo_v2(),
      "some avg10=0.42 avg60=0.36 avg300=0.31 total=4894132\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
      "cpu  100 10 50 9999 888 5 5 777 66 6\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
      "MemTotal:       24682416 kB\nMemFree:  1 kB\nMemAvailable: 1 kB\n",
      "total_inactive_anon 100\ntotal_active_anon 20\ntotal_unevictable 3\ntotal_rss 5\ntotal_shmem 6\n"
      "total_inactive_file 7\ntotal_active_file 8\ntotal_workingset_refault_anon 1\ntotal_workingset_refault_file 2\n",
      "inactive_anon 100\nactive_anon 20\nunevictable 3\nanon 5\nshmem 6\nslab_reclaimable 7\npgscan 8\n",
      "allocstall_dma 0\nallocstall_normal 9\npgscan_direct 4\n",
      "Node 0, zone      DMA\n  pages free     3840\n        low      45\n        high     54\n",
      "9223372036854771712\n",
      "max\n",
      "usage_usec 1\nuser_usec 1\nsystem_usec 1\nnr_periods 0\nnr_throttled 0\n",
      "0-3,8,10-11\n",
      "30000 100000\n",
      "9223372036854775807 9223372036854775807 1\n",
      "\\040\\1\\400 \\"};
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  std::string text;
  if (below(4) == 0) {
    text.resize(below(200));
    for (auto& byte : text)
      byte = static_cast<char>(random());
    return text;
  }
  text = kReal[below(kReal.size())];
  for (auto changes = below(6); changes > 0; --changes) {
    if (text.empty()) break;
    switch (below(4)) {
      case 0:
        text[below(text.size())] = static_cast<char>(random());
        break;
      case 1:
        text.resize(below(text.size()));
        break;
      case 2:
        text.insert(below(text.size()), "99999999999999999999");
        break;
      default:
        text.insert(below(text.size()), text.substr(below(text.size())));
    }
  }
  return text;
}

TEST(Parse, NoTextCrashesOrMakesCountersNegative) {
  const auto seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  for (int round = 0; round < 50000; ++round) {
    // On the heap without a terminating zero, so that a sanitizer sees a read past the end.
    const std::string made = hostile_text(random);
    const std::vector<char> bytes(made.begin(), made.end());
    const std::string_view text(bytes.data(), bytes.size());
    const auto not_negative = [&](std::optional<std::int64_t> value) { ASSERT_GE(value.value_or(0), 0) << made; };
    const auto ns = [](const std::optional<Duration>& value) { return value.value_or(Duration(0)).count(); };
    parse_number(text);
    parse_keyed(text, "nr_periods");
    not_negative(count_cpus(text));
    not_negative(parse_stat_ticks(text));
    not_negative(ns(parse_group_cpu(text, true)));
    not_negative(ns(parse_group_cpu(text, false)));
    not_negative(parse_meminfo(text, "MemTotal").value_or(Bytes(0)).value());
    for (const bool v1 : {true, false}) {
      const auto stat = parse_memory_stat(text, v1).value_or(MemoryStat{});
      not_negative(stat.without_cache.value());
      not_negative(stat.anon.value_or(Bytes(0)).value());
      not_negative(stat.reclaimable.value_or(Bytes(0)).value());
      not_negative(stat.refaults);
      not_negative(stat.scanned);
    }
    const auto stalls = parse_vmstat(text).value_or(VmStat{});
    not_negative(stalls.alloc_stalls);
    not_negative(stalls.direct_scanned);
    not_negative(parse_low_watermark(text));
    const auto memory_limit = parse_memory_limit(text).value_or(model::MemoryLimit{});
    not_negative(memory_limit.bytes.value_or(Bytes(0)).value());
    not_negative(parse_pressure(text).value_or(model::StallTotals{}).some.count());
    not_negative(parse_schedstat(text).value_or(SchedStat{}).delay.count());
    if (const auto quota = parse_cpu_max(text)) {
      ASSERT_GT(quota->period_us, 0) << made;
      not_negative(limit_of(*quota).value_or(model::MilliCpu(0)).value());
    }
    for (const auto& mount : parse_cgroup_mounts(text))
      ASSERT_EQ(mount.mount_point.front(), '/') << made;
    ASSERT_LT(malformed("p", text).message().size(), 200U);
  }
}

}  // namespace
}  // namespace tideline::kernel::test::parse_test
