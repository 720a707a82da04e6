#include "node-actor/actor/held_pods.h"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::node::held_pods_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::pod_of;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<decide::Hold> hold_on(const std::string& group, std::optional<model::Duration> length = {}) {
  model::HandsOff what;
  what.group = group;
  what.who = "ann";
  what.remaining = length;
  return decide::holds_of({what}, {0}, {});
}

TEST(HeldPods, AHoldAboveOnOrWithinAPodIsOneOnIt) {
  const FixtureTree tree(kernel::test::v1_files());
  const auto groups = kernel::test::tree_of(tree);
  const auto batch = pod_of("b", model::KubeQos::kBestEffort);
  for (const auto* group :
       {"kubepods", "kubepods/besteffort", "kubepods/besteffort/podb", "kubepods/besteffort/podb/c1"})
    EXPECT_TRUE(is_held(groups, hold_on(group), batch, {1})) << group;
  for (const auto* group : {"kubepods/burstable", "kubepods/besteffort/podbb", "kubepods/besteffort/podb2/c1"})
    EXPECT_FALSE(is_held(groups, hold_on(group), batch, {1})) << group;
  EXPECT_FALSE(is_held(groups, {}, batch, {1}));
}

TEST(HeldPods, AHoldThatIsOverHoldsNothing) {
  const FixtureTree tree(kernel::test::v1_files());
  const auto groups = kernel::test::tree_of(tree);
  const auto batch = pod_of("b", model::KubeQos::kBestEffort);
  const auto holds = hold_on("kubepods/besteffort/podb/c1", model::Duration(10));
  EXPECT_TRUE(is_held(groups, holds, batch, {9}));
  EXPECT_FALSE(is_held(groups, holds, batch, {11}));
}

TEST(HeldPods, OnlyBatchIsListed) {
  const FixtureTree tree(kernel::test::v1_files());
  const auto groups = kernel::test::tree_of(tree);
  const std::vector<model::Pod> pods = {pod_of("a"), pod_of("b", model::KubeQos::kBestEffort)};
  EXPECT_THAT(held_be_pods(groups, hold_on("kubepods"), pods, {1}), ElementsAre(model::PodUid("b")));
  EXPECT_THAT(held_be_pods(groups, {}, pods, {1}), IsEmpty());
}

}  // namespace
}  // namespace tideline::node::held_pods_test
