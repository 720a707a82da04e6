#include "node-actor/actor/link_actor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/clock/clock.h"
#include "messages/codec/report_bytes.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::node::link_actor_test {
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
    options.audit = audit_;
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
  static model::Event write_of(int i) {
    return {model::WallTime{1000 + i},
            model::Controller::kCpuBurst,
            model::Reason::kThrottled,
            "kubepods/pod" + std::to_string(i) + "/cpu.max",
            "1",
            "2"};
  }
  /// A sample with writes `first` to `last`, as the control loop notes them.
  SampleReady sample(int second, int first, int last) const {
    auto ready = sample(second);
    for (int i = first; i <= last; ++i)
      ready.events.push_back({write_of(i), audit_->add(write_of(i))});
    return ready;
  }
  void begin_audit() {
    auto opened = guard::AuditRing::open(dir_.str());
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    audit_ = std::make_shared<guard::AuditRing>(std::move(*opened));
  }
  /// What the next worker tells first.
  guard::AuditRing::Untold untold() {
    const auto spool = open_spool();
    begin_audit();
    return audit_->take_untold(spool.incarnation(), spool.next_seq());
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
  std::shared_ptr<guard::AuditRing> audit_;
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

TEST_F(LinkActorGaps, AnOrderlyEndTellsWhatNoReportDoes) {
  begin_audit();
  auto actor = link();
  caf::anon_send(actor, sample(0, 1, 1));
  caf::anon_send(actor, sample(1, 2, 2));
  // Half a window, and what the control loop had left.
  caf::anon_send(actor, sample(1, 3, 4));
  caf::anon_send(actor, EventsLeft{{{write_of(5), audit_->add(write_of(5))}}});
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].events, (std::vector<model::Event>{write_of(1), write_of(2)}));
  EXPECT_EQ(reports[1].events, (std::vector<model::Event>{write_of(3), write_of(4), write_of(5)}));
  EXPECT_EQ(reports[1].samples.size(), 1u);
  EXPECT_TRUE(untold().records.empty());
}

TEST_F(LinkActorGaps, WhatAKilledWorkerDidNotReportTheNextOneTellsOnce) {
  begin_audit();
  auto actor = link();
  caf::anon_send(actor, sample(0, 1, 2));
  caf::anon_send(actor, sample(1, 3, 3));
  end(actor);
  // Noted, and killed before a report.
  audit_->add(write_of(4));
  auto left = untold();
  ASSERT_EQ(left.records.size(), 1u);
  EXPECT_EQ(left.records[0].event, write_of(4));
  actor = link();
  auto ready = sample(0);
  ready.events.push_back({left.records[0].event, left.records[0].number});
  caf::anon_send(actor, ready);
  caf::anon_send(actor, sample(1));
  end(actor);
  std::vector<model::Event> told;
  for (const auto& report : spooled())
    told.insert(told.end(), report.events.begin(), report.events.end());
  EXPECT_EQ(told, (std::vector<model::Event>{write_of(1), write_of(2), write_of(3), write_of(4)}));
  EXPECT_TRUE(untold().records.empty());
}

TEST_F(LinkActorGaps, AReportTheDiskRefusesLeavesItsEventsUntold) {
  begin_audit();
  auto actor = link();
  const auto first = sample(0, 1, 1);
  const auto second = sample(1, 2, 2);
  {
    const test::FileSizeLimit nothing(0);
    caf::anon_send(actor, first);
    caf::anon_send(actor, second);
    end(actor);
  }
  EXPECT_EQ(untold().records.size(), 2u);
}

TEST_F(LinkActorGaps, ManyEventsAreReportedEarlyAndNoneIsLost) {
  begin_audit();
  auto actor = link();
  // All within one report interval, more than one report takes.
  caf::anon_send(actor, sample(0, 1, 3000));
  for (int i = 0; i < 3; ++i)
    caf::anon_send(actor, sample(0));
  end(actor);
  std::vector<model::Event> told;
  for (const auto& report : spooled())
    told.insert(told.end(), report.events.begin(), report.events.end());
  ASSERT_EQ(told.size(), 3000u);
  EXPECT_EQ(told.front(), write_of(1));
  EXPECT_EQ(told.back(), write_of(3000));
  EXPECT_TRUE(untold().records.empty());
}

TEST_F(LinkActorGaps, EventsOfAWindowThatCannotBeEncodedAreCountedInTheirPlace) {
  begin_audit();
  auto actor = link();
  caf::anon_send(actor, sample(0, 1, 2));
  auto bad = sample(1, 3, 3);
  bad.status.kernel_release = std::string(model::ReportLimits::kMaxTextBytes + 1, 'x');
  caf::anon_send(actor, bad);
  caf::anon_send(actor, sample(2, 4, 4));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(reports[0].events.size(), 2u);
  EXPECT_EQ(reports[0].events[0].reason, model::Reason::kEventsLost);
  EXPECT_EQ(reports[0].events[0].new_value, "3 or more");
  EXPECT_EQ(reports[0].events[0].at, write_of(3).at);
  EXPECT_EQ(reports[0].events[1], write_of(4));
  EXPECT_TRUE(untold().records.empty()) << "the event in their place was told";
}

}  // namespace
}  // namespace tideline::node::link_actor_test
