// What users of Koordinator and ack-koordinator have in their clusters works as it is: ConfigMaps, Nodes and pods as
// the public documentation of both shows them.
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/policy.h"
#include "k8s-bridge/actor/config_choice.h"
#include "k8s-bridge/translate/mirror.h"
#include "messages/model/node_annotations.h"
#include "messages/model/qos.h"
#include "test/k8s-bridge/translate/samples.h"

namespace tideline::bridge::koordinator_user_test {
namespace {

using model::MilliCpu;
using nlohmann::json;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// A ConfigMap of that name, by the whole way from the API server's JSON to the policy.
policy::ClusterPolicy policy_of(const ConfigMapName& name, const json& data) {
  json object;
  object["metadata"] = {{"name", name.name}, {"namespace", name.name_space}, {"uid", "u"}, {"resourceVersion", "1"}};
  object["data"] = data;
  const auto map = k8s::config_map_from(object);
  if (!map) {
    ADD_FAILURE() << map.error().message();
    return {};
  }
  auto parsed = policy::parse(documents_of(name, *map));
  EXPECT_TRUE(parsed.ok()) << (parsed ? std::string() : parsed.error().message());
  return parsed ? *std::move(parsed) : policy::ClusterPolicy{};
}

const ConfigMapName kAck{"kube-system", "ack-slo-config"};
const ConfigMapName kKoordinator{"koordinator-system", "slo-controller-config"};

/// ack-koordinator's guide for getting started.
json getting_started() {
  return {{"colocation-config", R"({"enable": true})"},
          {"resource-threshold-config", R"({"clusterStrategy": {"enable": true}})"},
          {"resource-qos-config", R"({
             "clusterStrategy": {
               "lsClass": {"cpuQOS": {"enable": true}, "memoryQOS": {"enable": true}, "resctrlQOS": {"enable": true}},
               "beClass": {"cpuQOS": {"enable": true}, "memoryQOS": {"enable": true}, "resctrlQOS": {"enable": true}}
             }
           })"}};
}

TEST(KoordinatorUser, GettingStartedSwitchesColocationOn) {
  const auto policy = policy_of(kAck, getting_started());
  const auto node = policy::effective(policy, {});
  EXPECT_TRUE(node.colocation.enable);
  EXPECT_EQ(node.colocation.cpu_reclaim_threshold_percent, 60);
  EXPECT_EQ(node.colocation.memory_reclaim_threshold_percent, 65);
  EXPECT_TRUE(node.threshold.enable);
  EXPECT_EQ(node.threshold.cpu_suppress_threshold_percent, 65);
  EXPECT_EQ(node.threshold.cpu_suppress_policy, model::SuppressPolicy::kCpuset);
  EXPECT_TRUE(node.qos.ls.enable);
  EXPECT_TRUE(node.qos.be.enable);
  EXPECT_FALSE(node.qos.lsr.enable);
  EXPECT_EQ(node.threshold.memory_evict_threshold_percent, 70);
  EXPECT_TRUE(node.qos.ls_memory.enable);
  EXPECT_TRUE(node.qos.be_memory.enable);
  EXPECT_EQ(node.qos.be_memory.wmark_min_adj, 50);
  EXPECT_FALSE(node.qos.lsr_memory.enable);
}

TEST(KoordinatorUser, WhatIsNotActedOnIsNamedAndNothingElse) {
  const auto policy = policy_of(kAck, getting_started());
  EXPECT_THAT(policy.notices, Not(IsEmpty()));
  EXPECT_THAT(policy.notices, Each(Field(&policy::Notice::path, HasSubstr("resctrlQOS"))));
}

TEST(KoordinatorUser, AckKoordinatorsOtherExamplesAreTaken) {
  const auto reserved =
      policy::effective(policy_of(kAck, {{"colocation-config", R"({"enable": true, "metricAggregateDurationSeconds": 60,
                          "cpuReclaimThresholdPercent": 60, "memoryReclaimThresholdPercent": 70,
                          "memoryCalculatePolicy": "usage"})"}}),
                        {});
  EXPECT_TRUE(reserved.colocation.enable);
  EXPECT_EQ(reserved.colocation.memory_reclaim_threshold_percent, 70);
  const auto burst =
      policy::effective(policy_of(kAck, {{"cpu-burst-config", R"({"clusterStrategy": {"policy": "auto"}})"}}), {});
  EXPECT_EQ(burst.burst.policy, model::BurstPolicy::kAuto);
  const auto identity = policy::effective(policy_of(kAck, {{"resource-qos-config", R"({"clusterStrategy": {
                          "lsClass": {"cpuQOS": {"enable": true, "groupIdentity": 2},
                                      "memoryLocality": {"policy": "bestEffort"}},
                          "beClass": {"cpuQOS": {"enable": true, "groupIdentity": -1}}}})"}}),
                                          {});
  EXPECT_EQ(identity.qos.ls.group_identity, 2);
  EXPECT_EQ(identity.qos.be.group_identity, -1);
}

/// slo-controller-config as Koordinator's manual and its chart have it.
json slo_controller_config() {
  return {{"colocation-config", R"({
             "enable": true, "metricAggregateDurationSeconds": 300, "metricReportIntervalSeconds": 60,
             "cpuReclaimThresholdPercent": 60, "memoryReclaimThresholdPercent": 65, "memoryCalculatePolicy": "usage",
             "degradeTimeMinutes": 15, "updateTimeThresholdSeconds": 300, "resourceDiffThreshold": 0.1,
             "nodeConfigs": [{"name": "anolis",
                              "nodeSelector": {"matchLabels": {"kubernetes.io/kernel": "anolis"}},
                              "updateTimeThresholdSeconds": 360, "resourceDiffThreshold": 0.2}]})"},
          {"resource-threshold-config", R"({
             "clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 65, "cpuSuppressPolicy": "cpuset",
                                 "memoryEvictThresholdPercent": 70, "memoryEvictLowerPercent": 65,
                                 "cpuEvictBESatisfactionUpperPercent": 90, "cpuEvictBESatisfactionLowerPercent": 60,
                                 "cpuEvictBEUsageThresholdPercent": 90, "CPUEvictTimeWindowSeconds": 60},
             "nodeStrategies": [{"name": "anolis",
                                 "nodeSelector": {"matchLabels": {"kubernetes.io/kernel": "anolis"}},
                                 "cpuEvictBEUsageThresholdPercent": 80}]})"},
          {"cpu-burst-config", R"({
             "clusterStrategy": {"policy": "none", "cpuBurstPercent": 1000, "cfsQuotaBurstPercent": 300,
                                 "cfsQuotaBurstPeriodSeconds": -1, "sharePoolThresholdPercent": 50},
             "nodeStrategies": [{"nodeSelector": {"matchLabels": {"kubernetes.io/kernel": "alios"}},
                                 "policy": "cfsQuotaBurstOnly", "cfsQuotaBurstPercent": 400}]})"},
          {"system-config", R"({"clusterStrategy": {"minFreeKbytesFactor": 100, "watermarkScaleFactor": 150}})"},
          {"resource-qos-config", R"({
             "clusterStrategy": {
               "lsrClass": {
                 "cpuQOS": {"enable": false, "groupIdentity": 2},
                 "memoryQOS": {"enable": false, "minLimitPercent": 0, "lowLimitPercent": 0, "throttlingPercent": 0,
                               "wmarkRatio": 95, "wmarkScalePermill": 20, "wmarkMinAdj": -25, "priorityEnable": 0,
                               "priority": 0, "oomKillGroup": 0},
                 "resctrlQOS": {"enable": false, "catRangeStartPercent": 0, "catRangeEndPercent": 100,
                                "mbaPercent": 100}},
               "beClass": {
                 "cpuQOS": {"enable": false, "groupIdentity": -1},
                 "memoryQOS": {"enable": false, "minLimitPercent": 0, "lowLimitPercent": 0, "throttlingPercent": 0,
                               "wmarkRatio": 95, "wmarkScalePermill": 20, "wmarkMinAdj": 50, "priorityEnable": 0,
                               "priority": 0, "oomKillGroup": 0},
                 "resctrlQOS": {"enable": false, "catRangeStartPercent": 0, "catRangeEndPercent": 30,
                                "mbaPercent": 100}}}})"},
          {"host-application-config", R"({
             "applications": [
               {"name": "nginx", "qos": "LS",
                "cgroupPath": {"base": "CgroupRoot", "parentDir": "host-latency-sensitive/", "relativePath": "nginx/"}},
               {"name": "yarn-task", "priority": "koord-batch", "qos": "BE",
                "cgroupPath": {"base": "KubepodsBesteffort", "relativePath": "hadoop-yarn/"}}]})"},
          {"cpu-normalization-config", R"({
             "enable": true,
             "ratioModel": {
               "Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz": {
                 "baseRatio": 1.29, "hyperThreadEnabledRatio": 0.82, "turboEnabledRatio": 1.52,
                 "hyperThreadTurboEnabledRatio": 1.0},
               "Intel Xeon Platinum 8369B CPU @ 2.90GHz": {
                 "baseRatio": 1.69, "hyperThreadEnabledRatio": 1.06, "turboEnabledRatio": 1.91,
                 "hyperThreadTurboEnabledRatio": 1.20}}})"}};
}

TEST(KoordinatorUser, KoordinatorsOwnConfigMapIsTakenAsItIs) {
  const auto policy = policy_of(kKoordinator, slo_controller_config());
  const auto plain = policy::effective(policy, {});
  EXPECT_TRUE(plain.colocation.enable);
  EXPECT_EQ(plain.colocation.resource_diff_threshold, 0.1);
  EXPECT_EQ(plain.threshold.cpu_evict_be_satisfaction_lower_percent, 60);
  EXPECT_EQ(plain.threshold.cpu_evict_time_window_seconds, 60) << "spelt with a capital in Koordinator's manual";
  EXPECT_EQ(plain.threshold.memory_evict_lower_percent, 65);
  EXPECT_EQ(plain.qos.be_memory.wmark_min_adj, 50);
  EXPECT_EQ(plain.burst.policy, model::BurstPolicy::kNone);
  EXPECT_THAT(plain.host_applications, SizeIs(2));

  const auto anolis = policy::effective(policy, {{"kubernetes.io/kernel", "anolis"}});
  EXPECT_EQ(anolis.colocation.resource_diff_threshold, 0.2);
  EXPECT_EQ(anolis.colocation.update_time_threshold_seconds, 360);
  EXPECT_EQ(anolis.threshold.cpu_evict_be_usage_threshold_percent, 80);
  EXPECT_EQ(anolis.threshold.cpu_suppress_threshold_percent, 65) << "what an entry does not say is the cluster's";
  const auto alios = policy::effective(policy, {{"kubernetes.io/kernel", "alios"}});
  EXPECT_EQ(alios.burst.policy, model::BurstPolicy::kCfsQuotaBurstOnly);
  EXPECT_EQ(alios.burst.cfs_quota_burst_percent, 400);

  const auto with_cpu = [&](const std::string& name, bool hyper_threads) {
    return policy::effective_on(policy, {{}, {}, {name, hyper_threads, false}}).scaling.cpu_normalization;
  };
  EXPECT_EQ(with_cpu("Intel Xeon Platinum 8369B CPU @ 2.90GHz", true), model::Ratio(106));
  EXPECT_EQ(with_cpu("Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz", true), model::Ratio()) << "0.82 counts as 1";
  EXPECT_THAT(policy.notices, Contains(Field(&policy::Notice::path, HasSubstr("CPUEvictTimeWindowSeconds"))));
}

/// The examples' Node and its two pods, as the node is told of them.
class ExamplesTest : public testing::Test {
 protected:
  void SetUp() override {
    mirror_.begin_nodes();
    mirror_.take(*k8s::node_from(k8s::node_one()));
    mirror_.end_nodes();
    mirror_.begin_pods();
    mirror_.take(*k8s::pod_from(k8s::nginx_pod()));
    mirror_.take(*k8s::pod_from(k8s::ffmpeg_pod()));
    mirror_.end_pods();
    told_ = mirror_.objects(model::NodeName("node-1"));
  }
  const model::Pod& pod(const std::string& workload) const {
    for (const auto& each : told_.pods) {
      if (each.workload == workload) return each;
    }
    throw std::out_of_range(workload);
  }

  k8s::Mirror mirror_;
  model::NodeObjects told_;
};

TEST_F(ExamplesTest, TheNodeIsToldOfBothPodsAndTakesThem) {
  EXPECT_THAT(told_.pods, SizeIs(2));
  EXPECT_TRUE(model::validate(told_)) << model::validate(told_).error().message();
  EXPECT_THAT(mirror_.problems(model::NodeName("node-1")), IsEmpty());
}

TEST_F(ExamplesTest, NginxIsAService) {
  const auto& nginx = pod("Deployment/nginx");
  EXPECT_EQ(nginx.qos, model::QosClass::kLs);
  EXPECT_EQ(model::tier_of(nginx.priority, nginx.qos), model::Tier::kProd);
  EXPECT_EQ(nginx.requests.cpu, MilliCpu(4000));
  EXPECT_EQ(nginx.requests.batch_cpu, std::nullopt);
}

TEST_F(ExamplesTest, FfmpegIsBatchOfSeventyCpus) {
  const auto& ffmpeg = pod("Job/ffmpeg");
  EXPECT_EQ(ffmpeg.qos, model::QosClass::kBe);
  EXPECT_EQ(ffmpeg.kube_qos, model::KubeQos::kBestEffort);
  EXPECT_EQ(model::tier_of(ffmpeg.priority, ffmpeg.qos), model::Tier::kBatch);
  EXPECT_EQ(ffmpeg.requests.batch_cpu, MilliCpu(70'000));
  EXPECT_EQ(ffmpeg.requests.batch_memory, model::Bytes(std::int64_t{22} << 30));
  EXPECT_EQ(mirror_.batch_requests(model::NodeName("node-1")).cpu[0], MilliCpu(70'000));
}

TEST_F(ExamplesTest, TheNodesOwnAnnotationsAndLabelsOverrideTheConfigMap) {
  const auto policy = policy_of(kAck, getting_started());
  ASSERT_EQ(policy::effective(policy, {}).colocation.cpu_reclaim_threshold_percent, 60);
  std::vector<std::string> problems;
  const auto node = policy::effective_on(policy, {told_.labels, told_.annotations, {}}, &problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(node.colocation.cpu_reclaim_threshold_percent, 70) << "cpu-reclaim-ratio 0.7, and the annotation";
  EXPECT_EQ(node.colocation.memory_reclaim_threshold_percent, 65);

  auto annotations = told_.annotations;
  annotations[std::string(model::kColocationStrategyAnnotation)] = R"({"enable": false})";
  EXPECT_FALSE(policy::effective_on(policy, {told_.labels, annotations, {}}).colocation.enable);
  auto labels = told_.labels;
  labels["node.koordinator.sh/cpu-reclaim-ratio"] = "0.8";
  EXPECT_EQ(policy::effective_on(policy, {labels, told_.annotations, {}}).colocation.cpu_reclaim_threshold_percent, 80)
      << "a label beats the annotation";
}

TEST_F(ExamplesTest, TheNodesReservationIsReadAsItIs) {
  const auto claims = model::read_claims(told_.annotations);
  EXPECT_EQ(claims.reservation.cpu, MilliCpu(2000));
  EXPECT_THAT(claims.unreadable, IsEmpty());
}

}  // namespace
}  // namespace tideline::bridge::koordinator_user_test
