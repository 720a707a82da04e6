#include "coordinator/planner/demand_fit.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/demand_noise.h"

namespace tideline::planner::demand_fit_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

constexpr std::int64_t kWindowS = 300;

/// Services of 1000 millicores, window by window, as the model draws them.
void add_drawn(DemandFit& fit, const DemandModel& model, std::size_t services, std::int64_t windows,
               std::uint64_t seed) {
  DemandNoise noise(model, 1, 1);
  std::vector<double> seconds;
  for (std::int64_t window = 0; window < windows; ++window) {
    for (std::size_t service = 0; service < services; ++service) {
      std::vector<double> means(services, 0.0);
      means[service] = 1'000;
      noise.draw(mixed_seed(seed, static_cast<std::uint64_t>(window)), means, static_cast<std::size_t>(kWindowS),
                 seconds);
      for (std::size_t second = 0; second < seconds.size(); ++second) {
        const std::int64_t at_s = window * kWindowS + static_cast<std::int64_t>(second);
        ASSERT_TRUE(fit.add(at_s, "service-" + std::to_string(service), seconds[second]));
      }
    }
  }
}

TEST(DemandFit, FindsTheModelThatASeriesWasDrawnBy) {
  struct Row {
    DemandModel model;
    std::uint64_t seed = 0;
  };
  DemandModel rare;
  rare.sigma = 0.15;
  rare.correlation = 0.5;
  rare.shared = 0;
  rare.bursts_per_hour = 30;
  rare.burst_s = 6;
  rare.burst_factor = 2.5;
  DemandModel calm;
  calm.sigma = 0.3;
  calm.correlation = 0.7;
  calm.shared = 0.5;
  calm.bursts_per_hour = 0;
  const std::vector<Row> rows = {{{}, 1}, {{}, 2}, {rare, 3}, {calm, 4}};
  for (const Row& row : rows) {
    SCOPED_TRACE(testing::Message() << "seed " << row.seed);
    DemandFit fit(kWindowS);
    add_drawn(fit, row.model, 6, 20, row.seed);
    const auto found = fit.finish();
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_NEAR(found->sigma, row.model.sigma, 0.1 * row.model.sigma);
    EXPECT_NEAR(found->correlation, row.model.correlation, 0.05);
    EXPECT_NEAR(found->shared, row.model.shared, 0.1);
    EXPECT_EQ(found->service_seconds, 6u * 20 * 300);
    EXPECT_TRUE(fit.knows_shared());
    if (row.model.bursts_per_hour <= 0) {
      EXPECT_LT(found->bursts_per_hour, 2);
      continue;
    }
    EXPECT_NEAR(found->bursts_per_hour, row.model.bursts_per_hour, 0.4 * row.model.bursts_per_hour);
    EXPECT_NEAR(found->burst_s, row.model.burst_s, 0.4 * row.model.burst_s);
    EXPECT_NEAR(found->burst_factor, row.model.burst_factor, 0.2 * row.model.burst_factor);
  }
}

TEST(DemandFit, OfSteadyServicesIsWithoutNoise) {
  DemandFit fit(kWindowS);
  for (std::int64_t at_s = 0; at_s < 900; ++at_s) {
    ASSERT_TRUE(fit.add(at_s, "a", 500));
    ASSERT_TRUE(fit.add(at_s, "b", 50));
  }
  const auto found = fit.finish();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->sigma, 0);
  EXPECT_EQ(found->bursts_per_hour, 0);
  EXPECT_EQ(found->burst_factor, 1);
  EXPECT_TRUE(check_demand_model(*found));
}

TEST(DemandFit, ABurstIsARunAboveBothBounds) {
  DemandFit fit(kWindowS);
  for (std::int64_t at_s = 0; at_s < 900; ++at_s) {
    const bool bursts = at_s % 300 >= 100 && at_s % 300 < 112;
    ASSERT_TRUE(fit.add(at_s, "a", bursts ? 2'000 : 500));
  }
  const auto found = fit.finish();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_NEAR(found->burst_factor, 4, 1e-6);
  EXPECT_NEAR(found->burst_s, 12, 1e-6);
  EXPECT_NEAR(found->bursts_per_hour, 3'600 * 3.0 / (900 - 36), 1e-3);
  EXPECT_FALSE(fit.knows_shared());
  EXPECT_EQ(found->shared, DemandModel{}.shared) << "one service has it with nobody";
}

TEST(DemandFit, GapsAreNoNeighbours) {
  // Every other second is missing: of what is left no two follow one another.
  DemandFit fit(kWindowS);
  for (std::int64_t at_s = 0; at_s < 3'000; at_s += 2)
    ASSERT_TRUE(fit.add(at_s, "a", at_s % 4 == 0 ? 450 : 550));
  const auto found = fit.finish();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->correlation, 0);
  EXPECT_GT(found->sigma, 0.05);
}

TEST(DemandFit, TooLittleIsNamed) {
  const auto refusal = [](DemandFit& fit) {
    const auto found = fit.finish();
    EXPECT_FALSE(found);
    return found ? std::string() : found.error().message();
  };
  DemandFit none(kWindowS);
  EXPECT_THAT(refusal(none), HasSubstr("0 seconds of services"));
  DemandFit idle(kWindowS);
  for (std::int64_t at_s = 0; at_s < 3'000; ++at_s)
    ASSERT_TRUE(idle.add(at_s, "a", 9));
  EXPECT_THAT(refusal(idle), HasSubstr("0 seconds of services that use 10 millicores or more"));
  DemandFit sparse(kWindowS);
  for (std::int64_t at_s = 0; at_s < 30'000; at_s += 3)
    ASSERT_TRUE(sparse.add(at_s, "a", 500));
  EXPECT_THAT(refusal(sparse), HasSubstr("0 seconds")) << "a third of each window is known";
}

TEST(DemandFit, WhatIsNoUseOfASecondIsPassedOver) {
  DemandFit fit(kWindowS);
  ASSERT_TRUE(fit.add(-1, "a", 500));
  ASSERT_TRUE(fit.add(1, "a", -3));
  ASSERT_TRUE(fit.add(1, "a", std::nan("")));
  ASSERT_TRUE(fit.add(1, "a", std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(fit.finish());
}

TEST(DemandFit, MoreServicesThanHostsHaveAreTooMany) {
  DemandFit fit(kWindowS);
  for (int service = 0; service < 4'096; ++service)
    ASSERT_TRUE(fit.add(0, std::to_string(service), 100));
  const auto more = fit.add(0, "one more", 100);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), ErrorCode::kOverloaded);
}

TEST(DemandModel, IsReadAsItWasWritten) {
  DemandModel model;
  model.sigma = 0.1 + 0.2;
  model.source = "node-7.rec, \"quoted\"";
  model.service_seconds = 12'345;
  const auto read = demand_model_from_json(to_json(model));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, model);
}

TEST(DemandModel, ThatIsNoneIsNamed) {
  const auto text = to_json(DemandModel{});
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto read = demand_model_from_json(changed);
    EXPECT_FALSE(read) << to;
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal("\"sigma\":0.25", "\"sigma\":3.5"), HasSubstr("$.sigma is 3.5; want 0 to 3"));
  EXPECT_THAT(refusal("\"correlation\":0.8", "\"correlation\":1"), HasSubstr("$.correlation is 1; want 0 to 0.9999"));
  EXPECT_THAT(refusal("\"shared\":0.2", "\"shared\":-0.1"), HasSubstr("$.shared is -0.1"));
  EXPECT_THAT(refusal("\"burstS\":10.0", "\"burstS\":0"), HasSubstr("$.burstS is 0"));
  EXPECT_THAT(refusal("\"burstFactor\":3.0", "\"burstFactor\":\"much\""), HasSubstr("$.burstFactor is \"much\""));
  EXPECT_THAT(refusal("\"source\":\"usual\"", "\"odd\":1"), HasSubstr("$.source is missing"));
  EXPECT_THAT(refusal("\"serviceSeconds\":0", "\"serviceSeconds\":-1"), HasSubstr("$.serviceSeconds"));
  EXPECT_THAT(refusal("tideline-demand-model", "tideline-replay"), HasSubstr("$.schema"));
  EXPECT_THAT(refusal("\"version\":1", "\"version\":2"), HasSubstr("$.version is 2"));
  EXPECT_FALSE(demand_model_from_json(""));
  EXPECT_FALSE(demand_model_from_json("[]"));
  DemandModel wild;
  wild.sigma = std::nan("");
  EXPECT_FALSE(check_demand_model(wild));
}

}  // namespace
}  // namespace tideline::planner::demand_fit_test
