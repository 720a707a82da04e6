#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using model::Result;

void write_resources(const model::Resources& value, schema::Resources::Builder out) {
  write_unit(value.cpu, out.initCpu());
  write_unit(value.memory, out.initMemory());
  write_unit(value.batch_cpu, out.initBatchCpu());
  write_unit(value.batch_memory, out.initBatchMemory());
}

model::Resources read_resources(schema::Resources::Reader in) {
  return {.cpu = read_unit<model::MilliCpu>(in.getCpu()),
          .memory = read_unit<model::Bytes>(in.getMemory()),
          .batch_cpu = read_unit<model::MilliCpu>(in.getBatchCpu()),
          .batch_memory = read_unit<model::Bytes>(in.getBatchMemory())};
}

void write_burst(const model::CpuBurstOverride& burst, schema::CpuBurstOverride::Builder out) {
  out.setPolicyKnown(burst.policy.has_value());
  out.setPolicy(static_cast<schema::BurstPolicy>(burst.policy.value_or(model::BurstPolicy::kNone)));
  write(widened(burst.cpu_burst_percent), out.initCpuBurstPercent());
  write(widened(burst.cfs_quota_burst_percent), out.initCfsQuotaBurstPercent());
  write(widened(burst.cfs_quota_burst_period_seconds), out.initCfsQuotaBurstPeriodSeconds());
  write(widened(burst.share_pool_threshold_percent), out.initSharePoolThresholdPercent());
}

model::CpuBurstOverride read_burst(Problems& problems, schema::CpuBurstOverride::Reader in) {
  model::CpuBurstOverride burst;
  if (in.getPolicyKnown()) {
    burst.policy = problems.enumerator("cpuBurst.policy", in.getPolicy(), model::BurstPolicy::kAuto);
  }
  burst.cpu_burst_percent = problems.integer("cpuBurst.cpuBurstPercent", read(in.getCpuBurstPercent()));
  burst.cfs_quota_burst_percent = problems.integer("cpuBurst.cfsQuotaBurstPercent", read(in.getCfsQuotaBurstPercent()));
  burst.cfs_quota_burst_period_seconds =
      problems.integer("cpuBurst.cfsQuotaBurstPeriodSeconds", read(in.getCfsQuotaBurstPeriodSeconds()));
  burst.share_pool_threshold_percent =
      problems.integer("cpuBurst.sharePoolThresholdPercent", read(in.getSharePoolThresholdPercent()));
  return burst;
}

void write_containers(const std::vector<model::Container>& containers, schema::Pod::Builder out) {
  auto list = out.initContainers(static_cast<unsigned>(containers.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    const model::Container& container = containers[i];
    list[i].setName(ptr(container.name));
    list[i].setId(ptr(container.id));
    // Most of a report is containers: what is not there takes no room.
    if (container.requests != model::Resources{}) write_resources(container.requests, list[i].initRequests());
    if (container.limits != model::Resources{}) write_resources(container.limits, list[i].initLimits());
  }
}

// Numbers of enums are the same on both sides: a value added on one must be added on the other.
static_assert(static_cast<int>(schema::BurstPolicy::AUTO) == static_cast<int>(model::BurstPolicy::kAuto));
static_assert(static_cast<int>(schema::QosClass::SYSTEM) == static_cast<int>(model::QosClass::kSystem));
static_assert(static_cast<int>(schema::QosClass::BE) == static_cast<int>(model::QosClass::kBe));
static_assert(static_cast<int>(schema::KubeQos::BEST_EFFORT) == static_cast<int>(model::KubeQos::kBestEffort));
static_assert(static_cast<int>(schema::CoreSchedPolicy::EXCLUSIVE) ==
              static_cast<int>(model::CoreSchedPolicy::kExclusive));
static_assert(static_cast<int>(schema::PodPhase::FAILED) == static_cast<int>(model::PodPhase::kFailed));

}  // namespace

void write(const model::Pod& pod, schema::Pod::Builder out) {
  out.setUid(ptr(pod.uid.str()));
  out.setNamespace(ptr(pod.name_space));
  out.setName(ptr(pod.name));
  out.setQos(static_cast<schema::QosClass>(pod.qos));
  out.setKubeQos(static_cast<schema::KubeQos>(pod.kube_qos));
  out.setPhase(static_cast<schema::PodPhase>(pod.phase));
  write(widened(pod.priority), out.initPriority());
  out.setWorkload(ptr(pod.workload));
  write_resources(pod.requests, out.initRequests());
  write_resources(pod.limits, out.initLimits());
  if (pod.mid_requests != model::MidRequests{}) {
    auto mid = out.initMidRequests();
    write_unit(pod.mid_requests.cpu, mid.initCpu());
    write_unit(pod.mid_requests.memory, mid.initMemory());
  }
  write_containers(pod.containers, out);
  if (pod.cpu_burst) write_burst(*pod.cpu_burst, out.initCpuBurst());
  if (pod.cpu_qos) {
    auto cpu_qos = out.initCpuQos();
    cpu_qos.setEnable(pod.cpu_qos->enable);
    write(widened(pod.cpu_qos->group_identity), cpu_qos.initGroupIdentity());
  }
  if (pod.memory_qos) write_memory_qos(*pod.memory_qos, out.initMemoryQos());
  if (!pod.bound_cpus.empty()) out.setBoundCpus(ptr(pod.bound_cpus.text()));
  out.setEvictionEnabled(pod.eviction.enabled);
  out.setTerminating(pod.eviction.terminating);
  out.setEvictionPriority(pod.eviction.priority);
  if (pod.eviction.sub_priority) write(widened(pod.eviction.sub_priority), out.initEvictionSubPriority());
  if (const auto& allowed_by = pod.eviction.allowed_by) {
    auto list = out.initEvictionAllowedBy(static_cast<unsigned>(allowed_by->size()));
    for (unsigned i = 0; i < list.size(); ++i)
      list.set(i, ptr((*allowed_by)[i]));
  }
  if (!pod.core_sched.group_id.empty()) out.setCoreSchedGroup(ptr(pod.core_sched.group_id));
  out.setCoreSchedPolicy(static_cast<schema::CoreSchedPolicy>(pod.core_sched.policy));
}

void write(const model::PodSummary& summary, schema::PodSummary::Builder out) {
  write(*summary.pod, out.initPod());
  write_use(summary, out);
}

void write_use(const model::PodSummary& summary, schema::PodSummary::Builder out) {
  write_spread(summary.cpu_milli, out.initCpuMilli());
  write_spread(summary.memory_bytes, out.initMemoryBytes());
  write_float(summary.throttled_ratio, out.initThrottledRatio());
  write_float(summary.run_delay, out.initRunDelay());
  if (summary.memory_signals != model::MemorySignals{}) {
    write_signals(summary.memory_signals, out.initMemorySignals());
  }
}

Result<model::Pod> read(schema::Pod::Reader in) {
  Problems problems;
  model::Pod pod;
  pod.uid = model::PodUid(str(in.getUid()));
  pod.name_space = str(in.getNamespace());
  pod.name = str(in.getName());
  pod.qos = problems.enumerator("qos", in.getQos(), model::QosClass::kSystem);
  pod.kube_qos = problems.enumerator("kubeQos", in.getKubeQos(), model::KubeQos::kBestEffort);
  pod.phase = problems.enumerator("phase", in.getPhase(), model::PodPhase::kFailed);
  pod.priority = problems.integer("priority", read(in.getPriority()));
  pod.workload = str(in.getWorkload());
  pod.requests = read_resources(in.getRequests());
  pod.limits = read_resources(in.getLimits());
  pod.mid_requests = {.cpu = read_unit<model::MilliCpu>(in.getMidRequests().getCpu()),
                      .memory = read_unit<model::Bytes>(in.getMidRequests().getMemory())};
  const auto containers = in.getContainers();
  if (problems.bounded("containers", containers, model::ReportLimits::kMaxContainers)) {
    pod.containers.reserve(containers.size());
    for (const auto container : containers) {
      pod.containers.push_back({.name = str(container.getName()),
                                .id = str(container.getId()),
                                .requests = read_resources(container.getRequests()),
                                .limits = read_resources(container.getLimits())});
    }
  }
  if (in.hasCpuBurst()) pod.cpu_burst = read_burst(problems, in.getCpuBurst());
  if (in.hasCpuQos()) {
    const auto cpu_qos = in.getCpuQos();
    pod.cpu_qos = {.enable = cpu_qos.getEnable(),
                   .group_identity = problems.integer("cpuQos.groupIdentity", read(cpu_qos.getGroupIdentity()))};
  }
  if (in.hasMemoryQos()) pod.memory_qos = read_memory_qos(problems, in.getMemoryQos());
  if (in.hasBoundCpus()) pod.bound_cpus = problems.take("boundCpus", model::CpuSet::parse(str(in.getBoundCpus())));
  pod.eviction = {.enabled = in.getEvictionEnabled(),
                  .priority = in.getEvictionPriority(),
                  .sub_priority = problems.integer("evictionSubPriority", read(in.getEvictionSubPriority())),
                  .terminating = in.getTerminating(),
                  .allowed_by = {}};
  if (in.hasEvictionAllowedBy()) {
    auto& allowed_by = pod.eviction.allowed_by.emplace();
    const auto list = in.getEvictionAllowedBy();
    if (problems.bounded("evictionAllowedBy", list, model::ReportLimits::kMaxEvictionFeatures)) {
      for (const auto feature : list)
        allowed_by.push_back(str(feature));
    }
  }
  pod.core_sched = {
      .group_id = str(in.getCoreSchedGroup()),
      .policy = problems.enumerator("coreSchedPolicy", in.getCoreSchedPolicy(), model::CoreSchedPolicy::kExclusive)};
  return problems.result(std::move(pod));
}

Result<model::PodSummary> read(schema::PodSummary::Reader in) {
  Problems problems;
  model::PodSummary summary = read_use(in);
  summary.pod = problems.take("pod", read(in.getPod()));
  return problems.result(std::move(summary));
}

model::PodSummary read_use(schema::PodSummary::Reader in) {
  model::PodSummary summary;
  summary.cpu_milli = read_spread(in.getCpuMilli());
  summary.memory_bytes = read_spread(in.getMemoryBytes());
  summary.throttled_ratio = read_float(in.getThrottledRatio());
  summary.run_delay = read_float(in.getRunDelay());
  summary.memory_signals = read_signals(in.getMemorySignals());
  return summary;
}

}  // namespace tideline::codec
