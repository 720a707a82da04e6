#include "coordinator/planner/host_input.h"

#include <algorithm>
#include <optional>

#include "coordinator/planner/whole_units.h"

namespace tideline::planner {
namespace {

using model::Bytes;
using model::MilliCpu;

bool is_there_at(const Workload& workload, std::size_t step) {
  return workload.cpu_used[step] >= 0;
}

}  // namespace

HostInput::HostInput(const RunSetting& setting, std::size_t host) : setting_(&setting) {
  const auto& workloads = setting.world.hosts[host];
  input_.node = model::NodeName(host_name(host));
  input_.cpu_capacity = input_.cpu_allocatable = setting.capacity;
  input_.memory_capacity = input_.memory_allocatable = setting.memory_capacity;
  input_.system_cpu = setting.system;
  input_.system_memory = setting.system_memory;
  input_.zone_count = 1;
  services_.reserve(workloads.size());
  input_.pods.reserve(workloads.size());
  for (const auto number : workloads) {
    services_.push_back(&setting.data.workloads[number]);
    auto& pod = input_.pods.emplace_back();
    pod.uid = model::PodUid(services_.back()->name);
  }
}

HostInput::WindowUse HostInput::before(std::size_t step, const std::vector<float>& values) const {
  WindowUse use;
  for (std::size_t i = step > setting_->window ? step - setting_->window : 0; i < step; ++i) {
    if (!(values[i] >= 0)) continue;
    use.sum += static_cast<double>(values[i]);
    ++use.known;
  }
  return use;
}

void HostInput::set_service(std::size_t step, const Workload& workload, reclaim::PodInput& pod) const {
  const WindowUse cpu = before(step, workload.cpu_used);
  const WindowUse memory = before(step, workload.memory_used_mib);
  const bool there = is_there_at(workload, step);
  // Of one that has left, as much as it was there for of what the averages are of.
  const auto mean = [&](const WindowUse& use) {
    return use.sum / static_cast<double>(there ? use.known : std::min(step, setting_->window));
  };
  pod.cpu = cpu.known > 0 ? std::optional(whole_millicores(mean(cpu))) : std::nullopt;
  pod.memory = memory.known > 0 ? std::optional(whole_bytes(mean(memory))) : std::nullopt;
  pod.listed = there || cpu.known == 0;
  pod.phase = there || cpu.known > 0 ? model::PodPhase::kRunning : model::PodPhase::kSucceeded;
  pod.requests.cpu.reset();
  pod.requests.memory.reset();
  if (!there) return;
  pod.requests.cpu = whole_millicores(static_cast<double>(workload.cpu_request[step]));
  pod.requests.memory = whole_bytes(static_cast<double>(workload.memory_request_mib[step]));
}

void HostInput::set_batch(const HostBatch& batch) {
  const auto pods = batch.pods();
  input_.pods.resize(services_.size() + pods.size());
  for (std::size_t i = 0; i < pods.size(); ++i) {
    auto& pod = input_.pods[services_.size() + i];
    pod.qos = model::QosClass::kBe;
    pod.tier = model::Tier::kBatch;
    pod.requests.batch_cpu = pods[i].cpu;
    pod.requests.batch_memory = pods[i].memory;
    pod.cpu = pods[i].got;
    pod.memory = pods[i].memory;
  }
}

const reclaim::NodeInput& HostInput::settle(std::size_t step, const HostBatch& batch, MilliCpu batch_used) {
  input_.arrived = step > 0 ? std::optional(kReportTime) : std::nullopt;
  MilliCpu cpu = setting_->system + batch_used;
  Bytes memory = setting_->system_memory + batch.memory();
  for (std::size_t i = 0; i < services_.size(); ++i) {
    auto& pod = input_.pods[i];
    set_service(step, *services_[i], pod);
    cpu += pod.cpu.value_or(MilliCpu(0));
    memory += pod.memory.value_or(Bytes(0));
  }
  input_.used_cpu = cpu;
  input_.used_memory = memory;
  set_batch(batch);
  return input_;
}

ServicesNow HostInput::services(std::size_t step) const {
  ServicesNow now;
  for (const Workload* workload : services_) {
    if (!is_there_at(*workload, step)) continue;
    now.used += whole_millicores(static_cast<double>(workload->cpu_used[step]));
    now.requested += whole_millicores(static_cast<double>(workload->cpu_request[step]));
    const float used = workload->memory_used_mib[step];
    now.memory += whole_bytes(static_cast<double>(used >= 0 ? used : workload->memory_request_mib[step]));
  }
  return now;
}

}  // namespace tideline::planner
