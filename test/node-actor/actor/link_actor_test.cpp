#include "node-actor/actor/link_actor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/clock/clock.h"
#include "messages/codec/report_bytes.h"
#include "test/support/temp_dir.h"

namespace tideline::node {
namespace {

/// A link actor without a link.
class LinkActorGaps : public testing::Test {
 protected:
  spool::Spool open_spool() const {
    auto opened = spool::Spool::open(dir_.str() + "/spool", {}, "boot");
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  caf::actor link() {
    LinkOptions options{model::NodeName("n1"), "boot", dir_.str(), std::chrono::seconds(1), model::Epoch(0)};
    auto actor = system_.spawn<LinkActor>(std::move(options), std::make_shared<spool::Spool>(open_spool()),
                                          std::make_shared<ClientPort>());
    caf::anon_send(actor, caf::actor_cast<caf::actor>(self_));
    return actor;
  }
  void end(caf::actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    self_->wait_for(actor);
    actor = nullptr;
  }
  SampleReady sample(int second) const { return sample_after(std::chrono::seconds(second)); }
  SampleReady sample_after(model::Duration since) const {
    SampleReady ready;
    ready.sample.at = start_ + since;
    ready.sample.wall = clock::wall_now();
    ready.pods = std::make_shared<const std::vector<model::Pod>>();
    ready.status.boot_id = "boot";
    return ready;
  }
  std::vector<model::Report> spooled() const {
    auto spool = open_spool();
    std::vector<model::Report> reports;
    const auto held = spool.peek(model::Seq(1), 100);
    for (const auto& one : *held)
      reports.push_back(*codec::report_from_bytes(std::as_bytes(std::span(one.bytes))));
    return reports;
  }

  test::TempDir dir_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
  const model::MonoTime start_ = clock::mono_now();
};

TEST_F(LinkActorGaps, ReportRefusedForGoodIsAGapOfTheNext) {
  auto actor = link();
  caf::anon_send(actor, sample(0));
  caf::anon_send(actor, sample(1));
  caf::anon_send(actor, ReportRefused{model::Seq(1), model::Error(model::ErrorCode::kMalformed, "never")});
  caf::anon_send(actor, sample(2));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].seq, model::Seq(2));
  EXPECT_EQ(reports[0].gap_reports, 1u);
}

TEST_F(LinkActorGaps, WindowThatCannotBeEncodedIsAGapOfTheNext) {
  auto actor = link();
  caf::anon_send(actor, sample(0));
  auto bad = sample(1);
  bad.status.kernel_release = std::string(model::ReportLimits::kMaxTextBytes + 1, 'x');
  caf::anon_send(actor, bad);
  caf::anon_send(actor, sample(2));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].seq, model::Seq(1));
  EXPECT_EQ(reports[0].gap_reports, 1u);
}

TEST_F(LinkActorGaps, ReportsHoldHostApplicationsAndTheZonesOfTheirWindow) {
  auto actor = link();
  auto first = sample(0);
  first.sample.zones.resize(2);
  first.sample.zones[1].id = 1;
  first.sample.zones[1].cpu_used = model::MilliCpu(700);
  const model::ApplicationUse nginx{"nginx",
                                    model::Tier::kProd,
                                    model::QosClass::kLs,
                                    "web/nginx",
                                    model::ApplicationState::kMeasured,
                                    model::MilliCpu(300),
                                    model::Bytes(5)};
  first.sample.applications = {nginx};
  auto second = sample(1);
  second.sample.applications = {nginx};
  caf::anon_send(actor, first);
  caf::anon_send(actor, second);
  caf::anon_send(actor, sample(2));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 2u);
  ASSERT_EQ(reports[0].applications.size(), 1u);
  EXPECT_EQ(reports[0].applications[0].name, "nginx");
  EXPECT_EQ(reports[0].applications[0].cpu_milli, (model::Spread{300, 300, 300}));
  ASSERT_EQ(reports[0].zones.size(), 2u);
  EXPECT_EQ(reports[0].zones[1].cpu_used, model::MilliCpu(700));
  EXPECT_TRUE(reports[1].applications.empty()) << "the policy names it no longer";
  EXPECT_TRUE(reports[1].zones.empty()) << "they were not read in this window";
}

TEST_F(LinkActorGaps, AskedAgainForThePaceItHasItReportsNoSooner) {
  auto actor = link();
  caf::anon_send(actor, sample(0));
  caf::anon_send(actor, sample(1));
  caf::anon_send(actor, ReportPace{std::chrono::seconds(1), std::chrono::seconds(60)});
  caf::anon_send(actor, sample_after(std::chrono::milliseconds(1500)));
  caf::anon_send(actor, sample(2));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[1].samples.size(), 2u);
}

}  // namespace
}  // namespace tideline::node
