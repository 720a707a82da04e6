#pragma once
// Who the bearer of a service account's token is, as the API server says: first whose the token is, then on which node
// its pod runs.

#include <string>

#include "coordinator/bootstrap/backend.h"
#include "k8s-bridge/actor/api_port.h"
#include "messages/model/result.h"

namespace tideline::bridge {

struct ServiceAccountName {
  std::string name_space;
  std::string name;
  friend bool operator==(const ServiceAccountName&, const ServiceAccountName&) = default;
};
/// "NAMESPACE/NAME"; kInvalidArgument for what Kubernetes takes as neither.
model::Result<ServiceAccountName> service_account_name(const std::string& text);

/// How many questions a second may be put where the client has such a budget: they take a third of it at most, as
/// anyone may cause them.
double token_questions_a_second(double requests_a_second);

/// Whoever asks keeps to that pace. Questions wait for the budget behind all others. After ApiPort::stop() they are
/// answered as those are.
class TokenReviewer final : public bootstrap::BootstrapBackend {
 public:
  TokenReviewer(ApiPortPtr api, std::string audience, ServiceAccountName account);
  /// kPermissionDenied as k8s::token_owner and k8s::node_of_pod say, for another account, and where the pod is gone.
  /// kUnavailable for all else: no answer, none that can be read, a verb that our own role lacks.
  void identify(std::string token, link::Reply<model::NodeName> reply) override;

 private:
  ApiPortPtr api_;
  std::string audience_;
  ServiceAccountName account_;
};

}  // namespace tideline::bridge
