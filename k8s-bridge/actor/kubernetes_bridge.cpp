#include "k8s-bridge/actor/kubernetes_bridge.h"

#include <utility>

#include "k8s-bridge/actor/bridge_actor.h"

namespace tideline::bridge {

model::Result<std::shared_ptr<KubernetesBridge>> KubernetesBridge::start(KubernetesConfig config) {
  std::optional<measure::MetricOptions> node_metrics;
  if (config.node_metrics) {
    node_metrics = measure::options_for(config.client.requests_a_second * kNodeMetricsShare);
  }
  auto client = k8s_api::ApiClient::start(std::move(config.client));
  if (!client) return client.error();
  return std::make_shared<KubernetesBridge>(std::make_shared<ClientPort>(*std::move(client)),
                                            std::move(config.config_maps), config.older_names, node_metrics);
}

KubernetesBridge::KubernetesBridge(ApiPortPtr api, std::vector<ConfigMapName> config_maps, k8s::OlderNames older_names,
                                   std::optional<measure::MetricOptions> node_metrics)
    : api_(std::move(api)),
      config_maps_(std::move(config_maps)),
      older_names_(older_names),
      node_metrics_(node_metrics),
      feed_(std::make_shared<Feed>(config_maps_)) {}

KubernetesBridge::~KubernetesBridge() {
  stop();
}

caf::actor KubernetesBridge::spawn(caf::actor_system& system, model::Epoch epoch, coordinator::LinkPortPtr link) {
  BridgeParts parts;
  parts.api = api_;
  parts.feed = feed_;
  parts.config_maps = config_maps_;
  parts.older_names = older_names_;
  parts.board = board_;
  parts.node_metrics = node_metrics_;
  parts.push = [link = std::move(link)](Sets sets) {
    link->with([&](link::NodeServer& server) { server.push_objects(std::move(sets)); });
  };
  return system.spawn<BridgeActor, caf::detached>(epoch, std::move(parts));
}

std::shared_ptr<bootstrap::BootstrapBackend> KubernetesBridge::token_reviewer(std::string audience,
                                                                              ServiceAccountName account) const {
  return std::make_shared<TokenReviewer>(api_, std::move(audience), std::move(account));
}

void KubernetesBridge::stop() {
  api_->stop();
  feed_->end();
}

}  // namespace tideline::bridge
