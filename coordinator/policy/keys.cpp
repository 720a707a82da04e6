#include "coordinator/policy/keys.h"

#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/policy/field.h"
#include "coordinator/policy/key_parts.h"

namespace tideline::policy {
namespace {

using model::ColocationPolicy;
using model::CpuBurstPolicy;
using model::EvictionRates;
using model::MemoryReliefPolicy;
using model::NodePolicy;
using model::ThresholdPolicy;
using profile::PredictionPolicy;

void add_colocation(std::vector<KeySpec>& out) {
  const auto of = [](std::string_view path, KeyType type, std::string_view default_text, std::string_view meaning) {
    return key(kColocationKey, path, type, default_text, meaning);
  };
  const auto integer = [&of](std::string_view path, std::string_view default_text, double min, double max,
                             std::string_view meaning) {
    return between(of(path, KeyType::kInteger, default_text, meaning), min, max);
  };
  out.push_back(acted(of("enable", KeyType::kBool, "false",
                         "offer reclaimed capacity; a node needs it true in the cluster strategy and in its own"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::enable>));
  out.push_back(carried(integer("metricAggregateDurationSeconds", "300", 1, kMaxInt, "s over which usage is averaged"),
                        kAt<&NodePolicy::colocation, &ColocationPolicy::metric_aggregate_duration_seconds>));
  out.push_back(acted(integer("metricReportIntervalSeconds", "60", 1, kMaxInt,
                              "s between writes of a node's NodeMetric, under --node-metrics; below 10 as 10"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::metric_report_interval_seconds>));
  out.push_back(of("metricAggregatePolicy.durations", KeyType::kTextList, "[\"5m\",\"10m\",\"30m\"]",
                   "windows of the aggregated usages in a NodeMetric"));
  out.push_back(acted_if(one_of(of("metricMemoryCollectPolicy", KeyType::kText, "\"usageWithoutPageCache\"",
                                   "which memory counts as used"),
                                {"usageWithoutPageCache", "usageWithHotPageCache", "usageWithPageCache"}),
                         {"usageWithoutPageCache"}));
  out.push_back(acted(integer("cpuReclaimThresholdPercent", "60", 0, kMaxInt,
                              "% of CPU capacity that may be used in all; may exceed 100"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::cpu_reclaim_threshold_percent>));
  out.push_back(acted(one_of(of("cpuCalculatePolicy", KeyType::kText, "\"usage\"",
                                "what prod and mid pods are charged; under usage an LSE pod its request"),
                             {"usage", "maxUsageRequest"}),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::cpu_calculate_policy>));
  out.push_back(acted(integer("memoryReclaimThresholdPercent", "65", 0, kMaxInt, "% of memory that may be used in all"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::memory_reclaim_threshold_percent>));
  out.push_back(
      acted(one_of(of("memoryCalculatePolicy", KeyType::kText, "\"usage\"",
                      "what prod and mid pods are charged; under request the node's reservation is all that the system "
                      "is charged"),
                   {"usage", "request", "maxUsageRequest"}),
            kAt<&NodePolicy::colocation, &ColocationPolicy::memory_calculate_policy>));
  out.push_back(acted(integer("degradeTimeMinutes", "15", 1, kMaxInt,
                              "minutes without a report after which a node's offer is withdrawn"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::degrade_time_minutes>));
  out.push_back(acted(integer("updateTimeThresholdSeconds", "300", 1, kMaxInt,
                              "s between writes to the Kubernetes Node of changes below resourceDiffThreshold"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::update_time_threshold_seconds>));
  KeySpec diff = between(
      of("resourceDiffThreshold", KeyType::kNumber, "0.1",
         "relative change of the offer that is written to the Kubernetes Node before updateTimeThresholdSeconds"),
      0, 1);
  diff.min_excluded = true;
  out.push_back(acted(std::move(diff), kAt<&NodePolicy::colocation, &ColocationPolicy::resource_diff_threshold>));
  out.push_back(acted(one_of(of("midReclaimMode", KeyType::kText, "unset",
                                "how mid capacity is computed; unset: by what prod is predicted not to need, and by "
                                "what is not allocated"),
                             {"static", ""}),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::mid_reclaim_mode>));
  out.push_back(acted(integer("midCPUThresholdPercent", "100", 0, 100, "% of CPU capacity mid pods may get at most"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::mid_cpu_threshold_percent>));
  out.push_back(acted(integer("midMemoryThresholdPercent", "100", 0, 100, "% of memory mid pods may get at most"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::mid_memory_threshold_percent>));
  out.push_back(acted(integer("midUnallocatedPercent", "0", 0, 100, "% of unallocated capacity given to mid pods"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::mid_unallocated_percent>));
  out.push_back(
      acted(integer("midStaticCPUReservedPercent", "0", 0, 100, "% of CPU capacity for mid pods in static mode"),
            kAt<&NodePolicy::colocation, &ColocationPolicy::mid_static_cpu_reserved_percent>));
  out.push_back(acted(integer("midStaticMemoryReservedPercent", "0", 0, 100, "% of memory for mid pods in static mode"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::mid_static_memory_reserved_percent>));
  out.push_back(acted(integer("batchCPUThresholdPercent", "unset", 0, kMaxInt, "% of CPU capacity offered at most"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::batch_cpu_threshold_percent>));
  out.push_back(acted(integer("batchMemoryThresholdPercent", "unset", 0, kMaxInt, "% of memory offered at most"),
                      kAt<&NodePolicy::colocation, &ColocationPolicy::batch_memory_threshold_percent>));
  out.push_back(of("extensions", KeyType::kObject, "unset", "third-party settings"));
}

void add_threshold(std::vector<KeySpec>& out) {
  const auto of = [](std::string_view path, KeyType type, std::string_view default_text, std::string_view meaning) {
    return key(kThresholdKey, path, type, default_text, meaning);
  };
  const auto integer = [&of](std::string_view path, std::string_view default_text, double min, double max,
                             std::string_view meaning) {
    return between(of(path, KeyType::kInteger, default_text, meaning), min, max);
  };
  out.push_back(acted(of("enable", KeyType::kBool, "false", "CPU suppress, memory relief and all evictions on or off"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::enable>));
  out.push_back(acted(integer("cpuSuppressThresholdPercent", "65", 0, 100,
                              "% of CPU capacity up to which best-effort pods may fill the node"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_suppress_threshold_percent>));
  out.push_back(
      acted(integer("cpuSuppressMinPercent", "unset", 0, 100, "% of CPU capacity best-effort pods keep under any load"),
            kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_suppress_min_percent>));
  KeySpec how =
      one_of(of("cpuSuppressPolicy", KeyType::kText, "\"cpuset\"",
                "cpuset: best-effort pods get fewer CPUs; cfsQuota: a quota; workConserving (Tideline's own): "
                "no quota while latency-sensitive pods feel nothing"),
             {"cpuset", "cfsQuota", "workConserving"});
  out.push_back(acted(std::move(how), kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_suppress_policy>));
  out.push_back(acted(integer("memoryEvictThresholdPercent", "70", 0, 100,
                              "% of memory used that starts eviction, and relief somewhat below it; 0: neither"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::memory_evict_threshold_percent>));
  out.push_back(acted(integer("memoryEvictLowerPercent", "unset", 0, 100,
                              "% of memory used at which eviction stops; unset: the threshold less 2"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::memory_evict_lower_percent>));
  out.push_back(acted(integer("memoryAllocatableEvictThresholdPercent", "unset", 0, kMaxInt,
                              "% of allocatable memory requested that starts eviction; needs the lower one and "
                              "allocatableEvictPriorityThreshold"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::memory_allocatable_evict_threshold_percent>));
  out.push_back(acted(integer("memoryAllocatableEvictLowerPercent", "unset", 0, kMaxInt,
                              "% of allocatable memory requested at which eviction stops"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::memory_allocatable_evict_lower_percent>));
  // Koordinator takes 0..100 for these two and then does nothing outside of what it can act on.
  out.push_back(
      acted(integer("cpuEvictBESatisfactionLowerPercent", "unset", 1, 60,
                    "% of its CPU request below which best-effort counts as starved and is evicted; needs the "
                    "upper one"),
            kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_be_satisfaction_lower_percent>));
  out.push_back(acted(integer("cpuEvictBESatisfactionUpperPercent", "unset", 1, 99,
                              "% of its CPU request that eviction restores; at least the lower one"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_be_satisfaction_upper_percent>));
  out.push_back(acted(integer("cpuEvictBEUsageThresholdPercent", "90", 0, 100,
                              "% of its limit best-effort must use to count as starved"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_be_usage_threshold_percent>));
  out.push_back(acted(integer("cpuEvictTimeWindowSeconds", "unset", 1, kMaxInt,
                              "s over which eviction is judged; unset: one reading of the pods"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_time_window_seconds>));
  out.push_back(acted(one_of(of("cpuEvictPolicy", KeyType::kText, "\"evictByRealLimit\"",
                                "what best-effort's satisfaction is measured against"),
                             {"evictByRealLimit", "evictByAllocatable"}),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_policy>));
  out.push_back(acted(integer("cpuEvictThresholdPercent", "unset", 0, 100,
                              "% of node CPU used that starts eviction; needs evictEnabledPriorityThreshold"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_threshold_percent>));
  out.push_back(acted(integer("cpuEvictLowerPercent", "unset", 0, 100,
                              "% of node CPU used at which eviction stops; unset: the threshold less 2"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_evict_lower_percent>));
  out.push_back(acted(integer("cpuAllocatableEvictThresholdPercent", "unset", 0, kMaxInt,
                              "% of allocatable CPU requested that starts eviction; needs the lower one and "
                              "allocatableEvictPriorityThreshold"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_allocatable_evict_threshold_percent>));
  out.push_back(acted(integer("cpuAllocatableEvictLowerPercent", "unset", 0, kMaxInt,
                              "% of allocatable CPU requested at which eviction stops"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::cpu_allocatable_evict_lower_percent>));
  out.push_back(acted(integer("evictEnabledPriorityThreshold", "unset", -kMaxInt - 1, kMaxInt,
                              "pods of at most this priority may be evicted"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::evict_enabled_priority_threshold>));
  out.push_back(acted(integer("allocatableEvictPriorityThreshold", "unset", 0, 7999,
                              "pods of at most this priority may be evicted for over-commit"),
                      kAt<&NodePolicy::threshold, &ThresholdPolicy::allocatable_evict_priority_threshold>));
}

void add_burst(std::vector<KeySpec>& out) {
  const auto of = [](std::string_view path, KeyType type, std::string_view default_text, std::string_view meaning) {
    return key(kBurstKey, path, type, default_text, meaning);
  };
  const auto integer = [&of](std::string_view path, std::string_view default_text, double min, double max,
                             std::string_view meaning) {
    return between(of(path, KeyType::kInteger, default_text, meaning), min, max);
  };
  out.push_back(acted(one_of(of("policy", KeyType::kText, "\"none\"",
                                "none; cpuBurstOnly: the kernel's own burst; cfsQuotaBurstOnly: quotas of throttled "
                                "containers are scaled up; auto: both"),
                             {"none", "cpuBurstOnly", "cfsQuotaBurstOnly", "auto"}),
                      kAt<&NodePolicy::burst, &CpuBurstPolicy::policy>));
  out.push_back(acted(integer("cpuBurstPercent", "1000", 1, 10'000, "% of its CPU limit a container may save up"),
                      kAt<&NodePolicy::burst, &CpuBurstPolicy::cpu_burst_percent>));
  out.push_back(acted(integer("cfsQuotaBurstPercent", "300", 100, kMaxInt,
                              "% of its CPU limit a container's quota is scaled up to at most"),
                      kAt<&NodePolicy::burst, &CpuBurstPolicy::cfs_quota_burst_percent>));
  out.push_back(acted(integer("cfsQuotaBurstPeriodSeconds", "-1", -1, kMaxInt,
                              "s a container may stay scaled up at full use; -1: no limit"),
                      kAt<&NodePolicy::burst, &CpuBurstPolicy::cfs_quota_burst_period_seconds>));
  out.push_back(acted(integer("sharePoolThresholdPercent", "50", 0, 100,
                              "% of the share pool in use from which scaled quotas come down"),
                      kAt<&NodePolicy::burst, &CpuBurstPolicy::share_pool_threshold_percent>));
}

void add_host_applications(std::vector<KeySpec>& out) {
  out.push_back(
      acted(key(kHostApplicationsKey, "applications", KeyType::kApplications, "[]",
                "programs on the host outside of any pod: {name, priority, qos, cgroupPath: {base, parentDir, "
                "relativePath}}; an entry of nodeConfigs replaces the whole list"),
            kAt<&NodePolicy::host_applications>));
}

template <bool model::DryRun::*Mechanism>
constexpr auto kDryRun = kAt<&NodePolicy::dry_run, Mechanism>;

template <auto Rate>
constexpr auto kRate = field_at<FleetPolicy, &FleetPolicy::evictions, Rate>();
template <auto Part>
constexpr auto kPrediction = field_at<FleetPolicy, &FleetPolicy::prediction, Part>();

template <auto Part>
constexpr auto kRelief = kAt<&NodePolicy::relief, Part>;

void add_relief(std::vector<KeySpec>& out) {
  const auto add = [&out](std::string_view path, std::string_view default_text, std::string_view meaning,
                          Field<NodePolicy> field) {
    out.push_back(acted(key(kTidelineKey, path, KeyType::kBool, default_text, meaning), field));
  };
  const auto integer = [&out](std::string_view path, std::string_view default_text, double min, double max,
                              std::string_view meaning, Field<NodePolicy> field) {
    out.push_back(acted(between(key(kTidelineKey, path, KeyType::kInteger, default_text, meaning), min, max), field));
  };
  add("memoryRelief.reclaim", "true", "page cache of best-effort pods is taken back before memory is short",
      kRelief<&MemoryReliefPolicy::reclaim>);
  add("memoryRelief.tighten", "true", "best-effort pods together may not grow while memory is nearly short",
      kRelief<&MemoryReliefPolicy::tighten>);
  add("memoryRelief.emergencyKill", "false",
      "a best-effort pod is killed at once where the kernel's OOM killer is about to run: without grace, and no "
      "eviction",
      kRelief<&MemoryReliefPolicy::emergency_kill>);
  integer("memoryRelief.marginPercent", "5", 0, 50, "% of memory below memoryEvictThresholdPercent where relief begins",
          kRelief<&MemoryReliefPolicy::margin_percent>);
  integer("memoryRelief.horizonSeconds", "5", 1, 60,
          "s: growth that would reach the threshold within them counts as being near it",
          kRelief<&MemoryReliefPolicy::horizon_seconds>);
}

void add_tideline(std::vector<KeySpec>& out) {
  const auto dry = [&out](std::string_view path, std::string_view meaning, Field<NodePolicy> field) {
    out.push_back(acted(key(kTidelineKey, path, KeyType::kBool, "false", meaning), field));
  };
  dry("dryRun.cpuSuppress", "CPU suppress decides, explains and reports, and writes nothing",
      kDryRun<&model::DryRun::cpu_suppress>);
  dry("dryRun.cpuBurst", "likewise CPU burst", kDryRun<&model::DryRun::cpu_burst>);
  dry("dryRun.cpuQos", "likewise CPU QoS", kDryRun<&model::DryRun::cpu_qos>);
  dry("dryRun.cpuset", "likewise CPUs that pods are bound to, and the share pools", kDryRun<&model::DryRun::cpuset>);
  dry("dryRun.batchLimits", "likewise limits of batch-cpu and batch-memory", kDryRun<&model::DryRun::batch_limits>);
  dry("dryRun.cpuEvict", "eviction for CPU names its victims and evicts nobody", kDryRun<&model::DryRun::cpu_evict>);
  dry("dryRun.memoryQos", "memory QoS, as CPU suppress; oom_score_adj is not written either",
      kDryRun<&model::DryRun::memory_qos>);
  dry("dryRun.memoryRelief", "memory relief says what it would take, hold and kill, and does none of it",
      kDryRun<&model::DryRun::memory_relief>);
  dry("dryRun.memoryEvict", "eviction for memory names its victims and evicts nobody",
      kDryRun<&model::DryRun::memory_evict>);
  add_relief(out);
  const auto fleet = [&out](KeySpec spec, Field<FleetPolicy> field) {
    spec.status = KeyStatus::kActive;
    spec.apply_fleet = field.apply;
    spec.read_fleet = field.read;
    out.push_back(std::move(spec));
  };
  const auto integer = [](std::string_view path, std::string_view default_text, double min, double max,
                          std::string_view meaning) {
    return between(key(kTidelineKey, path, KeyType::kInteger, default_text, meaning), min, max);
  };
  fleet(integer("eviction.maxPerMinute", "60", 0, 600,
                "evictions the coordinator grants in any minute over the whole fleet; 0: none; only in "
                "clusterStrategy"),
        kRate<&EvictionRates::per_minute>);
  fleet(integer("eviction.maxPerMinutePerWorkload", "5", 0, 600,
                "likewise of the pods of one owner; pods without one are not bound by it; only in clusterStrategy"),
        kRate<&EvictionRates::per_minute_per_workload>);
  fleet(one_of(key(kTidelineKey, "prediction.predictor", KeyType::kText, "\"none\"",
                   "which prediction of what prod will not need is given to mid: histogram: by decaying percentiles; "
                   "recentMax: by the most used in one to two days; none: nothing is; only in clusterStrategy"),
               {"histogram", "recentMax", kNoPredictor}),
        kPrediction<&PredictionPolicy::used>);
  fleet(integer("prediction.safetyMarginPercent", "10", 0, 100,
                "% that prod may use beyond what is predicted; only in clusterStrategy"),
        kPrediction<&PredictionPolicy::safety_margin_percent>);
  fleet(integer("prediction.coldStartMinutes", "1440", 1, 10'080,
                "minutes of its use that must be known of a pod before any of its request is given to mid; only in "
                "clusterStrategy"),
        kPrediction<&PredictionPolicy::cold_start_minutes>);
}

void add_normalization(std::vector<KeySpec>& out) {
  const auto add = [&out](KeySpec spec, void (*apply)(ScalingStrategy&, const Scalar&)) {
    spec.status = KeyStatus::kActive;
    spec.apply_scaling = apply;
    out.push_back(std::move(spec));
  };
  const auto of = [](std::string_view path, KeyType type, std::string_view default_text, std::string_view meaning) {
    return key(kNormalizationKey, path, type, default_text, meaning);
  };
  const auto ratio = [](KeySpec spec) {
    return between(std::move(spec), ScalingLimits::kMinNormalization, ScalingLimits::kMaxNormalization);
  };
  add(of("enable", KeyType::kBool, "false",
         "count batch-cpu in CPUs of one kind: what is published is multiplied by the node's ratio, quotas of "
         "batch-cpu "
         "are divided by it"),
      [](ScalingStrategy& strategy, const Scalar& value) { strategy.normalize = std::get<bool>(value); });
  add(ratio(of("defaultRatio", KeyType::kNumber, "unset", "of CPUs that ratioModel has no ratio for; unset: 1")),
      [](ScalingStrategy& strategy, const Scalar& value) {
        strategy.default_ratio = model::Ratio::nearest(std::get<double>(value));
      });
  add(ratio(of("ratioModel", KeyType::kRatioModel, "{}",
               "by CPU model, as /proc/cpuinfo names it: baseRatio, hyperThreadEnabledRatio, turboEnabledRatio, "
               "hyperThreadTurboEnabledRatio; to two decimals")),
      [](ScalingStrategy& strategy, const Scalar& value) {
        for (const auto& [name, ratios] : std::get<RatioModel>(value))
          strategy.models.insert_or_assign(name, ratios);
      });
}

void add_amplification(std::vector<KeySpec>& out) {
  const auto add = [&out](KeySpec spec, void (*apply)(ScalingStrategy&, const Scalar&)) {
    spec.status = KeyStatus::kActive;
    spec.apply_scaling = apply;
    out.push_back(std::move(spec));
  };
  const auto ratio = [](std::string_view path, std::string_view meaning) {
    return between(key(kAmplificationKey, path, KeyType::kNumber, "unset", meaning), ScalingLimits::kMinAmplification,
                   ScalingLimits::kMaxAmplification);
  };
  add(key(kAmplificationKey, "enable", KeyType::kBool, "false",
          "compute how much more allocatable schedulers are to see; without Kubernetes nothing is written to anything"),
      [](ScalingStrategy& strategy, const Scalar& value) { strategy.amplify = std::get<bool>(value); });
  add(ratio("resourceAmplificationRatio.cpu", "times the CPU normalisation ratio; to two decimals"),
      [](ScalingStrategy& strategy, const Scalar& value) {
        strategy.cpu_amplification = model::Ratio::nearest(std::get<double>(value));
      });
  add(ratio("resourceAmplificationRatio.memory", "of memory; to two decimals"),
      [](ScalingStrategy& strategy, const Scalar& value) {
        strategy.memory_amplification = model::Ratio::nearest(std::get<double>(value));
      });
}

std::string number(double value) {
  return value == static_cast<double>(static_cast<std::int64_t>(value))
             ? fmt::format("{}", static_cast<std::int64_t>(value))
             : fmt::format("{}", value);
}

}  // namespace

std::string_view name_of(KeyType type) {
  switch (type) {
    case KeyType::kBool:
      return "bool";
    case KeyType::kInteger:
      return "integer";
    case KeyType::kNumber:
      return "number";
    case KeyType::kText:
      return "text";
    case KeyType::kTextList:
      return "list of text";
    case KeyType::kObject:
      return "object";
    case KeyType::kIntegerOrText:
      return "integer or text";
    case KeyType::kObjectList:
      return "list of objects";
    case KeyType::kApplications:
      return "list of applications";
    case KeyType::kRatioModel:
      return "object of ratios";
  }
  return "unknown";
}

std::string_view name_of(KeyStatus status) {
  return status == KeyStatus::kActive ? "active" : "accepted, not acted on yet";
}

const std::vector<KeySpec>& key_table() {
  static const std::vector<KeySpec> table = [] {
    std::vector<KeySpec> keys;
    add_colocation(keys);
    add_threshold(keys);
    add_qos(keys);
    add_burst(keys);
    add_host_applications(keys);
    add_normalization(keys);
    add_amplification(keys);
    add_tideline(keys);
    return keys;
  }();
  return table;
}

const std::vector<KeySpec>& result_table() {
  static const std::vector<KeySpec> table = [] {
    std::vector<KeySpec> results;
    results.push_back(acted(between(key(kNormalizationKey, "cpu-normalization-ratio", KeyType::kNumber, "1",
                                        "what a CPU of the node is worth in batch-cpu"),
                                    ScalingLimits::kMinNormalization, ScalingLimits::kMaxNormalization),
                            kAt<&NodePolicy::scaling, &model::ScalingPolicy::cpu_normalization>));
    const auto amplification = [](std::string_view path, std::string_view meaning) {
      KeySpec spec = key(kAmplificationKey, path, KeyType::kNumber, "1", meaning);
      spec.min = ScalingLimits::kMinAmplification;
      return spec;
    };
    results.push_back(acted(amplification("resource-amplification-ratio.cpu", "allocatable CPU over what there is"),
                            kAt<&NodePolicy::scaling, &model::ScalingPolicy::cpu_amplification>));
    results.push_back(acted(amplification("resource-amplification-ratio.memory", "likewise of memory"),
                            kAt<&NodePolicy::scaling, &model::ScalingPolicy::memory_amplification>));
    return results;
  }();
  return table;
}

std::string text_of(const std::optional<Scalar>& value) {
  if (!value) return "unset";
  if (const auto* text = std::get_if<std::string>(&*value)) return fmt::format("\"{}\"", *text);
  if (const auto* applications = std::get_if<std::vector<model::HostApplication>>(&*value)) {
    return model::text_of(*applications);
  }
  if (const auto* models = std::get_if<RatioModel>(&*value)) return fmt::format("{} CPU models", models->size());
  return std::visit(
      [](const auto& plain) -> std::string {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(plain)>>) return fmt::format("{}", plain);
        return {};
      },
      *value);
}

std::string range_of(const KeySpec& key) {
  if (!key.choices.empty()) {
    std::vector<std::string_view> shown;
    for (const auto choice : key.choices)
      shown.push_back(choice.empty() ? "\"\"" : choice);
    return fmt::format("{}", fmt::join(shown, " | "));
  }
  const bool bounded_above = key.max && *key.max < kMaxInt;
  if (key.min && bounded_above && !key.min_excluded) return fmt::format("{}..{}", number(*key.min), number(*key.max));
  if (key.min && bounded_above) return fmt::format("> {}, <= {}", number(*key.min), number(*key.max));
  if (key.min && *key.min > -kMaxInt) return fmt::format("{} {}", key.min_excluded ? ">" : ">=", number(*key.min));
  return "";
}

const std::vector<std::string_view>& known_other_documents() {
  static const std::vector<std::string_view> documents = {"system-config"};
  return documents;
}

}  // namespace tideline::policy
