#include "admin-client/json_out.h"

#include <chrono>
#include <optional>

#include "admin-client/memory_out.h"
#include "admin-client/policy_status.h"
#include "coordinator/policy/content.h"
#include "coordinator/policy/keys.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

template <class Unit>
Json number(const std::optional<Unit>& value) {
  return value ? Json(value->value()) : Json();
}
Json number(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}
Json number(const std::optional<int>& value) {
  return value ? Json(*value) : Json();
}
Json ms(const std::optional<model::Duration>& value) {
  return value ? Json(model::to_ms(*value)) : Json();
}

Json pressure(const std::optional<model::Pressure>& value) {
  return value ? Json{{"some", value->some}, {"full", value->full}} : Json();
}

Json spread(const std::optional<model::Spread>& value) {
  return value ? Json{{"min", value->min}, {"mean", value->mean}, {"max", value->max}} : Json();
}

Json sample(const model::NodeSample& s) {
  return {{"wallMs", s.wall.ms},
          {"windowMs", ms(s.window)},
          {"nodeCpuMilli", number(s.node_cpu)},
          {"lsCpuMilli", number(s.ls_cpu)},
          {"beCpuMilli", number(s.be_cpu)},
          {"systemCpuMilli", number(s.system_cpu)},
          {"beLimitMilli", number(s.be_limit)},
          {"nodeMemoryBytes", number(s.node_memory)},
          {"lsMemoryBytes", number(s.ls_memory)},
          {"beMemoryBytes", number(s.be_memory)},
          {"cpuPressure", pressure(s.cpu_pressure)},
          {"memoryPressure", pressure(s.memory_pressure)},
          {"ioPressure", pressure(s.io_pressure)},
          {"lsDelayPerCpu", number(s.ls_delay_per_cpu)},
          {"memory", memory_json(s.memory_side)}};
}

Json status(const model::NodeStatus& s) {
  Json features = Json::array();
  for (const auto& feature : s.features) {
    features.push_back(
        {{"feature", feature.feature}, {"state", std::string(model::name_of(feature.state))}, {"why", feature.why}});
  }
  Json labels = Json::object();
  for (const auto& [key, value] : s.labels)
    labels[key] = value;
  Json annotations = Json::object();
  for (const auto& [key, value] : s.annotations)
    annotations[key] = value;
  Json work;
  if (s.be_work) {
    const auto sum = [](const model::BeWork::Sum& of) -> Json {
      return {{"pods", of.pods}, {"cpuMs", model::to_ms(of.cpu)}};
    };
    work = {{"completed", sum(s.be_work->completed)},
            {"failed", sum(s.be_work->failed)},
            {"evicted", sum(s.be_work->evicted)}};
  }
  return {{"cpuCapacityMilli", s.cpu_capacity.value()},
          {"cpuAllocatableMilli", s.cpu_allocatable.value()},
          {"memoryCapacityBytes", s.memory_capacity.value()},
          {"memoryAllocatableBytes", s.memory_allocatable.value()},
          {"cgroupVersion", s.cgroup_version},
          {"kernelRelease", s.kernel_release},
          {"bootId", s.boot_id},
          {"agentVersion", s.agent_version},
          {"labels", std::move(labels)},
          {"annotations", std::move(annotations)},
          {"cpu",
           {{"model", s.cpu.model.empty() ? Json() : Json(s.cpu.model)},
            {"hyperThreads", s.cpu.hyper_threads ? Json(*s.cpu.hyper_threads) : Json()},
            {"turbo", s.cpu.turbo ? Json(*s.cpu.turbo) : Json()}}},
          {"protection", {{"verified", s.protection.verified}, {"why", s.protection.why}}},
          {"features", std::move(features)},
          {"beWork", std::move(work)}};
}

template <class Unit>
Json terms(const model::ReclaimTerms<Unit>& t) {
  return {{"capacity", t.capacity.value()},
          {"margin", t.margin.value()},
          {"system", t.system.value()},
          {"highPriority", t.high_priority.value()},
          {"offered", t.offered.value()},
          {"deficit", t.deficit.value()},
          {"committed", t.committed.value()},
          {"midCharged", t.mid_charged.value()},
          {"midCommitted", t.mid_committed.value()},
          {"mid", t.mid.value()},
          {"midOffered", t.mid_offered.value()},
          {"midRule", std::string(model::name_of(t.mid_rule))},
          {"requested", t.requested.value()},
          {"used", number(t.used)},
          {"prodUsed", t.prod_used.value()},
          {"midUsed", t.mid_used.value()},
          {"batchUsed", t.batch_used.value()},
          {"reservation", t.reservation.value()},
          {"origin", t.origin.value()},
          {"thirdParty", t.third_party.value()},
          {"hostCharged", t.host_charged.value()},
          {"hostUsed", t.host_used.value()},
          {"published", t.published.value()},
          {"midShort", t.shortfall ? Json(t.shortfall->mid.value()) : Json()},
          {"batchShort", t.shortfall ? Json(t.shortfall->batch.value()) : Json()},
          {"rule", std::string(model::name_of(t.rule))}};
}

Json resources(const model::Resources& r) {
  return {{"cpuMilli", number(r.cpu)},
          {"memoryBytes", number(r.memory)},
          {"batchCpuMilli", number(r.batch_cpu)},
          {"batchMemoryBytes", number(r.batch_memory)}};
}

Json state(const PolicyState& s) {
  Json documents = Json::array();
  for (const auto& document : s.documents)
    documents.push_back({{"key", document.key}, {"json", document.json}});
  return {{"source", s.source},
          {"version", s.version},
          {"epoch", s.epoch},
          {"loadedWallMs", s.loaded.ms},
          {"problem", s.problem.empty() ? Json() : Json(s.problem)},
          {"documents", std::move(documents)}};
}

/// As hexadecimal text: programs may not hold 64 bits in a number.
Json content(model::PolicyContent value) {
  return value.value() == 0 ? Json() : Json(policy::text_of(value));
}

Json cpu_qos(const model::CpuQosPolicy& q) {
  return {{"enable", q.enable},
          {"groupIdentity", q.group_identity},
          {"schedIdle", q.sched_idle},
          {"coreExpeller", q.core_expeller}};
}

Json threshold(const model::ThresholdPolicy& t) {
  return {{"enable", t.enable},
          {"cpuSuppressThresholdPercent", t.cpu_suppress_threshold_percent},
          {"cpuSuppressMinPercent", number(t.cpu_suppress_min_percent)},
          {"cpuSuppressPolicy", std::string(model::name_of(t.cpu_suppress_policy))},
          {"cpuEvictBESatisfactionLowerPercent", number(t.cpu_evict_be_satisfaction_lower_percent)},
          {"cpuEvictBESatisfactionUpperPercent", number(t.cpu_evict_be_satisfaction_upper_percent)},
          {"cpuEvictBEUsageThresholdPercent", t.cpu_evict_be_usage_threshold_percent},
          {"cpuEvictTimeWindowSeconds", number(t.cpu_evict_time_window_seconds)},
          {"cpuEvictPolicy", std::string(model::name_of(t.cpu_evict_policy))},
          {"cpuEvictThresholdPercent", number(t.cpu_evict_threshold_percent)},
          {"cpuEvictLowerPercent", number(t.cpu_evict_lower_percent)},
          {"cpuAllocatableEvictThresholdPercent", number(t.cpu_allocatable_evict_threshold_percent)},
          {"cpuAllocatableEvictLowerPercent", number(t.cpu_allocatable_evict_lower_percent)},
          {"memoryEvictThresholdPercent", t.memory_evict_threshold_percent},
          {"memoryEvictLowerPercent", number(t.memory_evict_lower_percent)},
          {"memoryAllocatableEvictThresholdPercent", number(t.memory_allocatable_evict_threshold_percent)},
          {"memoryAllocatableEvictLowerPercent", number(t.memory_allocatable_evict_lower_percent)},
          {"evictEnabledPriorityThreshold", number(t.evict_enabled_priority_threshold)},
          {"allocatableEvictPriorityThreshold", number(t.allocatable_evict_priority_threshold)}};
}

/// Keys as Koordinator spells them.
Json effective(const model::NodePolicy& p) {
  const auto& c = p.colocation;
  Json applications = Json::array();
  for (const auto& application : p.host_applications) {
    applications.push_back(
        {{"name", application.name},
         {"priority", std::string("koord-").append(model::name_of(application.tier))},
         {"qos", std::string(model::name_of(application.qos))},
         {"cgroupPath",
          {{"base", std::string(model::name_of(application.base))}, {"relativePath", application.path}}}});
  }
  return {{"version", p.version.value()},
          {"epoch", p.epoch.value()},
          {"colocation",
           {{"enable", c.enable},
            {"cpuReclaimThresholdPercent", c.cpu_reclaim_threshold_percent},
            {"memoryReclaimThresholdPercent", c.memory_reclaim_threshold_percent},
            {"degradeTimeMinutes", c.degrade_time_minutes},
            {"metricAggregateDurationSeconds", c.metric_aggregate_duration_seconds},
            {"metricReportIntervalSeconds", c.metric_report_interval_seconds},
            {"resourceDiffThreshold", c.resource_diff_threshold},
            {"batchCPUThresholdPercent", number(c.batch_cpu_threshold_percent)},
            {"batchMemoryThresholdPercent", number(c.batch_memory_threshold_percent)},
            {"cpuCalculatePolicy", std::string(model::name_of(c.cpu_calculate_policy))},
            {"memoryCalculatePolicy", std::string(model::name_of(c.memory_calculate_policy))},
            {"midReclaimMode", std::string(model::name_of(c.mid_reclaim_mode))},
            {"midCPUThresholdPercent", c.mid_cpu_threshold_percent},
            {"midMemoryThresholdPercent", c.mid_memory_threshold_percent},
            {"midUnallocatedPercent", c.mid_unallocated_percent},
            {"midStaticCPUReservedPercent", c.mid_static_cpu_reserved_percent},
            {"midStaticMemoryReservedPercent", c.mid_static_memory_reserved_percent},
            {"updateTimeThresholdSeconds", c.update_time_threshold_seconds}}},
          {"threshold", threshold(p.threshold)},
          {"qos",
           {{"cpuPolicy", std::string(model::name_of(p.qos.cpu_policy))},
            {"lsr", cpu_qos(p.qos.lsr)},
            {"ls", cpu_qos(p.qos.ls)},
            {"be", cpu_qos(p.qos.be)},
            {"lsrMemory", memory_json(p.qos.lsr_memory)},
            {"lsMemory", memory_json(p.qos.ls_memory)},
            {"beMemory", memory_json(p.qos.be_memory)}}},
          {"memoryRelief", memory_json(p.relief)},
          {"cpuBurst",
           {{"policy", std::string(model::name_of(p.burst.policy))},
            {"cpuBurstPercent", p.burst.cpu_burst_percent},
            {"cfsQuotaBurstPercent", p.burst.cfs_quota_burst_percent},
            {"cfsQuotaBurstPeriodSeconds", p.burst.cfs_quota_burst_period_seconds},
            {"sharePoolThresholdPercent", p.burst.share_pool_threshold_percent}}},
          {"scaling",
           {{"cpuNormalizationRatio", p.scaling.cpu_normalization.value()},
            {"resourceAmplificationRatio",
             {{"cpu", p.scaling.cpu_amplification.value()}, {"memory", p.scaling.memory_amplification.value()}}}}},
          {"dryRun",
           {{"cpuSuppress", p.dry_run.cpu_suppress},
            {"cpuBurst", p.dry_run.cpu_burst},
            {"cpuQos", p.dry_run.cpu_qos},
            {"cpuset", p.dry_run.cpuset},
            {"batchLimits", p.dry_run.batch_limits},
            {"cpuEvict", p.dry_run.cpu_evict},
            {"memoryQos", p.dry_run.memory_qos},
            {"memoryRelief", p.dry_run.memory_relief},
            {"memoryEvict", p.dry_run.memory_evict}}},
          {"applications", std::move(applications)}};
}

}  // namespace

template <class Unit>
Json zone_terms(const model::ZoneTerms<Unit>& t) {
  return {{"capacity", t.capacity.value()},
          {"margin", t.margin.value()},
          {"charged", number(t.charged)},
          {"beUsed", number(t.be_used)},
          {"offered", t.offered.value()}};
}

Json account_json(const model::Reclaimed& r) {
  Json zones = Json::array();
  for (const auto& zone : r.zones)
    zones.push_back({{"id", zone.id}, {"cpuMilli", zone_terms(zone.cpu)}, {"memoryBytes", zone_terms(zone.memory)}});
  return {{"node", r.node.empty() ? Json() : Json(r.node.str())},
          {"cpuMilli", terms(r.cpu)},
          {"memoryBytes", terms(r.memory)},
          {"zones", std::move(zones)},
          {"policyVersion", r.policy.value()},
          {"dataAgeMs", ms(r.data_age)}};
}

Json to_json(const Node& n) {
  return {{"name", n.name},
          {"liveness", n.liveness},
          {"connected", n.connected},
          {"reportAgeMs", ms(n.report_age)},
          {"clockOffsetMs", ms(n.clock_offset)},
          {"incarnation", n.incarnation},
          {"lastSeq", n.last_seq},
          {"gapReports", n.gap_reports},
          {"policyWanted", n.policy_wanted},
          {"policyApplied", n.policy_applied},
          {"policyProblem", n.policy_problem.empty() ? Json() : Json(n.policy_problem)},
          {"pods", n.pods},
          {"status", n.status ? status(*n.status) : Json()},
          {"last", n.last ? sample(*n.last) : Json()},
          {"reclaimed", n.reclaimed ? account_json(*n.reclaimed) : Json()}};
}

Json to_json(const Pod& p) {
  const auto& pod = *p.summary.pod;
  return {
      {"node", p.node},
      {"namespace", pod.name_space},
      {"name", pod.name},
      {"uid", pod.uid.str()},
      {"qosClass", std::string(model::name_of(pod.qos))},
      {"kubeQos", std::string(model::name_of(pod.kube_qos))},
      {"tier", std::string(model::name_of(model::tier_of(pod.priority, pod.qos)))},
      {"phase", std::string(model::name_of(pod.phase))},
      {"priority", number(pod.priority)},
      {"workload", pod.workload.empty() ? Json() : Json(pod.workload)},
      {"requests", resources(pod.requests)},
      {"limits", resources(pod.limits)},
      {"midRequests", {{"cpuMilli", number(pod.mid_requests.cpu)}, {"memoryBytes", number(pod.mid_requests.memory)}}},
      {"cpuset", pod.bound_cpus.empty() ? Json() : Json(pod.bound_cpus.text())},
      {"evictionEnabled", pod.eviction.enabled},
      {"evictionPriority", pod.eviction.priority},
      {"subPriority", number(pod.eviction.sub_priority)},
      {"terminating", pod.eviction.terminating},
      {"cpuMilli", spread(p.summary.cpu_milli)},
      {"cpuAverageMilli", number(p.cpu_average)},
      {"memoryBytes", spread(p.summary.memory_bytes)},
      {"memoryAverageBytes", number(p.memory_average)},
      {"throttledRatio", number(p.summary.throttled_ratio)},
      {"runDelay", number(p.summary.run_delay)},
      {"memory", memory_json(p.summary.memory_signals)}};
}

Json to_json(const ReclaimedAnswer& answer) {
  Json nodes = Json::array();
  for (const auto& node : answer.nodes)
    nodes.push_back(account_json(node));
  return {{"cluster", account_json(answer.cluster)}, {"nodes", std::move(nodes)}};
}

Json to_json(const std::vector<Series>& series) {
  Json list = Json::array();
  for (const Series& s : series) {
    Json points = Json::array();
    for (const Point& point : s.points)
      points.push_back(Json::array({point.at.ms, point.value}));
    list.push_back({{"metric", std::string(model::name_of(s.metric))},
                    {"unit", std::string(model::unit_of(s.metric))},
                    {"truncated", s.truncated},
                    {"points", std::move(points)}});
  }
  return {{"series", std::move(list)}};
}

Json to_json(const EventsAnswer& answer) {
  Json events = Json::array();
  for (const NodeEvent& row : answer.events) {
    events.push_back({{"wallMs", row.event.at.ms},
                      {"node", row.node.empty() ? Json() : Json(row.node)},
                      {"controller", std::string(model::name_of(row.event.controller))},
                      {"reason", std::string(model::name_of(row.event.reason))},
                      {"subject", row.event.subject},
                      {"oldValue", row.event.old_value},
                      {"newValue", row.event.new_value}});
  }
  return {{"events", std::move(events)}, {"truncated", answer.truncated}};
}

Json to_json(const PolicyAnswer& answer) {
  return {
      {"state", state(answer.state)}, {"effective", effective(answer.effective)}, {"content", content(answer.content)}};
}

Json to_json(const PolicyStatus& status) {
  Json nodes = Json::array();
  for (const Node& n : status.nodes) {
    Json unsupported = Json::array();
    for (const auto& feature : unsupported_by_policy(n))
      unsupported.push_back({{"feature", feature.feature}, {"why", feature.why}});
    nodes.push_back({{"name", n.name},
                     {"connected", n.connected},
                     {"policyWanted", n.policy_wanted},
                     {"policyApplied", n.policy_applied},
                     {"policyContent", content(n.policy_content)},
                     {"policyContentApplied", content(n.policy_content_applied)},
                     {"inForce", has_policy(n)},
                     {"policyProblem", n.policy_problem.empty() ? Json() : Json(n.policy_problem)},
                     {"unsupported", std::move(unsupported)}});
  }
  Json contents = Json::array();
  for (const ContentGroup& group : content_groups(status.nodes)) {
    contents.push_back({{"content", content(group.content)},
                        {"nodes", group.nodes},
                        {"inForce", group.in_force},
                        {"behind", group.behind},
                        {"problems", group.problems}});
  }
  Json annotations = Json::array();
  for (const AnnotationGroup& group : annotation_groups(status.nodes))
    annotations.push_back({{"problem", group.problem}, {"nodes", group.nodes}});
  return {{"state", state(status.state)},
          {"nodes", std::move(nodes)},
          {"contents", std::move(contents)},
          {"annotationProblems", std::move(annotations)}};
}

Json to_json(const PolicyApplied& applied) {
  return {{"version", applied.version}, {"report", applied.report}};
}

Json policy_keys_json() {
  Json keys = Json::array();
  for (const policy::KeySpec& key : policy::key_table()) {
    Json choices = Json::array();
    for (const auto choice : key.choices)
      choices.push_back(std::string(choice));
    keys.push_back({{"document", std::string(key.document)},
                    {"path", std::string(key.path)},
                    {"type", std::string(policy::name_of(key.type))},
                    {"min", number(key.min)},
                    {"minExcluded", key.min_excluded},
                    {"max", number(key.max)},
                    {"choices", std::move(choices)},
                    {"default", std::string(key.default_text)},
                    {"active", key.status == policy::KeyStatus::kActive},
                    {"meaning", std::string(key.meaning)}});
  }
  return {{"keys", std::move(keys)}};
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace tideline::tidectl
