#pragma once
// Policy documents by chance, as an operator might write them.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "coordinator/policy/policy.h"
#include "test/sim/campaign.h"

namespace tideline::sim {

/// What may be sold on nodes, with other numbers where the label pool is "fast".
inline policy::Document random_colocation(Random& random) {
  return {"colocation-config",
          fmt::format(
              R"({{"enable": {}, "cpuReclaimThresholdPercent": {}, "memoryReclaimThresholdPercent": {},
            "degradeTimeMinutes": {}, "midUnallocatedPercent": {}, "midReclaimMode": "{}",
            "midStaticCPUReservedPercent": {}, "midStaticMemoryReservedPercent": {}, "nodeConfigs": [{{"name": "fast",
            "nodeSelector": {{"matchLabels": {{"pool": "fast"}}}}, "cpuReclaimThresholdPercent": {}}}]}})",
              !random.percent(10), random.between(20, 100), random.between(20, 100), random.between(1, 3),
              random.between(0, 100), random.percent(50) ? "static" : "", random.between(0, 100),
              random.between(0, 100), random.between(20, 100))};
}

/// Which prediction mid is given. `more`: other keys of the whole fleet, ", ..." in JSON.
inline policy::Document random_prediction(Random& random, const std::string& more = "") {
  constexpr const char* kPredictors[] = {"histogram", "recentMax", "none"};
  return {"tideline-config",
          fmt::format(R"({{"clusterStrategy": {{"prediction": {{"predictor": "{}", "coldStartMinutes": {},
            "safetyMarginPercent": {}}}{}}}}})",
                      kPredictors[random.between(0, 9) % 3], random.between(1, 3), random.between(0, 50), more)};
}

/// What agents do about CPU, and when they evict batch that starves.
inline policy::Document random_threshold(Random& random) {
  constexpr const char* kModes[] = {"cfsQuota", "workConserving", "cpuset"};
  const auto mode = kModes[random.between(0, 2)];
  const auto percent = random.between(40, 90);
  const auto least = random.between(0, 5);
  const bool evicts = random.percent(70);
  const auto lower = random.between(30, 60);
  const auto by = random.percent(50) ? "evictByRealLimit" : "evictByAllocatable";
  const bool enabled = !random.percent(15);
  const auto eviction = evicts ? fmt::format(R"(, "cpuEvictBESatisfactionLowerPercent": {},
            "cpuEvictBESatisfactionUpperPercent": {}, "cpuEvictTimeWindowSeconds": 10, "cpuEvictPolicy": "{}")",
                                             lower, lower + 30, by)
                               : std::string();
  return {"resource-threshold-config",
          fmt::format(R"({{"clusterStrategy": {{"enable": {}, "cpuSuppressThresholdPercent": {},
            "cpuSuppressPolicy": "{}", "cpuSuppressMinPercent": {}{}}}}})",
                      enabled, percent, mode, least, eviction)};
}

/// Whether services may burst beyond their quota.
inline policy::Document random_burst(Random& random) {
  return {"cpu-burst-config",
          fmt::format(R"({{"clusterStrategy": {{"policy": "{}"}}}})", random.percent(30) ? "auto" : "none")};
}

/// Fails the test, and gives nullptr, where the documents are no policy.
inline std::shared_ptr<const policy::ClusterPolicy> parsed(const std::vector<policy::Document>& documents) {
  auto policy = policy::parse(documents);
  if (policy) return std::make_shared<const policy::ClusterPolicy>(std::move(policy).value());
  ADD_FAILURE() << policy.error().message();
  return nullptr;
}

}  // namespace tideline::sim
