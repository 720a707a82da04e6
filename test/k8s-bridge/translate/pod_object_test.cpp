#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/translate/fields.h"
#include "k8s-bridge/translate/objects.h"
#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s::pod_object_test {
namespace {

using model::Bytes;
using model::KubeQos;
using model::MilliCpu;
using model::QosClass;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kGi = std::int64_t{1} << 30;

PodObject read(const json& object) {
  auto pod = pod_from(object);
  if (pod) {
    EXPECT_EQ(report_problem({pod->pod}), "");
    return *std::move(pod);
  }
  ADD_FAILURE() << pod.error().message();
  return {};
}

auto problem_of(const std::string& key) {
  return Contains(Field(&model::MetadataProblem::key, key));
}

/// A pod with what a test is about, and nothing else but its key.
json pod_with(json spec, json status = json::object(), json metadata = json::object()) {
  metadata["name"] = "web-0";
  metadata["namespace"] = "shop";
  metadata["uid"] = "u-1";
  json pod = json::object();
  pod["metadata"] = std::move(metadata);
  pod["spec"] = std::move(spec);
  pod["status"] = std::move(status);
  return pod;
}

json labelled(const std::string& key, const std::string& value) {
  json metadata = json::object();
  metadata["labels"][key] = value;
  return pod_with(json::object(), json::object(), metadata);
}

TEST(PodObject, ReadsTheServiceOfTheExamples) {
  const PodObject pod = read(nginx_pod());
  EXPECT_EQ(pod.key, (ObjectKey{"default", "nginx-5d9c7b8f6c-x2x7k", "7d4c1d9a-5f0e-4f5b-9d6e-0c1f5f1f2a11", "48213"}));
  EXPECT_EQ(pod.node, model::NodeName("node-1"));
  EXPECT_THAT(pod.problems, IsEmpty());
  EXPECT_EQ(pod.created.ms, 1'796'026'530'000);
  model::Pod expected;
  expected.uid = model::PodUid("7d4c1d9a-5f0e-4f5b-9d6e-0c1f5f1f2a11");
  expected.name_space = "default";
  expected.name = "nginx-5d9c7b8f6c-x2x7k";
  expected.qos = QosClass::kLs;
  expected.kube_qos = KubeQos::kBurstable;
  expected.phase = model::PodPhase::kRunning;
  expected.priority = 9500;
  expected.workload = "Deployment/nginx";
  expected.requests.cpu = MilliCpu(4000);
  expected.requests.memory = Bytes(kGi);
  expected.limits.cpu = MilliCpu(8000);
  expected.limits.memory = Bytes(kGi);
  expected.containers = {
      {.name = "nginx", .id = "3f2a9c0d7c4b0a1e", .requests = expected.requests, .limits = expected.limits}};
  expected.cpu_burst = model::CpuBurstOverride{.policy = model::BurstPolicy::kAuto,
                                               .cpu_burst_percent = 200,
                                               .cfs_quota_burst_percent = {},
                                               .cfs_quota_burst_period_seconds = {},
                                               .share_pool_threshold_percent = {}};
  EXPECT_EQ(pod.pod, expected);
}

TEST(PodObject, ReadsTheBatchOfTheExamples) {
  const PodObject pod = read(ffmpeg_pod());
  EXPECT_THAT(pod.problems, IsEmpty());
  EXPECT_EQ(pod.pod.qos, QosClass::kBe);
  EXPECT_EQ(pod.pod.kube_qos, KubeQos::kBestEffort);
  EXPECT_EQ(pod.pod.workload, "Job/ffmpeg");
  EXPECT_TRUE(pod.pod.eviction.enabled);
  EXPECT_EQ(pod.pod.requests.batch_cpu, MilliCpu(70'000)) << "batch-cpu counts millicores, and 70k is a quantity";
  EXPECT_EQ(pod.pod.requests.batch_memory, Bytes(22 * kGi));
  EXPECT_EQ(pod.pod.limits.batch_cpu, MilliCpu(70'000));
  EXPECT_EQ(pod.pod.requests.cpu, std::nullopt);
  ASSERT_THAT(pod.pod.containers, SizeIs(1));
  EXPECT_EQ(pod.pod.containers[0].id, "") << "it has no status yet";
  EXPECT_EQ(pod.pod.containers[0].limits.batch_memory, Bytes(22 * kGi));
}

TEST(PodObject, AStaticPodHasTheUidOfItsGroup) {
  const auto read = pod_from(nlohmann::json::parse(R"({
    "metadata": {"name": "etcd-cp1", "namespace": "kube-system", "uid": "6f1",
                 "annotations": {"kubernetes.io/config.mirror": "0d4ab6c1"}},
    "spec": {"nodeName": "cp1"}})"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key.uid, "6f1");
  EXPECT_EQ(read->pod.uid, model::PodUid("0d4ab6c1"));
}

TEST(PodObject, ReadsMidResourcesOverAllContainers) {
  const PodObject pod = read(pod_with(json::parse(R"({"containers": [
      {"name": "a", "resources": {"requests": {"kubernetes.io/mid-cpu": "1500"}}},
      {"name": "b", "resources": {"limits": {"kubernetes.io/mid-cpu": "500", "kubernetes.io/mid-memory": "1Gi"}}}]})")));
  EXPECT_EQ(pod.pod.mid_requests.cpu, MilliCpu(2000)) << "a limit alone is a request";
  EXPECT_EQ(pod.pod.mid_requests.memory, Bytes(kGi));
}

TEST(PodObject, ReadsOlderNamesOfBatchWhereTheNewOnesAreNotThere) {
  const std::pair<const char*, const char*> names[] = {
      {"koordinator.sh/batch-cpu", "koordinator.sh/batch-memory"},
      {"alibabacloud.com/reclaimed-cpu", "alibabacloud.com/reclaimed-memory"}};
  for (const auto& [cpu, memory] : names) {
    json list = {{cpu, "2000"}, {memory, "4Gi"}};
    json spec = json::object();
    spec["containers"][0] = {{"name", "a"}, {"resources", {{"limits", list}}}};
    const PodObject old = read(pod_with(spec));
    EXPECT_EQ(old.pod.requests.batch_cpu, MilliCpu(2000)) << cpu;
    EXPECT_EQ(old.pod.limits.batch_memory, Bytes(4 * kGi)) << memory;
    spec["containers"][0]["resources"]["limits"]["kubernetes.io/batch-cpu"] = "3k";
    EXPECT_EQ(read(pod_with(spec)).pod.limits.batch_cpu, MilliCpu(3000)) << cpu;
  }
}

TEST(PodObject, TakesTheQosClassFromTheFirstOfItsSpellings) {
  struct Case {
    const char* label;       // koordinator.sh/qosClass
    const char* older;       // label alibabacloud.com/qos
    const char* annotation;  // alibabacloud.com/qosClass
    QosClass qos;
    std::size_t problems;
  };
  const Case cases[] = {
      {"LSE", "LS", "BE", QosClass::kLse, 0},     {nullptr, "LSR", "BE", QosClass::kLsr, 0},
      {nullptr, nullptr, "BE", QosClass::kBe, 0}, {nullptr, nullptr, nullptr, QosClass::kLs, 0},
      {"LSS", "BE", nullptr, QosClass::kLs, 1},  // the newer key is there, and says nothing
      {nullptr, "be", nullptr, QosClass::kLs, 1}, {nullptr, "SYSTEM", nullptr, QosClass::kSystem, 0},
  };
  for (const auto& c : cases) {
    json metadata = json::object();
    if (c.label) metadata["labels"]["koordinator.sh/qosClass"] = c.label;
    if (c.older) metadata["labels"]["alibabacloud.com/qos"] = c.older;
    if (c.annotation) metadata["annotations"]["alibabacloud.com/qosClass"] = c.annotation;
    const PodObject pod = read(pod_with(json::object(), json{{"qosClass", "Burstable"}}, metadata));
    EXPECT_EQ(pod.pod.qos, c.qos) << metadata;
    EXPECT_EQ(pod.problems.size(), c.problems) << metadata;
  }
  EXPECT_THAT(read(labelled("alibabacloud.com/qos", "be")).problems, problem_of("alibabacloud.com/qos"))
      << "as the pod spells it";
}

TEST(PodObject, ReadsTheOlderSpellingOfCpuBurst) {
  json metadata = json::object();
  metadata["annotations"]["alibabacloud.com/cpuBurst"] = R"({"policy": "cpuBurstOnly"})";
  const PodObject old = read(pod_with(json::object(), json::object(), metadata));
  ASSERT_TRUE(old.pod.cpu_burst);
  EXPECT_EQ(old.pod.cpu_burst->policy, model::BurstPolicy::kCpuBurstOnly);
  metadata["annotations"]["koordinator.sh/cpuBurst"] = R"({"policy": "none"})";
  EXPECT_EQ(read(pod_with(json::object(), json::object(), metadata)).pod.cpu_burst->policy, model::BurstPolicy::kNone);
}

TEST(PodObject, ReadsMemoryQosInBothSpellingsAndTheNewerOneWins) {
  json metadata = json::object();
  metadata["annotations"]["alibabacloud.com/memoryQOS"] = R"({"policy": "auto", "priorityEnable": 1})";
  const PodObject old = read(pod_with(json::object(), json::object(), metadata));
  ASSERT_TRUE(old.pod.memory_qos);
  EXPECT_EQ(old.pod.memory_qos->policy, model::MemoryQosOverride::Policy::kAuto);
  EXPECT_EQ(old.pod.memory_qos->priority_enable, true);
  metadata["annotations"]["koordinator.sh/memoryQOS"] = R"({"policy": "none"})";
  const PodObject both = read(pod_with(json::object(), json::object(), metadata));
  ASSERT_TRUE(both.pod.memory_qos);
  EXPECT_EQ(both.pod.memory_qos->policy, model::MemoryQosOverride::Policy::kNone);
  EXPECT_EQ(both.pod.memory_qos->priority_enable, std::nullopt) << "the older one is not laid under it";
  metadata["annotations"].erase("koordinator.sh/memoryQOS");
  metadata["annotations"]["alibabacloud.com/memoryQOS"] = R"({"wmarkRatio": 101})";
  EXPECT_THAT(read(pod_with(json::object(), json::object(), metadata)).problems,
              problem_of("alibabacloud.com/memoryQOS"))
      << "as the pod spells it";
}

TEST(PodObject, LetsThePriorityClassLabelWinOverTheBandOfThePriority) {
  struct Case {
    std::optional<int> priority;
    const char* label;
    std::optional<int> result;
  };
  const Case cases[] = {
      {{}, nullptr, {}},           {7100, nullptr, 7100},
      {{}, "koord-prod", 9500},    {{}, "koord-mid", 7500},
      {0, "koord-batch", 5500},    {0, "koord-free", 3500},
      {5001, "koord-batch", 5001}, {9000, "koord-batch", 5500},
      {5999, "koord-none", 5999},  {2'000'000'000, "koord-prod", 9500},
  };
  for (const auto& c : cases) {
    json spec = json::object();
    if (c.priority) spec["priority"] = *c.priority;
    json metadata = json::object();
    if (c.label) metadata["labels"]["koordinator.sh/priority-class"] = c.label;
    EXPECT_EQ(read(pod_with(spec, json::object(), metadata)).pod.priority, c.result) << spec << metadata;
  }
  EXPECT_THAT(read(labelled("koordinator.sh/priority-class", "high")).problems,
              problem_of("koordinator.sh/priority-class"));
}

TEST(PodObject, LetsNobodyEvictAPodWhoseEvictionPolicyCannotBeRead) {
  for (const json& value :
       {json("BECPUEvict"), json(7), json(nullptr), json::array(), json(std::string(100'000, ' '))}) {
    json metadata = json::object();
    metadata["annotations"]["koordinator.sh/eviction-policy"] = value;
    const PodObject pod = read(pod_with(json::object(), json::object(), metadata));
    EXPECT_EQ(pod.pod.eviction.allowed_by, std::vector<std::string>{}) << value.type_name();
    EXPECT_THAT(pod.problems, problem_of("koordinator.sh/eviction-policy"));
  }
}

TEST(PodObject, ReadsWhoseItIs) {
  struct Case {
    const char* owners;
    const char* hash;
    const char* workload;
  };
  const Case cases[] = {
      {R"([{"kind": "StatefulSet", "name": "db", "controller": true}])", nullptr, "StatefulSet/db"},
      {R"([{"kind": "DaemonSet", "name": "proxy", "controller": true}])", nullptr, "DaemonSet/proxy"},
      {R"([{"kind": "Job", "name": "etl-28913", "controller": true}])", nullptr, "Job/etl-28913"},
      {R"([{"kind": "Node", "name": "n1", "controller": true}])", nullptr, "Node/n1"},
      {R"([{"kind": "ReplicaSet", "name": "web-5d9c", "controller": true}])", "5d9c", "Deployment/web"},
      {R"([{"kind": "ReplicaSet", "name": "web-5d9c", "controller": true}])", "77aa", "ReplicaSet/web-5d9c"},
      {R"([{"kind": "ReplicaSet", "name": "web-5d9c", "controller": true}])", nullptr, "ReplicaSet/web-5d9c"},
      {R"([{"kind": "ReplicaSet", "name": "-5d9c", "controller": true}])", "5d9c", "ReplicaSet/-5d9c"},
      {R"([{"kind": "ReplicaSet", "name": "web-", "controller": true}])", "", "ReplicaSet/web-"},
      {R"([{"kind": "ReplicationController", "name": "web", "controller": true}])", nullptr,
       "ReplicationController/web"},
      {R"([{"kind": "X", "name": "x"}, {"kind": "Y", "name": "y", "controller": true}])", nullptr, "Y/y"},
      {R"([{"kind": "X", "name": "x", "controller": false}])", nullptr, ""},
      {R"([{"kind": "X", "name": "x", "controller": "true"}])", nullptr, ""},
      {R"([{"kind": "", "name": "x", "controller": true}])", nullptr, ""},
      {R"([7, null, {"kind": "Y", "name": "y", "controller": true}])", nullptr, "Y/y"},
      {"[]", nullptr, ""},
  };
  for (const auto& c : cases) {
    json metadata = json::object();
    metadata["ownerReferences"] = json::parse(c.owners);
    if (c.hash) metadata["labels"]["pod-template-hash"] = c.hash;
    EXPECT_EQ(read(pod_with(json::object(), json::object(), metadata)).pod.workload, c.workload) << c.owners;
  }
  EXPECT_EQ(read(pod_with(json::object())).pod.workload, "");
}

TEST(PodObject, ReadsItsPhase) {
  using model::PodPhase;
  const std::pair<const char*, PodPhase> cases[] = {
      {R"({})", PodPhase::kPending},
      {R"({"phase": ""})", PodPhase::kPending},
      {R"({"phase": "Pending"})", PodPhase::kPending},
      {R"({"phase": "Running"})", PodPhase::kRunning},
      {R"({"phase": "Succeeded"})", PodPhase::kSucceeded},
      {R"({"phase": "Failed"})", PodPhase::kFailed},
      {R"({"phase": "Unknown"})", PodPhase::kRunning},
      {R"({"phase": "Gone"})", PodPhase::kRunning},
      {R"({"phase": 7})", PodPhase::kRunning},
  };
  for (const auto& [status, phase] : cases)
    EXPECT_EQ(read(pod_with(json::object(), json::parse(status))).pod.phase, phase) << status;
  EXPECT_THAT(read(pod_with(json::object(), json{{"phase", "Gone"}})).problems, problem_of("status.phase"));
}

TEST(PodObject, ReadsThatSomebodyEndsIt) {
  EXPECT_FALSE(read(nginx_pod()).pod.eviction.terminating);
  json pod = nginx_pod();
  pod["metadata"]["deletionTimestamp"] = "2026-11-30T09:00:00Z";
  EXPECT_TRUE(read(pod).pod.eviction.terminating);
  pod["metadata"]["deletionTimestamp"] = nullptr;
  EXPECT_FALSE(read(pod).pod.eviction.terminating);
}

TEST(PodObject, TakesContainerIdsWithoutTheRuntime) {
  const std::pair<const char*, const char*> cases[] = {
      {"containerd://3f2a", "3f2a"},
      {"docker://3f2a", "3f2a"},
      {"cri-o://3f2a", "3f2a"},
      {"3f2a", "3f2a"},
      {"", ""},
      {"containerd://", ""},
      {"containerd://../x", ""},
      {"containerd://..", ""},
      {"containerd://a/b", ""},
  };
  for (const auto& [text, id] : cases) {
    json spec = json::object();
    spec["initContainers"][0] = {{"name", "proxy"}, {"restartPolicy", "Always"}};
    spec["containers"][0] = {{"name", "web"}};
    json status = json::object();
    status["containerStatuses"] = json::array({json{{"name", "other"}, {"containerID", "containerd://9"}}, json(7),
                                               json{{"name", "web"}, {"containerID", text}}});
    status["initContainerStatuses"] = json::array({json{{"name", "proxy"}, {"containerID", "containerd://77"}}});
    const PodObject pod = read(pod_with(spec, status));
    ASSERT_THAT(pod.pod.containers, SizeIs(2));
    EXPECT_EQ(pod.pod.containers[0].id, id) << text;
    EXPECT_EQ(pod.pod.containers[1].id, "77") << "of a sidecar";
  }
}

TEST(PodObject, IsRefusedByNameWhereItsKeyCannotBeUsed) {
  struct Case {
    const char* field;
    json value;
    const char* said;
  };
  const Case cases[] = {
      {"name", nullptr, "metadata.name is missing"},
      {"name", 7, "metadata.name is 7; want text"},
      {"name", "", "metadata.name is empty"},
      {"name", std::string(254, 'n'), "254 bytes, limit 253"},
      {"namespace", nullptr, "nginx-5d9c7b8f6c-x2x7k: metadata.namespace is missing"},
      {"uid", nullptr, "default/nginx-5d9c7b8f6c-x2x7k: metadata.uid is missing"},
      {"uid", json::array(), "metadata.uid is a list; want text"},
      {"uid", "../../kubepods", "\"../../kubepods\", which cannot be part of a cgroup's name"},
      {"uid", "..", "cannot be part"},
  };
  for (const auto& c : cases) {
    json pod = nginx_pod();
    pod["metadata"][c.field] = c.value;
    const auto read = pod_from(pod);
    ASSERT_FALSE(read) << c.field << c.value;
    EXPECT_EQ(read.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(read.error().message(), HasSubstr(c.said));
  }
  for (const json& value : {json(), json(7), json("x"), json::array(), json::object()}) {
    EXPECT_FALSE(pod_from(value)) << value;
    EXPECT_FALSE(pod_from(json{{"metadata", value}})) << value;
  }
}

TEST(PodObject, IsNotBoundWithoutANode) {
  EXPECT_TRUE(read(pod_with(json::object())).node.empty());
  EXPECT_TRUE(read(pod_with(json{{"nodeName", ""}})).node.empty());
  const PodObject odd = read(pod_with(json{{"nodeName", std::string(254, 'n')}}));
  EXPECT_TRUE(odd.node.empty());
  EXPECT_THAT(odd.problems, problem_of("spec.nodeName"));
}

TEST(PodObject, NamesAQuantityThatItIgnores) {
  json pod = nginx_pod();
  pod["spec"]["containers"][0]["resources"]["requests"] = {{"cpu", "4 cores"}, {"memory", "1Gi"}};
  const PodObject read_pod = read(pod);
  EXPECT_EQ(read_pod.pod.requests.cpu, MilliCpu(8000)) << "as the limit";
  EXPECT_THAT(read_pod.problems,
              ElementsAre(AllOf(Field(&model::MetadataProblem::key, "spec.containers[0].resources.requests.cpu"),
                                Field(&model::MetadataProblem::value, "4 cores"),
                                Field(&model::MetadataProblem::why, HasSubstr("it is ignored")))));
}

TEST(PodObject, IsCutWhereThatIsHarmless) {
  json spec = json::object();
  spec["containers"] = json::array();
  for (int i = 0; i < 70; ++i) {
    json list = {{"cpu", "100m"}, {"memory", "1Mi"}};
    spec["containers"].push_back({{"name", "c" + std::to_string(i)}, {"resources", {{"requests", list}}}});
  }
  json metadata = json::object();
  metadata["ownerReferences"][0] = {
      {"controller", true}, {"kind", std::string(600, 'K')}, {"name", std::string(600, 'n')}};
  const PodObject pod = read(pod_with(spec, json::object(), metadata));
  EXPECT_THAT(pod.pod.containers, SizeIs(model::ReportLimits::kMaxContainers));
  EXPECT_EQ(pod.pod.requests.cpu, MilliCpu(7000)) << "all of them count";
  EXPECT_EQ(pod.pod.workload.size(), model::ReportLimits::kMaxTextBytes);
  EXPECT_THAT(pod.problems, AllOf(problem_of("spec.containers"), problem_of("metadata.ownerReferences[0].name")));
}

TEST(PodObject, SaysOnlySoMuchOfWhatIsWrong) {
  json spec = json::object();
  spec["containers"] = json::array();
  for (int i = 0; i < 5000; ++i)
    spec["containers"].push_back(json{{"name", 7}, {"resources", std::string(1000, '\n')}});
  const PodObject pod = read(pod_with(spec));
  EXPECT_THAT(pod.problems, SizeIs(Problems::kMost));
  for (const auto& problem : pod.problems) {
    EXPECT_LE(problem.key.size() + problem.value.size() + problem.why.size(), 600u);
    EXPECT_EQ((problem.key + problem.value + problem.why).find('\n'), std::string::npos);
  }
}

TEST(PodObject, DoesNotMindHowDeepTheJsonIs) {
  json deep = json::array();
  for (int i = 0; i < 100'000; ++i) {
    json outer = json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  json pod = nginx_pod();
  pod["metadata"]["labels"]["koordinator.sh/qosClass"] = std::move(deep);
  const auto read = pod_from(pod);
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_THAT(read->problems, SizeIs(1));
  EXPECT_EQ(read->problems[0].value, "a list");
}

}  // namespace
}  // namespace tideline::k8s::pod_object_test
