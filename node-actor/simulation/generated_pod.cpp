#include "node-actor/simulation/generated_pod.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <utility>

#include <fmt/format.h>

namespace tideline::simulation {
namespace {

using model::Bytes;
using model::MilliCpu;

constexpr std::size_t kBatchEvery = 3;  // one pod of so many is batch
constexpr std::size_t kWorkloads = 40;

}  // namespace

bool is_batch(std::size_t index) {
  return index % kBatchEvery == kBatchEvery - 1;
}

model::PodUid generated_uid(const model::NodeName& node, std::size_t index, std::uint32_t id) {
  return model::PodUid(fmt::format("{:08x}-{:04x}-4000-8000-{:012x}", id, index,
                                   std::hash<std::string>{}(node.str()) & 0xffff'ffff'ffff));
}

std::string generated_container_id(std::size_t index, std::uint32_t id) {
  return fmt::format("{:08x}{:056x}", id, index);
}

double day_wave(double hour) {
  constexpr double kDayHours = 24;
  return std::sin(hour / kDayHours * 2 * std::numbers::pi);
}

model::Pod generated_pod(const model::NodeName& node, std::size_t index, std::uint32_t id, const HostShape& shape) {
  const bool batch = is_batch(index);
  const std::size_t workload = id % kWorkloads;
  const auto each = shape.cpu.value() / static_cast<std::int64_t>(shape.pods);
  const Bytes memory(shape.memory.value() / static_cast<std::int64_t>(2 * shape.pods));
  model::Pod pod;
  pod.uid = generated_uid(node, index, id);
  pod.name_space = batch ? "jobs" : "services";
  pod.name = fmt::format("{}-{}-{:08x}-{}", batch ? "job" : "web", workload, id, index);
  pod.qos = batch ? model::QosClass::kBe : model::QosClass::kLs;
  pod.kube_qos = batch ? model::KubeQos::kBestEffort : model::KubeQos::kBurstable;
  pod.priority = batch ? 5000 : 9000;
  pod.workload = fmt::format("{}/{}-{}", batch ? "Job" : "Deployment", batch ? "job" : "web", workload);
  model::Container container;
  container.name = "main";
  container.id = generated_container_id(index, id);
  if (batch) {
    container.requests.batch_cpu = container.limits.batch_cpu = MilliCpu(each);
    container.requests.batch_memory = container.limits.batch_memory = memory;
  } else {
    container.requests.cpu = MilliCpu(each / 2);
    container.requests.memory = memory;
    container.limits.cpu = MilliCpu(std::min(each * 2, shape.cpu.value()));
    container.limits.memory = memory;
  }
  pod.requests = container.requests;
  pod.limits = container.limits;
  pod.containers.push_back(std::move(container));
  return pod;
}

}  // namespace tideline::simulation
