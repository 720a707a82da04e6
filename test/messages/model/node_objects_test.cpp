#include "messages/model/node_objects.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/report.h"

namespace tideline::model::node_objects_test {
namespace {

using testing::HasSubstr;

Pod good_pod(const std::string& uid) {
  Pod pod;
  pod.uid = PodUid(uid);
  pod.name_space = "shop";
  pod.name = "web-" + uid;
  Container container;
  container.name = "web";
  container.id = "3f2a9c";
  pod.containers = {container};
  return pod;
}

NodeObjects good() {
  NodeObjects objects;
  objects.number = 1;
  objects.epoch = Epoch(2);
  objects.labels = {{"zone", "a"}};
  objects.cpu_allocatable = MilliCpu(3500);
  objects.pods = {good_pod("a"), good_pod("b")};
  return objects;
}

TEST(ValidateNodeObjects, AcceptsAGoodSetAndOneOfNothing) {
  EXPECT_TRUE(validate(good()).ok());
  EXPECT_TRUE(validate(NodeObjects{}).ok());
  auto pending = good();
  pending.pods[0].containers[0].id.clear();
  EXPECT_TRUE(validate(pending).ok()) << "a container that has not begun has no id";
}

TEST(ValidateNodeObjects, NamesPodAndFieldOfWhatItRefuses) {
  struct Case {
    std::function<void(NodeObjects&)> spoil;
    std::string told;
  };
  const std::vector<Case> cases{
      {[](NodeObjects& set) { set.pods[1].uid = PodUid("a"); }, "pods.uid: 'a' comes twice"},
      {[](NodeObjects& set) { set.pods[1].uid = PodUid(); }, "pod shop/web-b: pods.uid: empty"},
      {[](NodeObjects& set) { set.pods[1].uid = PodUid("../b"); }, "pod shop/web-b: pods.uid: '../b' cannot be part"},
      {[](NodeObjects& set) { set.pods[0].containers[0].id = ".."; }, "pod shop/web-a: pods.containers.id: '..'"},
      {[](NodeObjects& set) { set.pods[0].requests.cpu = MilliCpu(-1); }, "pod shop/web-a: pods.requests: -1"},
      {[](NodeObjects& set) { set.pods[0].name = std::string(254, 'n'); }, "pods.name: 254 bytes of text, limit 253"},
      {[](NodeObjects& set) { set.pods.resize(ReportLimits::kMaxPods + 1); }, "pods: 1025 entries, limit 1024"},
      {[](NodeObjects& set) { set.cpu_allocatable = MilliCpu(-1); }, "cpu_allocatable: -1"},
      {[](NodeObjects& set) { set.memory_allocatable = Bytes(-1); }, "memory_allocatable: -1"},
      {[](NodeObjects& set) { set.labels["big"] = std::string(1025, 'x'); }, "labels value: 1025 bytes of text"},
      {[](NodeObjects& set) { set.annotations["big"] = std::string(5000, 'x'); }, "annotations: annotation big: 5000"},
      {[](NodeObjects& set) {
         for (int i = 0; i < 257; ++i)
           set.labels[std::to_string(i)] = "";
       },
       "labels: 258 entries, limit 256"},
  };
  for (const auto& one : cases) {
    auto set = good();
    one.spoil(set);
    const auto valid = validate(set);
    ASSERT_FALSE(valid.ok()) << one.told;
    EXPECT_EQ(valid.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(valid.error().message(), HasSubstr(one.told));
  }
}

TEST(ValidateNodeObjects, AnErrorIsShortWhateverThePodIsCalled) {
  auto set = good();
  set.pods[0].name = std::string(100'000, 'n');
  set.pods[0].name_space = std::string(100'000, 's');
  EXPECT_LT(validate(set).error().message().size(), 400u);
}

TEST(PathPart, IsOneNameOfADirectory) {
  for (const auto* fine : {"7d4c1d9a-5f0e", "a.b", "...", ""})
    EXPECT_TRUE(is_path_part(fine)) << fine;
  for (const auto* bad : {".", "..", "a/b", "/"})
    EXPECT_FALSE(is_path_part(bad)) << bad;
  EXPECT_FALSE(is_path_part(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace tideline::model::node_objects_test
