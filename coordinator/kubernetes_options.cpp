#include "coordinator/kubernetes_options.h"

#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "k8s-bridge/api/access.h"
#include "messages/log/log.h"

namespace tideline::program {
namespace {

using model::Result;

constexpr std::string_view kDirSource = "dir:";
constexpr std::string_view kKubernetesSource = "kubernetes";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<k8s_api::Access> access_of(const KubernetesArguments& kubernetes) {
  if (!kubernetes.kubeconfig.empty()) return k8s_api::kubeconfig_access(kubernetes.kubeconfig, kubernetes.context);
  return k8s_api::service_account_access(k8s_api::kServiceAccountDirectory, environment("KUBERNETES_SERVICE_HOST"),
                                         environment("KUBERNETES_SERVICE_PORT"));
}

/// Which ConfigMaps --policy-source and --preferred-configmap name, by preference.
Result<std::vector<bridge::ConfigMapName>> named_config_maps(const std::string& source,
                                                             const KubernetesArguments& kubernetes) {
  if (source != kKubernetesSource) {
    const auto name = bridge::config_map_name(source.substr(kKubernetesSource.size() + 1));
    if (!name) return name.error().in("--policy-source " + source);
    if (kubernetes.preferred_given) {
      return model::invalid(fmt::format("--preferred-configmap {}: --policy-source {} names one ConfigMap alone",
                                        kubernetes.preferred_configmap, source));
    }
    return std::vector<bridge::ConfigMapName>{*name};
  }
  const auto preferred = bridge::config_map_name(kubernetes.preferred_configmap);
  if (!preferred) return preferred.error().in("--preferred-configmap");
  auto names = bridge::by_preference(bridge::default_config_maps(), *preferred);
  if (!names) return names.error().in("--preferred-configmap");
  return names;
}

}  // namespace

Result<coordinator::PolicySource> settle_policy_source(const std::string& source, KubernetesArguments& kubernetes) {
  if (source == kKubernetesSource || source.starts_with(std::string(kKubernetesSource) + ":")) {
    auto names = named_config_maps(source, kubernetes);
    if (!names) return names.error();
    kubernetes.config_maps = *std::move(names);
    kubernetes.enabled = true;
    std::vector<std::string> texts;
    for (const auto& name : kubernetes.config_maps)
      texts.push_back(bridge::text_of(name));
    return coordinator::kubernetes_source(texts);
  }
  if (!source.starts_with(kDirSource) || source.size() == kDirSource.size()) {
    return model::invalid(
        fmt::format("--policy-source {}: want dir:PATH, kubernetes or kubernetes:NAMESPACE/NAME", source));
  }
  if (kubernetes.preferred_given) {
    return model::invalid(fmt::format("--preferred-configmap {}: --policy-source {} takes no ConfigMap",
                                      kubernetes.preferred_configmap, source));
  }
  return coordinator::directory_source(source.substr(kDirSource.size()));
}

Result<void> settle_kubernetes(KubernetesArguments& kubernetes, bool elect) {
  if (!kubernetes.enabled && !elect && !kubernetes.kubeconfig.empty()) {
    return model::invalid(
        fmt::format("--kubeconfig {}: nothing asks for Kubernetes: give --policy-source kubernetes, or "
                    "--kubernetes or --leader-elect beside another source",
                    kubernetes.kubeconfig));
  }
  if (!kubernetes.enabled && kubernetes.node_metrics) {
    return model::invalid(
        "--node-metrics: nothing asks for Kubernetes: give --policy-source kubernetes, or --kubernetes beside another "
        "source");
  }
  if (kubernetes.kubeconfig.empty() && !kubernetes.context.empty()) {
    return model::invalid(fmt::format("--kube-context {}: want --kubeconfig as well", kubernetes.context));
  }
  if (kubernetes.requests_a_second < 1 || kubernetes.requests_a_second > 10'000) {
    return model::invalid(fmt::format("--kube-qps {}: want 1 to 10000", kubernetes.requests_a_second));
  }
  if (kubernetes.burst < 1 || kubernetes.burst > 100'000) {
    return model::invalid(fmt::format("--kube-burst {}: want 1 to 100000", kubernetes.burst));
  }
  const auto older = k8s::older_names_from(kubernetes.older_names_text);
  if (!older) return older.error().in("--publish-older-names");
  if (older->any() && !kubernetes.enabled) {
    return model::invalid(
        fmt::format("--publish-older-names {}: nothing asks for Kubernetes: give --policy-source kubernetes, or "
                    "--kubernetes beside another source",
                    kubernetes.older_names_text));
  }
  kubernetes.older_names = *older;
  return {};
}

Result<k8s_api::ClientConfig> client_config(const KubernetesArguments& kubernetes) {
  auto access = access_of(kubernetes);
  if (!access) return access.error();
  k8s_api::ClientConfig config;
  config.access = *std::move(access);
  config.user_agent = fmt::format("tideline-coordinator/{}", TIDELINE_VERSION);
  return config;
}

Result<std::shared_ptr<bridge::KubernetesBridge>> start_bridge(const KubernetesArguments& kubernetes,
                                                               clock::TermPtr term) {
  if (!kubernetes.enabled) return std::shared_ptr<bridge::KubernetesBridge>();
  auto client = client_config(kubernetes);
  if (!client) return client.error();
  const auto& access = client->access;
  log::info("kubernetes-bridge", "{}: https://{}:{}{}", access.source, access.host, access.port, access.path_prefix);
  bridge::KubernetesConfig config;
  config.client = *std::move(client);
  config.client.requests_a_second = kubernetes.requests_a_second;
  config.client.burst = kubernetes.burst;
  config.client.max_in_flight = k8s_api::places_for(kubernetes.requests_a_second);
  config.client.term = std::move(term);
  config.config_maps = kubernetes.config_maps;
  config.older_names = kubernetes.older_names;
  config.node_metrics = kubernetes.node_metrics;
  return bridge::KubernetesBridge::start(std::move(config));
}

}  // namespace tideline::program
