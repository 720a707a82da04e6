#include "coordinator/ledger/replay.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/ledger/account_text.h"
#include "test/coordinator/ledger/recorded_fleet.h"

namespace tideline::ledger {
namespace {

using model::NodeName;
using testing::Contains;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

constexpr int kSteps = 200;

/// Of all of them, or from one on.
Verdict replayed(const RecordedFleet& fleet, std::size_t from = 0) {
  Replay replay(fleet.reader());
  for (std::size_t i = from; i < fleet.records.size(); ++i) {
    const auto taken = replay.take(fleet.records[i]);
    EXPECT_TRUE(taken) << "record " << i << ": " << taken.error().message();
    if (!taken) break;
  }
  return replay.verdict();
}

RecordedFleet fleet_of(std::uint64_t seed, int steps = kSteps) {
  RecordedFleet fleet(seed);
  for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i)
    fleet.step();
  return fleet;
}

TEST(Replay, GivesEveryAccountOfAnyFleetAgain) {
  std::uint64_t held = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const auto verdict = replayed(fleet_of(seed));
    EXPECT_EQ(verdict.different, 0U) << (verdict.differences.empty() ? "" : verdict.differences[0].terms[0]);
    EXPECT_EQ(verdict.held, verdict.accounts);
    EXPECT_EQ(verdict.unsettled, 0U);
    EXPECT_EQ(verdict.lives, 1U);
    EXPECT_EQ(verdict.stretches, 1U);
    held += verdict.held;
    if (HasFailure()) return;
  }
  EXPECT_GT(held, 1'000U);
}

/// And the number of the record with which a later piece begins.
std::pair<RecordedFleet, std::size_t> fleet_and_later_piece(std::uint64_t seed) {
  RecordedFleet fleet = fleet_of(seed, kSteps / 2);
  const std::size_t later = fleet.records.size();
  fleet.begin_piece(1, 2);
  for (int i = 0; i < kSteps; ++i)
    fleet.step();
  return {std::move(fleet), later};
}

TEST(Replay, ThatBeginsLaterHoldsWhatDoesNotRestOnWhatIsMissing) {
  std::uint64_t held = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const auto [fleet, later] = fleet_and_later_piece(seed);
    const auto verdict = replayed(fleet, later);
    EXPECT_EQ(verdict.different, 0U) << (verdict.differences.empty() ? "" : verdict.differences[0].terms[0]);
    EXPECT_GT(verdict.unsettled, 0U) << "the first ones";
    EXPECT_EQ(verdict.held + verdict.unsettled, verdict.accounts);
    held += verdict.held;
    if (HasFailure()) return;
  }
  EXPECT_GT(held, 300U);
}

TEST(Replay, GoesOnFromPieceToPieceOfAStretchAndFromNoOther) {
  const auto of = [](std::uint64_t stretch, std::uint64_t piece, bool whole) {
    RecordedFleet fleet = fleet_of(3, 100);
    const std::size_t second = fleet.records.size();
    fleet.begin_piece(stretch, piece);
    for (int i = 0; i < 100; ++i)
      fleet.step();
    Replay replay(fleet.reader());
    for (std::size_t i = 0; i < fleet.records.size(); ++i) {
      if (i == second) replay.file_ended(whole);
      EXPECT_TRUE(replay.take(fleet.records[i]));
    }
    return replay.verdict();
  };
  const auto next = of(1, 2, true);
  EXPECT_EQ(next.stretches, 1U);
  EXPECT_EQ(next.unsettled, 0U);
  EXPECT_EQ(next.different, 0U);
  for (const auto& [stretch, piece, whole] :
       {std::tuple(2U, 2U, true), std::tuple(1U, 3U, true), std::tuple(1U, 2U, false)}) {
    const auto anew = of(stretch, piece, whole);
    EXPECT_EQ(anew.lives, 1U);
    EXPECT_EQ(anew.stretches, 2U) << stretch << " " << piece << " " << whole;
    EXPECT_EQ(anew.lost, stretch == 2 ? 3U : 0U);
    EXPECT_GT(anew.unsettled, 0U);
    EXPECT_EQ(anew.different, 0U);
  }
}

/// A report with a running service whose CPU is known, and which of its pods that is.
std::pair<std::size_t, std::size_t> some_service(const RecordedFleet& fleet, std::mt19937_64& random) {
  for (;;) {
    const std::size_t report = random() % fleet.reports.size();
    const auto& pods = fleet.reports[report].pods;
    for (std::size_t i = 0; i < pods.size(); ++i) {
      const model::Pod& pod = *pods[i].pod;
      if (pod.qos == model::QosClass::kLs && !pod.priority && pod.phase == model::PodPhase::kRunning &&
          pods[i].cpu_milli) {
        return {report, i};
      }
    }
  }
}

TEST(Replay, FindsOneChangedInputAndNamesIt) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    RecordedFleet fleet = fleet_of(seed);
    const auto [number, pod] = some_service(fleet, random);
    auto& report = fleet.reports[number];
    report.pods[pod].cpu_milli->mean += 5'000;
    const auto verdict = replayed(fleet);
    ASSERT_GT(verdict.different, 0U);
    const Difference& first = verdict.differences[0];
    EXPECT_EQ(first.node, report.node);
    EXPECT_EQ(first.report, report.seq);
    EXPECT_EQ(first.incarnation, report.incarnation);
    EXPECT_EQ(first.at, report.wall);
    EXPECT_THAT(first.terms, Contains(StartsWith("cpu.prodUsed: recorded ")));
    for (const Difference& one : verdict.differences)
      EXPECT_EQ(one.node, report.node) << "and all others are what they were";
  }
}

TEST(Replay, ThatBeginsLaterFindsWhatIsDifferentAllTheSame) {
  auto [fleet, later] = fleet_and_later_piece(2);
  std::mt19937_64 random(2);
  std::pair<std::size_t, std::size_t> changed;
  do {
    changed = some_service(fleet, random);
  } while (changed.first < fleet.reports.size() - 25);
  const auto& [number, pod] = changed;
  const auto mean = fleet.reports[number].pods[pod].cpu_milli->mean;
  fleet.reports[number].pods[pod].cpu_milli->mean += 5'000;
  const auto of_input = replayed(fleet, later);
  ASSERT_GT(of_input.different, 0U);
  EXPECT_EQ(of_input.differences[0].report, fleet.reports[number].seq);
  fleet.reports[number].pods[pod].cpu_milli->mean = mean;
  for (Record& record : fleet.records) {
    if (record.kind != RecordKind::kAccount) continue;
    auto whole = Json::parse(record.body);
    whole["account"]["memory"]["published"] = -1;
    record.body = text_of(whole);
  }
  const auto of_accounts = replayed(fleet, later);
  EXPECT_GT(of_accounts.held, 0U);
  EXPECT_EQ(of_accounts.different, of_accounts.held);
}

TEST(Replay, FindsAnotherPolicyAndNamesItsVersion) {
  RecordedFleet fleet = fleet_of(5);
  const auto later = std::find_if(fleet.records.rbegin(), fleet.records.rend(),
                                  [](const Record& record) { return record.kind == RecordKind::kPolicy; });
  ASSERT_NE(later, fleet.records.rend());
  auto policy = policy_from(later->body);
  ASSERT_TRUE(policy) << policy.error().message();
  policy->documents = {{"colocation-config", R"({"enable": true, "cpuReclaimThresholdPercent": 11})"}};
  later->body = body_of(*policy);
  const auto verdict = replayed(fleet);
  ASSERT_GT(verdict.different, 0U);
  EXPECT_EQ(verdict.differences[0].policy, policy->version);
  EXPECT_EQ(verdict.differences[0].at, later->wall);
  EXPECT_TRUE(std::any_of(verdict.differences.begin(), verdict.differences.end(), [](const Difference& one) {
    return testing::Matches(Contains(StartsWith("cpu.margin: recorded ")))(one.terms);
  })) << "of a node that had reported";
}

TEST(Replay, FindsAnotherAccountToTheLastTerm) {
  RecordedFleet fleet = fleet_of(7);
  std::vector<std::size_t> accounts;
  for (std::size_t i = 0; i < fleet.records.size(); ++i) {
    if (fleet.records[i].kind == RecordKind::kAccount) accounts.push_back(i);
  }
  Record& record = fleet.records[accounts[accounts.size() / 2]];
  auto whole = Json::parse(record.body);
  const auto published = whole["account"]["cpu"]["published"].get<std::int64_t>();
  whole["account"]["cpu"]["published"] = published + 1;
  record.body = text_of(whole);
  const auto verdict = replayed(fleet);
  EXPECT_EQ(verdict.different, 1U);
  ASSERT_THAT(verdict.differences, SizeIs(1));
  EXPECT_EQ(verdict.differences[0].mono, record.mono);
  EXPECT_THAT(verdict.differences[0].terms,
              ElementsAre(fmt::format("cpu.published: recorded {}, computed {}", published + 1, published)));
}

TEST(Replay, FindsAReportThatIsNotTakenAgain) {
  RecordedFleet fleet = fleet_of(2, 60);
  const auto report = std::find_if(fleet.records.begin(), fleet.records.end(),
                                   [](const Record& record) { return record.kind == RecordKind::kReport; });
  ASSERT_NE(report, fleet.records.end());
  const std::size_t number = std::stoul(report->body);
  fleet.records.insert(report, *report);
  const auto verdict = replayed(fleet);
  ASSERT_THAT(verdict.differences, SizeIs(Ge(1U)));
  EXPECT_EQ(verdict.differences[0].node, fleet.reports[number].node);
  EXPECT_THAT(verdict.differences[0].terms, ElementsAre(HasSubstr("taken as the newest, and not taken here")));
}

TEST(Replay, TellsOnlyTheFirstOfManyDifferences) {
  RecordedFleet fleet = fleet_of(4, 160);
  for (Record& record : fleet.records) {
    if (record.kind != RecordKind::kAccount) continue;
    auto whole = Json::parse(record.body);
    whole["account"]["zones"] = 5;
    record.body = text_of(whole);
  }
  const auto verdict = replayed(fleet);
  EXPECT_EQ(verdict.different, verdict.held);
  EXPECT_GT(verdict.different, Replay::kMostDifferences);
  EXPECT_THAT(verdict.differences, SizeIs(Replay::kMostDifferences));
}

TEST(Replay, PassesOverRecordsThatItDoesNotKnow) {
  RecordedFleet fleet = fleet_of(1, 20);
  Record newer = fleet.records.back();
  newer.kind = static_cast<RecordKind>(200);
  fleet.records.push_back(newer);
  const auto verdict = replayed(fleet);
  EXPECT_EQ(verdict.unknown, 1U);
  EXPECT_EQ(verdict.different, 0U);
}

TEST(Replay, RefusesWhatItCannotTakeIn) {
  const RecordedFleet fleet(1);
  const Record& begin = fleet.records.front();
  const auto refused = [&](const std::vector<Record>& records, const std::string& why) {
    Replay replay(fleet.reader());
    for (std::size_t i = 0; i + 1 < records.size(); ++i)
      ASSERT_TRUE(replay.take(records[i])) << why;
    const auto taken = replay.take(records.back());
    ASSERT_FALSE(taken) << why;
    EXPECT_THAT(taken.error().message(), HasSubstr(why));
    EXPECT_LE(taken.error().message().size(), 1'024U);
  };
  const auto record = [&](RecordKind kind, std::string body) {
    return Record{kind, begin.mono, begin.wall, std::move(body)};
  };
  refused({record(RecordKind::kClosed, body_of(NodeTold{NodeName("n"), {}}))}, "before the first begin");
  refused({record(RecordKind::kBegin, "{}")}, "begin: epoch: no number");
  refused({begin, record(RecordKind::kOpened, "[]")}, "node: no JSON object");
  refused({begin, record(RecordKind::kReport, "77777")}, "report: no such report");
  const PolicyTold none{model::PolicyVersion(4), {{"colocation-config", "{"}}};
  refused({begin, record(RecordKind::kPolicy, body_of(none))}, "policy of version 4: ");
  refused({begin, record(RecordKind::kAccount, R"({"node":"n"})")}, "account: predictedCpu");
  Record early = begin;
  early.mono.ns = -1;
  refused({early}, "-1 ns");
  early = begin;
  early.wall.ms = INT64_MAX;
  refused({early}, "which no clock shows");
}

}  // namespace
}  // namespace tideline::ledger
