#pragma once
// What tideline-coordinator's options say of Kubernetes, checked, and what follows from them.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/actor/policy_source.h"
#include "k8s-bridge/actor/config_choice.h"
#include "k8s-bridge/actor/kubernetes_bridge.h"
#include "k8s-bridge/api/client.h"
#include "k8s-bridge/translate/batch_names.h"
#include "messages/clock/term.h"
#include "messages/model/result.h"

namespace tideline::program {

/// How Kubernetes is reached, and what of it is used.
struct KubernetesArguments {
  bool enabled = false;  // also where the policy does not come from there
  std::string kubeconfig;
  std::string context;
  std::string preferred_configmap = bridge::text_of(bridge::default_config_maps().front());
  bool preferred_given = false;
  std::uint32_t requests_a_second = 30;
  std::uint32_t burst = 60;
  std::string older_names_text;
  k8s::OlderNames older_names = {};
  bool node_metrics = false;
  std::vector<bridge::ConfigMapName> config_maps;  // that policy comes from, by preference
};

/// The source that --policy-source names; fills in what of `kubernetes` follows from it. kInvalidArgument names the
/// option.
model::Result<coordinator::PolicySource> settle_policy_source(const std::string& source,
                                                              KubernetesArguments& kubernetes);
/// Checks the others after it. `elect`: the Lease needs an API server, too.
model::Result<void> settle_kubernetes(KubernetesArguments& kubernetes, bool elect);

/// By the kubeconfig, or the pod's service account.
model::Result<k8s_api::ClientConfig> client_config(const KubernetesArguments& kubernetes);
/// Null where nothing asks for Kubernetes.
model::Result<std::shared_ptr<bridge::KubernetesBridge>> start_bridge(const KubernetesArguments& kubernetes,
                                                                      clock::TermPtr term);

}  // namespace tideline::program
