#include "test/sim/coordinator_sim.h"

#include <algorithm>
#include <span>
#include <utility>

#include <gtest/gtest.h>

#include "coordinator/ledger/input.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::sim {
namespace {

profile::ProfileBook book_of(const KeptProfiles& kept, std::int64_t now) {
  profile::ProfileBook book;
  for (const auto& [slice, bytes] : kept)
    EXPECT_TRUE(book.read(bytes, arrival_at(now).mono, arrival_at(now).wall).ok());
  return book;
}

}  // namespace

CoordinatorSim::CoordinatorSim(store::HistoryStore& store, model::Epoch epoch, const KeptProfiles& profiles,
                               std::int64_t now)
    : store_(store), rollout_(epoch), ledger_(book_of(profiles, now)) {}

void CoordinatorSim::set_policy(const std::shared_ptr<const policy::ClusterPolicy>& policy,
                                model::PolicyVersion version) {
  rollout_.set(policy, version);
  ledger_.set_prediction(policy::fleet_policy(*policy).prediction);
}

void CoordinatorSim::keep_profiles(std::size_t slice, KeptProfiles& kept, std::int64_t now) {
  if (ledger_.profiles().is_empty(slice)) return;
  kept[slice] = ledger_.profiles().write(slice, arrival_at(now).mono, arrival_at(now).wall).bytes;
}

void CoordinatorSim::opened(const model::NodeName& node, std::uint64_t session, std::int64_t now,
                            model::Incarnation incarnation) {
  EXPECT_TRUE(fleet_.connected(node, arrival_at(now), incarnation).ok());
  sessions_[node] = session;
  if (!fleet_.knows_host(node)) rollout_.forget(node);
  rollout_.opened(node);
  ledger_.touch(node);
}

void CoordinatorSim::closed(const model::NodeName& node, std::uint64_t session, std::int64_t now) {
  const auto found = sessions_.find(node);
  if (found == sessions_.end() || found->second != session) return;
  sessions_.erase(found);
  rollout_.closed(node);
  EXPECT_TRUE(fleet_.disconnected(node, arrival_at(now)).ok());
}

std::uint64_t CoordinatorSim::session_of(const model::NodeName& node) const {
  const auto found = sessions_.find(node);
  return found == sessions_.end() ? 0 : found->second;
}

void CoordinatorSim::arrived(std::shared_ptr<const model::Report> report, std::int64_t now, std::uint64_t tag) {
  const auto arrival = arrival_at(now);
  const auto offset = clocks_.offset(*report, arrival);
  waiting_.push_back({std::move(report), arrival, offset, tag});
}

std::optional<std::vector<store::AppendOutcome>> CoordinatorSim::append(store::HistoryStore& store,
                                                                        const std::vector<Waiting>& reports) {
  std::vector<store::AppendOutcome> outcomes;
  std::vector<store::ReportView> views;
  views.reserve(reports.size());
  for (const auto& one : reports)
    views.emplace_back(*one.report, one.arrival.wall, one.clock_offset);
  for (std::span<const store::ReportView> rest(views); !rest.empty();) {
    const auto slice = rest.first(std::min(rest.size(), store::kMaxAppendReports));
    rest = rest.subspan(slice.size());
    const auto stored = store.append_views(slice);
    if (!stored) {
      ADD_FAILURE() << stored.error().message();
      return std::nullopt;
    }
    outcomes.insert(outcomes.end(), stored->begin(), stored->end());
  }
  return outcomes;
}

void CoordinatorSim::commit_unheard(store::HistoryStore& store, const std::vector<Waiting>& reports) {
  (void)append(store, reports);
}

void CoordinatorSim::commit(const std::vector<Waiting>& reports, const Taken& each) {
  const auto outcomes = append(store_, reports);
  if (!outcomes) return;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& report = *reports[i].report;
    if ((*outcomes)[i] == store::AppendOutcome::kRefused) {
      ADD_FAILURE() << "history does not take report " << report.seq.value() << " of " << report.node.str();
    } else if ((*outcomes)[i] == store::AppendOutcome::kStored) {
      take(reports[i], each);
    } else {
      each(reports[i], nullptr);
    }
    if (testing::Test::HasFailure()) return;
  }
}

void CoordinatorSim::take(const Waiting& waiting, const Taken& each) {
  const auto& report = *waiting.report;
  clocks_.learn(report, waiting.arrival);
  const auto intake = fleet_.intake(*waiting.report, waiting.arrival);
  if (!intake) {
    ADD_FAILURE() << intake.error().message();
    return;
  }
  if (intake->outcome == fleet::IntakeOutcome::kLive) {
    ledger_.reported(report, waiting.arrival.mono);
    (void)rollout_.told(report.node, policy::facts_of(report.status));
  }
  each(waiting, &*intake);
}

std::vector<CoordinatorSim::Push> CoordinatorSim::take_pushes(std::size_t most) {
  std::vector<Push> pushes;
  for (auto& [node, policy] : rollout_.take_due(most)) {
    const auto session = session_of(node);
    if (session == 0) continue;
    EXPECT_TRUE(fleet_.policy_wanted(node, policy.version).ok());
    pushes.push_back({node, session, std::move(policy)});
  }
  return pushes;
}

std::vector<coordinator::LedgerBook::Change> CoordinatorSim::run_ledger(std::int64_t now) {
  auto changes = ledger_.run(fleet_, rollout_, {now});
  for (const auto& change : changes)
    fleet_.set_reclaimed(change.now, {now});
  return changes;
}

void CoordinatorSim::check_ledger(std::int64_t now) const {
  const auto accounts = ledger_.accounts({now});
  ASSERT_EQ(accounts.size(), fleet_.size());
  for (const auto& account : accounts) {
    const auto wanted = rollout_.wanted(account.node).value_or(model::NodePolicy{});
    const auto input = ledger::input_of(account.node, fleet_.usage(account.node), wanted,
                                        ledger_.profiles().reclaimable(account.node));
    ASSERT_EQ(account, reclaim::reclaim(input, wanted.colocation, {now}))
        << account.node.str() << ": what was not computed anew is what it would be";
  }
}

}  // namespace tideline::sim
