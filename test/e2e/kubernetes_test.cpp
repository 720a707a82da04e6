// Tideline in Kubernetes: what users do with kubectl, what nodes do about it, and what Nodes say then.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "test/e2e/kubernetes_world.h"
#include "test/support/http_get.h"

namespace tideline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;
using Amounts = KubernetesWorld::Amounts;

/// Of the coordinator's roles, what no test of this program uses, and who does.
const std::vector<UnusedRight> kUsedElsewhere{{"create", "pods/eviction", "kubernetes_eviction_test evicts"}};

class Kubernetes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (KubeControlPlane::missing().empty() && ScratchCgroup::missing().empty()) {
      world_ =
          std::make_unique<KubernetesWorld>(KubernetesExtras{.options = {"--publish-older-names", "koordinator.sh"}});
    }
  }
  static void TearDownTestSuite() {
    // It takes all tests to use all rights.
    if (world_ && GTEST_FLAG_GET(filter) == "*") {
      EXPECT_THAT(misfits(world_->plane(), KubernetesWorld::account(), kUsedElsewhere), testing::IsEmpty())
          << "the coordinator's role, and what it asked the API server for";
    }
    world_.reset();
  }

  void SetUp() override {
    TIDELINE_NEED_KUBE();
    TIDELINE_NEED_CGROUPS();
    ASSERT_TRUE(world_ != nullptr);
  }

  /// A time that is promised, and printed.
  static void expect_within(milliseconds time, const std::string& what, const std::function<bool()>& is_true) {
    const auto took = time_until(is_true);
    ASSERT_TRUE(took.has_value()) << what << ": never\n" << world_->logs();
    std::cout << what << ": " << took->count() << " ms\n";
    EXPECT_LE(*took, promised(time)) << what;
  }
  /// `kubectl get events` of the ConfigMap, as one text.
  static std::string events_of_the_config_map() {
    std::string text;
    const auto events = world_->plane().get("/api/v1/namespaces/kube-system/events");
    if (!events.is_object()) return text;
    for (const auto& event : events.at("items")) {
      const auto& about = event.at("involvedObject");
      if (about.value("kind", "") == "ConfigMap" && about.value("name", "") == "ack-slo-config") {
        text += event.value("type", "") + " " + event.value("reason", "") + " " + event.value("message", "") + "\n";
      }
    }
    return text;
  }
  static bool batch_is_offered() {
    const auto published = world_->published();
    return published.batch_cpu.has_value() && published.batch_memory.has_value();
  }
  /// Within the share of the account that is not worth a write.
  static bool is_near(std::optional<std::int64_t> published, std::optional<std::int64_t> accounted, double worth) {
    if (!published || !accounted) return false;
    const auto apart = static_cast<double>(std::abs(*published - *accounted));
    return apart <= worth * static_cast<double>(std::max(*published, *accounted));
  }

  static inline std::unique_ptr<KubernetesWorld> world_;
};

TEST_F(Kubernetes, ANodeHasWhatTheLedgerOffersSecondsAfterItsFirstReport) {
  ASSERT_TRUE(world_->first_offer().has_value()) << world_->logs();
  std::cout << "batch resources after the first report: " << world_->first_offer()->count() << " ms\n";
  EXPECT_LE(*world_->first_offer(), promised(seconds(10)));

  world_->settle(KubernetesWorld::policy(66), 66);
  EXPECT_TRUE(eventually(seconds(90),
                         [] {
                           const auto published = world_->published();
                           const auto accounted = world_->accounted();
                           return is_near(published.batch_cpu, accounted.batch_cpu, 0.1) &&
                                  is_near(published.batch_memory, accounted.batch_memory, 0.1);
                         }))
      << "published " << KubernetesWorld::text(world_->published()) << "; accounted "
      << KubernetesWorld::text(world_->accounted());
  const auto why = world_->node().at("metadata").value("annotations", nlohmann::json::object());
  ASSERT_TRUE(why.contains("tideline.io/reclaimed")) << why.dump();
  EXPECT_LE(why.at("tideline.io/reclaimed").get<std::string>().size(), 2048U);
  EXPECT_TRUE(nlohmann::json::parse(why.at("tideline.io/reclaimed").get<std::string>(), nullptr, false).is_object());
}

TEST_F(Kubernetes, TheLastAccountIsOnTheNodeToTheByteOnceNothingMoves) {
  auto documents = KubernetesWorld::policy(67);
  documents["colocation-config"] =
      R"({"enable": true, "cpuReclaimThresholdPercent": 300, "memoryReclaimThresholdPercent": 95,
          "updateTimeThresholdSeconds": 1})";
  world_->settle(documents, 67);
  ASSERT_TRUE(eventually(seconds(90), [] { return batch_is_offered(); })) << world_->logs();
  ASSERT_EQ(world_->stop_agent(), 0) << world_->logs();
  // A rise that is large is written once it has held for half a minute, and a minute after the one before.
  EXPECT_TRUE(eventually(seconds(120), [] { return world_->published() == world_->accounted(); }))
      << "published " << KubernetesWorld::text(world_->published()) << "; accounted "
      << KubernetesWorld::text(world_->accounted());
  world_->start_agent();
  EXPECT_TRUE(world_->cluster().node_is_live(KubernetesWorld::kNode, seconds(30))) << world_->logs();
}

TEST_F(Kubernetes, AnEditedConfigMapIsInForceWithinSeconds) {
  // An agent that a test before started may not have its session yet.
  world_->settle(KubernetesWorld::policy(40), 40);
  for (const int threshold : {41, 42}) {
    world_->configure(KubernetesWorld::policy(threshold));
    expect_within(seconds(2), "an edited ConfigMap", [&] { return world_->in_force(threshold, milliseconds(0)); });
  }
}

TEST_F(Kubernetes, GarbageInTheConfigMapIsNamedByAnEventAndTheLastGoodPolicyStays) {
  world_->settle(KubernetesWorld::policy(43), 43);
  struct Case {
    std::string text;
    std::vector<std::string> named;
  };
  const std::vector<Case> cases{
      {R"({"clusterStrategy": {"enable": tru)", {"resource-threshold-config", "line 1"}},
      {R"({"clusterStrategy": {"cpuSuppressThresholdPercent": 650}})", {"cpuSuppressThresholdPercent", "650"}},
      {R"({"clusterStrategy": {"cpuSuppressPolicy": "magic"}})", {"cpuSuppressPolicy", "magic"}}};
  for (const auto& [text, named] : cases) {
    auto garbage = KubernetesWorld::policy(44);
    garbage["resource-threshold-config"] = text;
    world_->configure(garbage);
    for (const auto& word : named) {
      EXPECT_TRUE(eventually(seconds(15), [&] { return events_of_the_config_map().find(word) != std::string::npos; }))
          << word << " of " << text << ":\n"
          << events_of_the_config_map();
    }
    EXPECT_TRUE(world_->in_force(43, milliseconds(0))) << text;
  }
  EXPECT_THAT(events_of_the_config_map(), HasSubstr("Warning "));
  const auto status = world_->cluster().ask({"policy", "status"});
  ASSERT_TRUE(status.is_object());
  EXPECT_TRUE(status["state"]["problem"].is_string()) << status.dump();

  world_->configure(KubernetesWorld::policy(45));
  EXPECT_TRUE(world_->in_force(45, seconds(20))) << world_->logs();
  EXPECT_TRUE(world_->cluster().ask({"policy", "status"})["state"]["problem"].is_null());
}

TEST_F(Kubernetes, TidectlPolicyApplyNamesTheObjectToEdit) {
  world_->settle(KubernetesWorld::policy(46), 46);
  const auto file = world_->cluster().dir().write("resource-threshold-config.json", threshold_config("cfsQuota", 47));
  const auto applied = world_->cluster().tidectl({"policy", "apply", file});
  EXPECT_NE(applied.exit, 0);
  EXPECT_THAT(applied.output, HasSubstr("ack-slo-config"));
  EXPECT_TRUE(world_->in_force(46, milliseconds(0)));
}

TEST_F(Kubernetes, PodsAreSeenAsKubectlMakesAndDeletesThem) {
  world_->settle(KubernetesWorld::policy(57), 57);
  const auto pod = world_->run_pod("come-and-go", "BE");
  expect_within(seconds(2), "a pod that kubectl made", [&] { return world_->is_seen(pod); });
  const auto pods = world_->cluster().ask({"pods", "--node", KubernetesWorld::kNode});
  ASSERT_TRUE(pods.is_object());
  for (const auto& seen : pods["pods"]) {
    if (seen["uid"] != pod.uid) continue;
    EXPECT_EQ(seen["name"], "come-and-go");
    EXPECT_EQ(seen["namespace"], "default");
    EXPECT_EQ(seen["qosClass"], "BE");
    EXPECT_EQ(seen["kubeQos"], "BestEffort");
    EXPECT_EQ(seen["tier"], "batch");
    EXPECT_EQ(seen["priority"], 5000);
    EXPECT_EQ(seen["requests"]["batchCpuMilli"], 500) << seen.dump();
  }
  world_->delete_pod(pod);
  expect_within(seconds(2), "a pod that kubectl deleted", [&] { return !world_->is_seen(pod); });
}

TEST_F(Kubernetes, ALabelOfTheNodeMakesAnEntryOfThePolicyItsOwn) {
  auto documents = KubernetesWorld::policy(48);
  documents["resource-threshold-config"] =
      R"({"clusterStrategy": {"enable": true, "cpuSuppressPolicy": "cfsQuota", "cpuSuppressThresholdPercent": 48},
          "nodeStrategies": [{"name": "trial", "nodeSelector": {"matchLabels": {"pool": "trial"}},
                              "cpuSuppressThresholdPercent": 31}]})";
  world_->settle(documents, 48);
  const auto label = [](const std::string& change) {
    const auto done = world_->plane().kubectl({"label", "node", KubernetesWorld::kNode, change});
    ASSERT_EQ(done.exit, 0) << done.output;
  };
  label("pool=trial");
  expect_within(seconds(5), "a label of the Node", [] { return world_->in_force(31, milliseconds(0)); });
  label("pool-");
  EXPECT_TRUE(world_->in_force(48, seconds(20))) << world_->logs();
}

TEST_F(Kubernetes, WhatServicesTakeIsTakenOffTheOfferWithinSecondsOfTheReport) {
  constexpr double kWorth = 0.01;
  world_->settle(KubernetesWorld::policy(49, kWorth), 49);
  const auto service = world_->run_pod("service", "LS");
  ASSERT_TRUE(eventually(seconds(10), [&] { return world_->is_seen(service); })) << world_->logs();
  ASSERT_TRUE(eventually(seconds(120), [] {
    return is_near(world_->published().batch_cpu, world_->accounted().batch_cpu, kWorth);
  })) << KubernetesWorld::text(world_->published());
  const auto before = world_->accounted().batch_cpu.value_or(0);
  ASSERT_GT(before, 0);

  const auto load = world_->cgroups().spin(service.group, 2);
  // A use is an average over minutes: the account goes down as that goes up.
  std::int64_t fallen = 0;
  EXPECT_TRUE(eventually(seconds(90),
                         [&] {
                           fallen = world_->accounted().batch_cpu.value_or(before);
                           return static_cast<double>(fallen) < static_cast<double>(before) * (1 - 3 * kWorth);
                         }))
      << before << " before, " << fallen << " now";
  expect_within(seconds(5), "a fall of the account", [&] {
    const auto published = world_->published().batch_cpu;
    return published && static_cast<double>(*published) <= static_cast<double>(fallen) * (1 + kWorth);
  });
  world_->cgroups().kill(load);
  world_->delete_pod(service);
}

TEST_F(Kubernetes, ABatchPodIsHeldToWhatItAsksForOnItsNode) {
  // On v1 there is no such quota while all of batch has less, as on a host that others fill.
  auto unlimited = KubernetesWorld::policy(96);
  unlimited["resource-threshold-config"] =
      R"({"clusterStrategy": {"enable": false, "cpuSuppressThresholdPercent": 96}})";
  world_->settle(unlimited, 96);
  const auto job = world_->run_pod("job", "BE");
  const bool v1 = world_->cgroups().v1();
  // batch-cpu 500 is half a CPU.
  EXPECT_TRUE(eventually(seconds(20),
                         [&] {
                           const auto quota = world_->cgroups().read(job.group, v1 ? "cpu.cfs_quota_us" : "cpu.max");
                           return quota == (v1 ? "50000" : "50000 100000");
                         }))
      << world_->cgroups().read(job.group, v1 ? "cpu.cfs_quota_us" : "cpu.max") << world_->logs();
  world_->delete_pod(job);
}

TEST_F(Kubernetes, WithoutColocationNothingIsOffered) {
  const auto older_name = [] {
    return world_->node().at("status").at("allocatable").contains("koordinator.sh/batch-cpu");
  };
  world_->settle(KubernetesWorld::policy(51), 51);
  ASSERT_TRUE(eventually(seconds(90), [] { return batch_is_offered(); })) << world_->logs();
  EXPECT_TRUE(eventually(seconds(10), older_name)) << "the option asks for it";
  auto off = KubernetesWorld::policy(52);
  off["colocation-config"] = R"({"enable": false})";
  world_->configure(off);
  expect_within(seconds(5), "withdrawal", [&] { return world_->published() == Amounts{} && !older_name(); });
  world_->settle(KubernetesWorld::policy(56), 56);
  EXPECT_TRUE(eventually(seconds(90), [] { return batch_is_offered(); })) << world_->logs();
}

TEST_F(Kubernetes, WithoutAnApiServerTheNodeIsControlledAndAfterwardsEverythingIsCaughtUpWith) {
  world_->settle(KubernetesWorld::policy(95), 95);
  const auto service = world_->run_pod("before-the-outage", "LS");
  const auto job = world_->run_pod("job-in-the-outage", "BE");
  ASSERT_TRUE(eventually(seconds(10), [&] { return world_->is_seen(service) && world_->is_seen(job); }));

  world_->plane().kill_api_server();
  const bool v1 = world_->cgroups().v1();
  // Of its period, as cpu.max says it.
  const auto quota = [&] {
    const auto read = [&](const char* file) { return world_->cgroups().read("kubepods/besteffort", file); };
    return v1 ? read("cpu.cfs_quota_us") + " " + read("cpu.cfs_period_us") : read("cpu.max");
  };
  const auto limit_milli = [&] {
    long limit = -1;
    long period = 0;
    std::istringstream(quota()) >> limit >> period;  // "-1", "max": no limit
    return limit > 0 && period > 0 ? limit * 1000 / period : std::numeric_limits<long>::max();
  };
  // What went before may have left the least limit, and it rises in steps. A fall of less is not urgent.
  constexpr long kRoomToFallMilli = 400;
  ASSERT_TRUE(eventually(seconds(120), [&] { return limit_milli() >= kRoomToFallMilli; }))
      << "the host is busy: batch is limited to " << quota() << " us although nothing of ours runs\n"
      << world_->logs();
  const auto before = limit_milli();
  const auto services = world_->cgroups().spin(service.group, 2);
  const auto batch = world_->cgroups().spin(job.group);
  EXPECT_TRUE(eventually(seconds(20), [&] { return limit_milli() < before / 2; }))
      << before << " millicores before, now " << quota() << " us\n"
      << world_->logs();
  EXPECT_TRUE(world_->is_seen(service)) << "pods stay as they were told last";
  EXPECT_THAT(http_get(world_->cluster().web_port(), "/healthz"), StartsWith("HTTP/1.1 200"));

  world_->cgroups().kill(services);
  world_->cgroups().kill(batch);

  // Whoever comes back finds no revision that it knew.
  world_->plane().compact();
  world_->plane().start_api_server();
  world_->configure(KubernetesWorld::policy(54));
  const auto latecomer = world_->run_pod("after-the-outage", "BE");
  const auto caught_up =
      time_until([&] { return world_->in_force(54, milliseconds(0)) && world_->is_seen(latecomer); }, seconds(90));
  ASSERT_TRUE(caught_up.has_value()) << world_->logs();
  std::cout << "caught up after an outage: " << caught_up->count() << " ms\n";
  EXPECT_TRUE(eventually(seconds(90), [] { return batch_is_offered(); })) << world_->logs();
  for (const auto& pod : {service, job, latecomer})
    world_->delete_pod(pod);
}

TEST_F(Kubernetes, ARestartOfTheCoordinatorWritesNothingThatIsAlreadyTrue) {
  // Half of the offer would have to go. It is not written for its age either.
  auto documents = KubernetesWorld::policy(55, 0.5);
  auto colocation = nlohmann::json::parse(documents.at("colocation-config"));
  colocation["updateTimeThresholdSeconds"] = 86400;
  documents["colocation-config"] = colocation.dump();
  world_->settle(documents, 55);
  ASSERT_TRUE(eventually(seconds(90), [] { return batch_is_offered(); })) << world_->logs();
  // Rises that wait are through.
  std::string version;
  ASSERT_TRUE(eventually(seconds(120), [&] {
    version = world_->node_version();
    std::this_thread::sleep_for(seconds(10));
    return world_->node_version() == version;
  }));
  const auto before = world_->published();

  ASSERT_EQ(world_->cluster().stop_coordinator(), 0) << world_->logs();
  EXPECT_EQ(world_->node_version(), version) << "what was offered stays";
  world_->start_coordinator();
  ASSERT_TRUE(world_->cluster().node_is_live(KubernetesWorld::kNode, seconds(40))) << world_->logs();
  ASSERT_TRUE(world_->in_force(55, seconds(20))) << world_->logs();
  const auto end = std::chrono::steady_clock::now() + seconds(10);
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_EQ(world_->node_version(), version)
        << KubernetesWorld::text(before) << " was there, now " << KubernetesWorld::text(world_->published());
    std::this_thread::sleep_for(milliseconds(500));
  }
}

}  // namespace
}  // namespace tideline::test
