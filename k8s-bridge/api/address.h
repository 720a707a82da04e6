#pragma once
// Whose certificate the API server must show.

#include <string>

#include "k8s-bridge/api/access.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// In the certificate of every API server that a cluster's own tools set up.
inline constexpr const char* kServerNameInCluster = "kubernetes.default.svc";

/// The name that the server's certificate must hold. kInvalidArgument where there is none to ask for.
model::Result<std::string> name_to_prove(const Access& access);

}  // namespace tideline::k8s_api
