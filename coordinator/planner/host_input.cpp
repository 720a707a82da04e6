#include "coordinator/planner/host_input.h"

#include <algorithm>
#include <optional>

#include "coordinator/planner/whole_units.h"

namespace tideline::planner {
namespace {

using model::Bytes;
using model::MilliCpu;

}  // namespace

HostInput::HostInput(const RunSetting& setting, std::size_t host) : setting_(&setting), host_(host) {
  const auto& workloads = setting.world.hosts[host];
  input_.node = model::NodeName(host_name(setting.data, setting.world, host));
  input_.zone_count = 1;
  services_.reserve(workloads.size());
  for (const auto number : workloads)
    services_.push_back(&setting.data.workloads[number]);
}

/// Of the pods of a month most are long gone, or not there yet.
void HostInput::choose_services(std::size_t step) {
  if (step >= told_from_ && step < told_until_) return;
  told_.clear();
  told_from_ = 0;
  told_until_ = setting_->data.steps;
  for (const Workload* service : services_) {
    const std::size_t begin = service->first;
    const std::size_t end = begin + service->cpu_used.size() + setting_->window;
    for (const std::size_t change : {begin, end}) {
      if (change <= step) told_from_ = std::max(told_from_, change);
      if (change > step) told_until_ = std::min(told_until_, change);
    }
    if (begin <= step && step < end) told_.push_back(service);
  }
  input_.pods.assign(told_.size(), reclaim::PodInput());
  for (std::size_t i = 0; i < told_.size(); ++i)
    input_.pods[i].uid = model::PodUid(told_[i]->name);
}

HostInput::WindowUse HostInput::before(std::size_t step, const std::vector<float>& values, std::size_t first) const {
  WindowUse use;
  const std::size_t end = std::min(step, first + values.size());
  for (std::size_t i = std::max(step > setting_->window ? step - setting_->window : 0, first); i < end; ++i) {
    const float value = values[i - first];
    if (!(value >= 0)) continue;
    use.sum += static_cast<double>(value);
    ++use.known;
  }
  return use;
}

void HostInput::set_service(std::size_t step, const Workload& workload, reclaim::PodInput& pod) const {
  const WindowUse cpu = before(step, workload.cpu_used, workload.first);
  const WindowUse memory = before(step, workload.memory_used_mib, workload.first);
  const bool there = workload.is_there(step);
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
  pod.requests.cpu = whole_millicores(static_cast<double>(workload.at(workload.cpu_request, step)));
  pod.requests.memory = whole_bytes(static_cast<double>(workload.at(workload.memory_request_mib, step)));
}

/// Capacity and system, and whether there is a report: none before the first step, nor where the host was gone.
void HostInput::set_host(std::size_t step) {
  const HostNow now = setting_->host_at(host_, step);
  input_.cpu_capacity = input_.cpu_allocatable = now.capacity;
  input_.memory_capacity = input_.memory_allocatable = now.memory_capacity;
  const bool reported = step > 0 && setting_->host_at(host_, step - 1).there;
  input_.arrived = reported ? std::optional(kReportTime) : std::nullopt;
  if (!setting_->world.recorded) {
    input_.system_cpu = now.system;
    input_.system_memory = now.system_memory;
    return;
  }
  const RecordedHost& recorded = setting_->data.hosts[host_];
  const WindowUse cpu = before(step, recorded.cpu_system, 0);
  const WindowUse memory = before(step, recorded.memory_system_mib, 0);
  input_.system_cpu = cpu.known > 0 ? std::optional(whole_millicores(cpu.mean())) : std::nullopt;
  input_.system_memory = memory.known > 0 ? std::optional(whole_bytes(memory.mean())) : std::nullopt;
}

void HostInput::set_batch(const HostBatch& batch) {
  const auto pods = batch.pods();
  input_.pods.resize(told_.size() + pods.size());
  for (std::size_t i = 0; i < pods.size(); ++i) {
    auto& pod = input_.pods[told_.size() + i];
    pod.qos = model::QosClass::kBe;
    pod.tier = model::Tier::kBatch;
    pod.requests.batch_cpu = pods[i].cpu;
    pod.requests.batch_memory = pods[i].memory;
    pod.cpu = pods[i].got;
    pod.memory = pods[i].memory;
  }
}

const reclaim::NodeInput& HostInput::settle(std::size_t step, const HostBatch& batch, MilliCpu batch_used) {
  choose_services(step);
  set_host(step);
  MilliCpu cpu = batch_used;
  Bytes memory = batch.memory();
  for (std::size_t i = 0; i < told_.size(); ++i) {
    auto& pod = input_.pods[i];
    set_service(step, *told_[i], pod);
    cpu += pod.cpu.value_or(MilliCpu(0));
    memory += pod.memory.value_or(Bytes(0));
  }
  // What the system uses is part of it, and not known where that is not.
  input_.used_cpu.reset();
  input_.used_memory.reset();
  if (input_.system_cpu) input_.used_cpu = *input_.system_cpu + cpu;
  if (input_.system_memory) input_.used_memory = *input_.system_memory + memory;
  set_batch(batch);
  return input_;
}

ServicesNow HostInput::services(std::size_t step) const {
  ServicesNow now;
  const bool is_told_of = step >= told_from_ && step < told_until_;
  for (const Workload* workload : is_told_of ? told_ : services_) {
    if (!workload->is_there(step)) continue;
    now.used += whole_millicores(static_cast<double>(workload->at(workload->cpu_used, step)));
    now.requested += whole_millicores(static_cast<double>(workload->at(workload->cpu_request, step)));
    const float used = workload->at(workload->memory_used_mib, step);
    now.memory += whole_bytes(static_cast<double>(used >= 0 ? used : workload->at(workload->memory_request_mib, step)));
  }
  return now;
}

}  // namespace tideline::planner
