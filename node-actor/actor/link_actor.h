#pragma once
// Folds samples into reports, keeps them in the spool until the coordinator has them, takes policies in.

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/link/node_client.h"
#include "node-actor/actor/event_queue.h"
#include "node-actor/actor/messages.h"
#include "node-actor/actor/node_config.h"
#include "node-actor/guard/audit_ring.h"
#include "node-actor/sense/report_schedule.h"
#include "node-actor/sense/window.h"
#include "node-actor/spool/spool.h"

namespace tideline::node {

/// Which set of objects is in force; a default one: none.
struct SeenObjects {
  model::Epoch epoch;
  std::uint64_t number = 0;
  friend auto operator<=>(const SeenObjects&, const SeenObjects&) = default;
};

struct LinkOptions {
  model::NodeName name;
  std::string boot_id;
  std::string state_dir;
  model::Duration report_interval;
  /// Highest epoch a policy was taken from; a coordinator with a lower one is an old one that does not know it yet.
  model::Epoch seen_epoch;
  /// Is told which events a report tells; nullptr: nobody is.
  std::shared_ptr<guard::AuditRing> audit = {};
  PodsFrom pods_from = PodsFrom::kFile;
  SeenObjects seen_objects = {};
};

/// Carries the link thread's events to the actor.
class LinkBridge final : public link::NodeClientEvents {
 public:
  void attach(caf::actor target) { target_ = std::move(target); }
  void on_connected(const link::Welcome& welcome) override { caf::anon_send(target_, LinkUp{welcome}); }
  void on_disconnected(const std::string& why, unsigned attempt) override {
    caf::anon_send(target_, LinkDown{why, attempt});
  }
  void on_acked(model::Seq seq) override { caf::anon_send(target_, ReportAcked{seq}); }
  void on_refused(model::Seq seq, const model::Error& why) override {
    caf::anon_send(target_, ReportRefused{seq, why});
  }
  void on_policy(const model::NodePolicy& policy) override { caf::anon_send(target_, PolicyArrived{policy}); }
  void on_report_interval(model::Duration interval, model::Duration duration) override {
    caf::anon_send(target_, ReportPace{interval, duration});
  }
  void on_hands_off(const model::HandsOffOrder& order) override { caf::anon_send(target_, HandsOffArrived{order}); }
  void on_objects(const model::NodeObjects& objects) override {
    caf::anon_send(target_, ObjectsArrived{std::make_shared<const model::NodeObjects>(objects)});
  }
  void on_evictions(const model::Result<model::EvictionAnswer>& answer) override {
    caf::anon_send(target_, EvictionsAnswered{answer});
  }
  void on_batch(const model::BatchAllocatable& allocatable) override {
    caf::anon_send(target_, BatchArrived{allocatable});
  }

 private:
  caf::actor target_;
};

/// The client starts after the actor; until then there is no link.
struct ClientPort {
  std::atomic<link::NodeClient*> client{nullptr};
};

class LinkActor : public caf::event_based_actor {
 public:
  LinkActor(caf::actor_config& config, LinkOptions options, std::shared_ptr<spool::Spool> spool,
            std::shared_ptr<ClientPort> port);
  /// Its first message must be the handle of the tick actor, which is made after this one.
  caf::behavior make_behavior() override;
  /// What was not told yet is a last report. Closes the spool, and lets go of the tick actor, which knows this one.
  void on_exit() override;

 private:
  void take_sample(SampleReady ready);
  void take_events(std::vector<NotedEvent> events);
  void store_report();
  void tell_of_disk();
  void send_next();
  void answer(const ReportAcked& acked);
  void answer(const ReportRefused& refused);
  void take_policy(const model::NodePolicy& policy);
  void take_hands_off(const model::HandsOffOrder& order);
  void take_objects(const ObjectsArrived& arrived);
  /// Why the set is not taken; "" = it is.
  std::string refusal_of(const model::NodeObjects& objects) const;
  void await_pods();
  /// Something new is to be told before a report is due.
  bool must_report_now(model::MonoTime now) const;
  void ask_evictions(const EvictionsWanted& wanted);
  void take_verdicts(const EvictionsAnswered& answered);
  void say_unasked(const model::Error& why);
  model::Result<model::Report> stored(model::Seq seq) const;

  LinkOptions options_;
  std::shared_ptr<spool::Spool> spool_;
  std::shared_ptr<ClientPort> port_;
  caf::actor tick_;
  sense::ReportWindow window_;
  std::shared_ptr<const std::vector<model::Pod>> pods_;
  model::NodeStatus status_;
  EventQueue events_;
  std::optional<model::MonoTime> window_start_;
  sense::ReportSchedule schedule_;
  bool connected_ = false;
  model::Epoch session_epoch_;  // of the coordinator at the other end
  bool report_now_ = true;      // a fresh session is told at once who this is, and others what is new of its pods
  std::optional<model::MonoTime> reported_now_;
  bool awaits_pods_ = false;
  bool objects_kept_ = true;     // on disk, those that were seen last
  std::string objects_refused_;  // why the last set was; "" = it was not
  std::string unasked_;          // why there is no verdict on evictions, as said last; "" = there is
  std::optional<model::Seq> in_flight_;
  bool disk_refuses_ = false;  // as told last
};

}  // namespace tideline::node
