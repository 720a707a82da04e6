#pragma once
// One life of a coordinator's process in virtual time: the real pure rooms, combined as its actors combine them. The
// store outlives it. Whoever owns it brings what arrives and takes away what is to be sent; a failure of the rooms
// themselves is a failure of the test.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/fleet/clock_book.h"
#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/profile/profile_book.h"
#include "storage/store/history_store.h"

namespace tideline::sim {

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::int64_t kSecond = 1000 * kMs;
inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kWallStartMs = 1'790'000'000'000;

/// The receiver's clocks, `now` ns after the begin.
inline fleet::Arrival arrival_at(std::int64_t now) {
  return {{now}, {kWallStartMs + now / kMs}};
}

using KeptProfiles = std::map<std::size_t, std::string>;  // by slice

class CoordinatorSim {
 public:
  CoordinatorSim(store::HistoryStore& store, model::Epoch epoch, const KeptProfiles& profiles, std::int64_t now);

  const fleet::FleetView& fleet() const { return fleet_; }
  fleet::FleetView& fleet() { return fleet_; }
  const policy::Rollout& rollout() const { return rollout_; }
  const coordinator::LedgerBook& ledger() const { return ledger_; }

  void set_policy(const std::shared_ptr<const policy::ClusterPolicy>& policy, model::PolicyVersion version);
  /// What predictions rest on, of one slice, as it is kept.
  void keep_profiles(std::size_t slice, KeptProfiles& kept, std::int64_t now);

  /// `incarnation` 0: not told.
  void opened(const model::NodeName& node, std::uint64_t session, std::int64_t now,
              model::Incarnation incarnation = {});
  /// Nothing, where a session that replaced this one is open already.
  void closed(const model::NodeName& node, std::uint64_t session, std::int64_t now);
  const std::map<model::NodeName, std::uint64_t>& sessions() const { return sessions_; }
  /// 0 = none.
  std::uint64_t session_of(const model::NodeName& node) const;

  /// A report that waits to be durable.
  struct Waiting {
    std::shared_ptr<const model::Report> report;
    fleet::Arrival arrival;
    model::Duration clock_offset{0};
    std::uint64_t tag = 0;  // the owner's
  };
  void arrived(std::shared_ptr<const model::Report> report, std::int64_t now, std::uint64_t tag = 0);
  std::size_t waiting() const { return waiting_.size(); }
  std::vector<Waiting> take_waiting() { return std::exchange(waiting_, {}); }
  /// Makes reports durable, then takes each, in their order; `each` hears what became of it: nullptr: it was there.
  using Taken = std::function<void(const Waiting&, const fleet::Intake*)>;
  void commit(const std::vector<Waiting>& reports, const Taken& each);
  /// Durable, and nobody hears of it: the process ends.
  static void commit_unheard(store::HistoryStore& store, const std::vector<Waiting>& reports);

  struct Push {
    model::NodeName node;
    std::uint64_t session = 0;
    model::NodePolicy policy;
  };
  /// Policies that go out now.
  std::vector<Push> take_pushes(std::size_t most = SIZE_MAX);

  /// One step of the ledger, told to the view as well.
  std::vector<coordinator::LedgerBook::Change> run_ledger(std::int64_t now);
  /// Fails the test where an account is not what it would be, were it computed now.
  void check_ledger(std::int64_t now) const;

 private:
  static std::optional<std::vector<store::AppendOutcome>> append(store::HistoryStore& store,
                                                                 const std::vector<Waiting>& reports);
  void take(const Waiting& report, const Taken& each);

  store::HistoryStore& store_;
  fleet::ClockBook clocks_;
  fleet::FleetView fleet_;
  policy::Rollout rollout_;
  coordinator::LedgerBook ledger_;
  std::map<model::NodeName, std::uint64_t> sessions_;
  std::vector<Waiting> waiting_;
};

}  // namespace tideline::sim
