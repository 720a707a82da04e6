#include "coordinator/planner/fine_part.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/compare.h"
#include "coordinator/planner/replay_part.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::fine_part_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t kModel = 0;  // places in kFineVariations
constexpr std::size_t kFlat = 1;
constexpr std::size_t kLessNoise = 2;
constexpr std::size_t kMoreNoise = 3;

/// Limits by the formula, at 65 %.
ReplayOptions limited_options() {
  ReplayOptions options = test::plain_options();
  options.colocation.cpu_reclaim_threshold_percent = 80;
  options.threshold.enable = true;
  options.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  options.threshold.cpu_suppress_threshold_percent = 65;
  return options;
}

/// Steps of some seconds.
Dataset short_steps(std::vector<Workload> workloads, std::int64_t step_s) {
  Dataset data = test::data_of(std::move(workloads));
  data.step_s = step_s;
  return data;
}

TEST(FineChoice, HasTheStepsThatBeginInAnyOfItsWindows) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<FineWindow> windows;
    for (auto i = random() % 8; i > 0; --i) {
      const auto from = static_cast<std::int64_t>(random() % 40);
      windows.push_back({from, from + static_cast<std::int64_t>(random() % 12)});
    }
    const FineChoice choice{.windows = joined_windows(windows), .host_steps = {{1, 50}}};
    for (std::size_t i = 1; i < choice.windows.size(); ++i)
      EXPECT_LT(choice.windows[i - 1].until_s, choice.windows[i].from_s);
    for (std::int64_t begin_s = -1; begin_s < 60; ++begin_s) {
      bool within = false;
      for (const FineWindow& window : windows)
        within = within || (begin_s >= window.from_s && begin_s < window.until_s);
      EXPECT_EQ(choice.has(0, 50, begin_s), within) << "round " << round << ", at " << begin_s;
      EXPECT_TRUE(choice.has(1, 50, begin_s));
    }
  }
}

FineOptions from_step(const Dataset& data, std::size_t first) {
  FineOptions fine;
  fine.choice.windows = {{data.time_of(first), data.time_of(data.steps)}};
  return fine;
}

FinePart part_of(const Dataset& data, const World& world, const ReplayOptions& options, const FineOptions& fine) {
  auto part = fine_part(data, world, options, fine);
  if (part) return *std::move(part);
  ADD_FAILURE() << part.error().message();
  return {};
}

FineReport report_from(const FinePart& part) {
  auto report = report_of(part);
  if (report) return *std::move(report);
  ADD_FAILURE() << report.error().message();
  return {};
}

/// Any hosts, in steps of ten seconds.
struct RandomFleet {
  Dataset data;
  World world;
  ReplayOptions options;

  RandomFleet(test::RandomWorlds& random, std::size_t hosts)
      : data(random.data(3 * hosts, 8)), world(random.world(data, hosts)), options(random.options()) {
    data.step_s = 10;
    options.colocation.enable = true;
    options.threshold.enable = true;
  }
};

// Offers come with the second step: from the third on batch wants five cores beside services of two.
TEST(FinePart, WithoutNoiseTheLoopsComeToTheClosedForm) {
  const auto data = short_steps({test::workload("web", std::vector<float>(8, 2'000), 4'000)}, 30);
  const auto part = part_of(data, test::world_of({{0}}), limited_options(), from_step(data, 2));
  const auto report = report_from(part);
  EXPECT_EQ(report.host_steps, 6u);
  const auto& flat = report.variants.at(kFlat);
  const auto& closed = report.closed;
  EXPECT_EQ(closed.host_s, 180);
  EXPECT_EQ(flat.host_s, 180);
  EXPECT_EQ(closed.suppressed_s, 180) << "or nothing was tried";
  EXPECT_EQ(flat.suppressed_s, 180);
  EXPECT_EQ(closed.at_risk_s, 0);
  EXPECT_EQ(flat.at_risk_s, 0);
  EXPECT_NEAR(flat.used_core_h, closed.used_core_h, 1e-9);
  EXPECT_GT(closed.batch_core_h, 0);
  // The dead band of the limit is 1 % of the host, of which batch has a third.
  EXPECT_NEAR(flat.batch_core_h, closed.batch_core_h, 0.04 * closed.batch_core_h);
  EXPECT_EQ(flat.late, 0u);
  EXPECT_LE(flat.limit_writes, 2u);
}

TEST(FinePart, ASpikeFindsBatchInTheWayUntilTheNextRound) {
  std::vector<float> used(8, 2'000);
  used[5] = 6'000;
  const auto data = short_steps({test::workload("web", used, 8'000)}, 30);
  const auto report = report_from(part_of(data, test::world_of({{0}}), limited_options(), from_step(data, 3)));
  EXPECT_EQ(report.closed.at_risk_s, 0) << "the closed form has the limit at once";
  const auto& flat = report.variants.at(kFlat);
  EXPECT_GT(flat.at_risk_s, 0);
  EXPECT_LE(flat.at_risk_s, 0.3);
  EXPECT_EQ(flat.late, 1u);
  EXPECT_GT(flat.reaction_most_s, 0);
  EXPECT_LE(flat.reaction_most_s, 0.3);
  EXPECT_GE(flat.limit_writes, 2u) << "down, and up again";
  ASSERT_FALSE(report.steps.empty());
  EXPECT_EQ(report.closed.host_s, 150);
}

TEST(FinePart, MoreNoiseIsNoLessRisk) {
  std::vector<Workload> workloads;
  for (int host = 0; host < 3; ++host)
    workloads.push_back(test::workload("web-" + std::to_string(host), std::vector<float>(8, 4'500), 8'000));
  const auto data = short_steps(std::move(workloads), 60);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    auto fine = from_step(data, 2);
    fine.seed = seed;
    fine.demand.sigma = 0.3;
    fine.demand.bursts_per_hour = 0;
    const auto report = report_from(part_of(data, test::world_of({{0}, {1}, {2}}), limited_options(), fine));
    const auto risk = [&report](std::size_t variant) { return report.variants.at(variant).at_risk_s; };
    EXPECT_EQ(risk(kFlat), 0);
    EXPECT_LE(risk(kFlat), risk(kLessNoise));
    EXPECT_LE(risk(kLessNoise), risk(kModel));
    EXPECT_LT(risk(kModel), risk(kMoreNoise)) << "or nothing was tried";
    for (const auto& figures : report.variants)
      EXPECT_LE(figures.used_core_h, report.closed.used_core_h * (1 + 1e-9)) << "services use their mean at most";
  }
}

TEST(FinePart, IsTheSameForAnyParallelAndDemand) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (const auto demand : {BatchDemand::kFill, BatchDemand::kTasks}) {
    RandomFleet fleet(random, 5);
    random.add_tasks(fleet.data, 40);
    fleet.options.demand = demand;
    const auto fine = from_step(fleet.data, 1);
    const auto alone = to_json(part_of(fleet.data, fleet.world, fleet.options, fine));
    for (const auto& parallel : {test::in_reverse(), test::on_threads(3)}) {
      fleet.options.parallel = parallel;
      EXPECT_EQ(to_json(part_of(fleet.data, fleet.world, fleet.options, fine)), alone);
    }
  }
}

// A step draws the same, whichever others are looked into with it.
TEST(FinePart, AHostStepKnowsNothingOfTheOthers) {
  test::RandomWorlds random(7);
  const RandomFleet fleet(random, 3);
  FineOptions all;
  all.choice.host_steps = {{0, 3}, {1, 5}, {2, 6}};
  const auto together = report_from(part_of(fleet.data, fleet.world, fleet.options, all));
  FineSums sum;
  for (const auto& step : all.choice.host_steps) {
    FineOptions one;
    one.choice.host_steps = {step};
    const auto part = part_of(fleet.data, fleet.world, fleet.options, one);
    EXPECT_EQ(part.host_steps, 1u);
    ASSERT_EQ(part.steps.size(), 1u);
    EXPECT_EQ(part.steps.front().host, step.host);
    EXPECT_EQ(part.steps.front().begin_s, fleet.data.time_of(step.step));
    sum.add(part.variants.at(kModel));
  }
  EXPECT_EQ(together.host_steps, 3u);
  EXPECT_TRUE(sum.value() == together.variants.at(kModel));
}

TEST(FinePart, ShardsAreAsGoodAsOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  const RandomFleet fleet(random, 7);
  const auto fine = from_step(fleet.data, 4);
  const auto whole = report_from(part_of(fleet.data, fleet.world, fleet.options, fine));
  for (const std::uint32_t count : {1U, 3U, 9U}) {
    SCOPED_TRACE(testing::Message() << count << " shards");
    std::vector<FinePart> parts;
    for (std::uint32_t number = 1; number <= count; ++number) {
      const auto slice = slice_of(fleet.world, Shard{number, count}.of(fleet.world.hosts.size()));
      const auto text = to_json(part_of(fleet.data, slice, fleet.options, fine));
      auto read = fine_part_from_json(text);
      ASSERT_TRUE(read) << read.error().message();
      EXPECT_EQ(to_json(*read), text);
      parts.push_back(*std::move(read));
    }
    FinePart merged = std::move(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i)
      ASSERT_TRUE(append(merged, std::move(parts[i])));
    EXPECT_TRUE(report_from(merged) == whole);
  }
}

TEST(FinePart, WhatDoesNotBelongTogetherIsNamed) {
  const auto data = short_steps({test::workload("a", {1, 2}, 1), test::workload("b", {1, 2}, 1)}, 10);
  const auto world = test::world_of({{0}, {1}});
  const auto part = [&](std::size_t first, std::size_t last, std::uint64_t seed) {
    auto fine = from_step(data, 0);
    fine.seed = seed;
    return part_of(data, slice_of(world, {first, last}), test::plain_options(), fine);
  };
  auto first = part(0, 1, 1);
  const auto again = append(first, part(0, 1, 1));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("begins with host 0, and host 1 is the next"));
  const auto other = append(first, part(1, 2, 2));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("another demand model"));
  const auto missing = report_of(part(0, 1, 1));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("hosts 0 to 1 of 2 are there"));
  FineOptions elsewhere;
  elsewhere.choice.windows = {{0, 10}};
  const auto none = report_of(part_of(data, world, test::plain_options(), elsewhere));
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("no step was chosen"));
}

TEST(FinePart, RefusesWhatItCannotDraw) {
  const auto data = short_steps({test::workload("a", {1, 2}, 1)}, 10);
  auto fine = from_step(data, 0);
  fine.demand.sigma = 4;
  const auto wild = fine_part(data, test::world_of({{0}}), test::plain_options(), fine);
  ASSERT_FALSE(wild);
  EXPECT_THAT(wild.error().message(), HasSubstr("sigma is 4; want 0 to 3"));
  auto tasks = data;
  tasks.tasks = {{.begin_s = data.begin_s, .end_s = data.begin_s + 10, .cpu_millicores = 100}};
  auto options = test::plain_options();
  options.demand = BatchDemand::kTasks;
  const auto slice = fine_part(tasks, slice_of(test::world_of({{0}, {}}), {0, 1}), options, from_step(tasks, 0));
  ASSERT_FALSE(slice);
  EXPECT_THAT(slice.error().message(), HasSubstr("queued for all 2 hosts together"));
}

TEST(FinePart, ProgressCanStopIt) {
  const auto data = short_steps({test::workload("a", {1, 2, 3, 4}, 1)}, 10);
  auto options = test::plain_options();
  options.progress = [](double) { return true; };
  const auto stopped = fine_part(data, test::world_of({{0}}), options, from_step(data, 0));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), model::ErrorCode::kUnavailable);
}

TEST(FinePart, TextThatIsNoneIsNamed) {
  const auto data = short_steps({test::workload("a", {1, 2}, 1)}, 10);
  const auto text = to_json(part_of(data, test::world_of({{0}}), test::plain_options(), from_step(data, 0)));
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto read = fine_part_from_json(changed);
    EXPECT_FALSE(read) << to;
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal("tideline-fine-part", "tideline-replay"), HasSubstr("$.schema"));
  EXPECT_THAT(refusal("\"hosts\":1", "\"hosts\":2"), HasSubstr("$.hosts is 2 from 0 on, of 1"));
  EXPECT_THAT(refusal("\"sigma\":0.25", "\"sigma\":9"), HasSubstr("$.demand.sigma is 9"));
  EXPECT_THAT(refusal("\"closed\":{\"ticks\":200", "\"closed\":{\"ticks\":-1"), HasSubstr("$.closed.ticks is -1"));
  EXPECT_THAT(refusal("\"variants\":[{", "\"variants\":[],\"odd\":[{"), HasSubstr("$.variants has 0 entries"));
  EXPECT_THAT(refusal("\"host\":0", "\"host\":1"), HasSubstr("$.steps[0].host is 1; there are 1 hosts"));
  EXPECT_FALSE(fine_part_from_json(text.substr(0, text.size() / 2)));
}

TEST(FinePart, ASavedReplayHasItWithIt) {
  test::RandomWorlds random(3);
  const RandomFleet fleet(random, 2);
  SavedReplay saved;
  saved.policy = "{}";
  auto replayed = replay(fleet.data, fleet.world, fleet.options);
  ASSERT_TRUE(replayed) << replayed.error().message();
  saved.result = *std::move(replayed);
  const auto without = to_json(saved, false);
  EXPECT_EQ(without.find("\"fine\""), std::string::npos);
  saved.fine = report_from(part_of(fleet.data, fleet.world, fleet.options, from_step(fleet.data, 5)));
  const auto text = to_json(saved, false);
  const auto read = replay_from_json(text);
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_TRUE(read->fine);
  EXPECT_TRUE(*read->fine == *saved.fine);
  EXPECT_EQ(to_json(*read, false), text);
}

TEST(FullestSteps, AreThoseOfTheReplayWhateverItWasDividedInto) {
  std::vector<float> rush(10, 1'000);
  rush[4] = 8'000;
  rush[7] = 6'000;
  const auto busy = test::workload("b", std::vector<float>(10, 7'000), 8'000);
  const auto data = short_steps({test::workload("a", rush, 8'000), busy}, 300);
  const auto world = test::world_of({{0}, {1}});
  auto options = test::plain_options();
  options.colocation.enable = false;
  options.fullest = 3;
  const auto part = replay_part(data, world, options);
  ASSERT_TRUE(part) << part.error().message();
  auto fullest = part->fullest;
  ASSERT_EQ(fullest.steps().size(), 3u);
  EXPECT_EQ(fullest.steps()[0], (FullStep{{0, 4}, 0.9})) << "and a core of the system";
  EXPECT_EQ(fullest.steps()[1], (FullStep{{1, 0}, 0.8})) << "of equals the first";
  EXPECT_EQ(fullest.steps()[2], (FullStep{{1, 1}, 0.8}));
  FullestSteps merged = {};
  for (const std::size_t host : {1U, 0U}) {
    const auto alone = replay_part(data, slice_of(world, {host, host + 1}), options);
    ASSERT_TRUE(alone) << alone.error().message();
    const auto read = replay_part_from_json(to_json(*alone));
    ASSERT_TRUE(read) << read.error().message();
    merged.add(read->fullest);
  }
  EXPECT_EQ(merged.steps(), fullest.steps());
  options.fullest = 0;
  EXPECT_TRUE(replay_part(data, world, options)->fullest.steps().empty());
}

}  // namespace
}  // namespace tideline::planner::fine_part_test
