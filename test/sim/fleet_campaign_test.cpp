#include "test/sim/fleet_campaign.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "test/support/sanitized.h"

namespace tideline::sim {
namespace {

constexpr std::uint64_t kUsualNodes = 100;
constexpr std::uint64_t kUsualHours = 1;
/// Checked memory is several times slower.
constexpr std::uint64_t kUsualSeeds = test::kSanitized ? 2 : 5;

CampaignConfig config_of(std::uint64_t seed) {
  CampaignConfig config;
  config.seed = seed;
  config.nodes = number_from_environment("TIDELINE_NODES", kUsualNodes);
  const auto hours = number_from_environment("TIDELINE_HOURS", kUsualHours);
  config.length = static_cast<std::int64_t>(hours) * 60 * kMinute;
  config.tells_hours = hours > kUsualHours;
  return config;
}

TEST(FleetCampaign, NoFaultOfNodesLinkOrCoordinatorBreaksAnInvariant) {
  CampaignCounts counts;
  (void)each_seed(kUsualSeeds, [&](std::uint64_t seed) {
    const auto config = config_of(seed);
    SCOPED_TRACE(fmt::format("with TIDELINE_NODES={} TIDELINE_HOURS={}", config.nodes, config.length / (60 * kMinute)));
    FleetCampaign campaign(config);
    campaign.run();
    counts.add(campaign.counts());
  });
  fmt::print("{}\n", counts.text());
  const auto node_hours = number_from_environment("TIDELINE_ROUNDS", kUsualSeeds) *
                          number_from_environment("TIDELINE_NODES", kUsualNodes) *
                          number_from_environment("TIDELINE_HOURS", kUsualHours);
  // Of less each rare thing need not come up.
  if (node_hours < kUsualSeeds * kUsualNodes * kUsualHours || HasFailure()) return;
  for (std::size_t i = 0; i < counts.faults.size(); ++i)
    EXPECT_GT(counts.faults[i], 0) << simulation::name_of(static_cast<simulation::FaultKind>(i));
  EXPECT_GT(counts.coordinator_crashes, 0);
  EXPECT_GT(counts.slow_commits, 0);
  EXPECT_GT(counts.half_open, 0);
  EXPECT_GT(counts.claims_refused, 0);
  EXPECT_GT(counts.takeovers, 0);
  EXPECT_GT(counts.policies, 10);
  EXPECT_GT(counts.granted, 0);
  EXPECT_GT(counts.deferred, 0);
  EXPECT_GT(counts.duplicates, 0);
  EXPECT_GT(counts.backfilled, 0);
  EXPECT_GT(counts.gaps, 0);
  EXPECT_GT(counts.full_rounds, counts.coarse_rounds / 10);
  EXPECT_GT(counts.made, node_hours * 300);
  EXPECT_GT(counts.verified, node_hours * 300);
  EXPECT_GT(counts.nodes.rises, 100U);
  EXPECT_GT(counts.nodes.falls, 100U);
  EXPECT_GT(counts.nodes.blind, 100U);
  EXPECT_GT(counts.nodes.starts, 0U);
  EXPECT_GT(counts.offers.offers, 1000);
  EXPECT_GT(counts.offers.mid_offers, 100);
  EXPECT_GT(counts.offers.deficits, 1000);
  EXPECT_GT(counts.offers.withdrawn, 0);
  EXPECT_GT(counts.gone, 1000);
}

TEST(FleetCampaign, ASeedGivesTheSameCampaignAgain) {
  each_seed(1, [](std::uint64_t seed) {
    CampaignConfig config;
    config.seed = seed;
    config.nodes = 12;
    config.length = 30 * kMinute;
    const auto once = [&] {
      FleetCampaign campaign(config);
      campaign.run();
      return campaign.counts().text();
    };
    const auto first = once();
    EXPECT_EQ(first, once());
  });
}

TEST(FaultPlan, IsNearAFaultForAMinuteBeforeAndAfterItBeginsAndEnds) {
  each_seed(20, [](std::uint64_t seed) {
    Random random(seed);
    const FaultPlan plan(random, 6 * 60 * kMinute);
    for (std::int64_t now = 0; now < 6 * 60 * kMinute; now += 7 * kSecond) {
      bool near = false;
      std::optional<std::int64_t> next;
      for (const auto& fault : plan.schedule().faults()) {
        for (const auto strike : {fault.at.count(), (fault.at + *fault.length).count()}) {
          near = near || (now >= strike - kMinute && now < strike + kMinute);
          if (strike - kMinute > now) next = std::min(next.value_or(strike - kMinute), strike - kMinute);
        }
      }
      ASSERT_EQ(plan.is_near(now), near) << now / kSecond << " s";
      ASSERT_EQ(plan.next_near(now), next) << now / kSecond << " s";
    }
  });
}

TEST(FaultPlan, LeavesTimeToComeAndToSettle) {
  each_seed(50, [](std::uint64_t seed) {
    Random random(seed);
    const std::int64_t length = random.between(1, 24) * 60 * kMinute;
    const FaultPlan plan(random, length);
    for (const auto& fault : plan.schedule().faults()) {
      ASSERT_GE(fault.at.count(), kWarmUp);
      ASSERT_LE((fault.at + *fault.length).count(), length - kCalm);
    }
    std::int64_t free = 0;
    for (const auto& fault : coordinator_faults(random, length)) {
      ASSERT_GE(fault.at, std::max(free, kWarmUp)) << "one after the other";
      free = fault.at + fault.length;
      ASSERT_LE(free, length - kCalm);
    }
  });
}

}  // namespace
}  // namespace tideline::sim
