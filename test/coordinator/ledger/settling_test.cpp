#include "coordinator/ledger/settling.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "coordinator/fleet/application_book.h"
#include "coordinator/fleet/limits.h"

namespace tideline::ledger {
namespace {

constexpr auto kSpan = static_cast<std::int64_t>(fleet::kAverageSlots);

model::Report report_with(const std::vector<std::string>& pods) {
  model::Report report;
  for (const auto& uid : pods) {
    model::Pod pod;
    pod.uid = model::PodUid(uid);
    report.pods.emplace_back().pod = std::move(pod);
  }
  return report;
}

/// The slot with whose report a node is settled that lists pods[0] in slot 0, pods[1] in slot 1 and so on, and the last
/// of them from there on; -1 = none before slot 1000.
std::int64_t settled_with(const std::vector<std::vector<std::string>>& pods) {
  Settling settling;
  for (std::size_t slot = 0; slot < 1'000; ++slot) {
    settling.take(report_with(slot < pods.size() ? pods[slot] : pods.back()), static_cast<std::int64_t>(slot));
    if (settling.is_settled()) return static_cast<std::int64_t>(slot);
  }
  return -1;
}

TEST(Settling, TakesAWholeSpanFromTheFirstReportOn) {
  EXPECT_FALSE(Settling().is_settled());
  EXPECT_EQ(settled_with({{}}), kSpan);
  EXPECT_EQ(settled_with({{"a", "b"}}), kSpan);
  Settling settling;
  settling.take(report_with({}), 70);
  settling.take(report_with({}), 70 + kSpan - 1);
  EXPECT_FALSE(settling.is_settled());
  settling.take(report_with({}), 700);
  EXPECT_TRUE(settling.is_settled()) << "also where most of the span is without reports";
}

TEST(Settling, WaitsASpanMoreForAPodThatWentInTheFirst) {
  EXPECT_EQ(settled_with({{"a"}, {"a"}, {"a"}, {}}), 3 + kSpan);
  EXPECT_EQ(settled_with({{"a"}, {}, {"a"}}), 1 + kSpan) << "its average holds what it went with";
  EXPECT_EQ(settled_with({{}, {"a"}, {}}), 2 + kSpan) << "it may have been there before";
}

TEST(Settling, WaitsForAPodThatGoesAgainAndAgain) {
  std::vector<std::vector<std::string>> pods;
  for (std::int64_t round = 0; round < 6; ++round) {
    for (std::int64_t slot = 0; slot < kSpan - 1; ++slot)
      pods.push_back(slot == 2 ? std::vector<std::string>{} : std::vector<std::string>{"a"});
  }
  EXPECT_EQ(settled_with(pods), 5 * (kSpan - 1) + 2 + kSpan);
}

TEST(Settling, IsNotKeptFromByOtherPodsThatGoWhenASpanIsKnown) {
  std::vector<std::vector<std::string>> pods;
  for (std::int64_t slot = 0; slot < 3 * kSpan; ++slot)
    pods.push_back({fmt::format("job-{}", slot)});
  EXPECT_EQ(settled_with(pods), kSpan - 1 + kSpan) << "the last that went in the first span";
}

TEST(Settling, StaysWhatItIs) {
  Settling settling;
  settling.take(report_with({"a"}), 0);
  settling.take(report_with({"a"}), kSpan);
  ASSERT_TRUE(settling.is_settled());
  settling.take(report_with({}), kSpan + 1);
  EXPECT_TRUE(settling.is_settled());
}

TEST(Settling, BeginsAnewWhereMorePodsWentThanAreKept) {
  std::vector<std::string> pods;
  for (std::size_t i = 0; i < fleet::kMaxGonePods; ++i)
    pods.push_back(fmt::format("p{}", i));
  EXPECT_EQ(settled_with({pods, pods, {}}), 2 + kSpan);
  Settling settling;
  pods.emplace_back("one-more");
  settling.take(report_with(pods), 0);
  settling.take(report_with({"one-more"}), 2);
  settling.take(report_with({}), 2 + kSpan);
  EXPECT_FALSE(settling.is_settled()) << "which of them is dropped rests on those that went before";
  settling.take(report_with({}), 2 + 2 * kSpan);
  EXPECT_TRUE(settling.is_settled());
}

TEST(Settling, BeginsAnewWithMoreHostApplicationsThanAreKept) {
  const auto settled = [](std::size_t names) {
    Settling settling;
    for (std::size_t i = 0; i < names; ++i) {
      auto report = report_with({});
      report.applications.emplace_back().name = fmt::format("app-{}", i);
      settling.take(report, i == 0 ? 0 : 5);
    }
    settling.take(report_with({}), kSpan);
    return settling.is_settled();
  };
  EXPECT_TRUE(settled(fleet::ApplicationBook::kMaxRows));
  EXPECT_FALSE(settled(fleet::ApplicationBook::kMaxRows + 1));
}

TEST(Settling, KnowsZonesFromTheFirstReportOnThatTellsOfThem) {
  auto report = report_with({});
  report.status.zones = 2;
  Settling settling;
  settling.take(report, 0);
  settling.take(report, kSpan);
  EXPECT_TRUE(settling.is_settled());
  EXPECT_FALSE(settling.knows_zones()) << "they are those of a report before";
  report.zones.resize(2);
  settling.take(report, kSpan + 1);
  EXPECT_TRUE(settling.knows_zones());
  Settling of_one_zone;
  report.zones.clear();
  report.status.zones = 1;
  of_one_zone.take(report, 0);
  EXPECT_TRUE(of_one_zone.knows_zones()) << "there are none to tell of";
}

}  // namespace
}  // namespace tideline::ledger
