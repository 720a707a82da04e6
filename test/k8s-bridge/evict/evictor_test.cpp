#include "k8s-bridge/evict/evictor.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::evict {
namespace {

using namespace std::chrono_literals;
using model::EvictionUrgency;
using model::MonoTime;
using model::NodeName;
using model::Reason;
using Answer = model::EvictionVerdict::Answer;
using Kind = EvictAnswer::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const NodeName kNode("n1");
const NodeName kOther("n2");

MonoTime after(model::Duration duration) {
  return MonoTime{1'000'000'000'000} + duration;
}

/// A batch pod of that name, bound to the node.
k8s::PodObject pod(const std::string& name, const NodeName& node = kNode) {
  k8s::PodObject made;
  made.key = {"batch", name, "uid-" + name, "7"};
  made.node = node;
  made.pod.uid = model::PodUid(made.key.uid);
  made.pod.name_space = "batch";
  made.pod.name = name;
  made.pod.qos = model::QosClass::kBe;
  made.pod.kube_qos = model::KubeQos::kBestEffort;
  made.pod.priority = 5500;
  return made;
}

Order order(const std::string& name, const NodeName& node = kNode, EvictionUrgency urgency = EvictionUrgency::kBatch) {
  Order made;
  made.node = node;
  made.request.id = "id-" + name;
  made.request.uid = model::PodUid("uid-" + name);
  made.request.name_space = "batch";
  made.request.name = name;
  made.request.reason = Reason::kNodeCpuFull;
  made.request.urgency = urgency;
  return made;
}

EvictAnswer answer(Kind kind, std::optional<model::Duration> retry_after = {}) {
  return {.kind = kind, .why = "what it said", .retry_after = retry_after};
}

class Evictions : public testing::Test {
 protected:
  void SetUp() override {
    pods_.end_nodes();
    pods_.end_pods();
    for (const auto* name : {"a", "b", "c"})
      pods_.take(pod(name));
  }
  void want(const Order& wanted, MonoTime now) { evictor_.wanted(wanted, pods_, now); }
  /// Names of the pods.
  std::vector<std::string> due(MonoTime now) {
    std::vector<std::string> names;
    for (const auto& post : evictor_.due(pods_, now))
      names.push_back(post.pod.name);
    return names;
  }
  void answered(const std::string& name, const EvictAnswer& said, MonoTime now) {
    evictor_.answered(kNode, "id-" + name, said, now);
  }
  /// The only change since the last one.
  Evictor::Change change() {
    auto changes = evictor_.take_changes();
    EXPECT_THAT(changes, SizeIs(1));
    return changes.empty() ? Evictor::Change{} : std::move(changes.front());
  }
  /// "" or why the pod as it is changed is not evicted.
  std::string refusal_of(const k8s::PodObject& changed, const Order& wanted) {
    evictor_ = Evictor();
    pods_.take(changed);
    want(wanted, after(0s));
    auto changes = evictor_.take_changes();
    if (changes.empty()) return "";
    EXPECT_EQ(changes.front().verdict.answer, Answer::kRefused);
    EXPECT_EQ(changes.front().verdict.reason, Reason::kNotEvictable);
    EXPECT_FALSE(changes.front().event) << "nobody writes on pods that are not his";
    EXPECT_THAT(due(after(0s)), IsEmpty());
    return changes.front().verdict.why;
  }

  k8s::Mirror pods_;
  Evictor evictor_;
};

TEST_F(Evictions, OneIsPostedOnceWithThePodsUidAndIsThroughWhenTheServerTookIt) {
  want(order("a"), after(0s));
  const auto posts = evictor_.due(pods_, after(0s));
  ASSERT_THAT(posts, SizeIs(1));
  EXPECT_EQ(posts[0].node, kNode);
  EXPECT_EQ(posts[0].id, "id-a");
  EXPECT_EQ(posts[0].pod.uid, "uid-a");
  EXPECT_EQ(posts[0].pod.name_space, "batch");
  want(order("a"), after(1s));
  EXPECT_THAT(due(after(1s)), IsEmpty()) << "it is on its way";
  EXPECT_THAT(evictor_.take_changes(), IsEmpty());

  answered("a", answer(Kind::kTaken), after(2s));
  const auto end = change();
  EXPECT_EQ(end.node, kNode);
  EXPECT_EQ(end.verdict.id, "id-a");
  EXPECT_EQ(end.verdict.answer, Answer::kEvicted);
  EXPECT_EQ(end.verdict.reason, Reason::kApiEvicted);
  EXPECT_EQ(end.subject, "pod batch/a uid-a");
  ASSERT_TRUE(end.event);
  EXPECT_EQ(end.event->kind, "Pod");
  EXPECT_EQ(end.event->object.uid, "uid-a");
  EXPECT_EQ(end.event->reason, "evictPodSuccess");
  EXPECT_THAT(end.event->message, HasSubstr("node-cpu-full"));
  EXPECT_EQ(evictor_.open(), 0U);
}

TEST_F(Evictions, ABudgetThatSaysNoIsAskedAgainUntilThePatienceEnds) {
  want(order("a"), after(0s));
  std::vector<std::int64_t> posted;
  for (auto now = 0s; now <= 70s; ++now) {
    want(order("a"), after(now));
    if (due(after(now)).empty()) {
      if (evictor_.open() == 0) break;
      continue;
    }
    posted.push_back(now.count());
    answered("a", answer(Kind::kBudget), after(now));
    if (now >= 60s) break;
    const auto waits = change();
    EXPECT_EQ(waits.verdict.answer, Answer::kUnderWay);
    EXPECT_EQ(waits.verdict.reason, Reason::kDisruptionBudget);
    EXPECT_THAT(waits.verdict.why, HasSubstr("what it said"));
    EXPECT_GE(waits.verdict.retry_after, 1s);
    EXPECT_LE(waits.verdict.retry_after, 5s);
    EXPECT_FALSE(waits.event);
  }
  EXPECT_THAT(posted, ElementsAre(0, 2, 6, 14, 24, 34, 44, 54));
  auto changes = evictor_.take_changes();
  ASSERT_FALSE(changes.empty());
  const auto& end = changes.back();
  EXPECT_EQ(end.verdict.answer, Answer::kRefused);
  EXPECT_EQ(end.verdict.reason, Reason::kDisruptionBudget);
  EXPECT_THAT(end.verdict.why, HasSubstr("given up after 60 s"));
  ASSERT_TRUE(end.event);
  EXPECT_EQ(end.event->reason, "evictPodFail");
  EXPECT_THAT(end.event->message, HasSubstr("what it said"));
  EXPECT_EQ(evictor_.open(), 0U);
}

TEST_F(Evictions, ABudgetThatAllowsItLaterHasItEvictedThen) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kBudget), after(0s));
  evictor_.take_changes();
  EXPECT_THAT(due(after(1s)), IsEmpty());
  EXPECT_THAT(due(after(2s)), ElementsAre("a"));
  answered("a", answer(Kind::kTaken), after(2s));
  EXPECT_EQ(change().verdict.answer, Answer::kEvicted);
}

TEST_F(Evictions, RetryAfterCountsWhereItIsLonger) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kBudget, 9s), after(0s));
  want(order("a"), after(8s));
  EXPECT_THAT(due(after(8s)), IsEmpty());
  EXPECT_THAT(due(after(9s)), ElementsAre("a"));
  answered("a", answer(Kind::kBudget, 1h), after(9s));
  want(order("a"), after(60s));
  evictor_.take_changes();
  EXPECT_THAT(due(after(60s)), IsEmpty());
  EXPECT_EQ(change().verdict.answer, Answer::kRefused) << "no node waits an hour";
}

TEST_F(Evictions, AnApiServerThatSaysNothingIsTriedForAsLongAndSaidToBeSilent) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kNone), after(10s));
  EXPECT_EQ(change().verdict.reason, Reason::kApiSilent);
  want(order("a"), after(20s));
  EXPECT_THAT(due(after(20s)), ElementsAre("a"));
  want(order("a"), after(70s));
  answered("a", answer(Kind::kNone), after(70s));
  EXPECT_THAT(due(after(70s)), IsEmpty());
  const auto end = change();
  EXPECT_EQ(end.verdict.answer, Answer::kRefused);
  EXPECT_EQ(end.verdict.reason, Reason::kApiSilent);
}

TEST_F(Evictions, OneWhoseLastAnswerWasLostIsEvictedWhereThePodGoes) {
  for (const auto* name : {"a", "b", "c"})
    want(order(name), after(0s));
  due(after(0s));
  for (const auto* name : {"a", "b", "c"})
    answered(name, answer(Kind::kNone), after(0s));
  for (const auto* name : {"a", "b", "c"})
    want(order(name), after(55s));
  EXPECT_THAT(due(after(55s)), SizeIs(3));
  evictor_.take_changes();
  auto terminating = pod("a");
  terminating.pod.eviction.terminating = true;
  pods_.take(terminating);
  pods_.pod_gone("uid-b");
  for (const auto* name : {"a", "b", "c"})
    answered(name, answer(Kind::kNone), after(65s));
  EXPECT_EQ(evictor_.next_due(), after(60s)) << "it is looked at right away";
  EXPECT_THAT(due(after(65s)), IsEmpty());
  std::vector<std::pair<std::string, Answer>> ends;
  for (const auto& each : evictor_.take_changes())
    ends.emplace_back(each.verdict.id, each.verdict.answer);
  EXPECT_THAT(ends, ElementsAre(Pair("id-a", Answer::kEvicted), Pair("id-b", Answer::kEvicted),
                                Pair("id-c", Answer::kRefused)));
}

TEST_F(Evictions, WhatTheServerRefusesForGoodIsNotAskedAgain) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kRefused), after(1s));
  const auto end = change();
  EXPECT_EQ(end.verdict.answer, Answer::kRefused);
  EXPECT_EQ(end.verdict.reason, Reason::kApiRefused);
  ASSERT_TRUE(end.event);
  EXPECT_EQ(end.event->reason, "evictPodFail");
  EXPECT_EQ(evictor_.open(), 0U);
}

TEST_F(Evictions, APodThatIsGoneIsEvicted) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kGone), after(1s));
  const auto end = change();
  EXPECT_EQ(end.verdict.answer, Answer::kEvicted);
  EXPECT_FALSE(end.event) << "there is no pod to write it on";
}

TEST_F(Evictions, APodThatGoesWhileItsBudgetSaysNoIsEvicted) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kBudget), after(0s));
  evictor_.take_changes();
  pods_.pod_gone("uid-a");
  EXPECT_THAT(due(after(2s)), IsEmpty());
  EXPECT_EQ(change().verdict.answer, Answer::kEvicted);
}

TEST_F(Evictions, APodThatIsTerminatingOrHasEndedIsNotPosted) {
  auto terminating = pod("a");
  terminating.pod.eviction.terminating = true;
  pods_.take(terminating);
  auto ended = pod("b");
  ended.pod.phase = model::PodPhase::kSucceeded;
  pods_.take(ended);
  for (const auto* name : {"a", "b"}) {
    want(order(name), after(0s));
    EXPECT_EQ(change().verdict.answer, Answer::kEvicted) << name;
  }
  EXPECT_THAT(due(after(0s)), IsEmpty());
}

TEST_F(Evictions, OneThatItsNodeAsksForNoMoreIsNotPosted) {
  want(order("a"), after(0s));
  want(order("b"), after(0s));
  want(order("b"), after(14s));
  EXPECT_THAT(due(after(16s)), ElementsAre("b"));
  EXPECT_EQ(evictor_.open(), 1U);
  EXPECT_THAT(evictor_.take_changes(), IsEmpty());
}

TEST_F(Evictions, OneThatIsWithdrawnIsNotPostedAgainAndTakenWhereItWasOnItsWay) {
  want(order("a"), after(0s));
  evictor_.withdrawn(kNode, "id-a");
  EXPECT_EQ(evictor_.open(), 0U);
  EXPECT_THAT(due(after(0s)), IsEmpty());
  for (const auto* name : {"a", "b"})
    want(order(name), after(1s));
  EXPECT_THAT(due(after(1s)), SizeIs(2));
  evictor_.withdrawn(kNode, "id-a");
  evictor_.withdrawn(kNode, "id-b");
  answered("a", answer(Kind::kBudget), after(2s));
  EXPECT_THAT(evictor_.take_changes(), IsEmpty());
  EXPECT_THAT(due(after(10s)), IsEmpty());
  answered("b", answer(Kind::kTaken), after(2s));
  EXPECT_EQ(change().verdict.answer, Answer::kEvicted);
  EXPECT_EQ(evictor_.open(), 0U);
}

TEST_F(Evictions, OneThatIsWantedAgainIsWithdrawnNoLonger) {
  want(order("a"), after(0s));
  due(after(0s));
  evictor_.withdrawn(kNode, "id-a");
  want(order("a"), after(1s));
  answered("a", answer(Kind::kBudget), after(1s));
  EXPECT_THAT(due(after(3s)), ElementsAre("a"));
}

TEST_F(Evictions, TheMoreUrgentGoFirstAndOnlySoManyAtOnce) {
  evictor_ = Evictor(EvictOptions{.most_in_flight = 2});
  want(order("a"), after(0s));
  want(order("b"), after(1s));
  want(order("c", kNode, EvictionUrgency::kServices), after(2s));
  EXPECT_THAT(due(after(2s)), ElementsAre("c", "a"));
  EXPECT_THAT(due(after(2s)), IsEmpty());
  answered("c", answer(Kind::kTaken), after(3s));
  EXPECT_THAT(due(after(3s)), ElementsAre("b"));
}

TEST_F(Evictions, ANodeGetsNoPodEvictedThatIsNotItsOwn) {
  EXPECT_THAT(refusal_of(pod("theirs", kOther), order("theirs")), HasSubstr("no such pod on this node"));
  EXPECT_THAT(refusal_of(pod("nobodys", NodeName()), order("nobodys")), HasSubstr("no such pod on this node"));
  EXPECT_THAT(refusal_of(pod("mine"), order("nobody-knows-it")), HasSubstr("no such pod on this node"));
  auto under_another_name = order("a");
  under_another_name.request.id = "id-2";
  under_another_name.request.name = "b";
  EXPECT_THAT(refusal_of(pod("a"), under_another_name), HasSubstr("no such pod on this node"));
  auto in_another_namespace = order("a");
  in_another_namespace.request.id = "id-3";
  in_another_namespace.request.name_space = "kube-system";
  EXPECT_THAT(refusal_of(pod("a"), in_another_namespace), HasSubstr("no such pod on this node"));
}

TEST_F(Evictions, UnderAKnownIdNoOtherPodIsEvicted) {
  want(order("a"), after(0s));
  auto another = order("b");
  another.request.id = "id-a";
  want(another, after(1s));
  EXPECT_THAT(due(after(1s)), ElementsAre("a"));
}

TEST_F(Evictions, OnlyBatchPodsAreEvicted) {
  struct Case {
    const char* name;
    model::QosClass qos;
    std::optional<int> priority;
    bool is_evicted;
  };
  using enum model::QosClass;
  for (const auto& each :
       {Case{"be", kBe, 5500, true}, Case{"free", kBe, 3000, true},
        Case{"be-without-priority", kBe, std::nullopt, true}, Case{"be-outside-the-bands", kBe, 100'000, true},
        Case{"mid-be", kBe, 7500, true}, Case{"ls-of-batch", kLs, 5000, true}, Case{"prod", kLs, 9500, false},
        Case{"prod-without-requests", kBe, 9999, false}, Case{"mid", kLs, 7500, false},
        Case{"ls", kLs, std::nullopt, false}, Case{"lsr", kLsr, std::nullopt, false},
        Case{"kube-proxy", kBe, 2'000'001'000, false}, Case{"system", kSystem, std::nullopt, false}}) {
    auto changed = pod(each.name);
    changed.pod.qos = each.qos;
    changed.pod.priority = each.priority;
    EXPECT_EQ(refusal_of(changed, order(each.name)) == "", each.is_evicted) << each.name;
  }
  auto closed = pod("closed");
  closed.pod.eviction.allowed_by.emplace();
  EXPECT_THAT(refusal_of(closed, order("closed")), HasSubstr("eviction-policy"));
}

TEST_F(Evictions, APodThatBecomesProdWhileItWaitsIsNotPostedAgain) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kBudget), after(0s));
  evictor_.take_changes();
  auto risen = pod("a");
  risen.pod.qos = model::QosClass::kLs;
  risen.pod.priority = 9000;
  pods_.take(risen);
  EXPECT_THAT(due(after(2s)), IsEmpty());
  EXPECT_EQ(change().verdict.reason, Reason::kNotEvictable);
}

TEST_F(Evictions, UntilEverythingWasListedTheyWait) {
  k8s::Mirror empty;
  evictor_.wanted(order("a"), empty, after(0s));
  EXPECT_THAT(evictor_.due(empty, after(1s)), IsEmpty());
  EXPECT_THAT(evictor_.take_changes(), IsEmpty()) << "what is not known is not refused";
  EXPECT_THAT(due(after(2s)), ElementsAre("a"));
}

TEST_F(Evictions, AnApiServerThatListsNothingIsASilentOne) {
  k8s::Mirror empty;
  std::vector<Evictor::Change> changes;
  auto now = 0s;
  for (; now <= 100s && changes.empty(); ++now) {
    evictor_.wanted(order("a"), empty, after(now));
    EXPECT_THAT(evictor_.due(empty, after(now)), IsEmpty());
    changes = evictor_.take_changes();
  }
  EXPECT_EQ(now, 11s) << "the first lists take their time";
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].verdict.answer, Answer::kUnderWay);
  EXPECT_EQ(changes[0].verdict.reason, Reason::kApiSilent);
  EXPECT_THAT(changes[0].verdict.why, HasSubstr("not listed yet"));
  for (; now <= 100s && evictor_.open() > 0; ++now) {
    evictor_.wanted(order("a"), empty, after(now));
    EXPECT_THAT(evictor_.due(empty, after(now)), IsEmpty());
  }
  EXPECT_EQ(now, 71s);
  changes = evictor_.take_changes();
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes.back().verdict.answer, Answer::kRefused);
  EXPECT_EQ(changes.back().verdict.reason, Reason::kApiSilent);
  EXPECT_FALSE(changes.back().event) << "nobody knows the pod";
}

/// A coordinator that starts again knows nothing of what it posted.
TEST_F(Evictions, AnIdThatIsAskedForAgainAfterAStartIsPostedAgain) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kTaken), after(1s));
  evictor_ = Evictor();
  want(order("a"), after(10s));
  EXPECT_THAT(due(after(10s)), ElementsAre("a")) << "the watch does not say yet that it terminates";
  answered("a", answer(Kind::kGone), after(10s));
  EXPECT_EQ(change().verdict.answer, Answer::kEvicted);
}

TEST_F(Evictions, OneOfBeforeAStartWhosePodIsGoneByThenWasEvicted) {
  auto old = order("gone");
  old.again = true;
  want(old, after(0s));
  const auto end = change();
  EXPECT_EQ(end.verdict.answer, Answer::kEvicted);
  EXPECT_EQ(end.verdict.reason, Reason::kApiEvicted);
  EXPECT_FALSE(end.event);
  auto of_another_node = order("theirs");
  of_another_node.again = true;
  EXPECT_THAT(refusal_of(pod("theirs", kOther), of_another_node), HasSubstr("no such pod on this node"));
}

TEST_F(Evictions, OneThatIsThroughIsToldAgainAndNotPostedAgain) {
  want(order("a"), after(0s));
  due(after(0s));
  answered("a", answer(Kind::kTaken), after(1s));
  const auto end = change();
  EXPECT_FALSE(end.repeated);
  // It was asked for while word of its end was on its way.
  want(order("a"), after(2s));
  EXPECT_THAT(due(after(2s)), IsEmpty());
  EXPECT_EQ(evictor_.open(), 0U);
  const auto again = change();
  EXPECT_EQ(again.verdict, end.verdict);
  EXPECT_EQ(again.node, kNode);
  EXPECT_TRUE(again.repeated);
  EXPECT_FALSE(again.event) << "one event is enough";
  want(order("a"), after(31s));
  EXPECT_THAT(due(after(31s)), ElementsAre("a")) << "it is not remembered for ever";
}

TEST_F(Evictions, NotMoreEndsAreRememberedThanOthersAreKept) {
  evictor_ = Evictor(EvictOptions{.most_kept = 2});
  for (const auto* name : {"a", "b", "c"}) {
    want(order(name), after(0s));
    due(after(0s));
    answered(name, answer(Kind::kTaken), after(0s));
  }
  for (const auto* name : {"a", "b", "c"})
    want(order(name), after(1s));
  EXPECT_THAT(due(after(1s)), ElementsAre("a"));
}

TEST_F(Evictions, BeyondTheBoundNoMoreAreTakenUntilSomeAreNotWantedAnyMore) {
  evictor_ = Evictor(EvictOptions{.most_kept = 2});
  want(order("a"), after(0s));
  want(order("b"), after(0s));
  want(order("c"), after(1s));
  EXPECT_EQ(evictor_.open(), 2U);
  want(order("a"), after(15s));
  want(order("c"), after(16s));
  EXPECT_THAT(due(after(16s)), ElementsAre("a", "c"));
}

TEST_F(Evictions, TheNextThatMayBeDueIsKnown) {
  EXPECT_FALSE(evictor_.next_due());
  want(order("a"), after(0s));
  EXPECT_EQ(evictor_.next_due(), after(0s));
  due(after(0s));
  EXPECT_FALSE(evictor_.next_due()) << "it is on its way";
  answered("a", answer(Kind::kBudget), after(1s));
  EXPECT_EQ(evictor_.next_due(), after(3s));
  want(order("a"), after(3s));
  due(after(3s));
  answered("a", answer(Kind::kBudget, 2h), after(4s));
  EXPECT_EQ(evictor_.next_due(), after(18s) + model::Duration(1)) << "it lapses then";
}

TEST_F(Evictions, AnAnswerThatNobodyWaitsForHasNoEffect) {
  answered("a", answer(Kind::kTaken), after(0s));
  want(order("a"), after(0s));
  answered("a", answer(Kind::kTaken), after(0s));
  EXPECT_THAT(evictor_.take_changes(), IsEmpty());
  EXPECT_EQ(evictor_.open(), 1U);
}

TEST_F(Evictions, WhatTheServerSaysFitsAVerdict) {
  want(order("a"), after(0s));
  due(after(0s));
  auto long_winded = answer(Kind::kRefused);
  long_winded.why = std::string(100'000, 'x') + "\n";
  answered("a", long_winded, after(0s));
  EXPECT_TRUE(model::validate(model::EvictionAnswer{model::Epoch(1), {change().verdict}}).ok());
}

}  // namespace
}  // namespace tideline::evict
