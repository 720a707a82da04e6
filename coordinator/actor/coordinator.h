#pragma once
// The coordinator put together: store, actors, node link. The program adds the admin server and ends it first.

#include <functional>
#include <memory>
#include <string>

#include "coordinator/actor/history_retention.h"
#include "coordinator/actor/policy_source.h"
#include "coordinator/admin/backend.h"
#include "coordinator/bootstrap/counters.h"
#include "coordinator/fleet/limits.h"
#include "coordinator/ledger/witness.h"
#include "coordinator/web/backend.h"
#include "messages/clock/term.h"
#include "messages/link/node_server.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

class Bridge;

struct CoordinatorConfig {
  std::string listen = "0.0.0.0:7400";
  link::TlsFiles tls;
  std::string denied_names_file;  // link/deny_list.h; "" = none
  PolicySource policy;
  HistoryRetention retention;
  std::string backup_directory;                           // absolute, and there; "" = no backups are made
  model::Duration fold_every = std::chrono::seconds(30);  // a look for hours that are over
  model::Duration drop_every = std::chrono::minutes(10);  // and for what is too old, from the start on
  model::Duration commit_window = std::chrono::milliseconds(20);
  fleet::FleetOptions fleet;  // forget_after follows from retention
  /// Told of each live report that is stored for the first time, by its corrected time. Acks wait for it: it must be
  /// cheap and never wait.
  std::function<void(const model::Report& report, model::WallTime at)> on_stored;
  link::AcceptLimits accept;
  link::SessionLimits session;
  std::shared_ptr<Bridge> bridge;  // to Kubernetes; null = none
  /// Told what the ledger rests on, and what came of it; null = nobody.
  std::shared_ptr<ledger::Witness> ledger_witness = nullptr;
  /// Of whoever holds the Lease; the link sends nothing without it. What is written to the store needs none: whoever
  /// has that open is the only one.
  clock::TermPtr term = nullptr;
  /// Of the bootstrap port, which the program adds, for metrics; null = there is none.
  std::shared_ptr<const bootstrap::BootstrapCounters> bootstrap;
  /// A part of the coordinator ended by itself, as the log says: it must be stopped, and not by this call, which comes
  /// from an actor's thread.
  std::function<void()> on_actor_ended;
};

class Coordinator {
 public:
  /// Draws the epoch from the store and starts everything. Errors name the address, file or setting.
  static model::Result<std::unique_ptr<Coordinator>> start(CoordinatorConfig config,
                                                           std::shared_ptr<store::HistoryStore> store);
  /// What was received is committed and acknowledged, then sessions end, then what the bridge hears of, then the
  /// actors.
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  std::uint16_t node_port() const;
  model::Epoch epoch() const;
  admin::AdminBackend& backend();
  web::WebBackend& web_backend();

 private:
  struct Impl;
  explicit Coordinator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::coordinator
