#include "k8s-bridge/actor/bridge_actor.h"

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include "k8s-bridge/actor/kubernetes_bridge.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/k8s-bridge/actor/fake_api.h"

namespace tideline::bridge::bridge_actor_test {

/// To the probe, in the link's place.
struct SetsPushed {
  std::shared_ptr<const Sets> sets;
};

}  // namespace tideline::bridge::bridge_actor_test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::bridge_actor_test::SetsPushed)

namespace tideline::bridge::bridge_actor_test {
namespace {

using link::SessionId;
using model::NodeName;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const char* const kGood = R"({"clusterStrategy": {"enable": true}})";

class BridgeTest : public coordinator::Actors {
 protected:
  void TearDown() override {
    bridge_ = nullptr;
    Actors::TearDown();
  }

  /// The probe is all of the bridge's neighbours.
  void begin(const std::vector<ConfigMapName>& config_maps = default_config_maps(),
             const k8s::OlderNames& older_names = {}) {
    BridgeParts parts;
    parts.older_names = older_names;
    parts.api = api_;
    parts.feed = std::make_shared<Feed>(config_maps);
    parts.config_maps = config_maps;
    parts.board = board_;
    parts.push = [probe = probe()](Sets sets) {
      caf::anon_send(probe, SetsPushed{std::make_shared<const Sets>(std::move(sets))});
    };
    parts.node_metrics = node_metrics_;
    parts.mirror_limits = mirror_limits_;
    feed_ = parts.feed;
    bridge_ = spawn<BridgeActor>(model::Epoch(3), std::move(parts));
    caf::anon_send(bridge_, coordinator::BridgeBegins{probe(), probe()});
    ASSERT_TRUE(eventually([&] { return api_->resources().size() == 2 + config_maps.size(); }));
  }
  template <class Claim>
  static bool eventually(Claim claim) {
    for (const auto until = std::chrono::steady_clock::now() + coordinator::kPatience; !claim();) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }
  k8s_api::WatchSink& sink(const std::string& resource) { return *api_->sink(resource); }
  k8s_api::WatchSink& config_map(std::size_t which) { return sink(subject_of(default_config_maps().at(which))); }
  void list(const std::string& resource, const std::vector<nlohmann::json>& objects) {
    sink(resource).on_list();
    for (const auto& object : objects)
      sink(resource).on_object(object);
    sink(resource).on_listed();
    sink(resource).on_watching("");
  }
  void list_one_node(const nlohmann::json& node = node_json("n1")) {
    list("nodes", {node});
    list("pods", {pod_json("web", "n1")});
  }
  void enrol(const std::string& node, std::uint64_t session) {
    caf::anon_send(bridge_, coordinator::Enrolled{coordinator::session_of(node, session)});
  }
  std::shared_ptr<const model::NodeObjects> next_set(std::uint64_t session) {
    const auto pushed = next<SetsPushed>();
    if (!pushed || pushed->sets->size() != 1) return nullptr;
    EXPECT_EQ(pushed->sets->front().first, SessionId(session));
    return pushed->sets->front().second;
  }
  void answer(const std::string& node, std::uint64_t session, std::uint64_t number, const std::string& problem) {
    caf::anon_send(bridge_, coordinator::ObjectsAnswered{SessionId(session), NodeName(node), number, problem});
  }
  void offer(const std::string& node, std::int64_t batch_cpu) {
    coordinator::ComputedAccount computed;
    computed.account.node = NodeName(node);
    computed.account.cpu.capacity = model::MilliCpu(64'000);
    computed.account.cpu.offered = computed.account.cpu.origin = computed.account.cpu.published =
        model::MilliCpu(batch_cpu);
    computed.account.memory.published = model::Bytes(1 << 30);
    computed.account.data_age = std::chrono::seconds(1);
    using Accounts = std::vector<coordinator::ComputedAccount>;
    caf::anon_send(bridge_, coordinator::AccountsComputed{std::make_shared<const Accounts>(Accounts{computed})});
  }
  static coordinator::EvictThroughApi evict_order(const std::string& pod) {
    coordinator::EvictThroughApi order;
    order.node = NodeName("n1");
    order.request.id = "id-" + pod;
    order.request.uid = model::PodUid("uid-" + pod);
    order.request.name_space = "shop";
    order.request.name = pod;
    return order;
  }
  std::shared_ptr<const SentRequest> next_request() {
    const auto sent = next<RequestSent>();
    return sent ? sent->sent : nullptr;
  }

  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>(probe());
  std::shared_ptr<Feed> feed_;
  std::shared_ptr<coordinator::BridgeBoard> board_ = std::make_shared<coordinator::BridgeBoard>();
  caf::actor bridge_ = {};
  std::optional<measure::MetricOptions> node_metrics_ = {};
  k8s::MirrorLimits mirror_limits_ = {};
};

TEST_F(BridgeTest, NodeWithASessionGetsItsPods) {
  begin();
  enrol("n1", 7);
  list_one_node();
  const auto set = next_set(7);
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->epoch, model::Epoch(3));
  EXPECT_EQ(set->number, 1u);
  EXPECT_EQ(set->labels.at("pool"), "a");
  ASSERT_THAT(set->pods, SizeIs(1));
  EXPECT_EQ(set->pods[0].uid, model::PodUid("uid-web"));
}

TEST_F(BridgeTest, NodeThatEnrolsLaterGetsItsPodsThen) {
  begin();
  list_one_node();
  ASSERT_TRUE(eventually([&] { return board_->get().pods == 1; }));
  enrol("n1", 7);
  const auto set = next_set(7);
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->pods, SizeIs(1));
}

TEST_F(BridgeTest, ChangedPodIsANewSetAndAGoneOneToo) {
  begin();
  enrol("n1", 7);
  list_one_node();
  const auto first = next_set(7);
  ASSERT_NE(first, nullptr);
  answer("n1", 7, first->number, "");
  sink("pods").on_object(pod_json("job", "n1"));
  const auto second = next_set(7);
  ASSERT_NE(second, nullptr);
  EXPECT_GT(second->number, first->number);
  EXPECT_THAT(second->pods, SizeIs(2));
  answer("n1", 7, second->number, "");
  sink("pods").on_deleted(pod_json("web", "n1"));
  const auto third = next_set(7);
  ASSERT_NE(third, nullptr);
  ASSERT_THAT(third->pods, SizeIs(1));
  EXPECT_EQ(third->pods[0].uid, model::PodUid("uid-job"));
}

TEST_F(BridgeTest, SetThatANodeDoesNotTakeIsSentAgain) {
  begin();
  enrol("n1", 7);
  list_one_node();
  const auto first = next_set(7);
  ASSERT_NE(first, nullptr);
  answer("n1", 7, first->number, "no room");
  const auto second = next_set(7);
  ASSERT_NE(second, nullptr);
  EXPECT_GT(second->number, first->number);
  EXPECT_EQ(second->pods, first->pods);
}

TEST_F(BridgeTest, FallIsWrittenToTheNode) {
  begin();
  list_one_node(node_json("n1", "1", 32'000));
  ASSERT_TRUE(eventually([&] { return board_->get().nodes == 1; }));
  offer("n1", 8'000);
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->request.method, k8s_api::Method::kMergePatch);
  EXPECT_EQ(request->request.path, "/api/v1/nodes/n1/status");
  request->answer(200, R"({"metadata": {"resourceVersion": "2"}})");
  const auto falls = [&] {
    for (const auto& [reason, count] : board_->get().writes) {
      if (reason == publish::name_of(publish::WriteReason::kFall)) return count;
    }
    return std::uint64_t{0};
  };
  EXPECT_TRUE(eventually([&] { return falls() == 1; }));
}

TEST_F(BridgeTest, OlderNameHasWhatPodsDoNotRequestByTheOther) {
  begin(default_config_maps(), {.koordinator = true, .alibaba = false});
  auto job = pod_json("job", "n1");
  job["spec"]["containers"][0]["resources"]["requests"] = {{"kubernetes.io/batch-cpu", "3k"}};
  list("nodes", {node_json("n1", "1", 8'000)});
  list("pods", {job});
  ASSERT_TRUE(eventually([&] { return board_->get().pods == 1; }));
  offer("n1", 8'000);
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  const auto written = nlohmann::json::parse(request->request.body)["status"]["allocatable"];
  EXPECT_EQ(written["kubernetes.io/batch-cpu"], "8000");
  EXPECT_EQ(written["koordinator.sh/batch-cpu"], "5000");
  EXPECT_EQ(written["koordinator.sh/batch-memory"], std::to_string(1 << 30));
  EXPECT_FALSE(written.contains("alibabacloud.com/reclaimed-cpu"));
}

TEST_F(BridgeTest, PodsThatRunByAnOlderNameHoldWhatTheyRequestThoughItIsNotPublished) {
  begin();
  auto job = pod_json("job", "n1");
  job["spec"]["containers"][0]["resources"]["requests"] = {{"koordinator.sh/batch-cpu", "3k"}};
  list("nodes", {node_json("n1", "1", 32'000)});
  list("pods", {job});
  enrol("n1", 1);
  ASSERT_NE(next_set(1), nullptr);
  offer("n1", 8'000);
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  const auto written = nlohmann::json::parse(request->request.body)["status"]["allocatable"];
  EXPECT_EQ(written["kubernetes.io/batch-cpu"], "5000");
  EXPECT_FALSE(written.contains("koordinator.sh/batch-cpu"));
}

TEST_F(BridgeTest, NodeThatIsOneTooManyIsLeftAlone) {
  mirror_limits_.nodes = 1;
  begin();
  list("nodes", {node_json("n1", "1", 32'000), node_json("n2", "1", 32'000)});
  list("pods", {});
  ASSERT_TRUE(eventually([&] { return board_->get().left_out == 1; }));
  EXPECT_EQ(board_->get().nodes, 1u);
  offer("n2", 8'000);
  offer("n1", 8'000);
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->request.path, "/api/v1/nodes/n1/status") << "nobody writes to the other one";
}

TEST_F(BridgeTest, FailedWriteIsMadeAgain) {
  begin();
  list_one_node(node_json("n1", "1", 32'000));
  ASSERT_TRUE(eventually([&] { return board_->get().nodes == 1; }));
  offer("n1", 8'000);
  const auto first = next_request();
  ASSERT_NE(first, nullptr);
  first->answer(409);
  const auto second = next_request();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->request.path, first->request.path);
}

TEST_F(BridgeTest, ConfigMapIsThePolicysInputAndABadOneHasAnEvent) {
  begin();
  config_map(0).on_list();
  config_map(0).on_object(config_map_json("kube-system", "ack-slo-config", "{", "9"));
  config_map(0).on_listed();
  const auto input = next<coordinator::PolicyInput>();
  ASSERT_TRUE(input);
  EXPECT_EQ(input->subject, "configmap kube-system/ack-slo-config");
  EXPECT_EQ(input->resource_version, "9");
  ASSERT_TRUE(input->documents.ok());
  const auto parsed = policy::parse(*input->documents);
  ASSERT_FALSE(parsed.ok());

  coordinator::PolicyJudged verdict;
  verdict.subject = input->subject;
  verdict.resource_version = "9";
  verdict.problem = parsed.error().message();
  caf::anon_send(input->answer_to, verdict);
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->request.method, k8s_api::Method::kPost);
  EXPECT_EQ(request->request.path, "/api/v1/namespaces/kube-system/events");
  const auto event = nlohmann::json::parse(request->request.body);
  EXPECT_EQ(event["reason"], "ColocationCfgUnmarshalFailed");
  EXPECT_EQ(event["involvedObject"]["uid"], "uid-ack-slo-config");
  EXPECT_THAT(event["message"].get<std::string>(), AllOf(HasSubstr("resource-threshold-config"), HasSubstr("line 1")));
}

TEST_F(BridgeTest, OfBothConfigMapsThePreferredOneIsInForceAndTheOtherHasAnEvent) {
  begin();
  config_map(1).on_list();
  config_map(1).on_object(config_map_json("koordinator-system", "slo-controller-config", kGood));
  config_map(1).on_listed();
  config_map(0).on_list();
  config_map(0).on_object(config_map_json("kube-system", "ack-slo-config", kGood));
  config_map(0).on_listed();
  const auto input = next<coordinator::PolicyInput>();
  ASSERT_TRUE(input);
  EXPECT_EQ(input->subject, "configmap kube-system/ack-slo-config");
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->request.path, "/api/v1/namespaces/koordinator-system/events");
  EXPECT_EQ(nlohmann::json::parse(request->request.body)["reason"], "PolicyNotInForce");
}

TEST_F(BridgeTest, WithoutAConfigMapTheDefaultsAreTheInput) {
  begin();
  for (const std::size_t which : {0, 1}) {
    config_map(which).on_list();
    config_map(which).on_listed();
  }
  const auto input = next<coordinator::PolicyInput>();
  ASSERT_TRUE(input);
  ASSERT_TRUE(input->documents.ok());
  EXPECT_THAT(*input->documents, IsEmpty());
}

TEST_F(BridgeTest, BoardShowsWatchesObjectsAndAnswers) {
  begin({});
  list_one_node();
  sink("pods").on_watching("connection lost");
  ASSERT_TRUE(eventually([&] {
    const auto numbers = board_->get();
    return numbers.nodes == 1 && numbers.watches.size() == 2 && !numbers.watches[1].is_up;
  }));
  const auto numbers = board_->get();
  EXPECT_EQ(numbers.pods, 1u);
  EXPECT_EQ(numbers.watches[0].resource, "nodes");
  EXPECT_TRUE(numbers.watches[0].is_up);
  EXPECT_EQ(numbers.relists, 2u);
  EXPECT_THAT(numbers.requests, testing::Contains(std::pair<std::string, std::uint64_t>("2xx", 5)));
}

TEST_F(BridgeTest, NodeThatANewListLacksIsGone) {
  begin({});
  enrol("n1", 7);
  list_one_node();
  const auto set = next_set(7);
  ASSERT_NE(set, nullptr);
  answer("n1", 7, set->number, "");
  list("nodes", {});
  ASSERT_TRUE(eventually([&] { return board_->get().nodes == 0; }));
  enrol("n1", 8);
  list("nodes", {node_json("n1")});
  const auto again = next_set(8);
  ASSERT_NE(again, nullptr);
  EXPECT_THAT(again->pods, SizeIs(1));
}

TEST_F(BridgeTest, EvictionGoesToTheServerAndItsEndToTheFleet) {
  begin({});
  auto job = pod_json("job", "n1");
  job["metadata"]["labels"]["koordinator.sh/qosClass"] = "BE";
  list("nodes", {node_json("n1")});
  list("pods", {job, pod_json("web", "n1")});
  ASSERT_TRUE(eventually([&] { return board_->get().pods == 2; }));
  caf::anon_send(bridge_, evict_order("job"));
  const auto question = next_request();
  ASSERT_NE(question, nullptr);
  EXPECT_EQ(question->request.path, "/api/v1");
  question->answer(200, R"({"kind": "APIResourceList", "resources": [
      {"name": "pods/eviction", "group": "policy", "version": "v1", "kind": "Eviction"}]})");
  const auto post = next_request();
  ASSERT_NE(post, nullptr);
  EXPECT_EQ(post->request.path, "/api/v1/namespaces/shop/pods/job/eviction");
  EXPECT_EQ(nlohmann::json::parse(post->request.body)["deleteOptions"]["preconditions"]["uid"], "uid-job");
  post->answer(201);
  const auto changed = next<coordinator::ApiEvictionChanged>();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->node, NodeName("n1"));
  EXPECT_EQ(changed->verdict.answer, model::EvictionVerdict::Answer::kEvicted);
  const auto event = next_request();
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->request.path, "/api/v1/namespaces/shop/events");
  EXPECT_EQ(nlohmann::json::parse(event->request.body)["reason"], "evictPodSuccess");
  const auto evicted = [&] {
    for (const auto& [outcome, count] : board_->get().evictions) {
      if (outcome == "evicted") return count;
    }
    return std::uint64_t{0};
  };
  EXPECT_TRUE(eventually([&] { return evicted() == 1; }));
}

TEST_F(BridgeTest, EvictionThatIsWithdrawnIsNotPosted) {
  begin({});
  auto job = pod_json("job", "n1");
  auto other = pod_json("other", "n1");
  for (auto* pod : {&job, &other})
    (*pod)["metadata"]["labels"]["koordinator.sh/qosClass"] = "BE";
  list("nodes", {node_json("n1")});
  list("pods", {job, other});
  ASSERT_TRUE(eventually([&] { return board_->get().pods == 2; }));
  caf::anon_send(bridge_, evict_order("job"));
  caf::anon_send(bridge_, evict_order("other"));
  const auto question = next_request();
  ASSERT_NE(question, nullptr);
  caf::anon_send(bridge_, coordinator::EvictNoMore{NodeName("n1"), "id-job"});
  ASSERT_TRUE(eventually([&] { return board_->get().evictions_open == 1; }));
  question->answer(200, R"({"kind": "APIResourceList", "resources": [
      {"name": "pods/eviction", "group": "policy", "version": "v1", "kind": "Eviction"}]})");
  const auto post = next_request();
  ASSERT_NE(post, nullptr);
  EXPECT_EQ(post->request.path, "/api/v1/namespaces/shop/pods/other/eviction");
}

TEST_F(BridgeTest, ServiceIsNotEvictedWhoeverAsks) {
  begin({});
  list_one_node();
  ASSERT_TRUE(eventually([&] { return board_->get().pods == 1; }));
  caf::anon_send(bridge_, evict_order("web"));
  const auto changed = next<coordinator::ApiEvictionChanged>();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->verdict.reason, model::Reason::kNotEvictable);
}

TEST_F(BridgeTest, NodeMetricIsWrittenOfWhatTheFleetTells) {
  node_metrics_.emplace();
  node_metrics_->first_interval = std::chrono::milliseconds(300);
  begin({});
  list_one_node();
  const auto question = [&] {
    auto asked = next<coordinator::MeasureNodes>();
    while (asked && asked->nodes.empty())
      asked = next<coordinator::MeasureNodes>();
    return asked;
  }();
  ASSERT_TRUE(question);
  EXPECT_THAT(question->nodes, testing::ElementsAre(NodeName("n1")));
  coordinator::MeasuredNode node;
  node.node = NodeName("n1");
  node.interval = std::chrono::seconds(60);
  model::NodeMetric metric;
  metric.node = node.node;
  metric.use = {model::MilliCpu(1'500), model::Bytes(7)};
  node.metric = std::make_shared<const model::NodeMetric>(metric);
  using Nodes = std::vector<coordinator::MeasuredNode>;
  caf::anon_send(bridge_, coordinator::NodesMeasured{std::make_shared<const Nodes>(Nodes{node})});
  const auto request = next_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->request.path, "/apis/slo.koordinator.sh/v1alpha1/nodemetrics/n1/status");
  EXPECT_THAT(request->request.body, HasSubstr("\"1500m\""));
  request->answer(404);
  const auto create = next_request();
  ASSERT_NE(create, nullptr);
  EXPECT_EQ(create->request.method, k8s_api::Method::kPost);
  EXPECT_THAT(create->request.body, HasSubstr("uid-n1")) << "its owner is the Node";
  create->answer(201);
  const auto again = next_request();
  ASSERT_NE(again, nullptr);
  again->answer(200);
  EXPECT_TRUE(eventually([&] {
    const auto metrics = board_->get().node_metrics;
    return metrics && metrics->written == 1 && metrics->nodes == 1;
  }));
}

TEST_F(BridgeTest, WithoutTheOptionNobodyIsAskedWhatNodesUse) {
  begin({});
  list_one_node();
  ASSERT_TRUE(eventually([&] { return board_->get().nodes == 1; }));
  EXPECT_FALSE(board_->get().node_metrics);
  bool was_asked = false;
  self_->receive([&](const coordinator::MeasureNodes&) { was_asked = true; },
                 caf::after(std::chrono::seconds(0)) >> [] {});
  EXPECT_FALSE(was_asked);
}

TEST_F(BridgeTest, EndLetsGoOfTheFeed) {
  begin();
  caf::anon_send_exit(bridge_, caf::exit_reason::user_shutdown);
  self_->wait_for(bridge_);
  list_one_node();
  EXPECT_FALSE(feed_->take().empty()) << "what comes has nobody to take it";
}

TEST(KubernetesBridgeStop, EndsTheClientAndIsHarmlessTwice) {
  const auto api = std::make_shared<FakeApi>();
  caf::actor_system_config config;
  caf::actor_system system(config);
  KubernetesBridge bridge(api, default_config_maps());
  auto actor = bridge.spawn(system, model::Epoch(1), std::make_shared<coordinator::LinkPort>());
  bridge.stop();
  bridge.stop();
  EXPECT_EQ(api->stops(), 2);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  actor = nullptr;
}

}  // namespace
}  // namespace tideline::bridge::bridge_actor_test
