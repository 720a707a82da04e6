// What a pod asks for out of its containers, each case as `kubectl describe node` would count it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/translate/objects.h"
#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s::demand_test {
namespace {

using model::Bytes;
using model::KubeQos;
using model::MilliCpu;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

PodObject pod_of(const std::string& spec) {
  json object = json::object();
  object["metadata"] = {{"name", "p"}, {"namespace", "n"}, {"uid", "u"}};
  object["spec"] = json::parse(spec);
  auto pod = pod_from(object);
  if (pod) {
    EXPECT_EQ(report_problem({pod->pod}), "") << spec;
    return *std::move(pod);
  }
  ADD_FAILURE() << pod.error().message();
  return {};
}

struct Case {
  const char* what;
  const char* spec;
  std::optional<MilliCpu> request;
  std::optional<MilliCpu> limit;
};

TEST(Demand, OfCpuIsCountedAsKubernetesDoes) {
  const Case cases[] = {
      {"nothing", R"({})", {}, {}},
      {"one container", R"({"containers": [{"resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "1"}}}]})",
       MilliCpu(250), MilliCpu(1000)},
      {"a limit alone is a request", R"({"containers": [{"resources": {"limits": {"cpu": "1"}}}]})", MilliCpu(1000),
       MilliCpu(1000)},
      {"two containers", R"({"containers": [{"resources": {"limits": {"cpu": "1"}}},
                                            {"resources": {"limits": {"cpu": "500m"}}}]})",
       MilliCpu(1500), MilliCpu(1500)},
      {"one of two without a limit",
       R"({"containers": [{"resources": {"limits": {"cpu": "1"}}},
                                                        {"resources": {"requests": {"cpu": "500m"}}}]})",
       MilliCpu(1500),
       {}},
      {"a limit of nothing is none", R"({"containers": [{"resources": {"limits": {"cpu": "0"}}}]})", {}, {}},
      {"an init container that asks for less",
       R"({"initContainers": [{"resources": {"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}}}],
           "containers": [{"resources": {"requests": {"cpu": "300m"}, "limits": {"cpu": "400m"}}}]})",
       MilliCpu(300), MilliCpu(400)},
      {"an init container that asks for more",
       R"({"initContainers": [{"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}},
                              {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}],
           "containers": [{"resources": {"requests": {"cpu": "300m"}, "limits": {"cpu": "400m"}}}]})",
       MilliCpu(2000), MilliCpu(3000)},
      {"an init container without a limit",
       R"({"initContainers": [{}],
           "containers": [{"resources": {"requests": {"cpu": "300m"}, "limits": {"cpu": "400m"}}}]})",
       MilliCpu(300),
       {}},
      {"a sidecar",
       R"({"initContainers": [{"restartPolicy": "Always", "resources": {"limits": {"cpu": "100m"}}}],
           "containers": [{"resources": {"limits": {"cpu": "400m"}}}]})",
       MilliCpu(500), MilliCpu(500)},
      {"a sidecar and then an init container, which runs beside it",
       R"({"initContainers": [{"restartPolicy": "Always", "resources": {"limits": {"cpu": "100m"}}},
                              {"resources": {"limits": {"cpu": "450m"}}}],
           "containers": [{"resources": {"limits": {"cpu": "400m"}}}]})",
       MilliCpu(550), MilliCpu(550)},
      {"an init container and then a sidecar, which it does not meet",
       R"({"initContainers": [{"resources": {"limits": {"cpu": "450m"}}},
                              {"restartPolicy": "Always", "resources": {"limits": {"cpu": "100m"}}}],
           "containers": [{"resources": {"limits": {"cpu": "400m"}}}]})",
       MilliCpu(500), MilliCpu(500)},
      {"an overhead", R"({"overhead": {"cpu": "250m"}, "containers": [{"resources": {"limits": {"cpu": "400m"}}}]})",
       MilliCpu(650), MilliCpu(650)},
      {"an overhead of a pod that asks for nothing",
       R"({"overhead": {"cpu": "250m"}, "containers": [{}]})",
       MilliCpu(250),
       {}},
      {"resources of the pod itself",
       R"({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}, "overhead": {"cpu": "100m"},
           "containers": [{"resources": {"requests": {"cpu": "500m"}}}, {}]})",
       MilliCpu(2100), MilliCpu(3100)},
      {"numbers for texts", R"({"containers": [{"resources": {"requests": {"cpu": 2}, "limits": {"cpu": 2.5}}}]})",
       MilliCpu(2000), MilliCpu(2500)},
  };
  for (const auto& c : cases) {
    const PodObject pod = pod_of(c.spec);
    EXPECT_EQ(pod.pod.requests.cpu, c.request) << c.what;
    EXPECT_EQ(pod.pod.limits.cpu, c.limit) << c.what;
    EXPECT_THAT(pod.problems, IsEmpty()) << c.what;
  }
}

TEST(Demand, OfMemoryAndBatchIsCountedLikewise) {
  const PodObject pod = pod_of(R"({
      "initContainers": [{"resources": {"limits": {"memory": "3Gi", "kubernetes.io/batch-memory": "3Gi",
                                                   "kubernetes.io/batch-cpu": "100"}}}],
      "containers": [{"resources": {"limits": {"memory": "1Gi", "kubernetes.io/batch-memory": "1Gi",
                                               "kubernetes.io/batch-cpu": "2k"}}}],
      "overhead": {"memory": "1Gi", "kubernetes.io/batch-memory": "1Gi"}})");
  constexpr std::int64_t kGi = std::int64_t{1} << 30;
  EXPECT_EQ(pod.pod.requests.memory, Bytes(4 * kGi));
  EXPECT_EQ(pod.pod.limits.memory, Bytes(4 * kGi));
  EXPECT_EQ(pod.pod.requests.batch_memory, Bytes(4 * kGi));
  EXPECT_EQ(pod.pod.limits.batch_cpu, MilliCpu(2000));
  ASSERT_EQ(pod.pod.containers.size(), 1u) << "an init container is not listed";
  EXPECT_EQ(pod.pod.containers[0].limits.memory, Bytes(kGi));
}

TEST(Demand, HoldsWhatAnAnnotationSaysOfBatch) {
  json object = json::object();
  object["metadata"] = {{"name", "p"}, {"namespace", "n"}, {"uid", "u"}};
  object["metadata"]["annotations"]["node.koordinator.sh/extended-resource-spec"] =
      R"({"containers": {"main": {"limits": {"kubernetes.io/batch-cpu": "1500"}}}})";
  object["spec"] = json::parse(R"({"containers": [{"name": "main"}], "initContainers": [{"name": "prepare"}]})");
  const auto pod = pod_from(object);
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->pod.containers[0].requests.batch_cpu, MilliCpu(1500)) << "a limit alone is a request";
  EXPECT_EQ(pod->pod.requests.batch_cpu, MilliCpu(1500));
  EXPECT_EQ(pod->pod.limits.batch_cpu, std::nullopt) << "the init container has none";
}

TEST(Demand, ThatNoHostHasCountsAsTheMostThatOneHas) {
  std::string containers;
  for (int i = 0; i < 1000; ++i)
    containers += R"({"resources": {"requests": {"cpu": "9999", "memory": "1023Ti", "kubernetes.io/mid-cpu": "9M"}}},)";
  containers.pop_back();
  const PodObject pod = pod_of("{\"containers\": [" + containers + "]}");
  EXPECT_EQ(pod.pod.requests.cpu, MilliCpu(model::ReportLimits::kMaxMilliCpu));
  EXPECT_EQ(pod.pod.requests.memory, Bytes(model::ReportLimits::kMaxMemoryBytes));
  EXPECT_EQ(pod.pod.mid_requests.cpu, MilliCpu(model::ReportLimits::kMaxMilliCpu));
  EXPECT_THAT(pod.problems, Contains(Field(&model::MetadataProblem::why, HasSubstr("more than any host has"))));
}

TEST(Demand, OfMoreContainersThanAnybodyHasIsNotAllCounted) {
  std::string containers;
  for (int i = 0; i < 1500; ++i)
    containers += R"({"resources": {"requests": {"cpu": "1m"}}},)";
  containers.pop_back();
  const PodObject pod = pod_of("{\"initContainers\": [{}], \"containers\": [" + containers + "]}");
  EXPECT_EQ(pod.pod.requests.cpu, MilliCpu(1023)) << "1024 with the init container";
  EXPECT_THAT(pod.problems, Contains(AllOf(Field(&model::MetadataProblem::key, "spec.containers"),
                                           Field(&model::MetadataProblem::value, "1500 entries"))));
}

TEST(Demand, GivesTheQosClassThatKubeletWouldCompute) {
  const std::pair<const char*, KubeQos> cases[] = {
      {R"({})", KubeQos::kBestEffort},
      {R"({"containers": [{}, {}]})", KubeQos::kBestEffort},
      {R"({"containers": [{"resources": {"limits": {"kubernetes.io/batch-cpu": "1k"}}}]})", KubeQos::kBestEffort},
      {R"({"containers": [{"resources": {"requests": {"cpu": "0"}}}]})", KubeQos::kBestEffort},
      {R"({"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]})", KubeQos::kGuaranteed},
      {R"({"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m"}}}]})",
       KubeQos::kGuaranteed},
      {R"({"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "900m"}}}]})",
       KubeQos::kBurstable},
      {R"({"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}, {}]})", KubeQos::kBurstable},
      {R"({"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}], "initContainers": [{}]})",
       KubeQos::kBurstable},
      {R"({"containers": [{"resources": {"limits": {"cpu": "1"}}}]})", KubeQos::kBurstable},
      {R"({"containers": [{"resources": {"requests": {"memory": "1Gi"}}}]})", KubeQos::kBurstable},
      {R"({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "containers": [{}]})", KubeQos::kGuaranteed},
      {R"({"resources": {"requests": {"cpu": "1"}}, "containers": [{}]})", KubeQos::kBurstable},
  };
  for (const auto& [spec, qos] : cases) {
    const PodObject pod = pod_of(spec);
    EXPECT_EQ(pod.pod.kube_qos, qos) << spec;
    EXPECT_EQ(pod.pod.qos, model::default_qos(qos)) << spec;
  }
}

TEST(Demand, LeavesTheQosClassToTheStatusWhereItSaysSo) {
  json pod = nginx_pod();
  pod["status"]["qosClass"] = "Guaranteed";
  EXPECT_EQ(pod_from(pod)->pod.kube_qos, KubeQos::kGuaranteed);
  pod["status"]["qosClass"] = "guaranteed";
  const auto odd = pod_from(pod);
  EXPECT_EQ(odd->pod.kube_qos, KubeQos::kBurstable);
  EXPECT_THAT(odd->problems, Contains(Field(&model::MetadataProblem::key, "status.qosClass")));
}

}  // namespace
}  // namespace tideline::k8s::demand_test
