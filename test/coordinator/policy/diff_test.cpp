// Every key that can be set is compared, shown and part of the content.

#include "coordinator/policy/diff.h"

#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/content.h"
#include "coordinator/policy/policy.h"

namespace tideline::policy::diff_test {
namespace {

using model::NodePolicy;
using testing::IsEmpty;

/// A good value of the key that is not `now`; `turn` picks among several.
Scalar another(const KeySpec& key, const std::optional<Scalar>& now, std::int64_t turn = 0) {
  switch (key.type) {
    case KeyType::kBool:
      return Scalar(!(now && std::get<bool>(*now)));
    case KeyType::kInteger: {
      const auto least = static_cast<std::int64_t>(key.min.value_or(0)) + turn;
      return Scalar(now == Scalar(least) ? least + 1 : least);
    }
    case KeyType::kApplications: {
      std::vector<model::HostApplication> one(1);
      one.front().name = one.front().path = "app-" + std::to_string(turn);
      return now == Scalar(one) ? Scalar(std::vector<model::HostApplication>()) : Scalar(one);
    }
    case KeyType::kNumber: {
      const double least = key.min.value_or(0);
      return Scalar(now == Scalar(least + 0.5) ? least + 0.25 : least + 0.5);
    }
    default:
      break;
  }
  for (const auto choice : key.choices) {
    if (now != Scalar(std::string(choice))) return Scalar(std::string(choice));
  }
  ADD_FAILURE() << key.path << " has no other value";
  return Scalar(false);
}

TEST(Diff, EveryKeyThatCanBeSetIsComparedShownAndPartOfTheContent) {
  std::set<std::uint64_t> contents = {content_of(NodePolicy{}).value()};
  for (const KeySpec& key : key_table()) {
    SCOPED_TRACE(testing::Message() << key.document << " " << key.path);
    ASSERT_EQ(key.apply != nullptr, key.read != nullptr);
    if (!key.apply) continue;
    const NodePolicy defaults{};
    NodePolicy policy;
    const Scalar value = another(key, key.read(defaults));
    key.apply(policy, value);
    ASSERT_EQ(key.read(policy), value) << "what is read is what was put";
    EXPECT_EQ(diff(defaults, policy), (std::vector<Difference>{{&key, key.read(defaults), value}}));
    EXPECT_EQ(diff(policy, defaults), (std::vector<Difference>{{&key, value, key.read(defaults)}}));
    EXPECT_TRUE(contents.insert(content_of(policy).value()).second) << "another key has the same content";
  }
  EXPECT_GT(contents.size(), 50u);
}

TEST(Diff, EveryResultOfKeysIsComparedShownAndPartOfTheContent) {
  for (const KeySpec& result : result_table()) {
    SCOPED_TRACE(testing::Message() << result.document << " " << result.path);
    const NodePolicy defaults{};
    NodePolicy policy;
    const Scalar value = another(result, result.read(defaults));
    result.apply(policy, value);
    ASSERT_EQ(result.read(policy), value);
    EXPECT_EQ(text_of(result.read(defaults)), result.default_text);
    EXPECT_EQ(diff(defaults, policy), (std::vector<Difference>{{&result, result.read(defaults), value}}));
    EXPECT_NE(content_of(policy), content_of(defaults));
    // A key under that name would be read as input.
    for (const KeySpec& key : key_table())
      EXPECT_FALSE(key.document == result.document && key.path == result.path);
  }
}

TEST(Diff, EveryKeyActsOnANodeOnTheFleetOrWithWhatANodeIs) {
  for (const KeySpec& key : key_table()) {
    if (key.status != KeyStatus::kActive || key.path == "metricMemoryCollectPolicy") continue;
    const int places = (key.apply ? 1 : 0) + (key.apply_fleet ? 1 : 0) + (key.apply_scaling ? 1 : 0);
    EXPECT_EQ(places, 1) << key.document << " " << key.path;
  }
}

TEST(Diff, EveryKeyOfTheWholeFleetIsCompared) {
  std::size_t keys = 0;
  for (const KeySpec& key : key_table()) {
    SCOPED_TRACE(testing::Message() << key.document << " " << key.path);
    ASSERT_EQ(key.apply_fleet != nullptr, key.read_fleet != nullptr);
    if (!key.apply_fleet) continue;
    ++keys;
    const FleetPolicy defaults{};
    FleetPolicy policy;
    const Scalar value = another(key, key.read_fleet(defaults));
    key.apply_fleet(policy, value);
    ASSERT_EQ(key.read_fleet(policy), value) << "what is read is what was put";
    EXPECT_EQ(diff(defaults, policy), (std::vector<Difference>{{&key, key.read_fleet(defaults), value}}));
  }
  EXPECT_EQ(keys, 5u);
}

TEST(Diff, EveryChoiceOfAKeyIsReadAsItWasPut) {
  for (const KeySpec& key : key_table()) {
    for (const auto choice : key.choices) {
      SCOPED_TRACE(testing::Message() << key.document << " " << key.path << " " << choice);
      const Scalar value{std::string(choice)};
      NodePolicy policy;
      FleetPolicy fleet;
      if (key.apply) {
        key.apply(policy, value);
        EXPECT_EQ(key.read(policy), value);
      }
      if (key.apply_fleet) {
        key.apply_fleet(fleet, value);
        EXPECT_EQ(key.read_fleet(fleet), value);
      }
    }
  }
}

TEST(Diff, EveryFieldOfAPolicyHasAKey) {
  const auto keys_of = [](std::string_view document) {
    const auto& table = key_table();
    return std::count_if(table.begin(), table.end(), [&](const KeySpec& key) {
      return key.document == document && (key.read != nullptr || key.read_fleet != nullptr);
    });
  };
  // A field more, and this does not compile: the field needs a key, and the key a place here.
  const NodePolicy policy{};
  [[maybe_unused]] const auto& [version, epoch, colocation, threshold, qos, burst, relief, dry_run, host_applications,
                                scaling] = policy;
  EXPECT_EQ(keys_of(kHostApplicationsKey), 1);
  {
    [[maybe_unused]] const auto& [f1, f2, f3] = scaling;
    EXPECT_EQ(result_table().size(), 3u);
  }
  {
    [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18] =
        colocation;
    EXPECT_EQ(keys_of(kColocationKey), 18);
  }
  {
    [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
                                  f19] = threshold;
    EXPECT_EQ(keys_of(kThresholdKey), 19);
  }
  {
    [[maybe_unused]] const auto& [cpu_policy, lsr, ls, be, lsr_memory, ls_memory, be_memory] = qos;
    [[maybe_unused]] const auto& [f1, f2, f3, f4] = be;
    [[maybe_unused]] const auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = be_memory;
    EXPECT_EQ(keys_of(kQosKey), 1 + 3 * (4 + 14));
  }
  {
    [[maybe_unused]] const auto& [f1, f2, f3, f4, f5] = burst;
    EXPECT_EQ(keys_of(kBurstKey), 5);
  }
  {
    [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9] = dry_run;
    [[maybe_unused]] const auto& [r1, r2, r3, r4, r5] = relief;
    const FleetPolicy fleet{};
    [[maybe_unused]] const auto& [evictions, prediction] = fleet;
    [[maybe_unused]] const auto& [e1, e2] = evictions;
    [[maybe_unused]] const auto& [p1, p2, p3] = prediction;
    EXPECT_EQ(keys_of(kTidelineKey), 9 + 5 + 2 + 3);
  }
}

TEST(Diff, PoliciesDifferExactlyWhereTheyAreNotEqual) {
  const unsigned seed = 271;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto some_policy = [&] {
    NodePolicy policy;
    for (const KeySpec& key : key_table()) {
      if (key.apply && random() % 16 == 0)
        key.apply(policy, another(key, key.read(policy), static_cast<std::int64_t>(random() % 3)));
    }
    for (const KeySpec& result : result_table()) {
      if (random() % 4 == 0) result.apply(policy, another(result, result.read(policy)));
    }
    return policy;
  };
  for (int round = 0; round < 500; ++round) {
    const NodePolicy a = some_policy();
    const NodePolicy b = random() % 4 == 0 ? a : some_policy();
    EXPECT_EQ(diff(a, b).empty(), a == b);
    EXPECT_EQ(content_of(a) == content_of(b), a == b);
    EXPECT_EQ(diff(a, b).size(), diff(b, a).size());
  }
}

TEST(Diff, VersionAndEpochAreNoDifference) {
  NodePolicy later;
  later.version = model::PolicyVersion(9);
  later.epoch = model::Epoch(4);
  EXPECT_THAT(diff(NodePolicy{}, later), IsEmpty());
  EXPECT_EQ(content_of(NodePolicy{}), content_of(later));
}

TEST(Diff, ValuesAreShownAsJsonWritesThem) {
  EXPECT_EQ(text_of(std::optional<Scalar>()), "unset");
  EXPECT_EQ(text_of(Scalar(true)), "true");
  EXPECT_EQ(text_of(Scalar(std::int64_t{-5})), "-5");
  EXPECT_EQ(text_of(Scalar(0.1)), "0.1");
  EXPECT_EQ(text_of(Scalar(std::string("cpuset"))), "\"cpuset\"");
}

TEST(Content, IsTheSameInEveryBuild) {
  // FNV-1a of the lines "document path value" that are not at their defaults, computed elsewhere.
  EXPECT_EQ(text_of(content_of(NodePolicy{})), "cbf29ce484222325");
  NodePolicy policy;
  policy.threshold.enable = true;
  EXPECT_EQ(text_of(content_of(policy)), "113db33cd8801461");
  policy = {};
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kWorkConserving;
  policy.threshold.cpu_suppress_min_percent = 5;
  policy.colocation.resource_diff_threshold = 0.25;
  EXPECT_EQ(text_of(content_of(policy)), "11303611dd3f18d9");
  EXPECT_EQ(text_of(model::PolicyContent()), "");
}

TEST(Content, DoesNotAskWhereAValueComesFrom) {
  const auto parsed = [](const std::string& text) {
    const auto policy = parse({{"resource-threshold-config", text}});
    EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
    return policy ? effective(*policy, {{"role", "db"}}) : NodePolicy{};
  };
  const auto of_cluster = parsed(R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 40}})");
  const auto of_entry = parsed(R"({"clusterStrategy": {"enable": true}, "nodeStrategies": [{
      "nodeSelector": {"matchLabels": {"role": "db"}}, "cpuSuppressThresholdPercent": 40}]})");
  EXPECT_EQ(content_of(of_cluster), content_of(of_entry));
  const auto spelt_out = parsed(R"({"clusterStrategy": {"enable": false, "cpuSuppressThresholdPercent": 65}})");
  EXPECT_EQ(content_of(spelt_out), content_of(NodePolicy{})) << "a default that is spelt out is the default";
}

TEST(Content, IsRememberedForEachPolicyAndRightBeyondWhatIsKept) {
  ContentMemo memo;
  for (int round = 0; round < 2; ++round) {
    for (int percent = 0; percent < 50; ++percent) {
      NodePolicy policy;
      policy.threshold.cpu_suppress_threshold_percent = percent;
      EXPECT_EQ(memo.of(policy), content_of(policy)) << percent;
    }
  }
}

}  // namespace
}  // namespace tideline::policy::diff_test
