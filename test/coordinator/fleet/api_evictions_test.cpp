#include "coordinator/fleet/api_evictions.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::fleet::api_evictions_test {
namespace {

using namespace std::chrono_literals;
using model::EvictionVerdict;
using model::NodeName;
using model::Reason;
using Answer = EvictionVerdict::Answer;

const NodeName kNode("n1");

Arrival at(model::Duration after) {
  return {model::MonoTime{1'000'000'000'000} + after,
          {1'700'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(after).count()}};
}

model::EvictionRequest request(const std::string& id) {
  model::EvictionRequest made;
  made.id = id;
  made.uid = model::PodUid("uid-" + id);
  made.name_space = "batch";
  made.name = "job-" + id;
  made.reason = Reason::kBeStarved;
  return made;
}

EvictionVerdict told(const std::string& id, Answer answer, Reason reason, const std::string& why = "so") {
  return {.id = id, .answer = answer, .reason = reason, .why = why, .retry_after = model::kZeroDuration};
}

TEST(ApiEvictions, AreUnderWayUntilSomethingIsToldOfThem) {
  ApiEvictions evictions;
  const auto first = evictions.ask(kNode, request("a"), false, at(0s).mono);
  EXPECT_EQ(first.id, "a");
  EXPECT_EQ(first.answer, Answer::kUnderWay);
  EXPECT_EQ(first.reason, Reason::kApiEviction);
  EXPECT_EQ(first.retry_after, ApiEvictions::kAskAgain);
  EXPECT_TRUE(evictions.is_open(kNode, request("a")));
  EXPECT_FALSE(evictions.is_open(NodeName("n2"), request("a"))) << "another node's id is another";
}

TEST(ApiEvictions, ABudgetThatSaysNoIsWhatTheNodeIsToldAndNoEnd) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  auto waits = told("a", Answer::kUnderWay, Reason::kDisruptionBudget, "429");
  waits.retry_after = 3s;
  EXPECT_FALSE(evictions.changed(kNode, waits, at(1s)));
  EXPECT_EQ(evictions.ask(kNode, request("a"), false, at(2s).mono), waits);
  EXPECT_TRUE(evictions.is_open(kNode, request("a")));
}

TEST(ApiEvictions, TheirEndIsAnEventOfThePodOnce) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  const auto end = evictions.changed(kNode, told("a", Answer::kEvicted, Reason::kApiEvicted, "taken"), at(5s));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->at, at(5s).wall);
  EXPECT_EQ(end->controller, model::Controller::kCoordinator);
  EXPECT_EQ(end->reason, Reason::kApiEvicted);
  EXPECT_EQ(end->subject, "pod batch/job-a uid-a");
  EXPECT_EQ(end->old_value, "be-starved, for batch");
  EXPECT_EQ(end->new_value, "taken");
  EXPECT_FALSE(evictions.is_open(kNode, request("a")));
  EXPECT_FALSE(evictions.changed(kNode, told("a", Answer::kRefused, Reason::kApiRefused), at(6s))) << "it is through";
  EXPECT_EQ(evictions.ask(kNode, request("a"), false, at(7s).mono).answer, Answer::kEvicted);
}

TEST(ApiEvictions, OneThatWasRefusedStaysSoForItsIdAlone) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  EXPECT_TRUE(evictions.changed(kNode, told("a", Answer::kRefused, Reason::kDisruptionBudget), at(60s)));
  EXPECT_EQ(evictions.ask(kNode, request("a"), false, at(61s).mono).answer, Answer::kRefused);
  EXPECT_EQ(evictions.ask(kNode, request("b"), false, at(61s).mono).answer, Answer::kUnderWay);
}

TEST(ApiEvictions, UnderAnotherPodsIdNothingIsEvictedNorToldOfIt) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  auto another = request("b");
  another.id = "a";
  const auto verdict = evictions.ask(kNode, another, false, at(1s).mono);
  EXPECT_EQ(verdict.answer, Answer::kRefused);
  EXPECT_EQ(verdict.reason, Reason::kNotEvictable);
  EXPECT_FALSE(evictions.is_open(kNode, another));
  EXPECT_TRUE(evictions.is_open(kNode, request("a")));
  evictions.changed(kNode, told("a", Answer::kEvicted, Reason::kApiEvicted), at(2s));
  EXPECT_EQ(evictions.ask(kNode, another, false, at(3s).mono).answer, Answer::kRefused) << "it was not evicted";
}

TEST(ApiEvictions, OneThatWasGrantedBeforeItWasKnownMayHaveBeenCarriedOutAlready) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("new"), false, at(0s).mono);
  evictions.ask(kNode, request("new"), true, at(1s).mono);
  EXPECT_FALSE(evictions.is_again(kNode, "new")) << "it was known when it was asked for again";
  evictions.ask(kNode, request("old"), true, at(0s).mono);
  EXPECT_TRUE(evictions.is_again(kNode, "old"));
  EXPECT_FALSE(evictions.is_again(kNode, "nobody's"));
}

TEST(ApiEvictions, ThoseThatAreOpenAreKnownWithTheirPodsGroup) {
  ApiEvictions evictions;
  auto one = request("a");
  one.group = "kubepods/besteffort/poda";
  evictions.ask(kNode, one, false, at(0s).mono);
  evictions.ask(kNode, request("b"), false, at(0s).mono);
  evictions.changed(kNode, told("b", Answer::kEvicted, Reason::kApiEvicted), at(1s));
  const auto open = evictions.open();
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].node, kNode);
  EXPECT_EQ(open[0].id, "a");
  EXPECT_EQ(open[0].group, "kubepods/besteffort/poda");
}

TEST(ApiEvictions, WhatIsToldOfOneThatIsNotKnownOrIsNoStateOfOneHasNoEffect) {
  ApiEvictions evictions;
  EXPECT_FALSE(evictions.changed(kNode, told("a", Answer::kEvicted, Reason::kApiEvicted), at(0s)));
  EXPECT_EQ(evictions.size(), 0U);
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  for (const auto answer : {Answer::kGranted, Answer::kDeferred})
    EXPECT_FALSE(evictions.changed(kNode, told("a", answer, Reason::kNone), at(1s)));
  EXPECT_EQ(evictions.ask(kNode, request("a"), false, at(2s).mono).reason, Reason::kApiEviction);
}

TEST(ApiEvictions, OneOfWhichNobodySpeaksIsForgotten) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  evictions.ask(kNode, request("b"), false, at(0s).mono);
  evictions.changed(kNode, told("a", Answer::kEvicted, Reason::kApiEvicted), at(5min));
  evictions.ask(kNode, request("c"), false, at(ApiEvictions::kMemory).mono);
  EXPECT_FALSE(evictions.is_open(kNode, request("b")));
  EXPECT_EQ(evictions.size(), 2U);
  EXPECT_EQ(evictions.ask(kNode, request("a"), false, at(ApiEvictions::kMemory + 1s).mono).answer, Answer::kEvicted)
      << "of it somebody spoke";
}

TEST(ApiEvictions, BeyondTheBoundTheOneThatWasAskedForLeastRecentlyGoes) {
  ApiEvictions evictions;
  for (std::size_t i = 0; i < ApiEvictions::kMaxKept; ++i)
    evictions.ask(kNode, request(std::to_string(i)), false, at(std::chrono::milliseconds(i)).mono);
  evictions.ask(kNode, request("0"), false, at(20s).mono);
  evictions.ask(kNode, request("more"), false, at(21s).mono);
  EXPECT_EQ(evictions.size(), ApiEvictions::kMaxKept);
  EXPECT_TRUE(evictions.is_open(kNode, request("0")));
  EXPECT_FALSE(evictions.is_open(kNode, request("1")));
  EXPECT_TRUE(evictions.is_open(kNode, request("more")));
}

TEST(ApiEvictions, ANodeThatIsForgottenTakesItsOwnWithIt) {
  ApiEvictions evictions;
  evictions.ask(kNode, request("a"), false, at(0s).mono);
  evictions.ask(NodeName("n2"), request("a"), false, at(0s).mono);
  evictions.forget(kNode);
  EXPECT_FALSE(evictions.is_open(kNode, request("a")));
  EXPECT_TRUE(evictions.is_open(NodeName("n2"), request("a")));
}

}  // namespace
}  // namespace tideline::fleet::api_evictions_test
