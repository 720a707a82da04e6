#pragma once
// What every way of running a fleet has of the link: whom its nodes speak to, with which certificates, and their ears.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "messages/link/node_client.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/fleet/inbox.h"

namespace tideline::rehearsal {

struct FleetConfig {
  std::vector<std::string> coordinators;  // "host:port"
  std::string server_name = "coordinator.tideline";
  std::string certs;  // directory that issue_certs filled
  std::string prefix = "sim-";
  std::size_t first = 0;
  std::size_t nodes = 1;
  model::Duration interval = std::chrono::seconds(10);  // of each node's reports
  model::Duration spread = std::chrono::seconds(20);    // over which the sessions are begun; 0: all at once
  model::Duration length = std::chrono::minutes(5);     // 0: until told to stop
  model::Duration row_every = std::chrono::seconds(10);
  std::uint64_t seed = 1;
  bool json = false;  // a JSON object a row
};

/// Before thousands of clients say the same: the errors of link::load and speaks_for of the first and the last node.
/// kOverloaded: the process may not open `files_of_node` files for each node.
model::Result<void> check_fleet(const FleetConfig& config, std::size_t files_of_node);

/// How a node's client comes to its session.
enum class Arrival : std::uint8_t {
  kAtOnce,
  kSpread  // at random within FleetConfig::spread
};

/// One life of one node's client. Puts what it hears into the inbox, on the link's thread.
class Ear final : public link::NodeClientEvents {
 public:
  /// What a node without a host has no use for is not put: FleetConfig's thousands would pay for it.
  enum class Hears : std::uint8_t { kReportsAndPolicies, kPodsToo, kAll };

  /// Errors: those of link::NodeClient::start. `inbox` must outlive it.
  static model::Result<std::unique_ptr<Ear>> start(const FleetConfig& config, const std::string& node,
                                                   model::Incarnation incarnation, Arrival arrival, std::uint64_t seed,
                                                   std::shared_ptr<link::ClientLoop> loop, Inbox& inbox,
                                                   const NoteOf& note, Hears hears);
  ~Ear() override { stop(); }
  Ear(const Ear&) = delete;
  Ear& operator=(const Ear&) = delete;

  link::NodeClient& client() { return *client_; }
  void take_objects(std::uint64_t number) { client_->answer_objects(number, ""); }
  /// Of a node whose pods are its own load's.
  void refuse_objects(std::uint64_t number) { client_->answer_objects(number, "simulated: its pods are its own"); }
  /// Ends the session and the client. Nothing is put after it returned.
  void stop();

  void on_connected(const link::Welcome& welcome) override;
  void on_disconnected(const std::string& why, unsigned attempt) override;
  void on_acked(model::Seq seq) override;
  void on_refused(model::Seq seq, const model::Error& why) override;
  void on_policy(const model::NodePolicy& policy) override;
  void on_report_interval(model::Duration interval, model::Duration duration) override;
  void on_hands_off(const model::HandsOffOrder& order) override;
  void on_objects(const model::NodeObjects& objects) override;
  void on_evictions(const model::Result<model::EvictionAnswer>& answer) override;
  void on_batch(const model::BatchAllocatable& allocatable) override;

 private:
  Ear(Inbox& inbox, const NoteOf& note, Hears hears) : inbox_(inbox), note_(note), hears_(hears) {}
  void put(LinkNote note);

  Inbox& inbox_;
  const NoteOf note_;
  const Hears hears_;
  std::unique_ptr<link::NodeClient> client_;
};

}  // namespace tideline::rehearsal
