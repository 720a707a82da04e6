#pragma once
// A fleet under faults in virtual time. On one side simulated hosts with the node's own sense and decide code and their
// agents, each with its reports, its disk and its clocks (node-actor/fleet/simulated_node.h); on the other the
// coordinator's pure rooms and a store (coordinator_sim.h); sessions between them that end at one side before the
// other, or are taken over. Agents run at the cadence of their reports, and within a minute of a fault that strikes
// their node at the full rate of their loops. The invariants 1 to 5 of DESIGN §7 are held against each step.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/actor/eviction_desk.h"
#include "messages/link/enroll_pace.h"
#include "messages/link/session.h"
#include "storage/store/memory_store.h"
#include "test/sim/campaign.h"
#include "test/sim/charge_memory.h"
#include "test/sim/coordinator_sim.h"
#include "test/sim/event_queue.h"
#include "test/sim/fault_plan.h"
#include "test/sim/history_check.h"
#include "test/sim/node_check.h"
#include "test/support/memory_reports.h"

namespace tideline::sim {

struct CampaignConfig {
  std::uint64_t seed = 1;
  std::size_t nodes = 100;
  std::int64_t length = 60 * kMinute;
  bool tells_hours = false;  // on stderr, what came up so far
};

/// What came up.
struct CampaignCounts {
  std::array<int, 7> faults{};  // by simulation::FaultKind: nodes that were struck
  int coordinator_crashes = 0;
  int slow_commits = 0;    // of a second and more
  int half_open = 0;       // sessions that one side took for open longer than the other
  int wiped_disks = 0;     // of killed agents
  int claims_refused = 0;  // another agent of the node was heard
  int takeovers = 0;       // by another agent, after silence
  int policies = 0;
  int granted = 0;  // evictions
  int deferred = 0;
  int alone = 0;       // evictions that nobody granted
  int duplicates = 0;  // reports that history had already
  int backfilled = 0;
  int gaps = 0;  // reports that tell of dropped ones
  int gone = 0;  // accounts of nodes with a service that is no longer listed and counts still
  std::uint64_t coarse_rounds = 0;
  std::uint64_t full_rounds = 0;
  std::uint64_t made = 0;
  std::uint64_t verified = 0;  // read back from history
  NodeCheck::Counts nodes;
  OfferCounts offers;

  void add(const CampaignCounts& other);
  std::string text() const;
};

class FleetCampaign {
 public:
  explicit FleetCampaign(const CampaignConfig& config);
  ~FleetCampaign();
  FleetCampaign(const FleetCampaign&) = delete;
  FleetCampaign& operator=(const FleetCampaign&) = delete;

  /// Fails the test at the first violation, which it names with node and time, and ends.
  void run();
  CampaignCounts counts() const;

 private:
  /// One agent with its host: a node, or a second one under a node's name.
  struct Seat {
    std::size_t number = 0;  // of the node
    model::NodeName name;
    bool is_duplicate = false;
    std::int64_t mono_base = 0;
    std::unique_ptr<rehearsal::SimulatedNode> node;  // nullptr: a duplicate that has ended
    std::shared_ptr<test::MemoryDisk> disk;
    std::shared_ptr<Lineage> lineage;
    simulation::Effects effects;
    std::int64_t effects_through = -1;  // faults that began until then are counted
    std::int64_t next_effects = 0;
    bool full_rate = false;
    NodeCheck check;
    std::uint64_t session = 0;               // as the agent has it; 0: none
    std::uint64_t attempts = 0;              // to begin one: only the newest counts
    bool asking = false;                     // an eviction ask is open
    std::optional<std::int64_t> batch_from;  // when the ledger's word on batch was true; nullopt: it has none
    std::int64_t to_node_at = 0;
    std::int64_t to_coordinator_at = 0;
    std::vector<std::size_t> duplicates;  // their seats
  };
  /// As the coordinator has it.
  struct Session {
    std::size_t seat = 0;
    model::Incarnation incarnation;
    std::int64_t opened = 0;
    std::optional<std::int64_t> cut_at;  // from then on neither side hears the other
    bool outstanding = false;            // a report has no answer yet
    std::optional<link::BatchAccount> batch;
  };
  /// A node as this life of the coordinator must see it.
  struct Known {
    NewestReport newest;
    ChargeMemory use;
    bool offers = false;  // by its last account
    std::int64_t degrade_after = 0;
  };

  std::int64_t now() const { return queue_.now(); }
  bool faulty() const { return now() < config_.length - kCalm; }
  model::MonoTime mono(const Seat& seat) const { return {seat.mono_base + now()}; }
  model::WallTime wall() const { return arrival_at(now()).wall; }
  std::int64_t transit() { return network_.between(kMs, 100 * kMs); }
  void violated(int invariant, const std::string& node, const std::string& what);
  void violated(int invariant, const Seat& seat, const std::string& what) {
    violated(invariant, seat.name.str(), what);
  }

  // Nodes: fleet_campaign_nodes.cpp.
  std::size_t add_seat(std::size_t number, bool is_duplicate);
  void step(std::size_t index);
  void plan_step(std::size_t index);
  void apply_faults(std::size_t index);
  void set_duplicates(std::size_t index, std::size_t wanted);
  void end_duplicate(Seat& of);
  void plan_service_end(std::size_t index);
  void end_service(std::size_t index);
  /// What the agent has for the coordinator, but for evictions.
  void exchange(Seat& seat);
  void ask_evictions(Seat& seat);
  void acked(Seat& seat, const ReportId& id, const std::optional<model::BatchAllocatable>& batch);

  // Sessions: fleet_campaign_sessions.cpp.
  void connect_after(std::size_t index, std::int64_t delay);
  void enroll(std::size_t index);
  bool is_heard(const Session& session) const;
  model::Duration silence_of(const Session& session) const;
  void cut(std::size_t index, bool node_notices_late, bool coordinator_notices_late);
  void node_end(std::size_t index);
  void coordinator_end(std::uint64_t session);
  void to_node(std::uint64_t session, EventQueue::Action action);
  void to_coordinator(Seat& seat, EventQueue::Action action);

  // The coordinator: fleet_campaign.cpp.
  void start_coordinator();
  void crash_coordinator(std::int64_t length);
  std::int64_t written_at();
  void arrive(std::uint64_t session, std::shared_ptr<const model::Report> report);
  void plan_commit();
  void finish_commit();
  void answer(const CoordinatorSim::Waiting& waiting, const fleet::Intake* intake);
  void take(const CoordinatorSim::Waiting& waiting, const fleet::Intake& intake);
  void change_policy();
  void push_soon();
  void ledger();
  void check_account(const model::Reclaimed& account);
  void verify_history();
  coordinator::EvictionDesk::Out desk_out();
  void evict(std::uint64_t session, const model::EvictionAsk& ask);
  void note_evictions(const model::NodeName& node, const std::vector<model::Event>& events);
  const model::NodePolicy& wanted_of(const policy::Labels& labels);
  void tell_hour();
  void check_end();
  void check_end(const Seat& seat);

  const CampaignConfig config_;
  // Each draws for itself, so that one more draw of one leaves the others as they were.
  Random faults_;
  Random network_;
  Random policies_;
  Random services_;
  EventQueue queue_;
  CampaignCounts counts_;
  bool failed_ = false;

  std::vector<FaultPlan> plans_;              // of nodes
  std::vector<std::unique_ptr<Seat>> seats_;  // nodes, then duplicates as they come
  std::unordered_map<model::NodeName, std::size_t> numbers_;
  std::uint64_t incarnations_ = 0;

  std::map<std::uint64_t, Session> sessions_;
  std::uint64_t sessions_made_ = 0;

  store::MemoryStore store_;
  std::unique_ptr<CoordinatorSim> coordinator_;  // nullptr: it is down
  std::unique_ptr<coordinator::EvictionDesk> desk_;
  std::optional<link::EnrollPace> pace_;
  std::vector<Known> known_;  // by number
  std::uint64_t terms_ = 0;
  std::vector<CoordinatorSim::Waiting> committing_;
  bool commit_planned_ = false;
  bool push_planned_ = false;
  std::optional<std::string> unkept_evictions_;  // on their way to the disk
  std::int64_t disk_free_ = 0;
  std::int64_t slow_until_ = 0;
  std::int64_t slow_most_ = 0;
  std::uint64_t slots_ = 0;
  KeptProfiles kept_profiles_;
  std::deque<std::int64_t> grants_ms_;  // of the last minute
  std::shared_ptr<const policy::ClusterPolicy> policy_;
  model::PolicyVersion version_;
  std::map<policy::Labels, model::NodePolicy> wanted_;  // of policy_
  HistoryCheck history_;
};

}  // namespace tideline::sim
