#pragma once
// The nodes of a rehearsal and their sessions: what each hears and says, and what a fault does to it.

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "messages/log/log.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/fleet/fleet_link.h"
#include "node-actor/fleet/fleet_rows.h"
#include "node-actor/fleet/inbox.h"
#include "node-actor/fleet/run.h"
#include "node-actor/fleet/simulated_node.h"
#include "node-actor/simulation/fault_schedule.h"
#include "node-actor/simulation/trace.h"

namespace tideline::rehearsal {

class Seats {
 public:
  /// `config` and `rows` must outlive it. `trace` nullptr: all loads are drawn.
  Seats(const RunConfig& config, std::shared_ptr<const simulation::Trace> trace, FleetRows& rows);

  /// Opens all nodes and begins their sessions. kUnavailable: a spool cannot be opened.
  model::Result<void> open();
  void close();

  /// The nodes by their order, then duplicates as they come.
  std::size_t size() const { return seats_.size(); }
  /// False: a duplicate that has ended.
  bool is_taken(std::size_t index) const { return seats_[index].node != nullptr; }
  std::size_t sessions() const { return connected_; }

  /// One loop of the node.
  void advance(std::size_t index, model::MonoTime now);
  /// What the link has told meanwhile; waits for at most `longest` where that is nothing.
  void hear(model::Duration longest);
  /// From now on that is wrong with the node.
  void apply(std::size_t index, const simulation::Effects& wanted, model::MonoTime now);

  void stop_reports();
  /// Reports of nodes that have a session wait for their answer.
  bool reports_on_their_way() const;
  HostFigures figures() const;

 private:
  struct Seat {
    std::size_t number = 0;               // in the node's name
    std::unique_ptr<SimulatedNode> node;  // nullptr: a duplicate that has ended
    std::unique_ptr<Ear> ear;             // nullptr: no session is tried
    std::uint64_t life = 0;               // of `ear`
    bool connected = false;
    bool is_duplicate = false;
    model::MonoTime sent;
    simulation::Effects effects;
    bool unsettled = false;               // something that should run could not be started
    std::vector<std::size_t> duplicates;  // their seats
  };
  model::Result<std::unique_ptr<SimulatedNode>> open_node(std::size_t number, const std::string& mark) const;
  std::size_t add(std::size_t number, std::unique_ptr<SimulatedNode> node);
  void open_link(std::size_t index, Arrival arrival);
  void close_link(Seat& seat);
  void hear(const LinkNote& note);
  /// What the node has for the coordinator.
  void exchange(Seat& seat, model::MonoTime now);
  void set_agent(Seat& seat, const simulation::Effects& wanted, model::MonoTime now);
  void set_duplicates(std::size_t index, std::size_t wanted);
  /// False: it could not be begun.
  bool begin_duplicate(std::size_t of);
  void end_duplicate(Seat& of);
  void tell_spool(const SimulatedNode& node);
  void tell(const char* what, const std::string& why);

  const RunConfig& config_;
  const std::shared_ptr<const simulation::Trace> trace_;
  FleetRows& rows_;
  std::mt19937_64 random_;
  log::RateLimit noise_;
  std::uint64_t run_id_ = 0;
  Inbox inbox_;
  const std::shared_ptr<link::ClientLoop> loop_;
  std::vector<Seat> seats_;
  std::size_t connected_ = 0;
};

}  // namespace tideline::rehearsal
