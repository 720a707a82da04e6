#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "messages/clock/clock.h"
#include "messages/codec/report_bytes.h"
#include "node-actor/actor/link_actor.h"
#include "node-actor/actor/pods_actor.h"
#include "node-actor/actor/policy_file.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::node::actors_test {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

class NodeActors : public testing::Test {
 protected:
  test::TempDir dir_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};

  caf::actor probe() { return caf::actor_cast<caf::actor>(self_); }
  template <class Message>
  std::optional<Message> next() {
    std::optional<Message> got;
    self_->receive([&](const Message& message) { got.emplace(message); }, caf::after(kPatience) >> [] {});
    return got;
  }
  void end(caf::actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    self_->wait_for(actor);
    actor = nullptr;
  }

  spool::Spool open_spool(std::size_t max_reports) const {
    spool::SpoolLimits limits;
    limits.max_reports = max_reports;
    auto opened = spool::Spool::open(dir_.str() + "/spool", limits, "boot");
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  /// A link actor with no link, whose tick actor is the probe.
  caf::actor link(std::size_t max_reports, std::uint64_t seen_epoch = 0) {
    LinkOptions options{model::NodeName("n1"), "boot", dir_.str(), std::chrono::seconds(1), model::Epoch(seen_epoch)};
    auto actor = system_.spawn<LinkActor>(std::move(options), std::make_shared<spool::Spool>(open_spool(max_reports)),
                                          std::make_shared<ClientPort>());
    caf::anon_send(actor, probe());
    return actor;
  }
  static SampleReady sample(model::MonoTime at) {
    SampleReady ready;
    ready.sample.at = at;
    ready.sample.wall = clock::wall_now();
    ready.sample.node_cpu = model::MilliCpu(100);
    ready.pods = std::make_shared<const std::vector<model::Pod>>();
    ready.status.boot_id = "boot";
    model::Event event;
    event.subject = "at " + std::to_string(at.ns);
    ready.events.push_back({event});
    return ready;
  }
  std::vector<model::Report> spooled(std::size_t max_reports) const {
    auto spool = open_spool(max_reports);
    std::vector<model::Report> reports;
    const auto held = spool.peek(model::Seq(1), 1000);
    EXPECT_TRUE(held.ok());
    for (const auto& one : *held) {
      auto report = codec::report_from_bytes(std::as_bytes(std::span(one.bytes)));
      EXPECT_TRUE(report.ok());
      reports.push_back(std::move(*report));
    }
    return reports;
  }
};

TEST_F(NodeActors, ReportsPileUpWithoutALinkAndNoEventIsLost) {
  auto actor = link(100);
  const auto start = clock::mono_now();
  for (int i = 0; i <= 11; ++i)
    caf::anon_send(actor, sample(start + std::chrono::milliseconds(500) * i));
  end(actor);
  const auto reports = spooled(100);
  ASSERT_EQ(reports.size(), 6u) << "one a second, and what is left at the end";
  std::size_t events = 0;
  std::size_t samples = 0;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].seq, model::Seq(i + 1));
    EXPECT_EQ(reports[i].gap_reports, 0u);
    events += reports[i].events.size();
    samples += reports[i].samples.size();
  }
  EXPECT_EQ(samples, 12u);
  EXPECT_EQ(events, 12u);
}

TEST_F(NodeActors, WhatAFullSpoolDropsIsACountedGap) {
  auto actor = link(4);
  const auto start = clock::mono_now();
  for (int i = 0; i <= 10; ++i)
    caf::anon_send(actor, sample(start + std::chrono::seconds(i)));
  end(actor);
  std::uint64_t gaps = 0;
  const auto reports = spooled(4);
  for (const auto& report : reports)
    gaps += report.gap_reports;
  ASSERT_FALSE(reports.empty());
  EXPECT_LE(reports.size(), 4u);
  EXPECT_EQ(reports.back().seq, model::Seq(10));
  EXPECT_GT(gaps, 0u);
}

TEST_F(NodeActors, AckedReportsLeaveTheSpoolAndRefusedOnesOnlyForGood) {
  auto actor = link(100);
  const auto start = clock::mono_now();
  for (int i = 0; i <= 4; ++i)
    caf::anon_send(actor, sample(start + std::chrono::seconds(i)));
  caf::anon_send(actor, ReportRefused{model::Seq(1), model::Error(model::ErrorCode::kInvalidArgument, "never")});
  caf::anon_send(actor, ReportAcked{model::Seq(2)});
  caf::anon_send(actor, ReportRefused{model::Seq(3), model::Error(model::ErrorCode::kUnavailable, "disk full")});
  end(actor);
  std::vector<std::uint64_t> left;
  for (const auto& report : spooled(100))
    left.push_back(report.seq.value());
  EXPECT_THAT(left, testing::ElementsAre(3u, 4u));
}

TEST_F(NodeActors, VerdictsOnEvictionsAreActedOnUnlessAnOlderCoordinatorGaveThem) {
  using Answer = model::EvictionVerdict::Answer;
  auto actor = link(100, 5);
  const auto answer_of = [](std::uint64_t epoch, Answer answer) {
    return EvictionsAnswered{model::EvictionAnswer{
        model::Epoch(epoch),
        {{"boot/f/1/u1/2", answer, model::Reason::kApiEviction, "as it is", std::chrono::seconds(1)}}}};
  };
  caf::anon_send(actor, answer_of(4, Answer::kGranted));
  caf::anon_send(actor, EvictionsAnswered{model::Error(model::ErrorCode::kOverloaded, "asked a moment ago")});
  caf::anon_send(actor, answer_of(5, Answer::kUnderWay));
  caf::anon_send(actor, answer_of(6, Answer::kEvicted));
  for (const auto expected : {Answer::kUnderWay, Answer::kEvicted}) {
    const auto verdicts = next<EvictionVerdicts>();
    ASSERT_TRUE(verdicts);
    ASSERT_EQ(verdicts->answer.verdicts.size(), 1u);
    EXPECT_EQ(verdicts->answer.verdicts[0].answer, expected);
  }
  end(actor);
}

TEST_F(NodeActors, WindowThatTheDiskRefusedTravelsWithTheNextReport) {
  auto actor = link(100);
  const auto start = clock::mono_now();
  {
    // It does not take the report's number either.
    const test::FileSizeLimit nothing(0);
    for (int i = 0; i <= 2; ++i)
      caf::anon_send(actor, sample(start + std::chrono::seconds(i)));
    // Its answer says that the samples were taken.
    caf::anon_send(actor, PolicyArrived{model::NodePolicy{}});
    ASSERT_TRUE(next<PolicyWanted>());
  }
  caf::anon_send(actor, sample(start + std::chrono::seconds(3)));
  end(actor);
  const auto reports = spooled(100);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].seq, model::Seq(1));
  EXPECT_EQ(reports[0].samples.size(), 4u);
  EXPECT_EQ(reports[0].events.size(), 4u);
}

TEST_F(NodeActors, ReportsOfAFullDiskAreMadeInTimeAndFollowOnceItTakesThem) {
  auto actor = link(100);
  std::filesystem::rename(dir_.path() / "spool", dir_.path() / "away");
  const auto start = clock::mono_now();
  for (int i = 0; i <= 2; ++i)
    caf::anon_send(actor, sample(start + std::chrono::seconds(i)));
  caf::anon_send(actor, PolicyArrived{model::NodePolicy{}});
  ASSERT_TRUE(next<PolicyWanted>());
  std::filesystem::rename(dir_.path() / "away", dir_.path() / "spool");
  caf::anon_send(actor, sample(start + std::chrono::seconds(3)));
  end(actor);
  const auto reports = spooled(100);
  EXPECT_GT(reports.size(), 1u);
  std::size_t samples = 0;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].seq, model::Seq(i + 1));
    EXPECT_EQ(reports[i].gap_reports, 0u);
    samples += reports[i].samples.size();
  }
  EXPECT_EQ(samples, 4u);
}

TEST_F(NodeActors, WelcomeForgetsWhatTheCoordinatorHas) {
  auto actor = link(100);
  const auto start = clock::mono_now();
  for (int i = 0; i <= 4; ++i)
    caf::anon_send(actor, sample(start + std::chrono::seconds(i)));
  link::Welcome welcome;
  welcome.acked_through = model::Seq(3);
  caf::anon_send(actor, LinkUp{welcome});
  end(actor);
  const auto reports = spooled(100);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].seq, model::Seq(4));
}

TEST_F(NodeActors, PolicyIsOnDiskBeforeItIsWanted) {
  auto actor = link(100);
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(5);
  policy.epoch = model::Epoch(2);
  caf::anon_send(actor, PolicyArrived{policy});
  const auto wanted = next<PolicyWanted>();
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->policy, policy);
  EXPECT_EQ(*load_policy(dir_.str()), policy);
  end(actor);
}

TEST_F(NodeActors, PolicyOfAnOlderEpochIsRefused) {
  auto actor = link(100, 10);
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(5);
  policy.epoch = model::Epoch(9);
  caf::anon_send(actor, PolicyArrived{policy});
  policy.version = model::PolicyVersion(6);
  policy.epoch = model::Epoch(10);
  caf::anon_send(actor, PolicyArrived{policy});
  EXPECT_EQ(next<PolicyWanted>()->policy.version, model::PolicyVersion(6));
  end(actor);
}

TEST_F(NodeActors, PolicyCountsEvenWhereTheDiskIsGone) {
  auto actor = link(100);
  std::filesystem::create_directory(dir_.path() / "policy.new");
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(5);
  caf::anon_send(actor, PolicyArrived{policy});
  EXPECT_TRUE(next<PolicyWanted>());
  end(actor);
}

std::string pods_with(const std::string& uid) {
  return R"({"pods": [{"uid": ")" + uid + R"(", "namespace": "n", "name": "x", "kubeQosClass": "Burstable"}]})";
}

TEST_F(NodeActors, BadPodsFileLeavesTheLastPodsAndAGoodOneReplacesThem) {
  const auto path = dir_.write("pods.json", pods_with("a"));
  auto actor = system_.spawn<PodsActor>(path, probe());
  EXPECT_EQ(next<PodsChanged>()->pods->at(0).uid, model::PodUid("a"));
  dir_.write("pods.json", "{");
  caf::anon_send(actor, PodsTick{});
  dir_.write("pods.json", pods_with("bb"));
  caf::anon_send(actor, PodsTick{});
  EXPECT_EQ(next<PodsChanged>()->pods->at(0).uid, model::PodUid("bb"));
  end(actor);
}

TEST_F(NodeActors, BadAnnotationLeavesItsPodInForce) {
  const auto path = dir_.write("pods.json", R"({"pods": [{"uid": "a", "namespace": "n", "name": "x",
      "kubeQosClass": "Burstable", "annotations": {"koordinator.sh/cpuBurst": "{", "koordinator.sh/eviction-priority": "4"}}]})");
  auto actor = system_.spawn<PodsActor>(path, probe());
  const auto changed = next<PodsChanged>();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->pods->at(0).cpu_burst, std::nullopt);
  EXPECT_EQ(changed->pods->at(0).eviction.priority, 4);
  end(actor);
}

TEST_F(NodeActors, DirectoryOrPipeAsPodsFileIsAnErrorAndNoCrash) {
  const auto directory = read_pods_file(dir_.str());
  ASSERT_FALSE(directory.ok());
  EXPECT_THAT(directory.error().message(), testing::HasSubstr("not a regular file"));
  const std::string pipe = dir_.str() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(read_pods_file(pipe).ok());
  const auto gone = read_pods_file(dir_.str() + "/gone.json");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code(), model::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::node::actors_test
