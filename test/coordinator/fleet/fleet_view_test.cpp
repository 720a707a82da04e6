#include "coordinator/fleet/fleet_view.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/fleet/sender.h"

namespace tideline::fleet::fleet_view_test {
namespace {

using model::PolicyVersion;
using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Liveness, IsTheAgeOfArrivalWhateverTheSendersClockSays) {
  FleetView fleet;
  const Sender wrong{.wall_error = hours(1000)};
  take(fleet, wrong.report(1, seconds(0)), seconds(0));
  EXPECT_EQ(view(fleet, seconds(30)).liveness, Liveness::kLive);
  EXPECT_EQ(view(fleet, seconds(30)).report_age, seconds(30));
  EXPECT_EQ(view(fleet, seconds(31)).liveness, Liveness::kLate);
  EXPECT_EQ(view(fleet, minutes(5)).liveness, Liveness::kLate);
  EXPECT_EQ(view(fleet, minutes(5) + milliseconds(1)).liveness, Liveness::kGone);
}

TEST(Liveness, IsNeverUntilALiveReportArrives) {
  FleetView fleet;
  ASSERT_TRUE(fleet.connected(NodeName("n"), receiver(seconds(0))).ok());
  take(fleet, backfill(Sender{}.report(1, seconds(0))), seconds(5));
  const auto node = view(fleet, seconds(6));
  EXPECT_EQ(node.liveness, Liveness::kNever);
  EXPECT_EQ(node.report_age, std::nullopt);
  EXPECT_EQ(node.status, nullptr);
  EXPECT_EQ(fleet.usage(NodeName("n")), std::nullopt);
}

TEST(Remembered, IsThereAsLateOrGoneAndNeverAsLive) {
  FleetView fleet;
  const NodeName n("n");
  ASSERT_TRUE(fleet.remember(n, receiver(seconds(0)).mono).ok());
  const auto node = view(fleet, seconds(1));
  EXPECT_EQ(node.liveness, Liveness::kLate) << "how it is now is not known";
  EXPECT_EQ(node.report_age, seconds(1));
  EXPECT_FALSE(node.connected);
  EXPECT_EQ(node.status, nullptr);
  EXPECT_EQ(view(fleet, minutes(5)).liveness, Liveness::kLate);
  EXPECT_EQ(view(fleet, minutes(5) + milliseconds(1)).liveness, Liveness::kGone);
  EXPECT_EQ(fleet.liveness(n, receiver(minutes(6)).mono), Liveness::kGone);
  EXPECT_THAT(fleet.summary(receiver(seconds(1)).mono).nodes, ElementsAre(0u, 0u, 1u, 0u));
  EXPECT_THAT(fleet.summary(receiver(minutes(6)).mono).nodes, ElementsAre(0u, 0u, 0u, 1u));
  EXPECT_FALSE(fleet.knows_host(n));
  EXPECT_EQ(fleet.usage(n), std::nullopt) << "nothing is sold from memory";
  EXPECT_THAT(fleet.pods(NodeName()), IsEmpty());
  EXPECT_EQ(fleet.label(n, "zone"), "");
  EXPECT_EQ(fleet.newest_statuses(n).at(0).second, nullptr);
}

TEST(Remembered, IsLiveFromItsFirstLiveReportOn) {
  FleetView fleet;
  const NodeName n("n");
  ASSERT_TRUE(fleet.remember(n, receiver(seconds(0)).mono).ok());
  ASSERT_TRUE(fleet.connected(n, receiver(seconds(10)), Incarnation(1)).ok());
  take(fleet, backfill(Sender{}.report(1, seconds(0))), seconds(11));
  EXPECT_EQ(view(fleet, seconds(11)).liveness, Liveness::kLate);
  EXPECT_EQ(view(fleet, seconds(11)).report_age, seconds(11));
  EXPECT_TRUE(view(fleet, seconds(11)).connected);
  EXPECT_EQ(take(fleet, Sender{}.report(2, seconds(12)), seconds(12)).outcome, IntakeOutcome::kLive);
  EXPECT_EQ(view(fleet, seconds(13)).liveness, Liveness::kLive);
  EXPECT_EQ(view(fleet, seconds(13)).report_age, seconds(1));
  EXPECT_EQ(view(fleet, seconds(43)).liveness, Liveness::kLate);
  EXPECT_EQ(fleet.usage(n)->node_cpu, MilliCpu(5'000));
}

TEST(Remembered, IsForgottenAsLongAfterItWasHeardAsAnyNode) {
  FleetView fleet(FleetOptions{.forget_after = hours(24)});
  const NodeName n("n");
  ASSERT_TRUE(fleet.remember(n, receiver(-hours(23)).mono).ok());
  EXPECT_THAT(fleet.long_gone(receiver(hours(1)).mono), IsEmpty());
  EXPECT_THAT(fleet.long_gone(receiver(hours(1) + seconds(1)).mono), ElementsAre(n));
  EXPECT_TRUE(fleet.forget(n));
  EXPECT_EQ(fleet.liveness(n, receiver(hours(1)).mono), std::nullopt);
}

TEST(Remembered, ChangesNoNodeThatIsKnownAndNeedsRoomLikeAnother) {
  FleetView fleet(FleetOptions{.max_nodes = 1});
  take(fleet, Sender{}.report(1, seconds(0)), seconds(0));
  EXPECT_TRUE(fleet.remember(NodeName("n"), receiver(-hours(1)).mono).ok());
  EXPECT_EQ(view(fleet, seconds(1)).liveness, Liveness::kLive);
  const auto refused = fleet.remember(NodeName("extra"), receiver(seconds(0)).mono);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kOverloaded);
}

TEST(Intake, ShowsTheNewestLiveReport) {
  FleetView fleet;
  const Sender sender;
  EXPECT_EQ(take(fleet, sender.report(4, seconds(0)), seconds(0)).outcome, IntakeOutcome::kLive);
  auto newer = sender.report(5, seconds(10));
  newer.pods = {pod("a", 100, 200), pod("b", 1, 2)};
  newer.samples[0].node_cpu = MilliCpu(7'000);
  newer.status.policy_applied = PolicyVersion(3);
  EXPECT_EQ(take(fleet, newer, seconds(10)).outcome, IntakeOutcome::kLive);
  const auto node = view(fleet, seconds(11));
  EXPECT_EQ(node.last_seq, Seq(5));
  EXPECT_EQ(node.incarnation, Incarnation(1));
  EXPECT_EQ(node.last->node_cpu, MilliCpu(7'000));
  ASSERT_NE(node.status, nullptr);
  EXPECT_EQ(*node.status, newer.status);
  EXPECT_EQ(node.policy_applied, PolicyVersion(3));
  EXPECT_EQ(node.pod_count, 2u);
  ASSERT_THAT(fleet.pods(NodeName("n")), SizeIs(2));
  EXPECT_EQ(fleet.pods(NodeName("n"))[0].summary, newer.pods[0]);
  EXPECT_EQ(fleet.pods(NodeName(""))[1].summary, newer.pods[1]);
  EXPECT_THAT(fleet.pods(NodeName("other")), IsEmpty());
}

TEST(Intake, TheLsDelayIsTheNewestInTheReport) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.samples.assign(3, report.samples[0]);
  report.samples[0].ls_delay_per_cpu = 0.1;
  report.samples[1].ls_delay_per_cpu = 0.2;
  report.samples[2].ls_delay_per_cpu = std::nullopt;
  report.samples[2].node_cpu = MilliCpu(7'000);
  take(fleet, report, seconds(0));
  EXPECT_EQ(view(fleet, seconds(1)).last->ls_delay_per_cpu, 0.2);
  EXPECT_EQ(view(fleet, seconds(1)).last->node_cpu, MilliCpu(7'000));
}

TEST(Intake, IgnoresOlderNumbersForTheLiveView) {
  FleetView fleet;
  const Sender sender;
  take(fleet, sender.report(5, seconds(10)), seconds(10));
  EXPECT_EQ(take(fleet, sender.report(5, seconds(10)), seconds(20)).outcome, IntakeOutcome::kOld);
  EXPECT_EQ(take(fleet, sender.report(4, seconds(0)), seconds(20)).outcome, IntakeOutcome::kOld);
  EXPECT_EQ(view(fleet, seconds(20)).report_age, seconds(10));
  EXPECT_EQ(view(fleet, seconds(20)).last_seq, Seq(5));
}

TEST(Intake, IgnoresBackfillForTheLiveView) {
  FleetView fleet;
  const Sender sender;
  take(fleet, sender.report(5, seconds(10)), seconds(10));
  auto old = backfill(sender.report(6, seconds(5)));
  old.samples[0].node_cpu = MilliCpu(30'000);
  EXPECT_EQ(take(fleet, old, seconds(20)).outcome, IntakeOutcome::kBackfill);
  EXPECT_EQ(view(fleet, seconds(20)).last_seq, Seq(5));
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(5'000));
}

TEST(Intake, FollowsANewIncarnationAndNotTheOneItLeft) {
  FleetView fleet;
  const Sender before{.incarnation = 900};
  const Sender after{.incarnation = 20};
  take(fleet, before.report(50, seconds(0)), seconds(0));
  EXPECT_EQ(take(fleet, after.report(1, seconds(10)), seconds(10)).outcome, IntakeOutcome::kLive);
  EXPECT_EQ(take(fleet, before.report(51, seconds(11)), seconds(11)).outcome, IntakeOutcome::kOld);
  EXPECT_EQ(view(fleet, seconds(12)).incarnation, Incarnation(20));
  EXPECT_EQ(view(fleet, seconds(12)).last_seq, Seq(1));
}

TEST(Intake, FollowsWhoeverHasTheSessionWhereTwoAgentsTakeTurns) {
  FleetView fleet;
  const Sender first{.incarnation = 900};
  const Sender second{.incarnation = 20};
  take(fleet, first.report(50, seconds(0)), seconds(0));
  EXPECT_EQ(take(fleet, second.report(1, seconds(10)), seconds(10)).outcome, IntakeOutcome::kLive);
  ASSERT_TRUE(fleet.connected(NodeName("n"), receiver(seconds(20)), Incarnation(900)).ok());
  EXPECT_EQ(take(fleet, second.report(2, seconds(11)), seconds(21)).outcome, IntakeOutcome::kOld) << "it took long";
  EXPECT_EQ(take(fleet, first.report(51, seconds(22)), seconds(22)).outcome, IntakeOutcome::kLive);
  EXPECT_EQ(take(fleet, first.report(51, seconds(22)), seconds(22)).outcome, IntakeOutcome::kOld);
  EXPECT_EQ(view(fleet, seconds(23)).incarnation, Incarnation(900));
  ASSERT_TRUE(fleet.disconnected(NodeName("n"), receiver(seconds(30))).ok());
  EXPECT_EQ(take(fleet, second.report(3, seconds(12)), seconds(31)).outcome, IntakeOutcome::kOld);
  ASSERT_TRUE(fleet.connected(NodeName("n"), receiver(seconds(40)), Incarnation(20)).ok());
  EXPECT_EQ(take(fleet, second.report(4, seconds(41)), seconds(41)).outcome, IntakeOutcome::kLive);
  EXPECT_EQ(view(fleet, seconds(42)).last_seq, Seq(4));
}

TEST(Usage, OfAnotherAgentIsNotKnownBeforeItsReport) {
  FleetView fleet;
  const NodeName n("n");
  const Sender first{.incarnation = 900};
  const Sender second{.incarnation = 20, .boot = "boot-2"};
  const auto of_first = with(first.report(50, seconds(0)), [](Report& report) {
    report.pods = {pod("a", 20'000, 3'000)};
    report.applications.resize(1);
    report.applications[0].name = "nginx";
    report.applications[0].cpu_milli = model::Spread{100, 100, 100};
    report.status.zones = 2;
    report.zones.resize(2);
    report.zones[0].cpu_used = MilliCpu(4'000);
    report.zones[1].id = 1;
  });
  take(fleet, of_first, seconds(0));
  ASSERT_TRUE(fleet.connected(n, receiver(seconds(5)), Incarnation(900)).ok());
  EXPECT_TRUE(fleet.knows_host(n)) << "it came back";
  ASSERT_TRUE(fleet.connected(n, receiver(seconds(10)), Incarnation(20)).ok());
  EXPECT_FALSE(fleet.knows_host(n));
  EXPECT_EQ(fleet.usage(n), std::nullopt);
  ASSERT_TRUE(fleet.disconnected(n, receiver(seconds(11))).ok());
  EXPECT_EQ(fleet.usage(n), std::nullopt) << "it may still be what runs";
  ASSERT_TRUE(fleet.connected(n, receiver(seconds(12)), Incarnation(900)).ok());
  EXPECT_EQ(fleet.usage(n), std::nullopt) << "what it is was forgotten";
  take(fleet, with(of_first, [](Report& report) { report.seq = Seq(51); }), seconds(13));
  EXPECT_EQ(fleet.usage(n)->node_cpu, MilliCpu(5'000));

  ASSERT_TRUE(fleet.connected(n, receiver(seconds(20)), Incarnation(20)).ok());
  take(fleet,
       with(second.report(1, seconds(20)),
            [](Report& report) {
              report.samples[0].node_cpu = MilliCpu(9'000);
              report.samples[0].system_cpu = std::nullopt;
              report.samples[0].node_memory = std::nullopt;
              report.pods = {pod("a", 6'000, std::nullopt)};
              report.status.zones = 2;
            }),
       seconds(20));
  const auto usage = fleet.usage(n).value_or(NodeUsage{});
  EXPECT_EQ(usage.node_cpu, MilliCpu(9'000)) << "nothing of the other host is in its averages";
  EXPECT_EQ(usage.system_cpu, std::nullopt);
  EXPECT_EQ(usage.node_memory, std::nullopt);
  EXPECT_EQ(usage.system_memory, std::nullopt);
  ASSERT_THAT(usage.pods, SizeIs(1));
  EXPECT_EQ(usage.pods[0].cpu, MilliCpu(6'000));
  EXPECT_EQ(usage.pods[0].memory, std::nullopt);
  EXPECT_THAT(usage.applications, IsEmpty());
  EXPECT_THAT(usage.zones, IsEmpty());
}

TEST(Usage, OfAnAgentThatOnlyLostItsSpoolGoesOn) {
  FleetView fleet;
  const Sender before{.incarnation = 900};
  const Sender after{.incarnation = 20};
  take(fleet, before.report(1, seconds(0)), seconds(0));
  const auto doubled = [](Report& report) { report.samples[0].node_cpu = MilliCpu(10'000); };
  take(fleet, with(after.report(1, seconds(10)), doubled), seconds(10));
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(7'500));
}

TEST(Intake, CountsGapsOfEveryLaneAndTellsThem) {
  FleetView fleet;
  const Sender sender;
  const auto gap = [](std::uint64_t n) { return [n](Report& report) { report.gap_reports = n; }; };
  EXPECT_THAT(reasons(take(fleet, with(sender.report(9, seconds(0)), gap(3)), seconds(0)).events),
              ElementsAre(Reason::kGap));
  take(fleet, backfill(with(sender.report(2, seconds(0)), gap(4))), seconds(1));
  const auto late = take(fleet, with(sender.report(3, seconds(0)), gap(5)), seconds(2));
  EXPECT_THAT(late.events.at(0).new_value, HasSubstr("5 reports dropped before 3"));
  EXPECT_EQ(view(fleet, seconds(3)).gap_reports, 12u);
  take(fleet, with(sender.report(10, seconds(3)), gap(UINT64_MAX)), seconds(3));
  EXPECT_EQ(view(fleet, seconds(3)).gap_reports, UINT64_MAX);
}

TEST(Intake, ANumberAtTheEndOfAllHoldsUpItsOwnIncarnationOnly) {
  FleetView fleet;
  Sender sender;
  EXPECT_EQ(take(fleet, sender.report(UINT64_MAX, seconds(0)), seconds(0)).outcome, IntakeOutcome::kLive);
  EXPECT_EQ(take(fleet, sender.report(1, seconds(10)), seconds(10)).outcome, IntakeOutcome::kOld);
  EXPECT_EQ(view(fleet, seconds(40)).liveness, Liveness::kLate) << "its offers end";
  sender.incarnation = 2;
  EXPECT_EQ(take(fleet, sender.report(1, seconds(50)), seconds(50)).outcome, IntakeOutcome::kLive);
  EXPECT_EQ(view(fleet, seconds(50)).last_seq, Seq(1));
}

TEST(Intake, RefusesOneNodeTooManyByName) {
  FleetView fleet(FleetOptions{.max_nodes = 1});
  take(fleet, Sender{}.report(1, seconds(0)), seconds(0));
  const auto refused = fleet.intake(Sender{.name = "extra"}.report(1, seconds(0)), receiver(seconds(0)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(refused.error().message(), HasSubstr("extra"));
  EXPECT_FALSE(fleet.connected(NodeName("extra"), receiver(seconds(0))).ok());
  EXPECT_FALSE(fleet.policy_wanted(NodeName("extra"), PolicyVersion(1)).ok());
  EXPECT_EQ(fleet.size(), 1u);
  EXPECT_TRUE(fleet.forget(NodeName("n")));
  EXPECT_TRUE(fleet.connected(NodeName("extra"), receiver(seconds(0))).ok());
}

TEST(Sessions, AreShownAndTold) {
  FleetView fleet;
  const auto in = fleet.connected(NodeName("n"), receiver(seconds(1)));
  EXPECT_EQ(in->reason, Reason::kNodeConnected);
  EXPECT_EQ(in->subject, "n");
  EXPECT_EQ(in->at, receiver(seconds(1)).wall);
  EXPECT_TRUE(view(fleet, seconds(1)).connected);
  EXPECT_FALSE(fleet.forget(NodeName("n"))) << "an open session holds its node";
  EXPECT_EQ(fleet.disconnected(NodeName("n"), receiver(seconds(2)))->reason, Reason::kNodeDisconnected);
  EXPECT_FALSE(view(fleet, seconds(2)).connected);
  EXPECT_TRUE(fleet.forget(NodeName("n")));
  EXPECT_FALSE(fleet.forget(NodeName("n")));
}

TEST(Policy, AProblemStandsUntilItsVersionIsAppliedOrReplaced) {
  FleetView fleet;
  const NodeName n("n");
  ASSERT_TRUE(fleet.policy_wanted(n, PolicyVersion(7)).ok());
  fleet.policy_answered(n, PolicyVersion(7), "cpuSuppressPolicy: cpuset is not supported");
  EXPECT_EQ(view(fleet, seconds(0)).policy_wanted, PolicyVersion(7));
  EXPECT_EQ(view(fleet, seconds(0)).policy_applied, PolicyVersion()) << "a refused version is not in force";
  EXPECT_THAT(view(fleet, seconds(0)).policy_problem, HasSubstr("cpuset"));
  ASSERT_TRUE(fleet.policy_wanted(n, PolicyVersion(7)).ok());
  EXPECT_NE(view(fleet, seconds(0)).policy_problem, "");
  ASSERT_TRUE(fleet.policy_wanted(n, PolicyVersion(8)).ok());
  EXPECT_EQ(view(fleet, seconds(0)).policy_problem, "");

  fleet.policy_answered(n, PolicyVersion(7), "late");
  EXPECT_EQ(view(fleet, seconds(0)).policy_problem, "") << "of a version that is no longer wanted";
  fleet.policy_answered(n, PolicyVersion(8), "again");
  EXPECT_EQ(view(fleet, seconds(0)).policy_problem, "again");
  take(fleet, with(Sender{}.report(1, seconds(0)), [](auto& r) { r.status.policy_applied = PolicyVersion(8); }),
       seconds(0));
  EXPECT_EQ(view(fleet, seconds(0)).policy_applied, PolicyVersion(8));
  EXPECT_EQ(view(fleet, seconds(0)).policy_problem, "");
}

TEST(Policy, WhatAVersionSaysIsKnownOfTheAckAndNotOfTheReport) {
  FleetView fleet;
  const NodeName n("n");
  const model::PolicyContent one(11);
  const model::PolicyContent other(12);
  const auto reported = [&](std::uint64_t seq, std::uint64_t version) {
    take(fleet,
         with(Sender{}.report(seq, seconds(0)), [&](auto& r) { r.status.policy_applied = PolicyVersion(version); }),
         seconds(0));
  };
  ASSERT_TRUE(fleet.policy_wanted(n, PolicyVersion(7), one).ok());
  reported(1, 7);
  EXPECT_EQ(view(fleet, seconds(0)).policy_content, one);
  EXPECT_EQ(view(fleet, seconds(0)).policy_content_applied, model::PolicyContent());
  fleet.policy_answered(n, PolicyVersion(7), "");
  reported(2, 7);
  EXPECT_EQ(view(fleet, seconds(0)).policy_content_applied, one);
  // The same version says something else to a node whose labels changed.
  ASSERT_TRUE(fleet.policy_wanted(n, PolicyVersion(7), other).ok());
  EXPECT_EQ(view(fleet, seconds(0)).policy_content, other);
  EXPECT_EQ(view(fleet, seconds(0)).policy_content_applied, one);
  ASSERT_TRUE(fleet.policy_wanted(n, PolicyVersion(8), one).ok());
  EXPECT_EQ(view(fleet, seconds(0)).policy_content_applied, one) << "behind by version, and yet what is wanted";
  reported(3, 6);
  EXPECT_EQ(view(fleet, seconds(0)).policy_content_applied, model::PolicyContent());
  reported(4, 7);
  EXPECT_EQ(view(fleet, seconds(0)).policy_content_applied, one);
}

TEST(Statuses, TheNewestOfEachNodeIsGivenAndNoneBeforeTheFirst) {
  FleetView fleet;
  ASSERT_TRUE(fleet.connected(NodeName("early"), receiver(seconds(0))).ok());
  take(fleet, Sender{}.report(1, seconds(0)), seconds(0));
  auto report = Sender{}.report(2, seconds(10));
  report.status.kernel_release = "6.2";
  take(fleet, report, seconds(10));
  const auto all = fleet.newest_statuses(NodeName());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].first, NodeName("early"));
  EXPECT_EQ(all[0].second, nullptr);
  ASSERT_NE(all[1].second, nullptr);
  EXPECT_EQ(*all[1].second, report.status);
  EXPECT_THAT(fleet.newest_statuses(NodeName("n")), SizeIs(1));
  EXPECT_THAT(fleet.newest_statuses(NodeName("nobody")), SizeIs(0));
}

TEST(Statuses, StayTheSameObjectForAsLongAsNothingIsNewInThem) {
  FleetView fleet;
  const auto newest = [&fleet] { return fleet.newest_statuses(NodeName("n")).at(0).second; };
  take(fleet, Sender{}.report(1, seconds(0)), seconds(0));
  const auto first = newest();
  take(fleet, Sender{}.report(2, seconds(10)), seconds(10));
  EXPECT_EQ(newest(), first);
  auto report = Sender{}.report(3, seconds(20));
  report.status.policy_applied = PolicyVersion(9);
  take(fleet, report, seconds(20));
  EXPECT_EQ(*newest(), report.status);
  EXPECT_EQ(first->policy_applied, PolicyVersion()) << "whoever holds it has what it was";
}

TEST(PodRows, ShareWhatThePodIsWithTheReportAndFollowTheNewest) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.pods = {pod("a", 1, 1), pod("b", 1, 1)};
  take(fleet, report, seconds(0));
  const auto before = fleet.pods(NodeName("n"));
  ASSERT_THAT(before, SizeIs(2));
  EXPECT_EQ(&*before[1].summary.pod, &*report.pods[1].pod);
  auto next = Sender{}.report(2, seconds(10));
  next.pods = {report.pods[1]};
  next.pods[0].pod.change([](model::Pod& changed) { changed.phase = model::PodPhase::kSucceeded; });
  take(fleet, next, seconds(10));
  const auto after = fleet.pods(NodeName("n"));
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after[0].summary, next.pods[0]);
  EXPECT_EQ(before[1].summary.pod->phase, model::PodPhase::kRunning);
}

TEST(Policy, AnAnswerOfAnUnknownNodeMakesNoNode) {
  FleetView fleet;
  fleet.policy_answered(NodeName("n"), PolicyVersion(1), "x");
  model::Reclaimed reclaimed;
  reclaimed.node = NodeName("n");
  fleet.set_reclaimed(reclaimed, receiver(seconds(0)).mono);
  EXPECT_EQ(fleet.size(), 0u);
}

TEST(View, HoldsTheLedgersResultAndListsNodesByName) {
  FleetView fleet;
  take(fleet, Sender{.name = "b"}.report(1, seconds(0)), seconds(0));
  take(fleet, Sender{.name = "a"}.report(1, seconds(0)), seconds(0));
  model::Reclaimed reclaimed;
  reclaimed.node = NodeName("b");
  reclaimed.cpu.offered = MilliCpu(9);
  reclaimed.data_age = seconds(2);
  fleet.set_reclaimed(reclaimed, receiver(seconds(1)).mono);
  const auto views = fleet.nodes(receiver(seconds(4)).mono);
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_EQ(views[0].name, NodeName("a"));
  EXPECT_EQ(views[0].reclaimed, std::nullopt);
  reclaimed.data_age = seconds(5);
  EXPECT_EQ(views[1].reclaimed, reclaimed) << "its data is three seconds older now";
  take(fleet, Sender{.name = "c"}.report(1, seconds(0)), seconds(0));
  EXPECT_EQ(fleet.names({}, 2), (std::vector<NodeName>{NodeName("a"), NodeName("b")}));
  EXPECT_EQ(fleet.names(NodeName("b"), 2), std::vector<NodeName>{NodeName("c")});
  EXPECT_EQ(fleet.names(NodeName("aa"), 1), std::vector<NodeName>{NodeName("b")}) << "of one that is gone, too";
  EXPECT_THAT(fleet.names(NodeName("c"), 2), SizeIs(0));
  const auto slice = fleet.nodes(receiver(seconds(4)).mono, NodeName("a"), 1);
  ASSERT_THAT(slice, SizeIs(1));
  EXPECT_EQ(slice[0].name, NodeName("b"));
  EXPECT_EQ(slice[0].status, fleet.status(NodeName("b"))) << "shared, not copied";
}

TEST(View, TellsALabelOfTheNewestReport) {
  FleetView fleet;
  const NodeName n("n");
  EXPECT_EQ(fleet.label(n, "zone"), "");
  take(fleet, with(Sender{}.report(1, seconds(0)), [](auto& r) { r.status.labels = {{"zone", "a"}}; }), seconds(0));
  EXPECT_EQ(fleet.label(n, "zone"), "a");
  EXPECT_EQ(fleet.label(n, "pool"), "");
}

/// Whatever the order, the lanes and the repeats: the view is that of the highest live number seen so far.
TEST(Intake, AnyOrderShowsTheHighestLiveNumber) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    FleetView fleet;
    std::uint64_t highest = 0;
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t seq = 1 + random() % 40;
      auto report = Sender{}.report(seq, seconds(seq));
      if (random() % 3 == 0) report.lane = model::Lane::kBackfill;
      const auto outcome = take(fleet, report, seconds(100 + i)).outcome;
      const bool newest = report.lane == model::Lane::kLive && seq > highest;
      ASSERT_EQ(outcome == IntakeOutcome::kLive, newest);
      if (newest) highest = seq;
      ASSERT_EQ(view(fleet, seconds(200)).last_seq, Seq(highest));
    }
  }
}

}  // namespace
}  // namespace tideline::fleet::fleet_view_test
