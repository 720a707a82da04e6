#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "node-actor/decide/memory_relief.h"
#include "test/node-actor/decide/relief_host.h"

namespace tideline::decide::test::emergency_victim_test {
namespace {

class EmergencyVictim : public testing::Test {
 protected:
  EmergencyVictim() { pods_.reserve(10); }
  model::Pod& add(const std::string& uid, int priority, std::optional<double> used) {
    model::Pod pod;
    pod.uid = model::PodUid(uid);
    pod.qos = model::QosClass::kBe;
    pod.priority = priority;
    pods_.push_back(pod);
    memory_.push_back({&pods_.back(), used ? std::optional(mib(*used)) : std::nullopt});
    return pods_.back();
  }
  std::string victim() const {
    const auto* pod = emergency_victim(memory_, held_, leaving_);
    return pod != nullptr ? pod->uid.str() : "none";
  }
  std::vector<model::Pod> pods_;
  std::vector<PodMemory> memory_;
  std::vector<model::PodUid> held_;
  std::vector<model::PodUid> leaving_;
};

TEST_F(EmergencyVictim, LowestPriorityThenLargestThenByUid) {
  EXPECT_EQ(victim(), "none");
  add("a", 5500, 900);
  EXPECT_EQ(victim(), "a");
  add("b", 5000, 100);
  EXPECT_EQ(victim(), "b");
  add("d", 5000, 200);
  EXPECT_EQ(victim(), "d");
  add("c", 5000, 200);
  EXPECT_EQ(victim(), "c");
}

TEST_F(EmergencyVictim, OnesThatFreeNextToNothingAreSpared) {
  add("large", 5500, 1600);
  add("small", 5000, 99);
  EXPECT_EQ(victim(), "large");
  add("medium", 5100, 100);
  EXPECT_EQ(victim(), "medium");
}

TEST_F(EmergencyVictim, NeverServicesNorWhoIsNotRunningNorHeldNorLeaving) {
  add("ls", 5000, 900).qos = model::QosClass::kLs;
  add("pending", 5000, 900).phase = model::PodPhase::kPending;
  add("ending", 5000, 900).eviction.terminating = true;
  add("unknown", 5000, std::nullopt);
  add("empty", 5000, 0);
  add("held", 5000, 900);
  add("leaving", 5000, 900);
  held_ = {model::PodUid("held")};
  leaving_ = {model::PodUid("leaving")};
  memory_.push_back({});
  EXPECT_EQ(victim(), "none");
  add("last", 9000, 900);
  EXPECT_EQ(victim(), "last");
}

}  // namespace
}  // namespace tideline::decide::test::emergency_victim_test
