// What the fleet's actor tells of its ledger is enough to compute each account again.

#include "coordinator/ledger/witness.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "coordinator/actor/fleet_actor.h"
#include "coordinator/ledger/recording.h"
#include "coordinator/ledger/replay.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator::witness_test {
namespace {

using ledger::RecordKind;
using model::NodeName;

/// A recording in memory; a report's body is its number.
class Notes : public ledger::Witness {
 public:
  void began(model::Epoch epoch, const fleet::FleetOptions& options, const fleet::Arrival& at) override {
    add(RecordKind::kBegin, at, ledger::body_of(ledger::BeginTold{epoch, 1, 1, 0, options.aggregate}));
  }
  void policy_loaded(const std::shared_ptr<const policy::ClusterPolicy>& loaded, model::PolicyVersion version,
                     const fleet::Arrival& at) override {
    add(RecordKind::kPolicy, at, ledger::body_of(ledger::PolicyTold{version, loaded->documents}));
  }
  void opened(const NodeName& node, model::Incarnation incarnation, const fleet::Arrival& at) override {
    add(RecordKind::kOpened, at, ledger::body_of(ledger::NodeTold{node, incarnation}));
  }
  void closed(const NodeName& node, const fleet::Arrival& at) override {
    add(RecordKind::kClosed, at, ledger::body_of(ledger::NodeTold{node, {}}));
  }
  void reported(const std::shared_ptr<const model::Report>& report, const fleet::Arrival& at) override {
    const std::lock_guard lock(mutex_);
    records_.push_back({RecordKind::kReport, at.mono, at.wall, std::to_string(reports_.size())});
    reports_.push_back(*report);
  }
  void forgot(const NodeName& node, const fleet::Arrival& at) override {
    add(RecordKind::kForgotten, at, ledger::body_of(ledger::NodeTold{node, {}}));
  }
  void accounted(const model::Reclaimed& account, const profile::Reclaimable& predicted,
                 const fleet::Arrival& at) override {
    add(RecordKind::kAccount, at, ledger::body_of(account, predicted));
  }

  ledger::Verdict verdict() const {
    const std::lock_guard lock(mutex_);
    ledger::Replay replay([this](std::string_view body) -> model::Result<model::Report> {
      return reports_.at(std::stoul(std::string(body)));
    });
    for (const auto& record : records_)
      EXPECT_TRUE(replay.take(record));
    return replay.verdict();
  }
  std::size_t count(RecordKind kind) const {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (const auto& record : records_)
      found += record.kind == kind ? 1 : 0;
    return found;
  }

 private:
  void add(RecordKind kind, const fleet::Arrival& at, std::string body) {
    const std::lock_guard lock(mutex_);
    records_.push_back({kind, at.mono, at.wall, std::move(body)});
  }

  mutable std::mutex mutex_;
  std::vector<ledger::Record> records_;
  std::vector<model::Report> reports_;
};

/// Holds the fleet's actor up at its first session, until it may go on.
class HeldUp final : public Notes {
 public:
  void opened(const NodeName& node, model::Incarnation incarnation, const fleet::Arrival& at) override {
    if (!std::exchange(held_, true)) may_go_.wait();
    Notes::opened(node, incarnation, at);
  }
  void let_go() { go_on_.set_value(); }

 private:
  bool held_ = false;
  std::promise<void> go_on_;
  const std::future<void> may_go_ = go_on_.get_future();
};

/// One question after the other, each behind all that the actor has to do by then.
struct Rounds {
  caf::actor fleet;
  std::shared_ptr<Notes> notes;
  std::size_t until = 0;              // accounts
  std::vector<std::size_t> computed;  // by each question
  std::promise<void> done;
};

void go_round(const std::shared_ptr<Rounds>& rounds) {
  const auto answered = [rounds](const model::Result<std::vector<admin::HandsOffRow>>&) {
    rounds->computed.push_back(rounds->notes->count(RecordKind::kAccount));
    if (rounds->computed.back() >= rounds->until) {
      rounds->done.set_value();
    } else {
      go_round(rounds);
    }
  };
  caf::anon_send(rounds->fleet, AskHandsOffList{NodeName(), answered});
}

class WitnessTest : public Actors {
 protected:
  caf::actor fleet_with(const std::shared_ptr<Notes>& notes, const std::vector<RememberedNode>& remembered = {}) {
    return spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>(),
                             fleet::HandsOffBook{}, std::optional<fleet::EvictionArbiter>(), profile::ProfileBook{},
                             remembered, caf::actor{}, std::shared_ptr<ledger::Witness>(notes));
  }
  /// Until it has come to all that was sent before.
  void come_to(const caf::actor& fleet) {
    (void)ask<FleetReport>(fleet, [](auto reply) { return AskFleetReport{std::move(reply)}; });
  }
  static PolicyLoaded policy_of(const std::string& json, std::uint64_t version) {
    auto parsed = policy::parse({{"colocation-config", json}});
    EXPECT_TRUE(parsed.ok());
    return {std::make_shared<const policy::ClusterPolicy>(*std::move(parsed)), model::PolicyVersion(version)};
  }
};

TEST_F(WitnessTest, IsToldAllThatAccountsRestOn) {
  const auto notes = std::make_shared<Notes>();
  const auto fleet = fleet_with(notes);
  caf::anon_send(fleet, policy_of(R"({"enable": true})", 1));
  caf::anon_send(fleet, Enrolled{session_of("n1", 1)});
  caf::anon_send(fleet, Enrolled{session_of("n2", 2)});
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    caf::anon_send(fleet, Durable{arrived("n1", seq, 1)});
    caf::anon_send(fleet, Durable{arrived("n2", seq, 2)});
    caf::anon_send(fleet, LedgerTick{});
  }
  // One that is not the newest is not among what accounts rest on.
  caf::anon_send(fleet, Durable{arrived("n1", 2, 1)});
  caf::anon_send(fleet, policy_of(R"({"enable": true, "cpuReclaimThresholdPercent": 40})", 2));
  caf::anon_send(fleet, LedgerTick{});
  caf::anon_send(fleet, Closed{link::SessionId(2), NodeName("n2"), ""});
  come_to(fleet);
  EXPECT_EQ(notes->count(RecordKind::kPolicy), 2U);
  EXPECT_EQ(notes->count(RecordKind::kOpened), 2U);
  EXPECT_EQ(notes->count(RecordKind::kReport), 6U);
  EXPECT_EQ(notes->count(RecordKind::kClosed), 1U);
  const auto verdict = notes->verdict();
  EXPECT_GE(verdict.accounts, 8U);
  EXPECT_EQ(verdict.held, verdict.accounts);
  EXPECT_EQ(verdict.different, 0U) << (verdict.differences.empty() ? "" : verdict.differences[0].terms[0]);
}

TEST_F(WitnessTest, BetweenTwoQuestionsOneSliceOfTheLedgerIsComputedHoweverManyTicksCameBefore) {
  constexpr std::size_t kNodes = 2'000;
  constexpr std::size_t kSlice = 200;
  const auto notes = std::make_shared<HeldUp>();
  const auto rounds = std::make_shared<Rounds>();
  rounds->fleet = fleet_with(notes);
  rounds->notes = notes;
  rounds->until = kNodes;
  const auto done = rounds->done.get_future();
  for (std::size_t i = 0; i < kNodes; ++i)
    caf::anon_send(rounds->fleet, Enrolled{session_of("n" + std::to_string(i), i + 1)});
  for (int i = 0; i < 3; ++i)
    caf::anon_send(rounds->fleet, LedgerTick{});
  go_round(rounds);
  const auto begun = clock::mono_now();
  notes->let_go();
  ASSERT_EQ(done.wait_for(kPatience), std::future_status::ready);
  // Each of the four goes on once a second. On a machine so slow that this is less than their slices take, one falls
  // into every round.
  const auto goes_on = 4 * (1 + (clock::mono_now() - begun) / std::chrono::seconds(1));
  EXPECT_LE(rounds->computed.back(), kSlice * (3 + rounds->computed.size() + static_cast<std::size_t>(goes_on)));
  if (goes_on > 4) return;
  std::size_t least = kNodes;
  for (std::size_t i = 1; i < rounds->computed.size() && rounds->computed[i] < kNodes; ++i)
    least = std::min(least, rounds->computed[i] - rounds->computed[i - 1]);
  EXPECT_EQ(least, kSlice);
}

TEST_F(WitnessTest, IsToldNoAccountThatAnEarlierLifeComputed) {
  const auto notes = std::make_shared<Notes>();
  const auto now = clock::mono_now();
  model::Reclaimed kept;
  kept.node = NodeName("old");
  kept.data_age = std::chrono::seconds(1);
  kept.cpu.published = model::MilliCpu(5);
  const RememberedNode old{NodeName("old"), now + -std::chrono::hours(1), kept, now + -std::chrono::hours(1)};
  const auto fleet = fleet_with(notes, {old});
  caf::anon_send(fleet, policy_of(R"({"enable": true})", 1));
  caf::anon_send(fleet, LedgerTick{});
  come_to(fleet);
  EXPECT_EQ(notes->count(RecordKind::kAccount), 0U);
  caf::anon_send(fleet, Enrolled{session_of("old", 1)});
  caf::anon_send(fleet, Durable{arrived("old", 1)});
  caf::anon_send(fleet, LedgerTick{});
  come_to(fleet);
  const auto verdict = notes->verdict();
  EXPECT_GE(verdict.held, 1U);
  EXPECT_EQ(verdict.different, 0U);
}

}  // namespace
}  // namespace tideline::coordinator::witness_test
