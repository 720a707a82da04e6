#include "messages/model/pod_resources.h"

#include <gtest/gtest.h>

namespace tideline::model::pod_resources_test {
namespace {

Container asking(std::optional<MilliCpu> request, std::optional<MilliCpu> limit) {
  Container container{.name = "c", .id = "i", .requests = {}, .limits = {}};
  container.requests.cpu = request;
  container.limits.cpu = limit;
  return container;
}

TEST(PodResources, AreTheSumOfTheContainers) {
  Pod pod;
  pod.containers = {asking(MilliCpu(500), MilliCpu(1000)), asking(MilliCpu(250), MilliCpu(2000))};
  pod.containers[0].requests.batch_memory = Bytes(7);
  complete_resources(pod);
  EXPECT_EQ(pod.requests.cpu, MilliCpu(750));
  EXPECT_EQ(pod.limits.cpu, MilliCpu(3000));
  EXPECT_EQ(pod.requests.batch_memory, Bytes(7));
  EXPECT_EQ(pod.requests.memory, std::nullopt);
}

TEST(PodResources, ContainerWithoutALimitMakesThePodUnlimited) {
  Pod pod;
  pod.containers = {asking(MilliCpu(500), MilliCpu(1000)), asking(std::nullopt, std::nullopt)};
  complete_resources(pod);
  EXPECT_EQ(pod.requests.cpu, MilliCpu(500));
  EXPECT_EQ(pod.limits.cpu, std::nullopt);
}

TEST(PodResources, WhatThePodHasItselfStays) {
  Pod pod;
  pod.requests.cpu = MilliCpu(1);
  pod.limits.cpu = MilliCpu(2);
  pod.containers = {asking(MilliCpu(500), MilliCpu(1000))};
  complete_resources(pod);
  EXPECT_EQ(pod.requests.cpu, MilliCpu(1));
  EXPECT_EQ(pod.limits.cpu, MilliCpu(2));
}

TEST(PodResources, PodWithoutContainersAsksForNothing) {
  Pod pod;
  complete_resources(pod);
  EXPECT_EQ(pod, Pod{});
}

}  // namespace
}  // namespace tideline::model::pod_resources_test
