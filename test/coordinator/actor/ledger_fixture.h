#pragma once
// A ledger book beside the views that it reads, on virtual time.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/policy/policy.h"

namespace tideline::coordinator {

inline constexpr model::MonoTime kBegin{1'000'000'000'000};

class Ledger : public testing::Test {
 protected:
  Ledger() { rollout_.set(policy_of(R"({"enable": true, "degradeTimeMinutes": 2})"), model::PolicyVersion(1)); }

  static std::shared_ptr<const policy::ClusterPolicy> policy_of(const std::string& json) {
    auto parsed = policy::parse({{"colocation-config", json}});
    EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().message());
    return std::make_shared<const policy::ClusterPolicy>(*std::move(parsed));
  }
  static model::Report report(const std::string& node, std::uint64_t seq, std::int64_t used_milli) {
    model::Report made;
    made.node = model::NodeName(node);
    made.incarnation = model::Incarnation(1);
    made.seq = model::Seq(seq);
    made.window = std::chrono::seconds(10);
    made.status.cpu_capacity = made.status.cpu_allocatable = model::MilliCpu(10'000);
    model::NodeSample sample;
    sample.window = std::chrono::seconds(10);
    sample.node_cpu = model::MilliCpu(used_milli + 1'000);
    sample.system_cpu = model::MilliCpu(1'000);
    made.samples = {sample};
    model::Pod pod;
    pod.uid = model::PodUid("web");
    pod.requests.cpu = model::MilliCpu(4'000);
    auto& summary = made.pods.emplace_back();
    summary.pod = std::move(pod);
    summary.cpu_milli = model::Spread{used_milli, used_milli, used_milli};
    return made;
  }

  void report_now(const std::string& node, std::uint64_t seq, std::int64_t used_milli) {
    const auto made = report(node, seq, used_milli);
    const auto taken = fleet_.intake(made, {now_, {1'790'000'000'000}});
    ASSERT_TRUE(taken.ok());
    book_.reported(made, now_);
  }
  /// A pod that uses 500 of the 4000 that it requests, for as long as it takes to be warm.
  void warm_up() {
    for (std::uint64_t seq = 2; seq <= 5; ++seq) {
      report_now("n", seq, 500);
      now_ = now_ + std::chrono::minutes(1);
    }
    report_now("n", 6, 500);
  }
  model::Reclaimed computed() {
    (void)book_.run(fleet_, rollout_, now_);
    const auto all = accounts();
    EXPECT_THAT(all, testing::SizeIs(1));
    return all.empty() ? model::Reclaimed{} : all[0];
  }
  static profile::PredictionPolicy prediction(std::optional<profile::Predictor> used) {
    profile::PredictionPolicy policy;
    policy.used = used;
    policy.cold_start_minutes = 3;
    return policy;
  }
  std::vector<model::Reclaimed> accounts() const { return book_.accounts(now_); }

  fleet::FleetView fleet_;
  policy::Rollout rollout_{model::Epoch(1)};
  LedgerBook book_;
  model::MonoTime now_ = kBegin;
};

}  // namespace tideline::coordinator
