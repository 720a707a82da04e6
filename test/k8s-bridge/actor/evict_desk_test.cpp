#include "k8s-bridge/actor/evict_desk.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tideline::bridge::evict_desk_test {
namespace {

using namespace std::chrono_literals;
using model::MonoTime;
using model::NodeName;
using model::Reason;
using Answer = model::EvictionVerdict::Answer;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr MonoTime after(model::Duration duration) {
  return MonoTime{1'000'000'000'000} + duration;
}

k8s_api::Answer answer(unsigned status, const std::string& body = "{}") {
  k8s_api::Answer made;
  made.status = status;
  made.body = body;
  return made;
}

k8s_api::Answer resources(const std::string& version) {
  return answer(200, R"({"kind": "APIResourceList", "resources": [
      {"name": "pods/eviction", "group": "policy", "kind": "Eviction", "version": ")" +
                         version + R"("}]})");
}

const char* const kBudget = R"({"kind": "Status", "message": "it would violate the pod's disruption budget."})";
const char* const kUnknownVersion =
    R"({"kind": "Status", "message": "no kind \"Eviction\" is registered for version \"policy/v1\""})";

coordinator::EvictThroughApi order(const std::string& name) {
  coordinator::EvictThroughApi made;
  made.node = NodeName("n1");
  made.request.id = "id-" + name;
  made.request.uid = model::PodUid("uid-" + name);
  made.request.name_space = "batch";
  made.request.name = name;
  made.request.reason = Reason::kNodeCpuFull;
  return made;
}

/// A batch pod on that node.
k8s::PodObject batch_pod(const std::string& name) {
  k8s::PodObject made;
  made.key = {"batch", name, "uid-" + name, "7"};
  made.node = NodeName("n1");
  made.pod.uid = model::PodUid(made.key.uid);
  made.pod.qos = model::QosClass::kBe;
  return made;
}

class EvictDesks : public testing::Test {
 protected:
  struct Sent {
    NodeName node;
    std::string id;
    k8s_api::Request request;
  };
  void SetUp() override {
    pods_.end_nodes();
    pods_.end_pods();
    for (const auto* name : {"a", "b"})
      pods_.take(batch_pod(name));
  }
  EvictDesk::Out out() {
    EvictDesk::Out made;
    made.send = [this](const NodeName& node, const std::string& id, k8s_api::Request request) {
      sent_.push_back({node, id, std::move(request)});
    };
    made.discover = [this](k8s_api::Request request) { asked_.push_back(std::move(request)); };
    made.changed = [this](const NodeName&, model::EvictionVerdict verdict) { verdicts_.push_back(std::move(verdict)); };
    made.event = [this](k8s::EventNote note) { events_.push_back(std::move(note)); };
    return made;
  }
  void want(const std::string& name, MonoTime now) {
    desk_.wanted(order(name), pods_, now);
    desk_.run(pods_, now);
  }
  void know_version(const std::string& version = "v1") { desk_.discovered(resources(version), after(0s)); }
  void answered(const std::string& name, const model::Result<k8s_api::Answer>& said, MonoTime now) {
    desk_.answered(NodeName("n1"), "id-" + name, said, now);
  }
  std::uint64_t count(const std::string& outcome) const {
    coordinator::BridgeNumbers numbers;
    desk_.show(numbers);
    for (const auto& [name, number] : numbers.evictions) {
      if (name == outcome) return number;
    }
    ADD_FAILURE() << outcome << " is no outcome";
    return 0;
  }
  static std::string version_of(const Sent& sent) {
    return nlohmann::json::parse(sent.request.body).at("apiVersion").get<std::string>();
  }

  k8s::Mirror pods_;
  std::vector<Sent> sent_;
  std::vector<k8s_api::Request> asked_;
  std::vector<model::EvictionVerdict> verdicts_;
  std::vector<k8s::EventNote> events_;
  EvictDesk desk_{out()};
};

TEST_F(EvictDesks, TheVersionIsAskedForBeforeTheFirstEvictionAndOnce) {
  EXPECT_THAT(asked_, IsEmpty()) << "nobody needs it yet";
  want("a", after(0s));
  want("b", after(0s));
  EXPECT_THAT(sent_, IsEmpty());
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].method, k8s_api::Method::kGet);
  EXPECT_EQ(asked_[0].path, "/api/v1");
  know_version("v1beta1");
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(sent_[0].node, NodeName("n1"));
  EXPECT_EQ(sent_[0].id, "id-a");
  EXPECT_EQ(sent_[0].request.method, k8s_api::Method::kPost);
  EXPECT_EQ(sent_[0].request.path, "/api/v1/namespaces/batch/pods/a/eviction");
  EXPECT_EQ(sent_[0].request.priority, k8s_api::Priority::kHigh);
  EXPECT_FALSE(sent_[0].request.holds_others) << "a budget that says no is nobody else's";
  EXPECT_EQ(sent_[0].request.deadline, model::Duration(20s));
  EXPECT_EQ(version_of(sent_[0]), "policy/v1beta1");
}

TEST_F(EvictDesks, OneThatIsWithdrawnBeforeTheVersionIsKnownIsNotSent) {
  want("a", after(0s));
  want("b", after(0s));
  desk_.withdrawn({NodeName("n1"), "id-a"}, after(1s));
  know_version();
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].id, "id-b");
  desk_.run(pods_, after(10s));
  EXPECT_THAT(sent_, SizeIs(1));
  EXPECT_THAT(verdicts_, IsEmpty());
}

TEST_F(EvictDesks, SlowEvictionsLeaveMostOfTheClientsPlacesToFalls) {
  for (int i = 0; i < 20; ++i) {
    const auto name = "pod-" + std::to_string(i);
    pods_.take(batch_pod(name));
    want(name, after(0s));
  }
  know_version();
  desk_.run(pods_, after(1s));
  EXPECT_THAT(sent_, SizeIs(3));
  EXPECT_LT(2 * sent_.size(), k8s_api::ClientConfig().max_in_flight);
  answered(sent_[0].request.path.substr(sent_[0].request.path.find("pod-"), 5), answer(201), after(2s));
  desk_.run(pods_, after(2s));
  EXPECT_THAT(sent_, SizeIs(4));
}

TEST_F(EvictDesks, AVersionThatTheServerKnowsNoMoreIsAskedForAgain) {
  want("a", after(0s));
  know_version("v1");
  answered("a", answer(400, kUnknownVersion), after(1s));
  ASSERT_THAT(verdicts_, SizeIs(1));
  EXPECT_EQ(verdicts_[0].answer, Answer::kUnderWay);
  desk_.run(pods_, after(3s));
  ASSERT_THAT(asked_, SizeIs(2));
  desk_.discovered(resources("v1beta1"), after(3s));
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(version_of(sent_[1]), "policy/v1beta1");
}

TEST_F(EvictDesks, AServerThatDoesNotTellTheVersionIsASilentOneAndAskedAgain) {
  want("a", after(0s));
  desk_.discovered(model::Error(model::ErrorCode::kUnavailable, "connection refused"), after(1s));
  ASSERT_THAT(verdicts_, SizeIs(1));
  EXPECT_EQ(verdicts_[0].reason, Reason::kApiSilent);
  EXPECT_THAT(verdicts_[0].why, HasSubstr("connection refused"));
  desk_.run(pods_, after(3s));
  EXPECT_THAT(asked_, SizeIs(2));
  desk_.discovered(answer(200, "no JSON"), after(4s));
  EXPECT_EQ(verdicts_.back().reason, Reason::kApiSilent);
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(EvictDesks, AServerThatHasNoEvictionsIsARefusal) {
  want("a", after(0s));
  desk_.discovered(answer(200, R"({"kind": "APIResourceList", "resources": []})"), after(1s));
  ASSERT_THAT(verdicts_, SizeIs(1));
  EXPECT_EQ(verdicts_[0].answer, Answer::kRefused);
  EXPECT_EQ(verdicts_[0].reason, Reason::kApiRefused);
}

TEST_F(EvictDesks, WhatTheServerTookIsToldWithAnEventAndCounted) {
  want("a", after(0s));
  know_version();
  EXPECT_THAT(verdicts_, IsEmpty());
  answered("a", answer(201), after(1s));
  ASSERT_THAT(verdicts_, SizeIs(1));
  EXPECT_EQ(verdicts_[0].id, "id-a");
  EXPECT_EQ(verdicts_[0].answer, Answer::kEvicted);
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].reason, "evictPodSuccess");
  EXPECT_EQ(events_[0].object.name, "a");
  EXPECT_EQ(count("evicted"), 1U);
}

TEST_F(EvictDesks, AnEndThatIsAskedForAgainIsToldAgainAndCountedOnce) {
  want("theirs", after(0s));
  want("theirs", after(1s));
  ASSERT_THAT(verdicts_, SizeIs(2));
  EXPECT_EQ(verdicts_[0], verdicts_[1]);
  EXPECT_EQ(count("not_evictable"), 1U);
}

TEST_F(EvictDesks, ABudgetThatSaysNoIsCountedEachTimeAndAskedAgain) {
  want("a", after(0s));
  know_version();
  answered("a", answer(429, kBudget), after(0s));
  EXPECT_EQ(verdicts_.back().reason, Reason::kDisruptionBudget);
  EXPECT_THAT(events_, IsEmpty());
  desk_.run(pods_, after(1s));
  EXPECT_THAT(sent_, SizeIs(1));
  desk_.run(pods_, after(2s));
  ASSERT_THAT(sent_, SizeIs(2));
  answered("a", answer(429, kBudget), after(2s));
  EXPECT_EQ(count("budget"), 2U);
  coordinator::BridgeNumbers numbers;
  desk_.show(numbers);
  EXPECT_EQ(numbers.evictions_open, 1U);
}

TEST_F(EvictDesks, APodThatIsNotTheNodesIsToldAtOnceAndNothingIsSent) {
  want("theirs", after(0s));
  ASSERT_THAT(verdicts_, SizeIs(1));
  EXPECT_EQ(verdicts_[0].reason, Reason::kNotEvictable);
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(count("not_evictable"), 1U);
}

TEST_F(EvictDesks, NoAnswerAnUnfitOneAndNoRightAreTold) {
  want("a", after(0s));
  want("b", after(0s));
  know_version();
  answered("a", model::Error(model::ErrorCode::kUnavailable, "no answer"), after(1s));
  EXPECT_EQ(verdicts_.back().reason, Reason::kApiSilent);
  EXPECT_EQ(count("failed"), 1U);
  answered("b", answer(403, R"({"kind": "Status", "message": "cannot create resource \"pods/eviction\""})"), after(1s));
  EXPECT_EQ(verdicts_.back().reason, Reason::kApiRefused);
  EXPECT_EQ(count("refused"), 1U);
}

}  // namespace
}  // namespace tideline::bridge::evict_desk_test
