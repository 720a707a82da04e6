#pragma once
// What probes and Prometheus see of the coordinator.

#include <optional>

#include "coordinator/actor/bridge.h"
#include "coordinator/actor/history_counts.h"
#include "coordinator/actor/link_port.h"
#include "coordinator/actor/messages.h"
#include "coordinator/actor/shared_answer.h"
#include "coordinator/bootstrap/counters.h"
#include "coordinator/web/backend.h"

namespace tideline::coordinator {

/// Where the numbers come from. Replies may outlive the backend, and keep them; the text must be made while the node
/// server lives.
struct WebSources {
  caf::actor fleet;
  LinkPortPtr link;
  std::shared_ptr<const HistoryCounts> history;
  std::shared_ptr<const store::HistoryStore> store;
  std::shared_ptr<const BridgeBoard> bridge = {};                      // null: without Kubernetes
  std::shared_ptr<const bootstrap::BootstrapCounters> bootstrap = {};  // null: there is no such port
};

class ActorWebBackend final : public web::WebBackend {
 public:
  explicit ActorWebBackend(WebSources sources) : sources_(std::move(sources)) {}
  /// Families tideline_* and process_*; docs/metrics.md lists them.
  void metrics(link::Reply<Text> reply) override;
  /// Ready: the fleet actor answers, a policy is in force, and the newest commit went well. Whether Kubernetes answers
  /// does not count: nodes are served without it.
  void ready(link::Reply<void> reply) override;

 private:
  using SharedReport = SharedAnswer<FleetReport>;
  class Making;
  /// The fleet is asked once a second at most: a report walks over all nodes, and anyone may ask.
  void report(link::Reply<FleetReport> reply);

  WebSources sources_;
  std::shared_ptr<SharedReport> report_ = std::make_shared<SharedReport>(std::chrono::seconds(1));
};

/// The text of /metrics out of its parts. `now` is of the clock that the bridge's stamps are of.
std::string metrics_text(const FleetReport& fleet, const link::LinkCounts& link, const HistoryCounts& history,
                         const store::StoreSize& store, const std::optional<BridgeNumbers>& bridge = std::nullopt,
                         model::MonoTime now = {},
                         const std::optional<bootstrap::BootstrapCounts>& bootstrap = std::nullopt);

}  // namespace tideline::coordinator
