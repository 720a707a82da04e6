#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "messages/model/node_objects.h"
#include "messages/model/report.h"

namespace tideline::model {
namespace {

constexpr double kMaxRatio = 1e6;
// A thousand years of a large host's CPU.
constexpr Duration kMaxBeWork = std::chrono::milliseconds(std::int64_t{1} << 43);
constexpr std::int64_t kMaxWallMs = 253'402'300'799'000;  // year 9999

class Checker {
 public:
  void fail(std::string_view field, const std::string& what) {
    if (!error_) error_ = Error(ErrorCode::kMalformed, fmt::format("{}: {}", field, what));
  }
  void range(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) fail(field, fmt::format("{} is outside {}..{}", value, low, high));
  }
  void cpu(std::string_view field, MilliCpu value) { range(field, value.value(), 0, ReportLimits::kMaxMilliCpu); }
  void cpu(std::string_view field, const std::optional<MilliCpu>& value) {
    if (value) cpu(field, *value);
  }
  void bytes(std::string_view field, Bytes value) { range(field, value.value(), 0, ReportLimits::kMaxMemoryBytes); }
  void bytes(std::string_view field, const std::optional<Bytes>& value) {
    if (value) bytes(field, *value);
  }
  void ratio(std::string_view field, const std::optional<double>& value, double high = kMaxRatio) {
    if (value && !(std::isfinite(*value) && *value >= 0 && *value <= high)) {
      fail(field, fmt::format("{} is not a number in 0..{}", *value, high));
    }
  }
  void pressure(std::string_view field, const std::optional<Pressure>& value) {
    if (!value) return;
    ratio(field, value->some, ReportLimits::kMaxStalledShare);
    ratio(field, value->full, ReportLimits::kMaxStalledShare);
  }
  void signals(std::string_view field, const MemorySignals& value) {
    pressure(field, value.memory);
    pressure(field, value.io);
    for (const auto& rate : {value.refaults, value.scanned, value.alloc_stalls})
      ratio(field, rate, ReportLimits::kMaxMemoryRate);
    if (value.oom_kills) range(field, *value.oom_kills, 0, ReportLimits::kMaxOomKills);
  }
  void text(std::string_view field, const std::string& value, std::size_t limit = ReportLimits::kMaxTextBytes) {
    if (value.size() > limit) fail(field, fmt::format("{} bytes of text, limit {}", value.size(), limit));
  }
  void count(std::string_view field, std::size_t size, std::size_t limit) {
    if (size > limit) fail(field, fmt::format("{} entries, limit {}", size, limit));
  }
  void range(std::string_view field, const std::optional<int>& value, std::int64_t low, std::int64_t high) {
    if (value) range(field, std::int64_t{*value}, low, high);
  }
  void spread(std::string_view field, const std::optional<Spread>& value, std::int64_t high) {
    if (!value) return;
    range(field, value->min, 0, high);
    range(field, value->max, 0, high);
    if (value->mean < value->min || value->mean > value->max) {
      fail(field, fmt::format("mean {} is outside min {} .. max {}", value->mean, value->min, value->max));
    }
  }
  void resources(std::string_view field, const Resources& value) {
    cpu(field, value.cpu);
    cpu(field, value.batch_cpu);
    bytes(field, value.memory);
    bytes(field, value.batch_memory);
  }
  void labels(std::string_view field, const std::map<std::string, std::string>& values) {
    count(field, values.size(), ReportLimits::kMaxLabels);
    for (const auto& [key, value] : values) {
      if (key.size() > ReportLimits::kMaxTextBytes) text(fmt::format("{} key", field), key);
      if (value.size() > ReportLimits::kMaxTextBytes) text(fmt::format("{} value", field), value);
    }
  }
  void annotations(std::string_view field, const NodeAnnotations& values) {
    if (const auto good = check_annotations(values); !good) fail(field, good.error().message());
  }
  bool failed() const { return error_.has_value(); }
  Result<void> result() const { return error_ ? Result<void>(*error_) : Result<void>(); }

 private:
  std::optional<Error> error_;
};

void check_status(Checker& check, const NodeStatus& status) {
  check.cpu("status.cpu_capacity", status.cpu_capacity);
  check.cpu("status.cpu_allocatable", status.cpu_allocatable);
  check.bytes("status.memory_capacity", status.memory_capacity);
  check.bytes("status.memory_allocatable", status.memory_allocatable);
  check.text("status.cgroup_version", status.cgroup_version);
  check.text("status.kernel_release", status.kernel_release);
  check.text("status.boot_id", status.boot_id);
  check.text("status.agent_version", status.agent_version);
  check.text("status.protection.why", status.protection.why);
  check.labels("status.labels", status.labels);
  check.text("status.cpu.model", status.cpu.model);
  check.annotations("status.annotations", status.annotations);
  check.count("status.features", status.features.size(), 64);
  for (const auto& feature : status.features) {
    check.text("status.features.feature", feature.feature);
    check.text("status.features.why", feature.why);
  }
  check.count("status.knobs", status.knobs.size(), ReportLimits::kMaxKnobs);
  for (const auto& knob : status.knobs) {
    check.text("status.knobs.file", knob.file);
    check.text("status.knobs.why", knob.why);
  }
  if (const auto& work = status.be_work) {
    for (const auto* sum : {&work->completed, &work->failed, &work->evicted})
      check.range("status.be_work.cpu", sum->cpu.count(), 0, kMaxBeWork.count());
  }
}

void check_sample(Checker& check, const NodeSample& sample) {
  check.range("samples.wall", sample.wall.ms, 0, kMaxWallMs);
  check.range("samples.window", sample.window.count(), 0, Duration(std::chrono::hours(1)).count());
  check.cpu("samples.node_cpu", sample.node_cpu);
  check.cpu("samples.ls_cpu", sample.ls_cpu);
  check.cpu("samples.be_cpu", sample.be_cpu);
  check.cpu("samples.system_cpu", sample.system_cpu);
  check.cpu("samples.be_limit", sample.be_limit);
  check.bytes("samples.node_memory", sample.node_memory);
  check.bytes("samples.ls_memory", sample.ls_memory);
  check.bytes("samples.be_memory", sample.be_memory);
  check.pressure("samples.cpu_pressure", sample.cpu_pressure);
  check.pressure("samples.memory_pressure", sample.memory_pressure);
  check.pressure("samples.io_pressure", sample.io_pressure);
  check.ratio("samples.ls_delay_per_cpu", sample.ls_delay_per_cpu);
  const auto& memory = sample.memory_side;
  check.bytes("samples.memory_side.available", memory.available);
  check.bytes("samples.memory_side.be_usage", memory.be_usage);
  check.bytes("samples.memory_side.be_reclaimable", memory.be_reclaimable);
  check.bytes("samples.memory_side.be_tightened", memory.be_tightened);
  check.signals("samples.memory_side.host", memory.host);
  check.signals("samples.memory_side.ls", memory.ls);
  check.signals("samples.memory_side.be", memory.be);
  check.range("samples.memory_side.rung", static_cast<std::int64_t>(memory.rung), 0,
              static_cast<std::int64_t>(ReliefRung::kEmergency));
  check.count("samples.pods", sample.pods.size(), 0);
}

void check_memory_qos(Checker& check, const MemoryQosOverride& qos) {
  check.range("pods.memory_qos.policy", static_cast<std::int64_t>(qos.policy), 0,
              static_cast<std::int64_t>(MemoryQosOverride::Policy::kAuto));
  check.range("pods.memory_qos.min_limit_percent", qos.min_limit_percent, 0, 100);
  check.range("pods.memory_qos.low_limit_percent", qos.low_limit_percent, 0, 100);
  check.range("pods.memory_qos.throttling_percent", qos.throttling_percent, 0, 100);
  check.range("pods.memory_qos.wmark_ratio", qos.wmark_ratio, 0, 100);
  check.range("pods.memory_qos.wmark_scale_permill", qos.wmark_scale_permill, 1, 1000);
  check.range("pods.memory_qos.wmark_min_adj", qos.wmark_min_adj, -25, 50);
  check.range("pods.memory_qos.priority", qos.priority, 0, 12);
  check.range("pods.memory_qos.page_cache_limit_percent", qos.page_cache_limit_percent, 0, 100);
  check.bytes("pods.memory_qos.page_cache_limit_size", qos.page_cache_limit_size);
}

void check_pod(Checker& check, const Pod& pod) {
  if (pod.uid.empty()) check.fail("pods.uid", "empty");
  check.text("pods.uid", pod.uid.str(), 253);
  check.text("pods.namespace", pod.name_space, 253);
  check.text("pods.name", pod.name, 253);
  check.text("pods.workload", pod.workload);
  check.resources("pods.requests", pod.requests);
  check.resources("pods.limits", pod.limits);
  check.cpu("pods.mid_requests", pod.mid_requests.cpu);
  check.bytes("pods.mid_requests", pod.mid_requests.memory);
  check.count("pods.containers", pod.containers.size(), ReportLimits::kMaxContainers);
  check.text("pods.core_sched.group_id", pod.core_sched.group_id, 63);
  if (const auto& allowed_by = pod.eviction.allowed_by) {
    check.count("pods.eviction.allowedBy", allowed_by->size(), ReportLimits::kMaxEvictionFeatures);
    for (const auto& feature : *allowed_by)
      check.text("pods.eviction.allowedBy", feature);
  }
  for (const auto& container : pod.containers) {
    check.text("pods.containers.name", container.name, 253);
    check.text("pods.containers.id", container.id, 253);
    check.resources("pods.containers.requests", container.requests);
    check.resources("pods.containers.limits", container.limits);
  }
  if (pod.cpu_burst) {
    check.range("pods.cpu_burst.cpu_burst_percent", pod.cpu_burst->cpu_burst_percent, 1, 10'000);
    check.range("pods.cpu_burst.cfs_quota_burst_percent", pod.cpu_burst->cfs_quota_burst_percent, 100, INT32_MAX);
    check.range("pods.cpu_burst.cfs_quota_burst_period_seconds", pod.cpu_burst->cfs_quota_burst_period_seconds, -1,
                INT32_MAX);
    check.range("pods.cpu_burst.share_pool_threshold_percent", pod.cpu_burst->share_pool_threshold_percent, 0, 100);
  }
  if (pod.cpu_qos) check.range("pods.cpu_qos.group_identity", pod.cpu_qos->group_identity, -1, 2);
  if (pod.memory_qos) check_memory_qos(check, *pod.memory_qos);
  if (!pod.bound_cpus.empty()) {
    check.range("pods.bound_cpus", std::int64_t{pod.bound_cpus.cpus().back()}, 0, CpuSet::kMaxCpu);
  }
}

void check_pod_use(Checker& check, const PodSummary& summary) {
  check.spread("pods.cpu_milli", summary.cpu_milli, ReportLimits::kMaxMilliCpu);
  check.spread("pods.memory_bytes", summary.memory_bytes, ReportLimits::kMaxMemoryBytes);
  check.ratio("pods.throttled_ratio", summary.throttled_ratio, 1.0);
  check.ratio("pods.run_delay", summary.run_delay);
  check.signals("pods.memory_signals", summary.memory_signals);
}

const Pod& pod_of(const PodSummary& summary) {
  return *summary.pod;
}
const Pod& pod_of(const Pod& pod) {
  return pod;
}

/// One that comes twice would be charged twice, and have two averages.
template <class Pods>
void check_uids(Checker& check, const Pods& pods) {
  std::vector<std::string_view> uids;
  uids.reserve(pods.size());
  for (const auto& pod : pods)
    uids.push_back(pod_of(pod).uid.str());
  std::sort(uids.begin(), uids.end());
  const auto twice = std::adjacent_find(uids.begin(), uids.end());
  if (twice != uids.end()) check.fail("pods.uid", fmt::format("'{}' comes twice", *twice));
}

/// What no pod shows by itself.
template <class Pods>
void check_together(Checker& check, const Pods& pods) {
  std::size_t bound_cpus = 0;
  for (const auto& pod : pods)
    bound_cpus += pod_of(pod).bound_cpus.cpus().size();
  check_uids(check, pods);
  check.count("pods.bound_cpus", bound_cpus, ReportLimits::kMaxBoundCpus);
}

void check_application(Checker& check, const HostApplicationSummary& application) {
  if (application.name.empty()) check.fail("applications.name", "empty");
  check.text("applications.name", application.name, HostApplicationLimits::kMaxNameBytes);
  // The base's own group stands before the path.
  check.text("applications.group", application.group, 2 * HostApplicationLimits::kMaxPathBytes);
  check.spread("applications.cpu_milli", application.cpu_milli, ReportLimits::kMaxMilliCpu);
  check.spread("applications.memory_bytes", application.memory_bytes, ReportLimits::kMaxMemoryBytes);
}

void check_zone(Checker& check, const ZoneUse& zone) {
  check.range("zones.id", std::int64_t{zone.id}, 0, ZoneLimits::kMaxId);
  check.cpu("zones.cpu_capacity", zone.cpu_capacity);
  check.bytes("zones.memory_capacity", zone.memory_capacity);
  check.cpu("zones.cpu_used", zone.cpu_used);
  check.cpu("zones.cpu_bound_idle", zone.cpu_bound_idle);
  check.bytes("zones.memory_used", zone.memory_used);
  check.cpu("zones.be_cpu", zone.be_cpu);
  check.bytes("zones.be_memory", zone.be_memory);
}

void check_paths(Checker& check, const Pod& pod) {
  const auto part = [&](std::string_view field, const std::string& value) {
    // The length was looked at before.
    if (!is_path_part(value)) check.fail(field, fmt::format("'{}' cannot be part of a cgroup's name", value));
  };
  part("pods.uid", pod.uid.str());
  for (const auto& container : pod.containers)
    part("pods.containers.id", container.id);
}

/// For an error: whoever named the pod may have named it at length.
std::string shown_name(const Pod& pod) {
  constexpr std::size_t kMost = 80;
  return fmt::format("pod {}/{}", pod.name_space.substr(0, kMost), pod.name.substr(0, kMost));
}

enum class PodsAre { kNew, kKnown };

Result<void> check_report(const Report& report, PodsAre pods_are) {
  Checker check;
  if (report.node.empty()) check.fail("node", "empty");
  check.text("node", report.node.str(), 253);
  if (report.seq.value() == 0) check.fail("seq", "0; sequences start at 1");
  check.range("wall", report.wall.ms, 0, kMaxWallMs);
  check.range("mono", report.mono.ns, 0, INT64_MAX);
  check.range("window", report.window.count(), 0, Duration(std::chrono::hours(24)).count());
  check_status(check, report.status);
  check.count("samples", report.samples.size(), ReportLimits::kMaxSamples);
  check.count("pods", report.pods.size(), ReportLimits::kMaxPods);
  check.count("events", report.events.size(), ReportLimits::kMaxEvents);
  check.count("zones", report.zones.size(), ZoneLimits::kMaxZones);
  check.range("status.zones", std::int64_t{report.status.zones}, 0, ZoneLimits::kMaxId + 1);
  check.count("applications", report.applications.size(), HostApplicationLimits::kMaxApplications);
  if (check.failed()) return check.result();

  for (std::size_t i = 0; i < report.samples.size(); ++i) {
    check_sample(check, report.samples[i]);
    if (i > 0 && report.samples[i].at < report.samples[i - 1].at) {
      check.fail("samples", fmt::format("sample {} is older than the one before it", i));
    }
  }
  if (pods_are == PodsAre::kNew) {
    for (const auto& summary : report.pods)
      check_pod(check, *summary.pod);
    check_together(check, report.pods);
  }
  for (const auto& pod : report.pods)
    check_pod_use(check, pod);
  for (std::size_t i = 0; i < report.applications.size(); ++i) {
    const auto& application = report.applications[i];
    check_application(check, application);
    for (std::size_t j = 0; j < i; ++j) {
      if (report.applications[j].name == application.name) {
        check.fail("applications.name", fmt::format("'{}' comes twice", application.name));
      }
    }
  }
  for (std::size_t i = 0; i < report.zones.size(); ++i) {
    check_zone(check, report.zones[i]);
    if (i > 0 && report.zones[i].id <= report.zones[i - 1].id) {
      check.fail("zones.id", fmt::format("{} comes after {}", report.zones[i].id, report.zones[i - 1].id));
    }
  }
  for (const auto& event : report.events) {
    check.range("events.at", event.at.ms, 0, kMaxWallMs);
    check.text("events.subject", event.subject);
    check.text("events.old_value", event.old_value);
    check.text("events.new_value", event.new_value);
  }
  return check.result();
}

}  // namespace

SharedPods shared_pods(const Report& report) {
  SharedPods pods;
  pods.reserve(report.pods.size());
  for (const auto& summary : report.pods)
    pods.push_back(summary.pod);
  return pods;
}

Result<void> validate(const Report& report) {
  return check_report(report, PodsAre::kNew);
}

Result<void> validate(const NodeObjects& objects) {
  Checker check;
  check.labels("labels", objects.labels);
  check.annotations("annotations", objects.annotations);
  check.cpu("cpu_allocatable", objects.cpu_allocatable);
  check.bytes("memory_allocatable", objects.memory_allocatable);
  check.count("pods", objects.pods.size(), ReportLimits::kMaxPods);
  if (check.failed()) return check.result();
  for (const auto& pod : objects.pods) {
    Checker own;
    check_pod(own, pod);
    if (!own.failed()) check_paths(own, pod);
    if (own.failed()) return own.result().error().in(shown_name(pod));
  }
  check_together(check, objects.pods);
  return check.result();
}

Result<void> validate_with_known_pods(const Report& report) {
  return check_report(report, PodsAre::kKnown);
}

}  // namespace tideline::model
