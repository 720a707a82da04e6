// Pods, labels, annotations and allocatable amounts as the coordinator tells them.
#include "test/node-actor/actor/node_loop_host.h"

namespace tideline::node::node_loop_objects_test {
namespace {

using testing::HasSubstr;

class NodeLoopObjects : public NodeLoopTest {
 protected:
  static model::NodeObjects set(std::vector<model::Pod> pods, const std::string& reservation = "") {
    model::NodeObjects objects;
    objects.number = 1;
    objects.epoch = model::Epoch(2);
    objects.pods = std::move(pods);
    if (!reservation.empty()) objects.annotations = {{std::string(model::kReservationAnnotation), reservation}};
    return objects;
  }
  void host_of_coordinator(const FixtureTree::Files& files) {
    pods_from_ = PodsFrom::kCoordinator;
    host(files);
  }
};

TEST_F(NodeLoopObjects, TakeThePlaceOfWhatWasToldBefore) {
  host_of_coordinator(kernel::test::v1_files());
  auto objects = set({kernel::test::pod_of("a")}, R"({"resources": {"cpu": "500m"}})");
  objects.labels = {{"pool", "web"}};
  objects.cpu_allocatable = MilliCpu(3500);
  objects.memory_allocatable = model::Bytes(600'000);
  EXPECT_TRUE(loop_->set_objects(objects));
  EXPECT_EQ(loop_->pods(), objects.pods);
  auto status = loop_->status();
  EXPECT_EQ(status.labels, objects.labels);
  EXPECT_EQ(status.annotations, objects.annotations);
  EXPECT_EQ(status.cpu_allocatable, MilliCpu(3500));
  EXPECT_EQ(status.memory_allocatable, model::Bytes(600'000));
  objects.number = 2;
  EXPECT_FALSE(loop_->set_objects(objects)) << "nothing of it is another";

  EXPECT_TRUE(loop_->set_objects(set({})));
  EXPECT_TRUE(loop_->pods().empty());
  status = loop_->status();
  EXPECT_TRUE(status.labels.empty() && status.annotations.empty());
  EXPECT_EQ(status.cpu_allocatable, MilliCpu(3500)) << "nobody said that there is more";
  EXPECT_EQ(status.memory_allocatable, model::Bytes(600'000));
  EXPECT_FALSE(loop_->set_objects(set({})));
}

TEST_F(NodeLoopObjects, WhoHasItsPodsFromTheCoordinatorHasItEvictThroughTheApi) {
  host(kernel::test::v1_files());
  EXPECT_FALSE(loop_->evicts_through_api());
  pods_from_ = PodsFrom::kCoordinator;
  start();
  EXPECT_TRUE(loop_->evicts_through_api());
}

TEST_F(NodeLoopObjects, NoMoreIsAllocatableThanThereIs) {
  host_of_coordinator(kernel::test::v1_files());
  auto objects = set({});
  objects.cpu_allocatable = MilliCpu(6000);  // amplified
  loop_->set_objects(objects);
  EXPECT_EQ(loop_->status().cpu_allocatable, MilliCpu(4000));
  objects.cpu_allocatable = MilliCpu(3000);
  loop_->set_objects(objects);
  objects.cpu_allocatable = MilliCpu(6000);
  loop_->set_objects(objects);
  EXPECT_EQ(loop_->status().cpu_allocatable, MilliCpu(3000)) << "what was kept from pods still is";
}

TEST_F(NodeLoopObjects, BatchIsKeptOffTheCpusOfTheNewestAnnotationThatCanBeRead) {
  host_of_coordinator(with_cpusets());
  policy(false);
  loop_->set_objects(set({bound_pod()}, R"({"reservedCPUs": "3"})"));
  loop_->pod_round();
  EXPECT_EQ(tree_->read(kBeCpus), "1-2") << "0 is an LSE pod's";
  EXPECT_THAT(feature("cpuset").why, HasSubstr("reserved 3"));

  const auto unreadable = set({bound_pod()}, R"({"reservedCPUs": "three"})");
  EXPECT_TRUE(loop_->set_objects(unreadable));
  loop_->pod_round();
  EXPECT_EQ(tree_->read(kBeCpus), "1-2") << "what cannot be read gives nothing back";
  EXPECT_EQ(loop_->status().annotations, unreadable.annotations) << "the ledger judges it by itself";

  loop_->set_objects(set({bound_pod()}));
  loop_->pod_round();
  EXPECT_EQ(tree_->read(kBeCpus), "1-3");
}

TEST_F(NodeLoopObjects, TheLimitFollowsAReservation) {
  host_of_coordinator(kernel::test::v1_files());
  loop_->set_objects(set({}));
  policy(true);
  ASSERT_TRUE(rounds().ok());
  ASSERT_EQ(tree_->read(kV1Quota), "2600000");
  loop_->set_objects(set({}, R"({"resources": {"cpu": "1"}})"));
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "1600000");
}

TEST_F(NodeLoopObjects, BeforeTheFirstSetNothingIsTakenForKnown) {
  host_of_coordinator(with_cpusets());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_TRUE(loop_->awaits_pods());
  EXPECT_EQ(tree_->read(kBeCpus), "0-3\n");
  EXPECT_FALSE(loop_->status().protection.verified);
  EXPECT_EQ(loop_->status().protection.why, "no list of pods yet");
  EXPECT_EQ(feature("cpuset").why, "no list of pods yet");

  loop_->set_objects(set({}));
  EXPECT_FALSE(loop_->awaits_pods());
  loop_->pod_round();
  EXPECT_TRUE(loop_->status().protection.verified) << loop_->status().protection.why;
}

TEST_F(NodeLoopObjects, BeforeTheFirstSetALimitOfBeforeIsNotRaised) {
  annotations_ = {{std::string(model::kReservationAnnotation), R"({"reservedCPUs": "3"})"}};
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  ASSERT_EQ(tree_->read(kV1Quota), "1600000");

  annotations_.clear();
  pods_from_ = PodsFrom::kCoordinator;
  for (const auto by : {model::SuppressPolicy::kCfsQuota, model::SuppressPolicy::kWorkConserving}) {
    start();
    model::NodePolicy policy;
    policy.threshold.enable = true;
    policy.threshold.cpu_suppress_policy = by;
    loop_->set_policy(policy);
    ASSERT_TRUE(rounds().ok());
    EXPECT_EQ(tree_->read(kV1Quota), "1600000");
  }
}

}  // namespace
}  // namespace tideline::node::node_loop_objects_test
