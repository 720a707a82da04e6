#pragma once
// What an API server (1.20) answers about the token of an agent's pod, and the pod.

#include <string>

#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/token_review.h"

namespace tideline::k8s {

inline const std::string kTestAudience = "tideline-bootstrap";

inline nlohmann::json agent_review() {
  return nlohmann::json::parse(R"({
    "kind": "TokenReview",
    "apiVersion": "authentication.k8s.io/v1",
    "metadata": {"creationTimestamp": null, "managedFields": [{"manager": "tideline-coordinator", "operation": "Update"}]},
    "spec": {"token": "ey.x-_.y", "audiences": ["tideline-bootstrap"]},
    "status": {
      "authenticated": true,
      "user": {
        "username": "system:serviceaccount:tideline-system:tideline-node",
        "uid": "e0a0b2f4-6b77-4d5e-8a53-0f3e2c1d9a10",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:tideline-system", "system:authenticated"],
        "extra": {
          "authentication.kubernetes.io/pod-name": ["tideline-node-x2x7k"],
          "authentication.kubernetes.io/pod-uid": ["7d4c1d9a-5f0e-4f5b-9d6e-0c1f5f1f2a11"]
        }
      },
      "audiences": ["tideline-bootstrap"]
    }
  })");
}

inline TokenOwner agent_owner() {
  return {.name_space = "tideline-system",
          .service_account = "tideline-node",
          .pod_name = "tideline-node-x2x7k",
          .pod_uid = "7d4c1d9a-5f0e-4f5b-9d6e-0c1f5f1f2a11"};
}

inline nlohmann::json agent_pod() {
  return nlohmann::json::parse(R"({
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
      "name": "tideline-node-x2x7k",
      "generateName": "tideline-node-",
      "namespace": "tideline-system",
      "uid": "7d4c1d9a-5f0e-4f5b-9d6e-0c1f5f1f2a11",
      "resourceVersion": "48213",
      "labels": {"app.kubernetes.io/name": "tideline-node"}
    },
    "spec": {
      "containers": [{"name": "node", "image": "tideline/node:0.1.0"}],
      "serviceAccountName": "tideline-node",
      "serviceAccount": "tideline-node",
      "nodeName": "node-1"
    },
    "status": {"phase": "Running", "qosClass": "Burstable"}
  })");
}

}  // namespace tideline::k8s
