#include <random>

#include <gtest/gtest.h>

#include "coordinator/policy/policy.h"

namespace tideline::policy {
namespace {

const char* const kSeeds[] = {
    R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 65, "cpuSuppressPolicy": "cfsQuota"},
        "nodeStrategies": [{"name": "a", "nodeSelector": {"matchLabels": {"x": "y"},
        "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}, "cpuSuppressMinPercent": 3}]})",
    R"({"enable": true, "cpuReclaimThresholdPercent": 60, "resourceDiffThreshold": 0.1, "extensions": {"a": [1, 2]},
        "nodeConfigs": [{"name": "b", "nodeSelector": {}, "degradeTimeMinutes": 5}]})",
    R"({"kind": "ConfigMap", "data": {"colocation-config": "{\"enable\": true}", "system-config": "{}"}})",
    R"({"clusterStrategy": {"beClass": {"cpuQOS": {"enable": true, "groupIdentity": -1}, "blkioQOS": {"blocks": [{}]}}}})",
    R"({"clusterStrategy": {"policy": "auto", "cpuBurstPercent": 1000, "cfsQuotaBurstPeriodSeconds": -1},
        "nodeStrategies": [{"nodeSelector": {}, "sharePoolThresholdPercent": 50}]})",
    R"({"clusterStrategy": {"cpuEvictBESatisfactionLowerPercent": 30, "cpuEvictBESatisfactionUpperPercent": 50},
        "nodeStrategies": [{"nodeSelector": {}, "cpuEvictThresholdPercent": 90, "cpuEvictLowerPercent": 80}]})",
};
const char* const kNames[] = {"resource-threshold-config", "colocation-config", "configmap.json",
                              "resource-qos-config",       "cpu-burst-config",  "resource-threshold-config"};

/// Bytes that often change what JSON means.
constexpr std::string_view kTokens[] = {"{",    "}",       "[",    "]",      "\"",    ":",    ",",
                                        "null", "true",    "-",    "1e9",    "1e999", "-0",   "\\u",
                                        "\\",   "\n",      "\xff", "enable", "{}",    "[[[[", "99999999999999999",
                                        "0.5",  "\\ud800", "data"};

std::string mutate(std::string text, std::mt19937& random) {
  const auto upto = [&random](std::size_t n) { return static_cast<std::size_t>(random() % (n + 1)); };
  for (auto edits = 1 + upto(2); edits > 0; --edits) {
    const std::size_t at = upto(text.size());
    switch (random() % 7) {
      case 0:
        text.insert(at, kTokens[upto(std::size(kTokens) - 1)]);
        break;
      case 1:
        text.erase(at, upto(8));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3: {
        const std::string piece = text.substr(at, upto(40));
        text.insert(upto(text.size()), piece);
        break;
      }
      case 4:
        text.resize(at);
        break;
      default:  // a digit for a digit, so that ranges are met, not only syntax
        if (const auto digit = text.find_first_of("0123456789", at); digit != std::string::npos) {
          text[digit] = static_cast<char>('0' + random() % 10);
        }
        break;
    }
  }
  return text;
}

TEST(Fuzz, AnyTextIsAPolicyOrOneNamedError) {
  std::size_t accepted = 0;
  constexpr int kRounds = 20'000;
  for (int seed = 0; seed < kRounds; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    const std::size_t which = random() % std::size(kSeeds);
    const Document document{kNames[which], mutate(kSeeds[which], random)};
    SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << document.text);
    const auto policy = parse({document});
    if (policy) {
      ++accepted;
      const auto node = effective(*policy, {{"x", "y"}, {"k", "v"}});
      EXPECT_GE(node.threshold.cpu_suppress_threshold_percent, 0);
      EXPECT_LE(node.threshold.cpu_suppress_threshold_percent, 100);
      EXPECT_LE(node.threshold.cpu_evict_be_satisfaction_lower_percent.value_or(1),
                node.threshold.cpu_evict_be_satisfaction_upper_percent.value_or(99));
      EXPECT_GE(node.burst.cpu_burst_percent, 1);
      EXPECT_GE(node.colocation.degrade_time_minutes, 1);
      EXPECT_GT(node.colocation.resource_diff_threshold, 0);
    } else {
      EXPECT_NE(policy.error().message().find(document.name), std::string::npos) << policy.error().message();
      EXPECT_LT(policy.error().message().size(), 1000u);
    }
    if (HasFailure()) break;
  }
  // The mutations must reach past the JSON parser to be worth anything.
  EXPECT_GT(accepted, static_cast<std::size_t>(kRounds / 100));
}

}  // namespace
}  // namespace tideline::policy
