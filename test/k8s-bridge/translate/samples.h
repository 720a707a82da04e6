#pragma once
// Objects as `kubectl get -o json` prints them, without what nobody here reads.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/report.h"

namespace tideline::k8s {

/// Of the colocation examples that Koordinator and ACK document: the service.
inline nlohmann::json nginx_pod() {
  return nlohmann::json::parse(R"({
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
      "annotations": {
        "koordinator.sh/cpuBurst": "{\"policy\": \"auto\", \"cpuBurstPercent\": 200}",
        "kubectl.kubernetes.io/last-applied-configuration": "{\"apiVersion\":\"v1\"}\n"
      },
      "creationTimestamp": "2026-11-30T08:15:30Z",
      "generateName": "nginx-5d9c7b8f6c-",
      "labels": {
        "app": "nginx",
        "koordinator.sh/qosClass": "LS",
        "pod-template-hash": "5d9c7b8f6c"
      },
      "name": "nginx-5d9c7b8f6c-x2x7k",
      "namespace": "default",
      "ownerReferences": [
        {
          "apiVersion": "apps/v1",
          "blockOwnerDeletion": true,
          "controller": true,
          "kind": "ReplicaSet",
          "name": "nginx-5d9c7b8f6c",
          "uid": "0b0c7a52-6b6e-4a6a-b6a4-9c5e9c1a8a10"
        }
      ],
      "resourceVersion": "48213",
      "uid": "7d4c1d9a-5f0e-4f5b-9d6e-0c1f5f1f2a11"
    },
    "spec": {
      "containers": [
        {
          "image": "koordinatorsh/nginx:v1.18-koord-example",
          "imagePullPolicy": "IfNotPresent",
          "name": "nginx",
          "ports": [{"containerPort": 8000, "hostPort": 8000, "protocol": "TCP"}],
          "resources": {
            "limits": {"cpu": "8", "memory": "1Gi"},
            "requests": {"cpu": "4", "memory": "1Gi"}
          },
          "volumeMounts": [{"mountPath": "/apps/nginx/conf", "name": "config"}]
        }
      ],
      "hostNetwork": true,
      "nodeName": "node-1",
      "priority": 9500,
      "priorityClassName": "koord-prod",
      "restartPolicy": "Always",
      "schedulerName": "koord-scheduler",
      "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists"}]
    },
    "status": {
      "conditions": [{"lastTransitionTime": "2026-11-30T08:15:31Z", "status": "True", "type": "Ready"}],
      "containerStatuses": [
        {
          "containerID": "containerd://3f2a9c0d7c4b0a1e",
          "image": "koordinatorsh/nginx:v1.18-koord-example",
          "name": "nginx",
          "ready": true,
          "restartCount": 0,
          "state": {"running": {"startedAt": "2026-11-30T08:15:31Z"}}
        }
      ],
      "hostIP": "192.168.0.11",
      "phase": "Running",
      "podIP": "192.168.0.11",
      "qosClass": "Burstable",
      "startTime": "2026-11-30T08:15:30Z"
    }
  })");
}

/// The batch beside it: a transcoding job on batch resources.
inline nlohmann::json ffmpeg_pod() {
  return nlohmann::json::parse(R"({
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
      "creationTimestamp": "2026-11-30T08:20:00Z",
      "labels": {
        "app": "ffmpeg",
        "job-name": "ffmpeg",
        "koordinator.sh/qosClass": "BE",
        "koordinator.sh/eviction-enabled": "true"
      },
      "name": "ffmpeg-qm6tj",
      "namespace": "batch",
      "ownerReferences": [
        {"apiVersion": "batch/v1", "controller": true, "kind": "Job", "name": "ffmpeg", "uid": "9a1e"}
      ],
      "resourceVersion": "48377",
      "uid": "c8a7e1a4-2a44-4b0e-8a55-5b9d6a7c2e42"
    },
    "spec": {
      "containers": [
        {
          "command": ["start-ffmpeg.sh", "30", "2", "/apps/ffmpeg/input/HD2-h264.ts", "/apps/ffmpeg/"],
          "image": "registry.example.com/ffmpeg-4-4-1-for-slo-test:v0.1",
          "name": "ffmpeg",
          "resources": {
            "limits": {"kubernetes.io/batch-cpu": "70k", "kubernetes.io/batch-memory": "22Gi"},
            "requests": {"kubernetes.io/batch-cpu": "70k", "kubernetes.io/batch-memory": "22Gi"}
          }
        }
      ],
      "nodeName": "node-1",
      "priority": 5500,
      "priorityClassName": "koord-batch",
      "restartPolicy": "Never"
    },
    "status": {"phase": "Running", "qosClass": "BestEffort"}
  })");
}

/// With the annotations and labels that override policy for this node alone.
inline nlohmann::json node_one() {
  return nlohmann::json::parse(R"({
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
      "annotations": {
        "node.koordinator.sh/colocation-strategy": "{\"enable\": true, \"cpuReclaimThresholdPercent\": 70}",
        "node.koordinator.sh/originExtendedAllocatable": "{\"resources\":{}}",
        "node.koordinator.sh/raw-allocatable": "{\"cpu\":\"103500m\",\"memory\":\"500Gi\"}",
        "node.koordinator.sh/reservation": "{\"resources\": {\"cpu\": \"2\"}}",
        "tideline.io/reclaimed": "{\"policy\": 3}",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true"
      },
      "creationTimestamp": "2026-11-01T10:00:00Z",
      "labels": {
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "node-1",
        "node.koordinator.sh/cpu-reclaim-ratio": "0.7",
        "node.koordinator.sh/memory-reclaim-ratio": "0.65"
      },
      "name": "node-1",
      "resourceVersion": "48001",
      "uid": "5f6f8f6e-7a1c-4d9a-9c57-1d3e0f1c9b77"
    },
    "spec": {"podCIDR": "10.0.1.0/24"},
    "status": {
      "addresses": [{"address": "192.168.0.11", "type": "InternalIP"}],
      "allocatable": {
        "cpu": "103500m",
        "ephemeral-storage": "96Gi",
        "kubernetes.io/batch-cpu": "35k",
        "kubernetes.io/batch-memory": "53687091200",
        "memory": "500Gi",
        "pods": "110"
      },
      "capacity": {
        "cpu": "104",
        "kubernetes.io/batch-cpu": "35k",
        "kubernetes.io/batch-memory": "50Gi",
        "kubernetes.io/mid-cpu": "0",
        "memory": "512Gi",
        "pods": "110"
      },
      "conditions": [{"lastHeartbeatTime": "2026-11-30T08:15:31Z", "status": "True", "type": "Ready"}],
      "nodeInfo": {"kernelVersion": "5.10.134", "kubeletVersion": "v1.28.3"}
    }
  })");
}

/// "" where a report of these pods is one that the coordinator takes, else what is wrong with it.
inline std::string report_problem(const std::vector<model::Pod>& pods) {
  model::Report report;
  report.node = model::NodeName("n");
  report.seq = model::Seq(1);
  for (const auto& pod : pods)
    report.pods.push_back({.pod = pod, .cpu_milli = {}, .memory_bytes = {}, .throttled_ratio = {}, .run_delay = {}});
  const auto good = model::validate(report);
  return good ? "" : good.error().message();
}

}  // namespace tideline::k8s
