#pragma once
// Whose service-account token it is: authentication.k8s.io/v1 TokenReview, asked and answered. Plain functions.

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::k8s {

inline constexpr std::string_view kTokenReviewPath = "/apis/authentication.k8s.io/v1/tokenreviews";
inline constexpr std::size_t kMaxTokenBytes = 16 << 10;

/// JSON for a POST to kTokenReviewPath.
std::string token_review_body(const std::string& token, const std::string& audience);

/// A token bound to a pod (projected serviceAccountToken, KEP-1205).
struct TokenOwner {
  std::string name_space;       // of the service account, and of the pod
  std::string service_account;  // its name
  std::string pod_name;
  std::string pod_uid;
  friend bool operator==(const TokenOwner&, const TokenOwner&) = default;
};
/// kPermissionDenied, saying why: not authenticated, `audience` is not among status.audiences, no service account, or
/// bound to no pod (extra authentication.kubernetes.io/pod-name and pod-uid). kMalformed: no TokenReview.
model::Result<TokenOwner> token_owner(const nlohmann::json& review, const std::string& audience);

/// The node that the pod is bound to. kPermissionDenied where the pod of that name has another uid, runs as another
/// service account, is bound to no node, or has ended or is being deleted. kMalformed: no Pod, or no name of a node.
model::Result<model::NodeName> node_of_pod(const nlohmann::json& pod, const TokenOwner& owner);

}  // namespace tideline::k8s
