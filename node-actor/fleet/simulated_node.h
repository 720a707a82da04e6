#pragma once
// One node of a rehearsal without its session: a simulated host and its loads, the agent on it, and its reports on the
// way to the coordinator. Time is given from outside; only the spool is real, on disk, where the owner gives no other.
//
// The disk of a node keeps its spool, the last policy and what is hands-off, as tideline-node's does, the last two in
// memory here: a killed agent finds all of it again; after a power loss hands-off is gone with the boot it was of, and
// the spool begins a new incarnation with what was not sent as a counted gap.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/eviction.h"
#include "messages/model/hands_off.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/fleet/report_queue.h"
#include "node-actor/sense/report_schedule.h"
#include "node-actor/sense/window.h"
#include "node-actor/simulation/fault_schedule.h"
#include "node-actor/simulation/simulated_agent.h"
#include "node-actor/simulation/simulated_host.h"
#include "node-actor/simulation/workload.h"

namespace tideline::rehearsal {

struct NodeOptions {
  model::NodeName name;
  std::string state_dir;  // the node's own
  std::string boot_id;    // of the first boot; each later one adds its number
  simulation::HostShape shape;
  std::map<std::string, std::string> labels;
  model::NodeAnnotations annotations;
  model::Duration pod_interval = std::chrono::seconds(1);
  model::Duration report_interval = std::chrono::seconds(10);
  /// Opens the node's reports anew, once in each life of its agent; empty: SpooledReports in `state_dir`.
  std::function<model::Result<std::unique_ptr<ReportQueue>>(const std::string& boot_id)> open_reports;
};

class SimulatedNode {
 public:
  /// On, and its agent runs. Errors: those of NodeOptions::open_reports.
  static model::Result<std::unique_ptr<SimulatedNode>> open(NodeOptions options, simulation::Workload workload,
                                                            model::MonoTime now, model::WallTime wall);
  SimulatedNode(const SimulatedNode&) = delete;
  SimulatedNode& operator=(const SimulatedNode&) = delete;

  struct Progress {
    std::size_t reports = 0;                // made and kept
    std::size_t writes = 0;                 // of kernel files
    std::optional<model::Error> lost = {};  // a report could not be kept, or waits for the disk
  };
  /// One loop: time passed until `now`, for host and agent. `wall` is the true one; the node may think otherwise.
  Progress advance(model::MonoTime now, model::WallTime wall);
  /// The pod ends by itself; as after an eviction, another one of its workload comes.
  void end_pod(const model::PodUid& uid) { workload_.evicted(uid); }
  /// No report is made any more.
  void stop_reports() { reports_stopped_ = true; }
  /// The next round reads pods, and then each that is so much later.
  void set_pod_interval(model::Duration interval);
  /// When the next report is due; nullopt: no pod round in this life yet.
  const std::optional<model::MonoTime>& next_report() const { return schedule_.next(); }

  // Faults.
  void cut_power();
  void boot(model::MonoTime now);  // the host; its agent does not run yet
  void kill_agent();
  /// Errors: those of NodeOptions::open_reports; the agent does not run then. The host must be on.
  model::Result<void> start_agent(model::WallTime wall);
  /// From now on that is wrong with the node; its link and its duplicates are its owner's. A disk delay is what each
  /// write of the agent to its disk takes, one after the other: a report is kept, hence sent, that much later, and an
  /// ack, a policy and a hands-off count when they are written. Errors: those of start_agent(); the same effects again
  /// try again.
  model::Result<void> suffer(const simulation::Effects& effects, model::MonoTime now, model::WallTime wall);
  bool is_on() const { return host_.has_value(); }
  bool agent_runs() const { return agent_ != nullptr; }

  // The session; of one whose agent runs.
  model::Incarnation incarnation() const { return queue_->incarnation(); }
  /// Gives how many reports turn out to be acked.
  std::size_t connected(model::Seq acked_through, model::Epoch epoch);
  void disconnected();
  /// The report that is to go now; it is in flight from then on, until an answer or the session's end.
  std::optional<model::Report> to_send(model::MonoTime now);
  /// True: it was in flight.
  bool acked(model::Seq seq, model::MonoTime now);
  void refused(model::Seq seq, bool for_good, model::MonoTime now);
  void take_policy(const model::NodePolicy& policy, model::MonoTime now);
  void take_hands_off(const model::HandsOffOrder& order, model::MonoTime now, model::WallTime wall);
  void take_batch(const model::BatchAllocatable& allocatable, model::MonoTime now);
  void take_verdicts(const model::EvictionAnswer& answer);
  void set_pace(model::Duration interval, model::Duration length, model::MonoTime now);
  struct Answer {
    std::optional<model::PolicyVersion> policy;
    std::uint64_t hands_off = 0;  // without a policy: the order's number
    std::string problem;
  };
  /// What the coordinator waits for.
  std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }
  std::optional<model::EvictionAsk> take_ask();
  /// Why a report in the spool could not be read, since the last call.
  std::optional<model::Error> take_trouble() { return std::exchange(trouble_, std::nullopt); }

  /// What the spool found and dropped or repaired when the agent started, one sentence each.
  const std::vector<std::string>& spool_notes() const { return queue_->notes(); }
  std::size_t spooled() const { return queue_ ? queue_->pending() : 0; }
  std::uint64_t dropped() const { return dropped_before_ + (queue_ ? queue_->dropped() : 0); }
  /// Of the newest pod round; nullopt: none in this life.
  const std::optional<model::NodeSample>& sample() const { return sample_; }
  std::optional<model::MilliCpu> be_limit() const;
  /// The one in force; nullopt: none was ever received.
  const std::optional<model::NodePolicy>& policy() const { return policy_; }
  /// nullopt: it is off.
  const std::optional<simulation::SimulatedHost>& host() const { return host_; }

 private:
  SimulatedNode(NodeOptions options, simulation::Workload workload, model::MonoTime now)
      : options_(std::move(options)),
        workload_(std::move(workload)),
        begun_(now),
        last_(now),
        schedule_(options_.name.str(), options_.report_interval) {}
  std::string boot_id() const;
  model::WallTime own_wall(model::WallTime wall) const;
  void run_rounds(model::MonoTime now, model::WallTime wall);
  bool report_is_due(model::MonoTime now);
  void make_report(model::MonoTime now, model::WallTime wall);
  /// When a write that begins now will be done.
  model::MonoTime written_at(model::MonoTime now);
  /// `wall` is the node's own.
  void settle_disk(model::MonoTime now, model::WallTime wall, Progress& progress);
  void keep_report(model::MonoTime now, Progress& progress);
  void put_in_force(const model::NodePolicy& policy);
  struct Ordered {
    std::uint64_t number = 0;
    std::vector<decide::Hold> holds;
  };
  void keep_off(Ordered ordered, model::WallTime wall);
  void settle_ack(model::Seq seq);

  template <class T>
  struct Writing {
    T what;
    model::MonoTime done;
  };

  NodeOptions options_;
  simulation::Workload workload_;
  const model::MonoTime begun_;
  model::MonoTime last_;
  std::optional<simulation::SimulatedHost> host_;
  std::unique_ptr<simulation::SimulatedAgent> agent_;
  std::unique_ptr<ReportQueue> queue_;  // open while the agent runs
  std::uint64_t dropped_before_ = 0;    // of queues before this one
  unsigned boots_ = 0;

  // On its disk.
  std::optional<model::NodePolicy> policy_;
  model::Epoch seen_epoch_;
  std::vector<decide::Hold> holds_;

  // Faults.
  model::Duration clock_offset_{0};
  model::Duration disk_delay_{0};
  model::MonoTime disk_free_;
  std::optional<Writing<model::Report>> writing_report_;
  std::optional<Writing<model::Seq>> writing_ack_;
  std::optional<Writing<model::NodePolicy>> writing_policy_;
  std::optional<Writing<Ordered>> writing_hands_off_;

  // Of this life of the agent.
  sense::ReportWindow window_;
  std::optional<model::NodeSample> sample_;
  std::optional<model::MonoTime> window_start_;
  model::MonoTime next_pod_round_;
  sense::ReportSchedule schedule_;
  std::uint64_t writes_told_ = 0;
  bool reports_stopped_ = false;
  bool connected_ = false;
  model::Epoch session_epoch_;
  bool report_now_ = false;  // a fresh session is told at once who this is
  std::optional<model::Seq> in_flight_;
  model::MonoTime retry_at_;
  std::vector<Answer> answers_;
  std::optional<model::Error> trouble_;
};

}  // namespace tideline::rehearsal
