#include "coordinator/fleet/fleet_view.h"

#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/fleet/clock_book.h"

namespace tideline::fleet {
namespace {

using model::Bytes;
using model::Incarnation;
using model::MilliCpu;
using model::MonoTime;
using model::NodeName;
using model::PolicyVersion;
using model::Reason;
using model::Report;
using model::Seq;
using model::WallTime;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// True time since an epoch of the test. Node and receiver read it through clocks of their own.
Arrival receiver(model::Duration since) {
  return {.mono = MonoTime{hours(1).count()} + since, .wall = WallTime{1'700'000'000'000 + since.count() / 1'000'000}};
}

struct Sender {
  std::string name = "n";
  std::uint64_t incarnation = 1;
  std::string boot = "boot-1";
  model::Duration wall_error{0};  // its wall clock minus the true time
  model::Duration booted{-hours(5)};

  Report report(std::uint64_t seq, model::Duration end) const {
    Report report;
    report.node = NodeName(name);
    report.incarnation = Incarnation(incarnation);
    report.seq = Seq(seq);
    report.mono = MonoTime{(end - booted).count()};
    report.wall = receiver(end + wall_error).wall;
    report.window = seconds(10);
    report.status.boot_id = boot;
    report.status.cpu_capacity = MilliCpu(32'000);
    model::NodeSample sample;
    sample.at = report.mono;
    sample.wall = report.wall;
    sample.window = seconds(10);
    sample.node_cpu = MilliCpu(5'000);
    sample.system_cpu = MilliCpu(1'000);
    sample.node_memory = Bytes(10'000);
    report.samples = {sample};
    return report;
  }
};

Report with(Report report, const std::function<void(Report&)>& change) {
  change(report);
  return report;
}

Report backfill(Report report) {
  report.lane = model::Lane::kBackfill;
  return report;
}

model::PodSummary pod(const std::string& uid, std::optional<std::int64_t> cpu, std::optional<std::int64_t> memory) {
  model::PodSummary summary;
  summary.pod.uid = model::PodUid(uid);
  if (cpu) summary.cpu_milli = model::Spread{*cpu, *cpu, *cpu};
  if (memory) summary.memory_bytes = model::Spread{*memory, *memory, *memory};
  return summary;
}

Intake take(FleetView& fleet, const Report& report, model::Duration arrival) {
  const auto intake = fleet.intake(report, receiver(arrival));
  EXPECT_TRUE(intake.ok());
  return intake.value_or({});
}

/// History's clocks learn from it, too.
Intake take(FleetView& fleet, ClockBook& clocks, const Report& report, model::Duration arrival) {
  clocks.learn(report, receiver(arrival));
  return take(fleet, report, arrival);
}

std::vector<Reason> reasons(const std::vector<model::Event>& events) {
  std::vector<Reason> result;
  for (const auto& event : events)
    result.push_back(event.reason);
  return result;
}

NodeView view(const FleetView& fleet, model::Duration now, const std::string& name = "n") {
  return fleet.node(NodeName(name), receiver(now).mono).value_or(NodeView{});
}

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
  EXPECT_EQ(node.status, std::nullopt);
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
  EXPECT_EQ(node.status, std::nullopt);
  EXPECT_EQ(view(fleet, minutes(5)).liveness, Liveness::kLate);
  EXPECT_EQ(view(fleet, minutes(5) + milliseconds(1)).liveness, Liveness::kGone);
  EXPECT_EQ(fleet.liveness(n, receiver(minutes(6)).mono), Liveness::kGone);
  EXPECT_THAT(fleet.summary(receiver(seconds(1)).mono).nodes, ElementsAre(0u, 0u, 1u, 0u));
  EXPECT_THAT(fleet.summary(receiver(minutes(6)).mono).nodes, ElementsAre(0u, 0u, 0u, 1u));
  EXPECT_FALSE(fleet.knows_host(n));
  EXPECT_EQ(fleet.usage(n), std::nullopt) << "nothing is sold from memory";
  EXPECT_THAT(fleet.pods(NodeName()), IsEmpty());
  EXPECT_EQ(fleet.label(n, "zone"), "");
  EXPECT_EQ(fleet.newest_reports(n).at(0).second, nullptr);
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
  EXPECT_EQ(node.status, newer.status);
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

TEST(Clock, TheOffsetIsWhatTheFastestReportShows) {
  FleetView fleet;
  const Sender fast{.wall_error = milliseconds(500)};
  take(fleet, fast.report(1, seconds(0)), milliseconds(80));
  take(fleet, fast.report(2, seconds(10)), seconds(10) + milliseconds(2));
  take(fleet, fast.report(3, seconds(20)), seconds(20) + milliseconds(900));
  EXPECT_EQ(view(fleet, seconds(21)).clock_offset, milliseconds(498));
}

TEST(Clock, AStepOfTheNodesWallClockIsSeenAtOnceAndMisplacesNoBackfill) {
  FleetView fleet;
  ClockBook clocks;
  Sender sender;
  take(fleet, clocks, sender.report(1, seconds(0)), seconds(0));
  const Report before = backfill(sender.report(2, seconds(10)));
  sender.wall_error = -hours(1);
  const Report after = backfill(sender.report(3, seconds(20)));
  take(fleet, clocks, sender.report(90, seconds(600)), seconds(600));
  EXPECT_EQ(view(fleet, seconds(600)).clock_offset, -hours(1));
  // Both were held for minutes; each is corrected by the offset of its own moment.
  EXPECT_EQ(clocks.offset(before, receiver(seconds(601))), seconds(0));
  EXPECT_EQ(clocks.offset(after, receiver(seconds(601))), -hours(1));
}

TEST(Clock, AReceiverThatSteppedIsFollowedAtOnce) {
  ClockBook clocks;
  const Sender sender;
  clocks.learn(sender.report(1, seconds(0)), receiver(seconds(0)));
  Arrival stepped = receiver(seconds(10));
  stepped.wall.ms += 30'000;
  EXPECT_EQ(clocks.offset(sender.report(2, seconds(10)), stepped), -seconds(30));
}

TEST(Clock, AnUnknownNodeIsMeasuredWhenLiveAndTrustedWhenNot) {
  const ClockBook clocks;
  const Sender fast{.wall_error = seconds(5)};
  EXPECT_EQ(clocks.offset(fast.report(1, seconds(0)), receiver(seconds(1))), seconds(4));
  EXPECT_EQ(clocks.offset(backfill(fast.report(1, seconds(0))), receiver(hours(9))), seconds(0));
}

TEST(Clock, IsLearntOfLiveReportsAndOfNodesThatAreKept) {
  ClockBook clocks;
  const Sender fast{.wall_error = seconds(5)};
  const Sender other{.name = "other", .wall_error = seconds(7)};
  const Report asked = backfill(fast.report(9, seconds(5)));
  clocks.learn(backfill(fast.report(1, seconds(0))), receiver(seconds(10)));
  EXPECT_EQ(clocks.size(), 0u) << "what lay in a spool says nothing of now";
  clocks.learn(fast.report(2, seconds(10)), receiver(seconds(10)));
  clocks.learn(other.report(1, seconds(10)), receiver(seconds(10)));
  EXPECT_EQ(clocks.offset(asked, receiver(seconds(20))), seconds(5));
  clocks.keep_only({NodeName("m"), NodeName("other")});
  EXPECT_EQ(clocks.size(), 1u);
  EXPECT_EQ(clocks.offset(asked, receiver(seconds(20))), seconds(0));
}

TEST(Clock, AnotherBootStartsAnew) {
  FleetView fleet;
  ClockBook clocks;
  const Sender first{.wall_error = seconds(5)};
  const Sender second{.boot = "boot-2", .booted = seconds(100)};
  take(fleet, clocks, first.report(1, seconds(0)), seconds(0));
  take(fleet, clocks, second.report(2, seconds(200)), seconds(200));
  EXPECT_EQ(view(fleet, seconds(200)).clock_offset, seconds(0));
  // Of the first boot nothing is known any more but the offset the node has now.
  EXPECT_EQ(clocks.offset(backfill(first.report(3, seconds(10))), receiver(seconds(210))), seconds(0));
}

TEST(Clock, ASuspendedNodeIsNotTakenForALateOne) {
  FleetView fleet;
  ClockBook clocks;
  Sender sender;
  for (std::uint64_t seq = 1; seq <= 20; ++seq)
    take(fleet, clocks, sender.report(seq, seconds(10 * seq)), seconds(10 * seq));
  sender.booted += hours(2);  // CLOCK_MONOTONIC stood still for two hours
  const Report first = sender.report(21, hours(3));
  EXPECT_EQ(clocks.offset(first, receiver(hours(3))), seconds(0));
  EXPECT_THAT(take(fleet, clocks, first, hours(3)).events, IsEmpty());
  EXPECT_EQ(view(fleet, hours(3)).clock_offset, seconds(0));
  take(fleet, sender.report(22, hours(3) + seconds(10)), hours(3) + seconds(12));
  EXPECT_EQ(view(fleet, hours(3)).clock_offset, seconds(0)) << "and its next delay is seen again";
}

TEST(Clock, SkewIsToldOncePerEpisode) {
  FleetView fleet;
  Sender sender{.wall_error = milliseconds(1'900)};
  std::uint64_t seq = 0;
  const auto next = [&] {
    ++seq;
    return take(fleet, sender.report(seq, seconds(seq)), seconds(seq)).events;
  };
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = -milliseconds(2'100);
  const auto told = next();
  ASSERT_THAT(reasons(told), ElementsAre(Reason::kClockSkew));
  EXPECT_EQ(told[0].subject, "n");
  EXPECT_EQ(told[0].new_value, "-2.100 s");
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = milliseconds(1'500);
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = milliseconds(2'500);
  EXPECT_THAT(next(), IsEmpty()) << "1.5 s did not end the episode";
  sender.wall_error = milliseconds(900);
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = milliseconds(2'500);
  EXPECT_THAT(reasons(next()), ElementsAre(Reason::kClockSkew));
}

TEST(Clock, HostileStampsStayFinite) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.wall = WallTime{253'402'300'799'000};
  report.mono = MonoTime{INT64_MAX};
  EXPECT_THAT(reasons(take(fleet, report, seconds(0)).events), ElementsAre(Reason::kClockSkew));
  report.seq = Seq(2);
  report.mono = MonoTime{0};
  report.wall = WallTime{0};
  take(fleet, report, seconds(1));
  EXPECT_LT(*view(fleet, seconds(1)).clock_offset, seconds(0));
}

TEST(Usage, IsTheAverageOverTheAggregateDuration) {
  FleetView fleet;
  const Sender sender;
  std::uint64_t seq = 0;
  const auto run = [&](model::Duration from, model::Duration to, std::int64_t cpu) {
    for (auto t = from; t < to; t += seconds(10)) {
      auto report = sender.report(++seq, t);
      report.samples[0].node_cpu = MilliCpu(cpu);
      report.samples[0].system_cpu = MilliCpu(cpu / 10);
      report.pods = {pod("a", cpu / 2, cpu)};
      take(fleet, report, t);
    }
  };
  run(seconds(0), seconds(600), 20'000);
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(20'000));
  run(seconds(600), seconds(750), 10'000);
  const auto half = *fleet.usage(NodeName("n"));
  EXPECT_EQ(half.node_cpu, MilliCpu(15'000));
  EXPECT_EQ(half.system_cpu, MilliCpu(1'500));
  EXPECT_EQ(half.pods.at(0).cpu, MilliCpu(7'500));
  EXPECT_EQ(half.pods.at(0).memory, Bytes(15'000));
  EXPECT_EQ(fleet.pods(NodeName("n")).at(0).cpu_average, MilliCpu(7'500));
  run(seconds(750), seconds(900), 10'000);
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(10'000)) << "older than 300 s has no weight";
}

TEST(Usage, WeighsSamplesByTheirWindow) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.samples.push_back(report.samples[0]);
  report.samples[0].window = seconds(9);
  report.samples[0].node_cpu = MilliCpu(1'000);
  report.samples[1].window = seconds(1);
  report.samples[1].node_cpu = MilliCpu(11'000);
  take(fleet, report, seconds(0));
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(2'000));
}

TEST(Usage, WhatIsNotKnownStaysUnknown) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.samples[0].system_cpu = std::nullopt;
  report.samples[0].node_memory = std::nullopt;
  report.pods = {pod("a", std::nullopt, 5)};
  take(fleet, report, seconds(0));
  const auto usage = *fleet.usage(NodeName("n"));
  EXPECT_EQ(usage.node_cpu, MilliCpu(5'000));
  EXPECT_EQ(usage.system_cpu, std::nullopt);
  EXPECT_EQ(usage.node_memory, std::nullopt);
  EXPECT_EQ(usage.system_memory, std::nullopt);
  EXPECT_EQ(usage.pods.at(0).cpu, std::nullopt);
  EXPECT_EQ(usage.pods.at(0).memory, Bytes(5));
}

TEST(Usage, AValueThatStoppedBeingKnownAgesOut) {
  FleetView fleet;
  const Sender sender;
  take(fleet, sender.report(1, seconds(0)), seconds(0));
  const auto blind = [](Report& report) { report.samples[0].system_cpu = std::nullopt; };
  take(fleet, with(sender.report(2, seconds(200)), blind), seconds(200));
  EXPECT_EQ(fleet.usage(NodeName("n"))->system_cpu, MilliCpu(1'000));
  take(fleet, with(sender.report(3, seconds(400)), blind), seconds(400));
  EXPECT_EQ(fleet.usage(NodeName("n"))->system_cpu, std::nullopt);
}

TEST(Usage, SystemMemoryIsWhatNoPodIsKnownToUse) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.pods = {pod("a", 1, 3'000), pod("b", 1, std::nullopt)};
  take(fleet, report, seconds(0));
  EXPECT_EQ(fleet.usage(NodeName("n"))->system_memory, Bytes(7'000));
  report.seq = Seq(2);
  report.pods = {pod("a", 1, 30'000)};
  FleetView other;
  take(other, report, seconds(0));
  EXPECT_EQ(other.usage(NodeName("n"))->system_memory, Bytes(0));
}

model::HostApplicationSummary application(const std::string& name, std::optional<std::int64_t> cpu,
                                          std::optional<std::int64_t> memory) {
  model::HostApplicationSummary summary;
  summary.name = name;
  summary.state = cpu ? model::ApplicationState::kMeasured : model::ApplicationState::kNotFound;
  if (cpu) summary.cpu_milli = model::Spread{*cpu, *cpu, *cpu};
  if (memory) summary.memory_bytes = model::Spread{*memory, *memory, *memory};
  return summary;
}

TEST(Usage, HostApplicationsAreAveragedAndAreNotTheSystems) {
  FleetView fleet;
  const Sender node;
  for (int i = 0; i < 2; ++i) {
    take(fleet,
         with(node.report(static_cast<std::uint64_t>(i) + 1, seconds(10 * i)),
              [&](Report& report) {
                report.pods = {pod("a", 100, 2'000)};
                report.applications = {application("nginx", 100 + 200 * i, 3'000),
                                       application("redis", std::nullopt, std::nullopt)};
              }),
         seconds(10 * i));
  }
  const auto usage = fleet.usage(NodeName("n")).value_or(NodeUsage{});
  ASSERT_THAT(usage.applications, SizeIs(2));
  EXPECT_EQ(usage.applications[0].cpu, MilliCpu(200));
  EXPECT_EQ(usage.applications[0].memory, Bytes(3'000));
  EXPECT_TRUE(usage.applications[0].listed);
  EXPECT_EQ(usage.applications[1].state, model::ApplicationState::kNotFound);
  EXPECT_EQ(usage.applications[1].cpu, std::nullopt);
  EXPECT_EQ(usage.system_memory, Bytes(10'000 - 2'000 - 3'000));
}

TEST(Usage, AHostApplicationThatIsNoLongerToldOfCountsUntilItsAverageRanOut) {
  FleetView fleet;
  const Sender node;
  take(fleet,
       with(node.report(1, seconds(0)),
            [](Report& report) { report.applications = {application("nginx", 100, 3'000)}; }),
       seconds(0));
  take(fleet, node.report(2, seconds(10)), seconds(10));
  const auto usage = fleet.usage(NodeName("n")).value_or(NodeUsage{});
  ASSERT_THAT(usage.applications, SizeIs(1));
  EXPECT_FALSE(usage.applications[0].listed);
  EXPECT_EQ(usage.applications[0].cpu, MilliCpu(100));
  take(fleet, node.report(3, minutes(10)), minutes(10));
  EXPECT_THAT(fleet.usage(NodeName("n"))->applications, IsEmpty());
}

TEST(Usage, HostApplicationsThatAlwaysHaveAnotherNameDoNotPileUp) {
  FleetView fleet;
  const Sender node;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    take(fleet,
         with(node.report(i, seconds(i)),
              [&](Report& report) {
                for (int k = 0; k < 64; ++k)
                  report.applications.push_back(application(std::to_string(i) + "-" + std::to_string(k), 1, 1));
              }),
         seconds(i));
  }
  EXPECT_THAT(fleet.usage(NodeName("n"))->applications, SizeIs(128));
}

model::ZoneUse zone(int id, std::optional<std::int64_t> cpu, std::optional<std::int64_t> be_cpu) {
  model::ZoneUse use;
  use.id = id;
  use.cpu_capacity = MilliCpu(16'000);
  use.memory_capacity = Bytes(1'000 * (id + 1));
  if (cpu) use.cpu_used = MilliCpu(*cpu);
  if (be_cpu) use.be_cpu = MilliCpu(*be_cpu);
  use.memory_used = Bytes(500);
  use.be_memory = Bytes(600);
  return use;
}

Report zoned(Report report, std::vector<model::ZoneUse> zones) {
  report.status.zones = 2;
  report.zones = std::move(zones);
  return report;
}

TEST(Usage, ZonesAreAveragedWithBestEffortTakenOffWhereItIsToldApart) {
  FleetView fleet;
  const Sender node;
  take(fleet, zoned(node.report(1, seconds(0)), {zone(0, 4'000, 1'000), zone(1, 2'000, std::nullopt)}), seconds(0));
  auto bound = zone(0, 5'000, std::nullopt);
  bound.cpu_bound_idle = MilliCpu(200);
  take(fleet, zoned(node.report(2, seconds(10)), {bound, zone(1, std::nullopt, 7)}), seconds(10));
  const auto usage = fleet.usage(NodeName("n")).value_or(NodeUsage{});
  EXPECT_EQ(usage.zone_count, 2);
  ASSERT_THAT(usage.zones, SizeIs(2));
  EXPECT_EQ(usage.zones[0].cpu_others, MilliCpu((3'000 + 5'200) / 2)) << "what is not told apart is others'";
  EXPECT_EQ(usage.zones[0].cpu_be, MilliCpu(1'000));
  EXPECT_EQ(usage.zones[0].memory_others, Bytes(0)) << "never below 0";
  EXPECT_EQ(usage.zones[1].cpu_others, MilliCpu(2'000));
  EXPECT_EQ(usage.zones[1].memory_capacity, Bytes(2'000));
}

TEST(Usage, ZonesStayWhereAReportTellsOfNoneAndGoWithTheirAverages) {
  FleetView fleet;
  const Sender node;
  take(fleet, zoned(node.report(1, seconds(0)), {zone(0, 4'000, 0), zone(1, 2'000, 0)}), seconds(0));
  take(fleet, zoned(node.report(2, seconds(10)), {}), seconds(10));
  EXPECT_EQ(fleet.usage(NodeName("n"))->zones.at(0).cpu_others, MilliCpu(4'000));
  take(fleet, zoned(node.report(3, minutes(10)), {}), minutes(10));
  EXPECT_EQ(fleet.usage(NodeName("n"))->zones.at(0).cpu_others, std::nullopt) << "too old to say anything";
  take(fleet, zoned(node.report(4, minutes(11)), {zone(0, 9, 0), zone(3, 9, 0)}), minutes(11));
  EXPECT_EQ(fleet.usage(NodeName("n"))->zones.at(1).id, 3) << "other zones begin anew";
  take(fleet, with(node.report(5, minutes(12)), [](Report& report) { report.status.zones = 1; }), minutes(12));
  EXPECT_THAT(fleet.usage(NodeName("n"))->zones, IsEmpty());
}

TEST(Usage, ZonesGoWhereANodeNoLongerSaysHowManyItHas) {
  FleetView fleet;
  const Sender node;
  take(fleet, zoned(node.report(1, seconds(0)), {zone(0, 4'000, 0), zone(1, 2'000, 0)}), seconds(0));
  take(fleet, node.report(2, seconds(10)), seconds(10));
  EXPECT_THAT(fleet.usage(NodeName("n"))->zones, IsEmpty()) << "an older agent";
}

TEST(Usage, APodKeepsItsAverageWhereverItIsListed) {
  FleetView fleet;
  const Sender sender;
  const auto pods = [](std::vector<model::PodSummary> list) { return [list](Report& report) { report.pods = list; }; };
  take(fleet, with(sender.report(1, seconds(0)), pods({pod("a", 100, 1), pod("b", 900, 1)})), seconds(0));
  take(fleet, with(sender.report(2, seconds(10)), pods({pod("b", 700, 1), pod("c", 5, 1), pod("a", 300, 1)})),
       seconds(10));
  take(fleet, with(sender.report(3, seconds(20)), pods({pod("b", 800, 1), pod("c", 7, 1), pod("a", 200, 1)})),
       seconds(20));
  const auto usage = *fleet.usage(NodeName("n"));
  ASSERT_THAT(usage.pods, SizeIs(3));
  EXPECT_EQ(usage.pods[0].uid, model::PodUid("b"));
  EXPECT_EQ(usage.pods[0].cpu, MilliCpu(800));
  EXPECT_EQ(usage.pods[1].cpu, MilliCpu(6));
  EXPECT_EQ(usage.pods[2].cpu, MilliCpu(200));
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

TEST(Reports, TheNewestOfEachNodeIsGivenAndNoneBeforeTheFirst) {
  FleetView fleet;
  ASSERT_TRUE(fleet.connected(NodeName("early"), receiver(seconds(0))).ok());
  take(fleet, Sender{}.report(1, seconds(0)), seconds(0));
  take(fleet, Sender{}.report(2, seconds(10)), seconds(10));
  const auto all = fleet.newest_reports(NodeName());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].first, NodeName("early"));
  EXPECT_EQ(all[0].second, nullptr);
  ASSERT_NE(all[1].second, nullptr);
  EXPECT_EQ(all[1].second->seq, Seq(2));
  EXPECT_THAT(fleet.newest_reports(NodeName("n")), SizeIs(1));
  EXPECT_THAT(fleet.newest_reports(NodeName("nobody")), SizeIs(0));
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
}  // namespace tideline::fleet
