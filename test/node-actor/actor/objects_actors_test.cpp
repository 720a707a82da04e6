// How a set of objects becomes the node's, and when it is reported.
#include <filesystem>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/clock/clock.h"
#include "messages/codec/report_bytes.h"
#include "node-actor/actor/link_actor.h"
#include "node-actor/actor/objects_file.h"
#include "test/support/temp_dir.h"

namespace tideline::node::objects_actors_test {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
using std::chrono::milliseconds;

/// A link actor without a link, whose tick actor is the test.
class ObjectsActors : public testing::Test {
 protected:
  caf::actor link(const SeenObjects& seen = {}, PodsFrom pods_from = PodsFrom::kCoordinator) {
    // No report is due before the tests are over.
    LinkOptions options{model::NodeName("n1"), "boot", dir_.str(), std::chrono::seconds(60), seen.epoch};
    options.pods_from = pods_from;
    options.seen_objects = seen;
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
  spool::Spool open_spool() const {
    auto opened = spool::Spool::open(dir_.str() + "/spool", {}, "boot");
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  static ObjectsArrived arrived(std::uint64_t epoch, std::uint64_t number, std::vector<model::Pod> pods = {}) {
    model::NodeObjects objects;
    objects.epoch = model::Epoch(epoch);
    objects.number = number;
    objects.pods = std::move(pods);
    return {std::make_shared<const model::NodeObjects>(std::move(objects))};
  }
  /// "epoch/number" of each set that the tick actor is told, in order, up to a policy of that version.
  std::vector<std::string> wanted_until(const caf::actor& actor, std::uint64_t version) {
    model::NodePolicy policy;
    policy.version = model::PolicyVersion(version);
    policy.epoch = model::Epoch(1000);
    caf::anon_send(actor, PolicyArrived{policy});
    std::vector<std::string> wanted;
    bool over = false;
    self_->receive_while([&] { return !over; })(
        [&](const ObjectsWanted& set) {
          wanted.push_back(std::to_string(set.objects->epoch.value()) + "/" + std::to_string(set.objects->number));
        },
        [&](const PolicyWanted&) { over = true; },
        caf::after(kPatience) >>
            [&] {
              ADD_FAILURE() << "the actor says nothing";
              over = true;
            });
    return wanted;
  }
  SampleReady sample(milliseconds since, bool pods_known = true) const {
    SampleReady ready;
    ready.sample.at = start_ + since;
    ready.sample.wall = clock::wall_now();
    if (pods_known) ready.pods = std::make_shared<const std::vector<model::Pod>>();
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
  // A report ends when it is made: samples are of before.
  const model::MonoTime start_ = clock::mono_now() + -std::chrono::seconds(10);
};

TEST_F(ObjectsActors, ASetIsOnDiskBeforeItIsWanted) {
  auto actor = link();
  caf::anon_send(actor, arrived(2, 7));
  bool heard = false;
  self_->receive(
      [&](const ObjectsWanted& wanted) {
        heard = true;
        EXPECT_EQ(wanted.objects->number, 7u);
        EXPECT_EQ(*load_objects(dir_.str()), *wanted.objects);
      },
      caf::after(kPatience) >> [] {});
  EXPECT_TRUE(heard);
  end(actor);
}

TEST_F(ObjectsActors, OlderSetsAreRefusedAndTheSameOneIsTakenAgain) {
  auto actor = link({model::Epoch(3), 5});
  for (const auto& [epoch, number] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{3, 4}, {2, 9}, {3, 5}, {3, 6}, {3, 5}, {4, 1}, {3, 7}}) {
    caf::anon_send(actor, arrived(epoch, number));
  }
  EXPECT_THAT(wanted_until(actor, 1), testing::ElementsAre("3/5", "3/6", "4/1"));
  EXPECT_EQ((*load_objects(dir_.str()))->epoch, model::Epoch(4));
  end(actor);
}

TEST_F(ObjectsActors, ASetIsOlderThanThePolicyOfALaterEpoch) {
  auto actor = link();
  EXPECT_THAT(wanted_until(actor, 1), testing::IsEmpty());
  caf::anon_send(actor, arrived(999, 1));
  caf::anon_send(actor, arrived(1000, 1));
  EXPECT_THAT(wanted_until(actor, 2), testing::ElementsAre("1000/1"));
  end(actor);
}

TEST_F(ObjectsActors, ASetCountsEvenWhereTheDiskIsGone) {
  auto actor = link();
  std::filesystem::create_directory(dir_.path() / "objects.new");
  caf::anon_send(actor, arrived(2, 7));
  EXPECT_THAT(wanted_until(actor, 1), testing::ElementsAre("2/7"));
  end(actor);
}

TEST_F(ObjectsActors, PodsThatNoReportCouldHoldAreRefused) {
  auto actor = link();
  std::vector<model::Pod> pods(700);
  for (std::size_t i = 0; i < pods.size(); ++i) {
    pods[i].uid = model::PodUid(std::to_string(i));
    pods[i].workload = std::string(1000, 'w');
  }
  caf::anon_send(actor, arrived(2, 7, std::move(pods)));
  EXPECT_THAT(wanted_until(actor, 1), testing::IsEmpty());
  EXPECT_EQ(*load_objects(dir_.str()), std::nullopt);
  end(actor);
}

TEST_F(ObjectsActors, ANodeOfAPodsFileTakesNone) {
  auto actor = link({}, PodsFrom::kFile);
  caf::anon_send(actor, arrived(2, 7));
  EXPECT_THAT(wanted_until(actor, 1), testing::IsEmpty());
  EXPECT_EQ(*load_objects(dir_.str()), std::nullopt);
  end(actor);
}

TEST_F(ObjectsActors, WhatChangedIsReportedAtOnceAndNotMoreThanOnceASecond) {
  auto actor = link();
  caf::anon_send(actor, LinkUp{});
  caf::anon_send(actor, sample(milliseconds(0)));
  caf::anon_send(actor, ObjectsInForce{1, true});
  caf::anon_send(actor, sample(milliseconds(500)));
  caf::anon_send(actor, sample(milliseconds(1000)));
  caf::anon_send(actor, ObjectsInForce{2, false});
  caf::anon_send(actor, sample(milliseconds(2000)));
  caf::anon_send(actor, sample(milliseconds(3000)));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 2u) << "of the session's begin, and of the change";
  EXPECT_EQ(reports[0].samples.size(), 1u);
  EXPECT_EQ(reports[1].samples.size(), 2u);
}

TEST_F(ObjectsActors, NoReportIsMadeBeforeThePodsAreKnown) {
  auto actor = link();
  caf::anon_send(actor, LinkUp{});
  auto waiting = sample(milliseconds(0), false);
  model::Event event;
  event.subject = "kubepods/besteffort/cpu.max";
  waiting.events.push_back({event});
  caf::anon_send(actor, waiting);
  caf::anon_send(actor, sample(milliseconds(1000), false));
  caf::anon_send(actor, sample(milliseconds(2000)));
  end(actor);
  const auto reports = spooled();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].samples.size(), 1u);
  ASSERT_EQ(reports[0].events.size(), 1u) << "what was done meanwhile is told";
  EXPECT_EQ(reports[0].events[0].subject, event.subject);
}

TEST_F(ObjectsActors, NorAtTheEndOfAWorkerThatNeverKnewThem) {
  auto actor = link();
  auto waiting = sample(milliseconds(0), false);
  waiting.events.push_back({model::Event{}});
  caf::anon_send(actor, waiting);
  end(actor);
  EXPECT_TRUE(spooled().empty());
}

}  // namespace
}  // namespace tideline::node::objects_actors_test
