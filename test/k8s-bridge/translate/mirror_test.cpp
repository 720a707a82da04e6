#include "k8s-bridge/translate/mirror.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/model/report.h"
#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s::mirror_test {
namespace {

using model::NodeName;
using model::NodeObjects;
using testing::AllOf;
using testing::ElementsAre;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

NodeObject node(const std::string& name, const std::string& uid = "1") {
  NodeObject node;
  node.key = {"", name, uid, "1"};
  node.cpu_allocatable = model::MilliCpu(8000);
  node.labels["pool"] = "a";
  return node;
}

PodObject pod(const std::string& uid, const std::string& on, const std::string& name = "p") {
  PodObject pod;
  pod.key = {"n", name, uid, "1"};
  pod.node = NodeName(on);
  pod.pod.uid = model::PodUid(uid);
  pod.pod.name_space = "n";
  pod.pod.name = name;
  return pod;
}

/// Both lists, each whole.
void list(Mirror& mirror, const std::vector<NodeObject>& nodes, const std::vector<PodObject>& pods) {
  mirror.begin_nodes();
  for (const auto& each : nodes)
    mirror.take(each);
  mirror.end_nodes();
  mirror.begin_pods();
  for (const auto& each : pods)
    mirror.take(each);
  mirror.end_pods();
}

std::vector<std::string> uids(const NodeObjects& objects) {
  std::vector<std::string> uids;
  for (const auto& each : objects.pods)
    uids.push_back(each.uid.str());
  return uids;
}

std::vector<std::string> uids_on(const Mirror& mirror, const std::string& name) {
  return uids(mirror.objects(NodeName(name)));
}

TEST(Mirror, TellsNothingBeforeBothListsAreWhole) {
  Mirror mirror;
  mirror.begin_nodes();
  mirror.begin_pods();
  mirror.take(node("a"));
  mirror.take(pod("1", "a"));
  mirror.end_nodes();
  EXPECT_FALSE(mirror.complete());
  EXPECT_THAT(mirror.changed(), IsEmpty());
  mirror.end_pods();
  EXPECT_TRUE(mirror.complete());
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  EXPECT_THAT(mirror.changed(), IsEmpty()) << "each change once";
}

TEST(Mirror, GivesANodesSet) {
  Mirror mirror;
  NodeObject a = node("a");
  a.memory_allocatable = model::Bytes(7);
  a.annotations = {{std::string(model::kReservationAnnotation), "{}"}, {std::string(kAccountAnnotation), "{}"}};
  list(mirror, {a, node("b")}, {pod("2", "a"), pod("1", "a"), pod("3", "b"), pod("4", "")});
  const NodeObjects objects = mirror.objects(NodeName("a"));
  EXPECT_THAT(uids(objects), ElementsAre("1", "2"));
  EXPECT_EQ(objects.number, 0u);
  EXPECT_EQ(objects.labels, a.labels);
  EXPECT_EQ(objects.cpu_allocatable, model::MilliCpu(8000));
  EXPECT_EQ(objects.memory_allocatable, model::Bytes(7));
  EXPECT_EQ(objects.annotations, (model::NodeAnnotations{{std::string(model::kReservationAnnotation), "{}"}}))
      << "not what Tideline itself writes";
  EXPECT_EQ(mirror.nodes(), 2u);
  EXPECT_EQ(mirror.pods(), 3u) << "one is bound to no node";
  ASSERT_NE(mirror.pod(model::PodUid("3")), nullptr);
  EXPECT_EQ(mirror.pod(model::PodUid("3"))->node, NodeName("b"));
  EXPECT_EQ(mirror.pod(model::PodUid("9")), nullptr);
  EXPECT_EQ(mirror.objects(NodeName("z")), NodeObjects{});
}

TEST(Mirror, SumsWhatPodsThatDidNotEndRequestByEachNameOfBatch) {
  const auto asking = [](const std::string& uid, BatchName cpu, BatchName memory, std::int64_t amount) {
    PodObject asks = pod(uid, "a");
    asks.batch_requests.cpu.at(static_cast<std::size_t>(cpu)) = model::MilliCpu(amount);
    asks.batch_requests.memory.at(static_cast<std::size_t>(memory)) = model::Bytes(amount);
    asks.pod.requests.batch_cpu = model::MilliCpu(amount);
    asks.pod.requests.batch_memory = model::Bytes(amount);
    return asks;
  };
  PodObject ended = asking("4", BatchName::kKubernetes, BatchName::kKubernetes, 1000);
  ended.pod.phase = model::PodPhase::kSucceeded;
  Mirror mirror;
  list(mirror, {node("a"), node("b")},
       {asking("1", BatchName::kKubernetes, BatchName::kKubernetes, 1),
        asking("2", BatchName::kKoordinator, BatchName::kAlibaba, 20),
        asking("3", BatchName::kKoordinator, BatchName::kKoordinator, 300), ended, pod("5", "a")});
  const BatchRequests requests = mirror.batch_requests(NodeName("a"));
  EXPECT_EQ(requests.cpu, (std::array{model::MilliCpu(1), model::MilliCpu(320), model::MilliCpu(0)}));
  EXPECT_EQ(requests.memory, (std::array{model::Bytes(1), model::Bytes(300), model::Bytes(20)}));
  EXPECT_EQ(mirror.batch_requests(NodeName("b")), BatchRequests{});
  EXPECT_EQ(mirror.batch_requests(NodeName("nobody")), BatchRequests{});
}

TEST(Mirror, WhatNoneOfAPodsNamesHasIsTheNewests) {
  PodObject mixed = pod("1", "a");
  mixed.batch_requests.cpu = {model::MilliCpu(500), model::MilliCpu(7000), model::MilliCpu(0)};
  mixed.pod.requests.batch_cpu = model::MilliCpu(7500);
  PodObject by_annotation = pod("2", "a");
  by_annotation.pod.requests.batch_cpu = model::MilliCpu(40);
  Mirror mirror;
  list(mirror, {node("a")}, {mixed, by_annotation});
  EXPECT_EQ(mirror.batch_requests(NodeName("a")).cpu,
            (std::array{model::MilliCpu(540), model::MilliCpu(7000), model::MilliCpu(0)}));
}

TEST(Mirror, IsMovedByAPodThatAsksForBatchByAnotherName) {
  PodObject one = pod("1", "a");
  Mirror mirror;
  list(mirror, {node("a")}, {one});
  mirror.changed();
  one.batch_requests.cpu[1] = model::MilliCpu(1);
  mirror.take(one);
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
}

TEST(Mirror, SumsOfWhatPodsRequestHaveABound) {
  Mirror mirror;
  std::vector<PodObject> pods;
  for (int i = 0; i < 40; ++i) {
    pods.push_back(pod(std::to_string(i), "a"));
    pods.back().pod.requests.batch_memory = model::Bytes(INT64_MAX);
  }
  list(mirror, {node("a")}, pods);
  EXPECT_GE(mirror.batch_requests(NodeName("a")).memory[0], model::Bytes(std::int64_t{1} << 60));
  EXPECT_LE(mirror.batch_requests(NodeName("a")).memory[0], model::Bytes(std::int64_t{1} << 61));
}

TEST(Mirror, IsNotMovedByHeartbeats) {
  Mirror mirror;
  NodeObject a = node("a");
  PodObject one = pod("1", "a");
  list(mirror, {a}, {one});
  mirror.changed();
  a.key.resource_version = "2";
  a.capacity.batch_cpu = model::MilliCpu(5);
  a.allocatable.batch_cpu = model::MilliCpu(5);
  a.cpu_capacity = model::MilliCpu(9000);
  a.problems = {"x"};
  a.annotations[std::string(kAccountAnnotation)] = "{}";
  mirror.take(a);
  one.key.resource_version = "3";
  one.problems = {{"k", "v", "w"}};
  mirror.take(one);
  EXPECT_THAT(mirror.changed(), IsEmpty());
  EXPECT_EQ(mirror.node(NodeName("a"))->allocatable.batch_cpu, model::MilliCpu(5)) << "but it is known";
  EXPECT_EQ(mirror.pod(model::PodUid("1"))->key.resource_version, "3");
  list(mirror, {a}, {one});
  EXPECT_THAT(mirror.changed(), IsEmpty()) << "nor by a list of the same";
}

TEST(Mirror, IsMovedByEachPartOfASet) {
  Mirror mirror;
  NodeObject a = node("a");
  PodObject one = pod("1", "a");
  list(mirror, {a}, {one});
  mirror.changed();
  a.labels["pool"] = "b";
  mirror.take(a);
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  a.annotations[std::string(model::kThirdPartyAnnotation)] = "{}";
  mirror.take(a);
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  a.cpu_allocatable = model::MilliCpu(7900);
  mirror.take(a);
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  a.memory_allocatable = model::Bytes(1);
  mirror.take(a);
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  one.pod.phase = model::PodPhase::kSucceeded;
  mirror.take(one);
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  mirror.pod_gone("1");
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  EXPECT_THAT(uids_on(mirror, "a"), IsEmpty());
}

TEST(Mirror, HoldsPodsOfANodeThatIsNotKnownYet) {
  Mirror mirror;
  list(mirror, {}, {pod("1", "late")});
  EXPECT_THAT(mirror.changed(), IsEmpty());
  EXPECT_EQ(mirror.node(NodeName("late")), nullptr);
  EXPECT_THAT(uids_on(mirror, "late"), IsEmpty());
  mirror.take(node("late"));
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("late")));
  EXPECT_THAT(uids_on(mirror, "late"), ElementsAre("1"));
}

TEST(Mirror, BindsAPodOnceItHasANodeAndMovesOneThatMoves) {
  Mirror mirror;
  list(mirror, {node("a"), node("b")}, {pod("1", "")});
  mirror.changed();
  mirror.take(pod("1", "a"));
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  mirror.take(pod("1", "b"));
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a"), NodeName("b")));
  EXPECT_THAT(uids_on(mirror, "a"), IsEmpty());
  EXPECT_THAT(uids_on(mirror, "b"), ElementsAre("1"));
}

TEST(Mirror, TellsAPodsSuccessorOfTheSameNameByItsUid) {
  Mirror mirror;
  list(mirror, {node("a")}, {pod("1", "a", "db-0")});
  mirror.take(pod("2", "a", "db-0"));
  mirror.pod_gone("1");
  mirror.pod_gone("1");
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("2"));
}

TEST(Mirror, LosesWhatAListDoesNotName) {
  Mirror mirror;
  list(mirror, {node("a"), node("b")}, {pod("1", "a"), pod("2", "a"), pod("3", "b")});
  mirror.changed();
  mirror.begin_pods();
  mirror.take(pod("1", "a"));
  mirror.begin_pods();  // the list before failed on the way
  mirror.take(pod("2", "a"));
  mirror.take(pod("4", "b"));
  mirror.end_pods();
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("2"));
  EXPECT_THAT(uids_on(mirror, "b"), ElementsAre("4"));
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a"), NodeName("b")));
  mirror.begin_nodes();
  mirror.take(node("b"));
  mirror.end_nodes();
  EXPECT_EQ(mirror.node(NodeName("a")), nullptr);
  EXPECT_EQ(mirror.nodes(), 1u);
  EXPECT_THAT(mirror.changed(), IsEmpty()) << "of a node that is gone there is no set to tell";
  mirror.take(node("a"));
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("2")) << "its pods are still bound to it";
}

TEST(Mirror, KeepsWhatTheWatchToldWhileAListWasUnderWay) {
  Mirror mirror;
  list(mirror, {node("a")}, {pod("1", "a")});
  mirror.begin_pods();
  mirror.take(pod("2", "a"));
  mirror.pod_gone("1");
  mirror.end_pods();
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("2"));
}

TEST(Mirror, TakesANodeThatWasMadeAnewForANewOne) {
  Mirror mirror;
  list(mirror, {node("a", "1")}, {pod("1", "a")});
  mirror.changed();
  mirror.take(node("a", "2"));
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a"))) << "though it says the same";
  mirror.node_gone("a", "1");
  EXPECT_NE(mirror.node(NodeName("a")), nullptr) << "it was the one before that went";
  mirror.node_gone("a", "2");
  EXPECT_EQ(mirror.node(NodeName("a")), nullptr);
  mirror.node_gone("a");
  mirror.take(node("a", "3"));
  mirror.node_gone("a");
  EXPECT_EQ(mirror.nodes(), 0u);
}

TEST(Mirror, LeavesOutEndedPodsAndThenTheNewestWhereThereAreTooMany) {
  Mirror mirror;
  std::vector<PodObject> pods;
  for (int i = 0; i < 1030; ++i) {
    pods.push_back(pod(std::to_string(1000 + i), "a"));
    pods.back().created.ms = i;
  }
  pods[3].pod.phase = model::PodPhase::kFailed;
  pods[4].pod.phase = model::PodPhase::kSucceeded;
  list(mirror, {node("a")}, pods);
  const auto told = uids_on(mirror, "a");
  // Here the bytes are used up before the count is.
  ASSERT_THAT(told, SizeIs(AllOf(Gt(900u), Le(model::ReportLimits::kMaxPods))));
  const auto left_out = static_cast<int>(1030 - told.size());
  for (const char* uid : {"1003", "1004"})
    EXPECT_EQ(std::count(told.begin(), told.end(), uid), 0) << uid;
  for (int i = 1030 - (left_out - 2); i < 1030; ++i)
    EXPECT_EQ(std::count(told.begin(), told.end(), std::to_string(1000 + i)), 0) << i;
  EXPECT_THAT(mirror.problems(NodeName("a")),
              ElementsAre(HasSubstr(std::to_string(left_out) + " of its 1030 pods are left out")));
  EXPECT_EQ(report_problem(mirror.objects(NodeName("a")).pods), "");
}

TEST(Mirror, TellsAStaticPodByTheNameOfItsGroupAndOnceWhileItsMirrorIsReplaced) {
  Mirror mirror;
  auto first = pod("mirror-1", "a");
  auto second = pod("mirror-2", "a");
  first.pod.uid = second.pod.uid = model::PodUid("static");
  first.created.ms = 1;
  second.created.ms = 2;
  second.pod.priority = 7;
  list(mirror, {node("a")}, {first, second});
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("static"));
  EXPECT_EQ(mirror.objects(NodeName("a")).pods[0].priority, 7) << "the newer";
  mirror.pod_gone("mirror-1");
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("static"));
  mirror.pod_gone("mirror-2");
  EXPECT_THAT(uids_on(mirror, "a"), IsEmpty());
}

TEST(Mirror, LeavesOutPodsWhoseTextsFillAReport) {
  Mirror mirror;
  std::vector<PodObject> pods;
  for (int i = 0; i < 200; ++i) {
    pods.push_back(pod(std::to_string(1000 + i), "a"));
    pods.back().created.ms = i;
    pods.back().pod.eviction.allowed_by = std::vector<std::string>(16, std::string(1000, 'x'));
  }
  list(mirror, {node("a")}, pods);
  const auto told = mirror.objects(NodeName("a"));
  EXPECT_GT(told.pods.size(), 30u);
  EXPECT_LT(told.pods.size(), 45u);
  EXPECT_EQ(told.pods.front().uid.str(), "1000") << "the oldest stay";
}

TEST(Mirror, TakesPodsForNotBoundWhereTheyFillAReport) {
  Mirror mirror;
  std::vector<int> cpus(8192);
  for (int i = 0; i < 8192; ++i)
    cpus[static_cast<std::size_t>(i)] = i;
  std::vector<PodObject> pods;
  for (int i = 0; i < 20; ++i) {
    pods.push_back(pod(std::to_string(100 + i), "a"));
    pods.back().created.ms = i;
    pods.back().pod.bound_cpus = model::CpuSet(cpus);
  }
  list(mirror, {node("a")}, pods);
  const auto told = mirror.objects(NodeName("a"));
  EXPECT_EQ(report_problem(told.pods), "");
  EXPECT_THAT(told.pods, SizeIs(20));
  EXPECT_FALSE(told.pods[15].bound_cpus.empty());
  EXPECT_TRUE(told.pods[16].bound_cpus.empty());
  EXPECT_THAT(mirror.problems(NodeName("a")), ElementsAre(HasSubstr("4 of its pods are taken for not bound")));
}

TEST(Mirror, SaysWhatCannotBeUsed) {
  Mirror mirror;
  NodeObject a = node("a");
  a.problems = {"status.capacity.cpu is x: odd"};
  PodObject one = pod("1", "a", "web-0");
  one.problems = {{"koordinator.sh/qosClass", "LSS", "want LSE"}};
  std::vector<PodObject> pods = {one};
  for (int i = 0; i < 500; ++i) {
    pods.push_back(pod("z" + std::to_string(i), "a"));
    pods.back().problems = one.problems;
  }
  list(mirror, {a}, pods);
  const auto problems = mirror.problems(NodeName("a"));
  EXPECT_THAT(problems, SizeIs(Mirror::kMaxProblems));
  EXPECT_EQ(problems[0], "status.capacity.cpu is x: odd");
  EXPECT_EQ(problems[1], "pod n/web-0: koordinator.sh/qosClass is LSS: want LSE");
}

TEST(Mirror, KeepsNoMoreNodesAndPodsThanItMay) {
  Mirror mirror(MirrorLimits{.nodes = 2, .pods = 3});
  mirror.begin_nodes();
  EXPECT_TRUE(mirror.take(node("a")));
  EXPECT_TRUE(mirror.take(node("b")));
  EXPECT_FALSE(mirror.take(node("c")));
  EXPECT_TRUE(mirror.take(node("a"))) << "it is there already";
  mirror.end_nodes();
  EXPECT_EQ(mirror.nodes(), 2u);
  EXPECT_EQ(mirror.node(NodeName("c")), nullptr);
  mirror.begin_pods();
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(mirror.take(pod(std::to_string(i), "c" + std::to_string(i))), i < 3);
  mirror.end_pods();
  EXPECT_EQ(mirror.pods(), 3u);
  EXPECT_EQ(mirror.left_out(), 998u);
  mirror.pod_gone("1");
  mirror.node_gone("b");
  EXPECT_TRUE(mirror.take(pod("999", "a"))) << "there is room again";
  EXPECT_TRUE(mirror.take(node("c")));
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("999"));
}

TEST(Mirror, PodsThatNobodySchedulesTakeNoRoomOfThoseThatRun) {
  Mirror mirror(MirrorLimits{.nodes = 2, .pods = 1});
  list(mirror, {node("a")}, {pod("1", ""), pod("2", ""), pod("3", "a")});
  EXPECT_EQ(mirror.left_out(), 0u);
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("3"));
}

TEST(Mirror, KeepsNoMoreBytesThanItMay) {
  Mirror mirror(MirrorLimits{.node_bytes = 100'000, .pod_bytes = 1'000'000});
  PodObject large = pod("large", "a");
  large.pod.eviction.allowed_by = std::vector<std::string>(16, std::string(20'000, 'x'));
  list(mirror, {node("a")}, {pod("1", "a"), large});
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("1", "large"));
  mirror.changed();
  large.pod.eviction.allowed_by->resize(40, std::string(20'000, 'x'));
  EXPECT_FALSE(mirror.take(large)) << "it grew beyond";
  EXPECT_THAT(mirror.changed(), ElementsAre(NodeName("a")));
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("1"));
  for (int i = 0; i < 10'000; ++i)
    mirror.take(pod(std::to_string(i), "a"));
  EXPECT_LT(mirror.pods(), 1'000u);
  EXPECT_GT(mirror.pods(), 100u);
  list(mirror, {node("a")}, {pod("1", "a")});
  EXPECT_EQ(mirror.pods(), 1u);
  EXPECT_FALSE(mirror.take(large));
  large.pod.eviction.allowed_by->resize(16);
  EXPECT_TRUE(mirror.take(large)) << "what is gone counts no more";
  NodeObject labelled = node("a");
  labelled.labels["l"] = std::string(100'000, 'x');
  EXPECT_FALSE(mirror.take(labelled));
  EXPECT_EQ(mirror.nodes(), 0u);
  EXPECT_TRUE(mirror.take(node("a")));
  EXPECT_THAT(uids_on(mirror, "a"), ElementsAre("1", "large"));
}

/// The same after any order of events as after a list of what there is in the end.
TEST(Mirror, IsInTheEndWhatAListSaysAfterRandomEvents) {
  std::mt19937 random(7);
  const auto draw = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  for (int round = 0; round < 200; ++round) {
    Mirror mirror;
    std::map<std::string, NodeObject> nodes;
    std::map<std::string, PodObject> pods;
    std::map<std::string, NodeObjects> told;
    list(mirror, {}, {});
    for (int step = 0; step < 60; ++step) {
      const std::string name(1, static_cast<char>('a' + draw(3)));
      const std::string uid = std::to_string(draw(8));
      switch (draw(7)) {
        case 0:
          nodes[name] = node(name, std::to_string(draw(2)));
          mirror.take(nodes[name]);
          break;
        case 1:
          nodes.erase(name);
          mirror.node_gone(name);
          break;
        case 2:
          pods.erase(uid);
          mirror.pod_gone(uid);
          break;
        case 3:  // its DELETED is never seen
          pods.erase(uid);
          nodes.erase(name);
          break;
        case 4: {
          std::vector<NodeObject> all_nodes;
          for (const auto& [key, each] : nodes)
            all_nodes.push_back(each);
          std::vector<PodObject> all_pods;
          for (const auto& [key, each] : pods)
            all_pods.push_back(each);
          list(mirror, all_nodes, all_pods);
          ASSERT_EQ(mirror.nodes(), nodes.size()) << "round " << round;
          const auto bound =
              std::count_if(pods.begin(), pods.end(), [](const auto& each) { return !each.second.node.empty(); });
          ASSERT_EQ(mirror.pods(), static_cast<std::size_t>(bound)) << "round " << round;
          break;
        }
        default:
          pods[uid] = pod(uid, draw(4) == 0 ? "" : name, "p" + std::to_string(draw(2)));
          mirror.take(pods[uid]);
          break;
      }
      for (const auto& changed : mirror.changed())
        told[changed.str()] = mirror.objects(changed);
    }
    for (const auto& [key, each] : nodes) {
      if (mirror.node(NodeName(key)) == nullptr) continue;
      ASSERT_EQ(told[key], mirror.objects(NodeName(key))) << "round " << round << ": a change was not told";
    }
  }
}

TEST(Mirror, ReckonsNoLessThanAPodTakesInAReport) {
  std::mt19937 random(11);
  const auto draw = [&](std::size_t most) { return static_cast<std::size_t>(random() % most); };
  for (int round = 0; round < 50; ++round) {
    std::size_t reckoned = 0;
    model::Report report;
    report.node = NodeName("n");
    report.seq = model::Seq(1);
    const auto empty = codec::to_bytes(report);
    ASSERT_TRUE(empty) << empty.error().message();
    const std::size_t pods = 1 + draw(40);
    for (std::size_t i = 0; i < pods; ++i) {
      model::Pod pod;
      pod.uid = model::PodUid(std::to_string(i) + std::string(draw(60), 'u'));
      pod.name_space = std::string(draw(20), 'n');
      pod.name = std::string(draw(100), 'p');
      pod.workload = std::string(draw(200), 'w');
      for (std::size_t left = draw(6); left > 0; --left) {
        pod.containers.push_back(
            {.name = std::string(draw(60), 'c'), .id = std::string(draw(80), 'i'), .requests = {}, .limits = {}});
        if (draw(2) == 0) pod.containers.back().requests.cpu = model::MilliCpu(1);
        if (draw(2) == 0) pod.containers.back().limits.memory = model::Bytes(1);
      }
      if (draw(3) == 0) pod.cpu_burst.emplace();
      if (draw(3) == 0) pod.cpu_qos.emplace();
      if (draw(3) == 0) pod.memory_qos.emplace();
      if (draw(3) == 0) pod.bound_cpus = {1, 3, 5, 7, 9, 11};
      if (draw(3) == 0) pod.eviction.sub_priority = 1;
      if (draw(3) == 0) pod.eviction.allowed_by = std::vector<std::string>(draw(17), std::string(draw(100), 'f'));
      if (draw(3) == 0) pod.mid_requests.cpu = model::MilliCpu(1);
      pod.core_sched.group_id = std::string(draw(64), 'g');
      reckoned += wire_bytes(pod);
      report.pods.push_back({.pod = pod, .cpu_milli = {}, .memory_bytes = {}, .throttled_ratio = {}, .run_delay = {}});
      if (draw(2) == 0) report.pods.back().memory_signals.refaults = 1;
    }
    const auto bytes = codec::to_bytes(report);
    ASSERT_TRUE(bytes) << bytes.error().message();
    const std::size_t taken = bytes->size() - empty->size();
    EXPECT_LE(taken, reckoned + 64) << "round " << round;
    EXPECT_GE(2 * taken, reckoned) << "round " << round << ": or pods are left out for nothing";
  }
}

}  // namespace
}  // namespace tideline::k8s::mirror_test
