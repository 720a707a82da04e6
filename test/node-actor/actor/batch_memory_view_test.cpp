#include "node-actor/actor/batch_memory_view.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::node::batch_memory_view_test {
namespace {

using namespace std::chrono_literals;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Bytes;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const std::string kPodDir = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podb.slice/";

FixtureTree::Files files() {
  FixtureTree::Files all = kernel::test::v2_files();
  for (const auto* container : {"c1", "c2"}) {
    const auto directory = kPodDir + "cri-containerd-" + container + ".scope/";
    all = all + FixtureTree::Files{{directory + "cpu.stat", "usage_usec 1\n"},
                                   {directory + "memory.current", container == std::string("c1") ? "500\n" : "90\n"},
                                   {directory + "memory.stat", "active_file 30\ninactive_file 10\n"}};
  }
  return all;
}

class BatchMemoryViewTest : public testing::Test {
 protected:
  static model::Pod pod(std::vector<std::string> containers) {
    auto made = kernel::test::pod_of("b", model::KubeQos::kBestEffort);
    for (const auto& id : containers) {
      made.containers.push_back({.name = id, .id = id, .requests = {}, .limits = {}});
      made.containers.back().limits.batch_memory = Bytes(1000);
    }
    made.limits.batch_memory = Bytes(1000);
    return made;
  }
  void look(const model::Pod& pod, std::int64_t usage, std::int64_t cache) {
    model::HostCounters counters;
    counters.pods.push_back({.uid = pod.uid, .qos = pod.qos, .below_besteffort = true, .group = {}, .containers = {}});
    counters.pods[0].group.inode = 7;
    counters.pods[0].group.memory_side.usage = Bytes(usage);
    counters.pods[0].group.memory_side.reclaimable = Bytes(cache);
    view_.look({pod}, counters, now_);
  }

  FixtureTree tree_{files()};
  kernel::CgroupTree groups_ = kernel::test::tree_of(tree_);
  model::MonoTime now_{1'000'000'000'000};
  int looks_ = 0;
  bool there_ = true;
  bool readable_ = true;
  Actuator::MemoryLimits limits_;
  BatchMemoryView view_{groups_, [this](const model::GroupRef&) -> model::Result<Actuator::MemoryLimits> {
                          ++looks_;
                          if (!readable_) return model::Error(model::ErrorCode::kUnavailable, "no more files");
                          if (!there_) return model::Error(model::ErrorCode::kNotFound, "no such group");
                          return limits_;
                        }};
};

TEST_F(BatchMemoryViewTest, WhatCannotBeReclaimedIsUsedAndAnOnlyContainersIsItsPods) {
  const auto batch = pod({"c1"});
  look(batch, 800, 300);
  EXPECT_THAT(view_.used(), ElementsAre(Pair(model::group_of(batch), Bytes(500)),
                                        Pair(model::group_of(batch, batch.containers[0]), Bytes(500))));
}

TEST_F(BatchMemoryViewTest, OfSeveralContainersEachIsReadNowAndThen) {
  const auto batch = pod({"c1", "c2"});
  look(batch, 800, 300);
  EXPECT_EQ(view_.used().at(model::group_of(batch, batch.containers[0])), Bytes(460));
  EXPECT_EQ(view_.used().at(model::group_of(batch, batch.containers[1])), Bytes(50));
  tree_.write(kPodDir + "cri-containerd-c2.scope/memory.current", "95\n");
  now_ = now_ + 1s;
  look(batch, 800, 300);
  EXPECT_EQ(view_.used().at(model::group_of(batch, batch.containers[1])), Bytes(50));
  now_ = now_ + BatchMemoryView::kReadEvery;
  look(batch, 800, 300);
  EXPECT_EQ(view_.used().at(model::group_of(batch, batch.containers[1])), Bytes(55));
}

TEST_F(BatchMemoryViewTest, LimitsOfTheirOwnAreReadOnceAMinuteAndOfNewGroupsUntilTheyAreThere) {
  const auto batch = pod({"c1"});
  there_ = false;
  look(batch, 800, 300);
  look(batch, 800, 300);
  EXPECT_EQ(looks_, 4) << "pod and container, twice";
  there_ = true;
  limits_ = {.without_us = {Bytes(900)}, .in_force = {Bytes(700)}};
  look(batch, 800, 300);
  look(batch, 800, 300);
  EXPECT_EQ(looks_, 6);
  EXPECT_EQ(view_.own_limits().at(model::group_of(batch)), Bytes(900));
  EXPECT_EQ(view_.in_force().at(model::group_of(batch)), Bytes(700)) << "an earlier worker's";
  now_ = now_ + BatchMemoryView::kRecheck;
  look(batch, 800, 300);
  EXPECT_EQ(looks_, 8);
  view_.forget();
  EXPECT_THAT(view_.in_force(), IsEmpty());
}

TEST_F(BatchMemoryViewTest, ALimitOfItsOwnThatCannotBeReadStandsUntilItsGroupIsGone) {
  const auto batch = pod({"c1"});
  limits_ = {.without_us = {Bytes(900)}, .in_force = {Bytes(900)}};
  look(batch, 800, 300);
  readable_ = false;
  now_ = now_ + BatchMemoryView::kRecheck;
  look(batch, 800, 300);
  EXPECT_EQ(view_.own_limits().at(model::group_of(batch)), Bytes(900)) << "else the pod would get what it asked for";
  readable_ = true;
  there_ = false;
  look(batch, 800, 300);
  EXPECT_THAT(view_.own_limits(), IsEmpty());
}

TEST_F(BatchMemoryViewTest, WhoAsksForNoLimitCostsNothing) {
  auto batch = pod({"c1"});
  batch.limits.batch_memory.reset();
  batch.containers[0].limits.batch_memory.reset();
  look(batch, 800, 300);
  auto service = pod({"c1"});
  service.qos = model::QosClass::kLs;
  look(service, 800, 300);
  EXPECT_EQ(looks_, 0);
  EXPECT_THAT(view_.used(), IsEmpty());
}

}  // namespace
}  // namespace tideline::node::batch_memory_view_test
