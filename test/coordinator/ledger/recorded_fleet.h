#pragma once
// A small fleet in virtual time, in which anything may change, with a recording of what its coordinator took and of the
// accounts that it computed.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/ledger/input.h"
#include "coordinator/ledger/recording.h"
#include "coordinator/ledger/replay.h"
#include "coordinator/ledger/steps.h"
#include "coordinator/policy/policy.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/reclaim/reclaim.h"
#include "messages/model/node_annotations.h"

namespace tideline::ledger {

class RecordedFleet {
 public:
  static constexpr std::int64_t kWallMs = 1'790'000'000'000;
  static constexpr model::Duration kAggregate = std::chrono::seconds(100);
  static constexpr int kNodes = 4;
  static constexpr std::size_t kPods = 8;  // of a node, at most

  explicit RecordedFleet(std::uint64_t seed)
      : random_(seed), fleet_(options()), rollout_(model::Epoch(9)), at_{{5'000'000'000'000}, {kWallMs}} {
    record(RecordKind::kBegin, body_of(BeginTold{model::Epoch(9), 1, 1, 0, kAggregate}));
    // Nodes of an earlier life change nothing.
    EXPECT_TRUE(fleet_.remember(model::NodeName("n1"), at_.mono));
    load_policy();
  }

  /// One thing that happens, and the accounts that follow from it.
  void step() {
    pass(std::chrono::milliseconds(500 + pick(6'000)));
    const int number = static_cast<int>(pick(kNodes - 1));
    const model::NodeName name(fmt::format("n{}", number));
    Node& node = nodes_[name];
    if (pick(40) == 0) {
      load_policy();
      for (const auto& [each, state] : nodes_)
        account(each);
      return;
    }
    if (!node.open) {
      if (node.reported && pick(15) == 0) return forget(name);
      open(name);
    } else if (pick(25) == 0) {
      close(name);
    } else {
      report(name);
    }
    account(name);
    // Data that grew old, and a push in between: neither changes an account.
    if (pick(10) == 0) (void)rollout_.take_due(static_cast<std::size_t>(pick(3)));
    if (pick(10) == 0) account(model::NodeName(fmt::format("n{}", pick(kNodes - 1))));
  }

  void pass(model::Duration time) {
    at_.mono = at_.mono + time;
    at_.wall.ms += model::to_ms(time);
  }

  Replay::ReadReport reader() const {
    return [this](std::string_view body) -> model::Result<model::Report> {
      const auto number = std::stoul(std::string(body));
      if (number >= reports.size()) return model::invalid("no such report");
      return reports[number];
    };
  }

  /// As another piece of the same stretch would begin, or of another one.
  void begin_piece(std::uint64_t stretch, std::uint64_t piece) {
    record(RecordKind::kBegin, body_of(BeginTold{model::Epoch(9), stretch, piece, stretch > 1 ? 3U : 0U, kAggregate}));
    record(RecordKind::kPolicy, body_of(policy_));
    for (const auto& [name, node] : nodes_) {
      if (node.open) record(RecordKind::kOpened, body_of(NodeTold{name, node.incarnation}));
    }
  }

  std::vector<Record> records;
  std::vector<model::Report> reports;  // a report's body is its number here

 private:
  struct Node {
    bool open = false;
    bool reported = false;
    model::Incarnation incarnation{1};
    std::uint64_t seq = 0;
    std::string boot = "boot-1";
    std::array<bool, kPods> absent{};
    bool tells_zones = true;
    std::map<std::string, std::string> labels;
    model::NodeAnnotations annotations;
  };

  static fleet::FleetOptions options() {
    fleet::FleetOptions made;
    made.aggregate = kAggregate;
    return made;
  }
  std::int64_t pick(std::int64_t most) {
    return static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(most) + 1));
  }
  template <class Unit>
  std::optional<Unit> maybe(std::int64_t most) {
    if (pick(6) == 0) return std::nullopt;
    return Unit(pick(most));
  }
  std::optional<model::Spread> spread(std::int64_t most) {
    if (pick(6) == 0) return std::nullopt;
    const auto mean = pick(most);
    return model::Spread{mean, mean, mean};
  }

  void record(RecordKind kind, std::string body) { records.push_back({kind, at_.mono, at_.wall, std::move(body)}); }

  void load_policy() {
    const auto percent = [this] { return 30 + pick(70); };
    const std::string text = fmt::format(
        R"({{"enable": {}, "cpuReclaimThresholdPercent": {}, "memoryReclaimThresholdPercent": {},
            "degradeTimeMinutes": 1, "cpuCalculatePolicy": "{}",
            "nodeConfigs": [{{"name": "a", "nodeSelector": {{"matchLabels": {{"zone": "a"}}}},
                              "cpuReclaimThresholdPercent": {}}}]}})",
        pick(8) == 0 ? "false" : "true", percent(), percent(), pick(2) == 0 ? "maxUsageRequest" : "usage", percent());
    policy_ = {policy_.version.next(), {{"colocation-config", text}}};
    auto parsed = policy::parse(policy_.documents);
    ASSERT_TRUE(parsed) << parsed.error().message();
    // As it is told, and kept.
    policy_.documents = parsed->documents;
    rollout_.set(std::make_shared<const policy::ClusterPolicy>(*std::move(parsed)), policy_.version);
    record(RecordKind::kPolicy, body_of(policy_));
  }

  void open(const model::NodeName& name) {
    Node& node = nodes_[name];
    node.open = true;
    if (node.reported && pick(2) == 0) {
      node.incarnation = node.incarnation.next();
      node.seq = 0;
      if (pick(1) == 0) node.boot += "+";
    }
    ASSERT_TRUE(fleet_.connected(name, at_, node.incarnation));
    session_opened(fleet_, rollout_, name);
    record(RecordKind::kOpened, body_of(NodeTold{name, node.incarnation}));
  }

  void close(const model::NodeName& name) {
    nodes_[name].open = false;
    ASSERT_TRUE(fleet_.disconnected(name, at_));
    rollout_.closed(name);
    record(RecordKind::kClosed, body_of(NodeTold{name, {}}));
  }

  void forget(const model::NodeName& name) {
    ASSERT_TRUE(fleet_.forget(name));
    rollout_.forget(name);
    nodes_.erase(name);
    record(RecordKind::kForgotten, body_of(NodeTold{name, {}}));
  }

  void report(const model::NodeName& name) {
    Node& node = nodes_[name];
    if (!node.reported || pick(15) == 0) change_metadata(node);
    auto made = report_of(name, node);
    const auto intake = fleet_.intake(made, at_);
    ASSERT_TRUE(intake);
    ASSERT_EQ(intake->outcome, fleet::IntakeOutcome::kLive);
    node.reported = true;
    (void)report_taken(rollout_, made);
    record(RecordKind::kReport, std::to_string(reports.size()));
    reports.push_back(std::move(made));
  }

  void change_metadata(Node& node) {
    node.labels = {{"zone", pick(1) == 0 ? "a" : "b"}};
    node.annotations.clear();
    node.tells_zones = pick(3) > 0;
    if (pick(2) == 0) {
      node.annotations[std::string(model::kReservationAnnotation)] =
          fmt::format(R"({{"resources": {{"cpu": "{}"}}}})", 1 + pick(3));
    }
    if (pick(2) == 0) {
      node.annotations[std::string(model::kThirdPartyAnnotation)] = fmt::format(
          R"({{"allocations": [{{"name": "yarn", "priority": "koord-batch",
               "resources": {{"kubernetes.io/batch-cpu": "{}"}}}}]}})",
          pick(4'000));
    }
  }

  model::Report report_of(const model::NodeName& name, Node& node) {
    constexpr std::int64_t kGi = std::int64_t{1} << 30;
    model::Report made;
    made.node = name;
    made.incarnation = node.incarnation;
    made.seq = model::Seq(++node.seq);
    made.mono = at_.mono;
    made.wall = at_.wall;
    made.window = std::chrono::seconds(1 + pick(9));
    auto& status = made.status;
    status.boot_id = node.boot;
    status.labels = node.labels;
    status.annotations = node.annotations;
    status.cpu_capacity = model::MilliCpu(32'000);
    status.cpu_allocatable = model::MilliCpu(31'000 - pick(2) * 1'000);
    status.memory_capacity = status.memory_allocatable = model::Bytes(128 * kGi);
    for (auto samples = pick(3); samples > 0; --samples) {
      model::NodeSample sample;
      sample.window = std::chrono::seconds(1);
      sample.node_cpu = maybe<model::MilliCpu>(20'000);
      sample.system_cpu = maybe<model::MilliCpu>(4'000);
      sample.node_memory = maybe<model::Bytes>(100 * kGi);
      made.samples.push_back(sample);
    }
    for (std::size_t number = 0; number < kPods; ++number) {
      // So that pods come, go, and come back.
      if (pick(11) == 0) node.absent[number] = !node.absent[number];
      if (node.absent[number]) continue;
      const int uid = static_cast<int>(number);
      model::Pod pod;
      pod.uid = model::PodUid(fmt::format("{}-{}", name.str(), uid));
      pod.name = fmt::format("web-{}", uid);
      pod.qos = uid < 5 ? model::QosClass::kLs : model::QosClass::kBe;
      if (uid == 4) pod.priority = 7'500;  // mid
      pod.phase = pick(12) == 0 ? model::PodPhase::kSucceeded : model::PodPhase::kRunning;
      if (uid < 5) {
        pod.requests.cpu = model::MilliCpu(500 * uid);
      } else {
        pod.requests.batch_cpu = model::MilliCpu(700);
      }
      auto& summary = made.pods.emplace_back();
      summary.pod = std::move(pod);
      summary.cpu_milli = spread(3'000);
      summary.memory_bytes = spread(4 * kGi);
    }
    for (int number = 0; number < 2; ++number) {
      if (pick(4) == 0) continue;
      model::HostApplicationSummary application;
      application.name = fmt::format("app-{}", number);
      application.tier = number == 0 ? model::Tier::kProd : model::Tier::kBatch;
      application.state = model::ApplicationState::kMeasured;
      application.cpu_milli = spread(2'000);
      application.memory_bytes = spread(kGi);
      made.applications.push_back(std::move(application));
    }
    status.zones = 2;
    for (int id = 0; node.tells_zones && id < 2; ++id) {
      model::ZoneUse zone;
      zone.id = id;
      zone.cpu_capacity = model::MilliCpu(16'000);
      zone.memory_capacity = model::Bytes(64 * kGi);
      zone.cpu_used = maybe<model::MilliCpu>(12'000);
      zone.memory_used = maybe<model::Bytes>(50 * kGi);
      zone.be_cpu = maybe<model::MilliCpu>(2'000);
      made.zones.push_back(zone);
    }
    return made;
  }

  void account(const model::NodeName& name) {
    const profile::Reclaimable predicted{maybe<model::MilliCpu>(3'000), maybe<model::Bytes>(std::int64_t{1} << 32)};
    const auto wanted = rollout_.wanted(name).value_or(model::NodePolicy{});
    const auto input = input_of(name, fleet_.usage(name), wanted, predicted);
    record(RecordKind::kAccount, body_of(reclaim::reclaim(input, wanted.colocation, at_.mono), predicted));
  }

  std::mt19937_64 random_;
  fleet::FleetView fleet_;
  policy::Rollout rollout_;
  fleet::Arrival at_;
  PolicyTold policy_;
  std::map<model::NodeName, Node> nodes_;
};

}  // namespace tideline::ledger
