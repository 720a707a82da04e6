#include "node-actor/fleet/simulated_node.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "test/support/temp_dir.h"

namespace tideline::rehearsal::simulated_node_test {
namespace {

using model::Duration;
using model::Lane;
using model::MonoTime;
using model::Seq;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::int64_t kWallMs = 1'790'000'000'000;

model::NodePolicy policy_of(int percent, std::uint64_t epoch = 1) {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(static_cast<std::uint64_t>(percent));
  policy.epoch = model::Epoch(epoch);
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  policy.threshold.cpu_suppress_threshold_percent = percent;
  return policy;
}

/// A node of its own seed in virtual time, and a coordinator that takes whatever is sent.
struct World {
  explicit World(const std::string& name = "sim-00001") {
    NodeOptions options;
    options.name = model::NodeName(name);
    options.state_dir = dir.str() + "/spool";
    options.boot_id = "boot";
    options.report_interval = seconds(5);
    auto opened = SimulatedNode::open(options, simulation::Workload(options.name, 1, options.shape), now, wall());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message());
    if (opened) node = *std::move(opened);
  }

  model::WallTime wall() const { return {kWallMs + (now - begun).count() / 1'000'000}; }
  void connect() { node->connected(Seq(0), model::Epoch(1)); }

  /// Seconds of one round each; what can be sent is acked within them.
  void run(int count) {
    for (int i = 0; i < count; ++i) {
      now = now + seconds(1);
      const auto progress = node->advance(now, wall());
      made += progress.reports;
      EXPECT_FALSE(progress.lost) << progress.lost->message();
      while (auto report = node->to_send(now)) {
        const auto valid = model::validate(*report);
        EXPECT_TRUE(valid) << valid.error().message();
        sent.push_back(*report);
        EXPECT_TRUE(node->acked(report->seq, now));
      }
    }
  }

  const test::TempDir dir;
  const MonoTime begun{1'000'000'000'000};
  MonoTime now = begun;
  std::unique_ptr<SimulatedNode> node;
  std::vector<model::Report> sent;
  std::size_t made = 0;
};

TEST(SimulatedNode, ReportsAtItsIntervalNumberedWithoutHoles) {
  World world;
  world.connect();
  world.run(31);
  ASSERT_GE(world.sent.size(), 6u);
  EXPECT_EQ(world.sent.size(), world.made);
  for (std::size_t i = 0; i < world.sent.size(); ++i) {
    const auto& report = world.sent[i];
    EXPECT_EQ(report.seq, Seq(i + 1));
    EXPECT_EQ(report.lane, Lane::kLive);
    EXPECT_EQ(report.pods.size(), 30u);
  }
  EXPECT_EQ(world.sent.back().samples.size(), 5u);
  EXPECT_EQ(world.node->spooled(), 0u);
}

TEST(SimulatedNode, APolicyIsAnsweredAndHoldsBatch) {
  World world;
  world.connect();
  world.node->take_policy(policy_of(95), world.now);
  const auto answers = world.node->take_answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].policy, model::PolicyVersion(95));
  EXPECT_EQ(answers[0].problem, "");
  world.run(20);
  ASSERT_TRUE(world.node->be_limit());
  const auto before = *world.node->be_limit();
  world.node->take_policy(policy_of(70), world.now);
  world.run(20);
  EXPECT_LT(*world.node->be_limit(), before);
  EXPECT_EQ(world.sent.back().status.policy_applied, model::PolicyVersion(70));
  const auto told = std::any_of(world.sent.begin(), world.sent.end(), [](const model::Report& report) {
    return std::any_of(report.events.begin(), report.events.end(),
                       [](const model::Event& event) { return event.subject == "kubepods/besteffort/cpu.max"; });
  });
  EXPECT_TRUE(told);
}

TEST(SimulatedNode, APolicyOfAnOlderCoordinatorIsRefused) {
  World world;
  world.connect();
  world.node->take_policy(policy_of(60, 5), world.now);
  world.node->take_policy(policy_of(40, 4), world.now);
  const auto answers = world.node->take_answers();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_THAT(answers[1].problem, HasSubstr("epoch 4 is older than epoch 5"));
}

TEST(SimulatedNode, WithoutASessionReportsWaitAndGoOutTheNewestFirstAsNews) {
  World world;
  world.run(60);
  const auto waiting = world.node->spooled();
  ASSERT_GE(waiting, 10u);
  EXPECT_TRUE(world.sent.empty());
  world.connect();
  world.run(2);
  ASSERT_GE(world.sent.size(), waiting);
  EXPECT_EQ(world.node->spooled(), 0u);
  EXPECT_EQ(world.sent.front().lane, Lane::kLive);
  EXPECT_EQ(world.sent.at(1).lane, Lane::kBackfill);
  EXPECT_EQ(world.sent.at(1).seq, Seq(1));
  std::vector<std::uint64_t> seqs;
  for (const auto& report : world.sent)
    seqs.push_back(report.seq.value());
  std::sort(seqs.begin(), seqs.end());
  for (std::size_t i = 0; i < seqs.size(); ++i)
    EXPECT_EQ(seqs[i], i + 1);
}

TEST(SimulatedNode, AKilledAgentComesBackWithItsIncarnationItsReportsAndItsPolicy) {
  World world;
  world.connect();
  world.node->take_policy(policy_of(60), world.now);
  world.run(11);
  world.node->disconnected();
  world.run(10);
  const auto incarnation = world.node->incarnation();
  const auto waiting = world.node->spooled();
  ASSERT_GE(waiting, 2u);
  const auto held = world.node->be_limit();
  ASSERT_TRUE(held);
  world.node->kill_agent();
  EXPECT_FALSE(world.node->agent_runs());
  world.run(10);
  EXPECT_EQ(world.node->be_limit(), held) << "nobody is there to put it back";
  EXPECT_EQ(world.node->spooled(), 0u) << "nor to know of its reports";
  ASSERT_TRUE(world.node->start_agent(world.wall()));
  EXPECT_FALSE(world.node->be_limit()) << "the start puts it back";
  EXPECT_EQ(world.node->incarnation(), incarnation);
  EXPECT_EQ(world.node->spooled(), waiting);
  world.connect();
  world.run(10);
  EXPECT_EQ(world.node->spooled(), 0u);
  EXPECT_TRUE(world.node->be_limit()) << "its policy is still in force";
  std::vector<std::uint64_t> seqs;
  for (const auto& report : world.sent) {
    EXPECT_EQ(report.gap_reports, 0u);
    seqs.push_back(report.seq.value());
  }
  std::sort(seqs.begin(), seqs.end());
  for (std::size_t i = 0; i < seqs.size(); ++i)
    EXPECT_EQ(seqs[i], i + 1) << "none lost, none twice";
}

TEST(SimulatedNode, APowerLossBeginsANewIncarnationAndCountsWhatWasNotSent) {
  World world;
  world.connect();
  world.run(11);
  world.node->disconnected();
  world.run(20);
  const auto incarnation = world.node->incarnation();
  const auto boot_id = world.sent.back().status.boot_id;
  const auto waiting = world.node->spooled();
  ASSERT_GE(waiting, 3u);
  world.node->cut_power();
  EXPECT_FALSE(world.node->is_on());
  world.run(10);
  world.node->boot(world.now);
  ASSERT_TRUE(world.node->start_agent(world.wall()));
  EXPECT_NE(world.node->incarnation(), incarnation);
  EXPECT_EQ(world.node->spooled(), 0u);
  EXPECT_EQ(world.node->dropped(), waiting);
  world.sent.clear();
  world.connect();
  world.run(6);
  ASSERT_FALSE(world.sent.empty());
  EXPECT_EQ(world.sent.front().seq, Seq(1));
  EXPECT_EQ(world.sent.front().gap_reports, waiting);
  EXPECT_NE(world.sent.front().status.boot_id, boot_id);
}

TEST(SimulatedNode, ASkewedClockIsInReportsSamplesAndEventsAndNowhereElse) {
  World world;
  ASSERT_TRUE(world.node->suffer({.clock_offset = -seconds(30)}, world.now, world.wall()));
  world.connect();
  world.node->take_policy(policy_of(60), world.now);
  world.run(11);
  ASSERT_FALSE(world.sent.empty());
  const auto& report = world.sent.back();
  EXPECT_EQ(report.wall.ms, kWallMs + (report.mono - world.begun).count() / 1'000'000 - 30'000);
  EXPECT_EQ(report.samples.back().wall.ms,
            kWallMs + (report.samples.back().at - world.begun).count() / 1'000'000 - 30'000);
  for (const auto& each : world.sent) {
    for (const auto& event : each.events)
      EXPECT_LT(event.at.ms, kWallMs);
  }
  EXPECT_EQ(report.lane, Lane::kLive);
}

TEST(SimulatedNode, ASlowDiskDelaysReportAckAndPolicy) {
  World world;
  world.connect();
  world.run(1);
  const auto before = world.sent.size();
  ASSERT_TRUE(world.node->suffer({.disk_delay = seconds(4)}, world.now, world.wall()));
  world.node->take_policy(policy_of(60), world.now);
  world.run(3);
  EXPECT_TRUE(world.node->take_answers().empty());
  world.run(1);
  EXPECT_EQ(world.node->take_answers().size(), 1u);
  world.run(8);
  ASSERT_GT(world.sent.size(), before);
  EXPECT_GE(world.now - world.sent.back().mono, Duration(seconds(4)));
  EXPECT_GE(world.node->spooled(), 1u) << "its ack is not written yet";
  const auto slow = world.sent.size();
  world.run(40);
  EXPECT_GT(world.sent.size(), slow + 2);
  EXPECT_LT(world.sent.size(), slow + 7) << "two writes each, one after the other";
  EXPECT_LE(world.node->spooled(), 2u) << "none piles up: the window grows instead";
}

TEST(SimulatedNode, ASlowDiskDelaysHandsOffAndAKillForgetsWhatWasNotWritten) {
  World world;
  world.connect();
  world.node->take_policy(policy_of(60), world.now);
  world.run(20);
  ASSERT_EQ(world.node->take_answers().size(), 1u);
  ASSERT_TRUE(world.node->be_limit());
  ASSERT_TRUE(world.node->suffer({.disk_delay = seconds(4)}, world.now, world.wall()));
  model::HandsOff release;
  release.release = true;
  release.who = "ann";
  release.reason = "looking around";
  const model::HandsOffOrder released{.number = 7, .epoch = model::Epoch(1), .entries = {release}};
  world.node->take_hands_off(released, world.now, world.wall());
  world.run(3);
  EXPECT_TRUE(world.node->take_answers().empty());
  EXPECT_TRUE(world.node->be_limit()) << "the order is not written yet";
  world.run(1);
  const auto answers = world.node->take_answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].hands_off, 7u);
  EXPECT_EQ(answers[0].problem, "");
  EXPECT_FALSE(world.node->be_limit());

  const model::HandsOffOrder ended{.number = 8, .epoch = model::Epoch(1), .entries = {}};
  world.node->take_hands_off(ended, world.now, world.wall());
  world.node->kill_agent();
  ASSERT_TRUE(world.node->start_agent(world.wall()));
  world.run(20);
  EXPECT_TRUE(world.node->take_answers().empty());
  EXPECT_FALSE(world.node->be_limit()) << "the disk has the release still";
}

TEST(SimulatedNode, ReadsPodsAsOftenAsItIsToldFromTheNextRoundOn) {
  World world;
  world.run(2);
  world.node->set_pod_interval(seconds(5));
  world.run(1);
  ASSERT_TRUE(world.node->sample());
  EXPECT_EQ(world.node->sample()->at, world.now);
  const auto read = world.now;
  world.run(4);
  EXPECT_EQ(world.node->sample()->at, read);
  world.run(1);
  EXPECT_EQ(world.node->sample()->at, world.now);
  EXPECT_EQ(world.node->sample()->window, Duration(seconds(5)));
}

TEST(SimulatedNode, SuffersWhatItIsToldAndComesBack) {
  World world;
  const auto suffer = [&](const simulation::Effects& effects) {
    const auto suffered = world.node->suffer(effects, world.now, world.wall());
    EXPECT_TRUE(suffered) << (suffered ? "" : suffered.error().message());
  };
  suffer({.agent_down = true});
  EXPECT_TRUE(world.node->is_on());
  EXPECT_FALSE(world.node->agent_runs());
  suffer({.host_down = true});
  EXPECT_FALSE(world.node->is_on());
  suffer({.agent_down = true});
  EXPECT_TRUE(world.node->is_on()) << "the host boots, and its agent is killed still";
  EXPECT_FALSE(world.node->agent_runs());
  suffer({});
  EXPECT_TRUE(world.node->agent_runs());
}

TEST(SimulatedNode, AWatchedNodeReportsFasterForAWhile) {
  World world;
  world.connect();
  world.run(6);
  const auto before = world.sent.size();
  world.node->set_pace(seconds(1), seconds(10), world.now);
  world.run(10);
  EXPECT_GE(world.sent.size() - before, 9u);
  const auto after = world.sent.size();
  world.run(10);
  EXPECT_LE(world.sent.size() - after, 3u);
}

TEST(SimulatedNode, NodesThatStartAndConnectTogetherReportApart) {
  World one("sim-00001");
  World other("sim-00002");
  for (World* world : {&one, &other}) {
    world->connect();
    world->run(1);
    EXPECT_EQ(world->sent.size(), 1u) << "the coordinator is told at once who is there";
  }
  ASSERT_TRUE(one.node->next_report() && other.node->next_report());
  EXPECT_NE(*one.node->next_report(), *other.node->next_report());
}

}  // namespace
}  // namespace tideline::rehearsal::simulated_node_test
