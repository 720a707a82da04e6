#pragma once
// The bridge put together: client, feed, actor.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/actor/bridge.h"
#include "coordinator/bootstrap/backend.h"
#include "k8s-bridge/actor/api_port.h"
#include "k8s-bridge/actor/config_choice.h"
#include "k8s-bridge/actor/feed.h"
#include "k8s-bridge/actor/token_reviewer.h"
#include "k8s-bridge/api/client.h"
#include "k8s-bridge/measure/metric_book.h"
#include "k8s-bridge/translate/batch_names.h"
#include "messages/model/result.h"

namespace tideline::bridge {

struct KubernetesConfig {
  k8s_api::ClientConfig client;
  /// Policy comes from the first of these that is there; none: it comes from elsewhere.
  std::vector<ConfigMapName> config_maps;
  /// Of batch's resources, published beside the newest.
  k8s::OlderNames older_names = {};
  bool node_metrics = false;  // NodeMetric objects are written
};
/// What of the client's budget NodeMetrics may take. What is left is for falls, watches and the rest, which go first.
inline constexpr double kNodeMetricsShare = 2.0 / 3;

class KubernetesBridge final : public coordinator::Bridge {
 public:
  /// Errors name the access' file. An API server that is away is none.
  static model::Result<std::shared_ptr<KubernetesBridge>> start(KubernetesConfig config);

  KubernetesBridge(ApiPortPtr api, std::vector<ConfigMapName> config_maps, k8s::OlderNames older_names = {},
                   std::optional<measure::MetricOptions> node_metrics = std::nullopt);
  ~KubernetesBridge() override;
  KubernetesBridge(const KubernetesBridge&) = delete;
  KubernetesBridge& operator=(const KubernetesBridge&) = delete;

  caf::actor spawn(caf::actor_system& system, model::Epoch epoch, coordinator::LinkPortPtr link) override;
  void stop() override;
  std::shared_ptr<const coordinator::BridgeBoard> board() const override { return board_; }

  /// For the bootstrap port: agents run as `account`, and their tokens are for `audience`. Within the same budget.
  std::shared_ptr<bootstrap::BootstrapBackend> token_reviewer(std::string audience, ServiceAccountName account) const;

 private:
  ApiPortPtr api_;
  std::vector<ConfigMapName> config_maps_;
  k8s::OlderNames older_names_;
  std::optional<measure::MetricOptions> node_metrics_;
  std::shared_ptr<Feed> feed_;
  std::shared_ptr<coordinator::BridgeBoard> board_ = std::make_shared<coordinator::BridgeBoard>();
};

}  // namespace tideline::bridge
