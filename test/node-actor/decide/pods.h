#pragma once
// Pods and their groups, as short as tests like them.

#include <string>

#include "messages/model/knob.h"
#include "messages/model/pod.h"

namespace tideline::decide::test {

inline model::Pod pod_of(const std::string& uid, model::QosClass qos, model::KubeQos kube_qos, int containers = 1) {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.qos = qos;
  pod.kube_qos = kube_qos;
  for (int i = 0; i < containers; ++i) {
    model::Container container;
    container.name = "c" + std::to_string(i);
    container.id = uid + "-" + container.name;
    pod.containers.push_back(container);
  }
  return pod;
}
/// A batch pod below the besteffort root.
inline model::Pod be_pod(const std::string& uid, int containers = 1) {
  return pod_of(uid, model::QosClass::kBe, model::KubeQos::kBestEffort, containers);
}
inline model::Pod ls_pod(const std::string& uid, int containers = 1) {
  return pod_of(uid, model::QosClass::kLs, model::KubeQos::kBurstable, containers);
}

inline model::KnobValue cpu(std::int64_t milli) {
  return model::Limit{model::MilliCpu(milli)};
}
inline model::KnobValue no_limit() {
  return model::Limit{};
}
inline model::KnobValue number(std::int64_t value) {
  return model::Number{value};
}
inline model::KnobValue memory_value(std::int64_t bytes) {
  return model::MemoryLimit{model::Bytes(bytes)};
}
inline model::KnobValue no_memory_limit() {
  return model::MemoryLimit{};
}

}  // namespace tideline::decide::test
