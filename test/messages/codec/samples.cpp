#include "test/messages/codec/samples.h"

namespace tideline::codec {
namespace {

using model::Bytes;
using model::MilliCpu;

class Draw {
 public:
  explicit Draw(std::mt19937_64& random) : random_(random) {}
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool coin() { return number(0, 1) == 1; }
  double ratio() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  std::string text(std::size_t most) {
    std::string drawn(static_cast<std::size_t>(number(0, static_cast<std::int64_t>(most))), ' ');
    for (char& letter : drawn)
      letter = static_cast<char>(number('!', '~'));
    return drawn;
  }
  template <class T, class F>
  std::optional<T> maybe(F make) {
    return coin() ? std::optional<T>(make()) : std::nullopt;
  }
  std::optional<MilliCpu> cpu() {
    return maybe<MilliCpu>([&]() { return MilliCpu(number(0, 128'000)); });
  }
  std::optional<Bytes> bytes() {
    return maybe<Bytes>([&]() { return Bytes(number(0, std::int64_t{1} << 40)); });
  }
  std::optional<double> optional_ratio() {
    return maybe<double>([&]() { return ratio(); });
  }
  /// That single precision holds.
  double share() { return static_cast<double>(number(0, 1024)) / 1024; }
  std::optional<double> rate() {
    return maybe<double>([&]() { return static_cast<double>(number(0, 1 << 20)) / 16; });
  }
  model::MemorySignals signals() {
    model::MemorySignals signals;
    if (coin()) return signals;
    if (coin()) signals.memory = model::Pressure{share(), share()};
    if (coin()) signals.io = model::Pressure{share(), share()};
    signals.refaults = rate();
    signals.scanned = rate();
    signals.alloc_stalls = rate();
    signals.oom_kills = maybe<std::int64_t>([&]() { return number(0, model::ReportLimits::kMaxOomKills); });
    return signals;
  }
  std::optional<model::Pressure> pressure() {
    return maybe<model::Pressure>([&]() { return model::Pressure{ratio(), ratio()}; });
  }
  std::optional<model::Spread> spread() {
    return maybe<model::Spread>([&]() {
      const auto low = number(0, 1000);
      const auto mean = number(low, 2000);
      return model::Spread{low, mean, number(mean, 3000)};
    });
  }
  model::Resources resources() { return {cpu(), bytes(), cpu(), bytes()}; }
  model::CpuSet cpu_set() {
    std::vector<int> cpus;
    for (auto left = coin() ? number(0, 20) : 0; left > 0; --left)
      cpus.push_back(static_cast<int>(number(0, coin() ? 16 : model::CpuSet::kMaxCpu)));
    return model::CpuSet(cpus);
  }
  template <class E>
  E one_of(E last) {
    return static_cast<E>(number(0, static_cast<std::int64_t>(last)));
  }

 private:
  std::mt19937_64& random_;
};

/// `number` tells it from the others of its report.
model::PodSummary random_pod(Draw& draw, std::int64_t number) {
  model::Pod pod;
  pod.uid = model::PodUid("pod-" + draw.text(30) + "-" + std::to_string(number));
  pod.name_space = draw.text(20);
  pod.name = draw.text(40);
  pod.qos = draw.one_of(model::QosClass::kSystem);
  pod.kube_qos = draw.one_of(model::KubeQos::kBestEffort);
  pod.phase = draw.one_of(model::PodPhase::kFailed);
  pod.priority = draw.maybe<int>([&]() { return static_cast<int>(draw.number(-100'000, 2'000'000'000)); });
  pod.workload = draw.text(60);
  pod.requests = draw.resources();
  pod.limits = draw.resources();
  if (draw.coin()) pod.mid_requests = {draw.cpu(), draw.bytes()};
  for (auto left = draw.number(0, 3); left > 0; --left) {
    pod.containers.push_back({.name = draw.text(20), .id = draw.text(64), .requests = {}, .limits = {}});
    if (draw.coin()) pod.containers.back().requests = draw.resources();
    if (draw.coin()) pod.containers.back().limits = draw.resources();
  }
  const auto maybe_int = [&](int low, int high) {
    return draw.maybe<int>([&]() { return static_cast<int>(draw.number(low, high)); });
  };
  if (draw.coin()) {
    pod.cpu_burst = {.policy = draw.maybe<model::BurstPolicy>([&]() { return draw.one_of(model::BurstPolicy::kAuto); }),
                     .cpu_burst_percent = maybe_int(1, 10'000),
                     .cfs_quota_burst_percent = maybe_int(100, INT32_MAX),
                     .cfs_quota_burst_period_seconds = maybe_int(-1, INT32_MAX),
                     .share_pool_threshold_percent = maybe_int(0, 100)};
  }
  if (draw.coin()) pod.cpu_qos = {.enable = draw.coin(), .group_identity = maybe_int(-1, 2)};
  const auto maybe_flag = [&]() { return draw.maybe<bool>([&]() { return draw.coin(); }); };
  if (draw.coin()) {
    auto& qos = pod.memory_qos.emplace();
    qos.policy = draw.one_of(model::MemoryQosOverride::Policy::kAuto);
    qos.min_limit_percent = maybe_int(0, 100);
    qos.low_limit_percent = maybe_int(0, 100);
    qos.throttling_percent = maybe_int(0, 100);
    qos.wmark_ratio = maybe_int(0, 100);
    qos.wmark_scale_permill = maybe_int(1, 1000);
    qos.wmark_min_adj = maybe_int(-25, 50);
    qos.priority_enable = maybe_flag();
    qos.priority = maybe_int(0, 12);
    qos.oom_kill_group = maybe_flag();
    qos.page_cache_enable = maybe_flag();
    qos.page_cache_limit_percent = maybe_int(0, 100);
    qos.page_cache_limit_size = draw.bytes();
    qos.page_cache_reclaim_sync = maybe_flag();
  }
  pod.bound_cpus = draw.cpu_set();
  pod.eviction = {.enabled = draw.coin(),
                  .priority = static_cast<int>(draw.number(INT32_MIN, INT32_MAX)),
                  .sub_priority = maybe_int(INT32_MIN, INT32_MAX),
                  .terminating = draw.coin(),
                  .allowed_by = {}};
  if (draw.coin()) pod.eviction.allowed_by = {{"BECPUEvict", "CPUEvict"}};
  pod.core_sched = {.group_id = draw.text(63), .policy = draw.one_of(model::CoreSchedPolicy::kExclusive)};
  model::PodSummary summary;
  summary.pod = std::move(pod);
  summary.cpu_milli = draw.spread();
  summary.memory_bytes = draw.spread();
  summary.throttled_ratio = draw.optional_ratio();
  summary.run_delay = draw.optional_ratio();
  summary.memory_signals = draw.signals();
  return summary;
}

std::vector<model::HostApplicationSummary> random_applications(Draw& draw) {
  std::vector<model::HostApplicationSummary> applications;
  for (auto left = draw.coin() ? draw.number(0, 4) : 0; left > 0; --left) {
    applications.push_back({.name = std::to_string(left) + draw.text(20),
                            .tier = draw.one_of(model::Tier::kFree),
                            .qos = draw.one_of(model::QosClass::kSystem),
                            .group = draw.text(60),
                            .state = draw.one_of(model::ApplicationState::kHoldsPods),
                            .cpu_milli = draw.spread(),
                            .memory_bytes = draw.spread()});
  }
  return applications;
}

model::NodeSample random_sample(Draw& draw, std::int64_t at) {
  model::NodeSample sample;
  sample.at = model::MonoTime{at};
  sample.wall = model::WallTime{draw.number(0, 2'000'000'000'000)};
  sample.window = model::Duration(draw.number(0, 60'000'000'000));
  sample.node_cpu = draw.cpu();
  sample.ls_cpu = draw.cpu();
  sample.be_cpu = draw.cpu();
  sample.system_cpu = draw.cpu();
  sample.node_memory = draw.bytes();
  sample.ls_memory = draw.bytes();
  sample.be_memory = draw.bytes();
  sample.cpu_pressure = draw.pressure();
  sample.memory_pressure = draw.pressure();
  sample.io_pressure = draw.pressure();
  sample.ls_delay_per_cpu = draw.optional_ratio();
  sample.be_limit = draw.cpu();
  if (draw.coin()) {
    sample.memory_side = {.available = draw.bytes(),
                          .be_usage = draw.bytes(),
                          .be_reclaimable = draw.bytes(),
                          .host = draw.signals(),
                          .ls = draw.signals(),
                          .be = draw.signals(),
                          .be_tightened = draw.bytes(),
                          .rung = draw.one_of(model::ReliefRung::kEmergency)};
  }
  return sample;
}

}  // namespace

model::Report known_report() {
  model::Report report;
  report.node = model::NodeName("n1");
  report.incarnation = model::Incarnation(0x1122334455667788);
  report.seq = model::Seq(7);
  report.lane = model::Lane::kBackfill;
  report.gap_reports = 3;
  report.mono = model::MonoTime{90'000'000'000};
  report.wall = model::WallTime{1'717'000'000'123};
  report.window = std::chrono::seconds(10);
  report.status.cpu_capacity = MilliCpu(4000);
  report.status.memory_capacity = Bytes(std::int64_t{8} << 30);
  report.status.cpu_allocatable = MilliCpu(3900);
  report.status.memory_allocatable = Bytes(std::int64_t{7} << 30);
  report.status.cgroup_version = "v2";
  report.status.kernel_release = "6.1.0";
  report.status.boot_id = "b00t";
  report.status.agent_version = "0.1.0";
  report.status.labels = {{"zone", "a"}};
  report.status.protection = {true, "weight 1 beside 100"};
  report.status.features = {{"cpuSuppress", model::FeatureState::State::kActive, ""}};
  report.status.policy_applied = model::PolicyVersion(42);
  model::NodeSample sample;
  sample.at = model::MonoTime{89'000'000'000};
  sample.wall = model::WallTime{1'716'999'999'123};
  sample.window = std::chrono::seconds(1);
  sample.node_cpu = MilliCpu(2500);
  sample.ls_cpu = MilliCpu(0);
  sample.cpu_pressure = model::Pressure{0.25, 0};
  sample.ls_delay_per_cpu = 0.125;
  sample.memory_side.available = Bytes(std::int64_t{1} << 30);
  sample.memory_side.be_usage = Bytes(0);
  sample.memory_side.be_tightened = Bytes(std::int64_t{2} << 30);
  sample.memory_side.host.alloc_stalls = 0;
  sample.memory_side.ls.memory = model::Pressure{0.25, 0.125};
  sample.memory_side.rung = model::ReliefRung::kTighten;
  report.samples.push_back(sample);
  model::Pod pod;
  pod.uid = model::PodUid("u1");
  pod.name_space = "default";
  pod.name = "web-0";
  pod.qos = model::QosClass::kLs;
  pod.kube_qos = model::KubeQos::kBurstable;
  pod.priority = 9500;
  pod.workload = "StatefulSet/web";
  pod.requests.cpu = MilliCpu(500);
  pod.mid_requests.cpu = MilliCpu(250);
  pod.containers = {{.name = "nginx", .id = "c0ffee", .requests = {}, .limits = {}}};
  pod.containers[0].limits.cpu = MilliCpu(1000);
  pod.cpu_burst = model::CpuBurstOverride{.policy = model::BurstPolicy::kAuto,
                                          .cpu_burst_percent = 200,
                                          .cfs_quota_burst_percent = std::nullopt,
                                          .cfs_quota_burst_period_seconds = -1,
                                          .share_pool_threshold_percent = std::nullopt};
  pod.cpu_qos = model::CpuQosOverride{.enable = true, .group_identity = -1};
  pod.memory_qos.emplace().policy = model::MemoryQosOverride::Policy::kAuto;
  pod.memory_qos->low_limit_percent = 30;
  pod.memory_qos->oom_kill_group = true;
  pod.bound_cpus = model::CpuSet{0, 1, 2, 3, 8};
  pod.core_sched = {.group_id = "web", .policy = model::CoreSchedPolicy::kExclusive};
  pod.eviction = {.enabled = true, .priority = -5, .sub_priority = 7, .terminating = true, .allowed_by = {}};
  model::PodSummary summary;
  summary.pod = std::move(pod);
  summary.cpu_milli = model::Spread{100, 200, 300};
  summary.throttled_ratio = 0;
  summary.memory_signals.refaults = 12.5;
  summary.memory_signals.oom_kills = 1;
  report.pods.push_back(summary);
  report.events.push_back({.at = model::WallTime{1'716'999'999'500},
                           .controller = model::Controller::kCpuSuppress,
                           .reason = model::Reason::kPressed,
                           .subject = "kubepods/besteffort/cpu.max",
                           .old_value = "max 100000",
                           .new_value = "50000 100000"});
  return report;
}

model::Report random_report(std::mt19937_64& random) {
  Draw draw(random);
  model::Report report;
  report.node = model::NodeName("node-" + draw.text(40));
  report.incarnation = model::Incarnation(random());
  report.seq = model::Seq(random() | 1);
  report.lane = draw.one_of(model::Lane::kBackfill);
  report.gap_reports = random();
  report.mono = model::MonoTime{draw.number(0, INT64_MAX)};
  report.wall = model::WallTime{draw.number(0, 2'000'000'000'000)};
  report.window = model::Duration(draw.number(0, 60'000'000'000));
  report.status.cpu_capacity = MilliCpu(draw.number(0, 128'000));
  report.status.memory_capacity = Bytes(draw.number(0, std::int64_t{1} << 40));
  report.status.cpu_allocatable = MilliCpu(draw.number(0, 128'000));
  report.status.memory_allocatable = Bytes(draw.number(0, std::int64_t{1} << 40));
  report.status.cgroup_version = draw.coin() ? "v1" : "v2";
  report.status.kernel_release = draw.text(60);
  report.status.boot_id = draw.text(36);
  report.status.agent_version = draw.text(20);
  for (auto left = draw.number(0, 5); left > 0; --left)
    report.status.labels[draw.text(30)] = draw.text(30);
  report.status.cpu = {draw.text(40), draw.maybe<bool>([&]() { return draw.coin(); }),
                       draw.maybe<bool>([&]() { return draw.coin(); })};
  for (auto left = draw.number(0, 3); left > 0; --left)
    report.status.annotations["k" + draw.text(30)] = draw.text(200);
  report.status.protection = {draw.coin(), draw.text(200)};
  for (auto left = draw.number(0, 4); left > 0; --left) {
    report.status.features.push_back(
        {draw.text(20), draw.one_of(model::FeatureState::State::kUnsupported), draw.text(60)});
  }
  report.status.policy_applied = model::PolicyVersion(random());
  std::int64_t at = 0;
  for (auto left = draw.number(0, 12); left > 0; --left) {
    at += draw.number(0, 1'000'000'000);
    report.samples.push_back(random_sample(draw, at));
  }
  for (auto left = draw.number(0, 12); left > 0; --left)
    report.pods.push_back(random_pod(draw, left));
  for (auto left = draw.number(0, 6); left > 0; --left) {
    report.events.push_back({.at = model::WallTime{draw.number(0, 2'000'000'000'000)},
                             .controller = draw.one_of(model::Controller::kCpuEvict),
                             .reason = draw.one_of(model::Reason::kStaleSample),
                             .subject = draw.text(60),
                             .old_value = draw.text(20),
                             .new_value = draw.text(20)});
  }
  report.applications = random_applications(draw);
  report.status.zones = static_cast<int>(draw.number(0, 1024));
  for (int id = draw.coin() ? 4 : 0; id > 0; --id) {
    if (draw.coin()) continue;
    report.zones.push_back({.id = 4 - id,
                            .cpu_capacity = MilliCpu(draw.number(0, 128'000)),
                            .memory_capacity = Bytes(draw.number(0, std::int64_t{1} << 40)),
                            .cpu_used = draw.cpu(),
                            .cpu_bound_idle = MilliCpu(draw.number(0, 128'000)),
                            .memory_used = draw.bytes(),
                            .be_cpu = draw.cpu(),
                            .be_memory = draw.bytes()});
  }
  return report;
}

model::NodePolicy random_policy(std::mt19937_64& random) {
  Draw draw(random);
  const auto small = [&](int low, int high) { return static_cast<int>(draw.number(low, high)); };
  const auto cpu_qos = [&]() { return model::CpuQosPolicy{draw.coin(), small(-1, 2), small(0, 1), draw.coin()}; };
  const auto maybe_small = [&](int low, int high) { return draw.maybe<int>([&]() { return small(low, high); }); };
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(random());
  policy.epoch = model::Epoch(random());
  policy.colocation = {.enable = draw.coin(),
                       .cpu_reclaim_threshold_percent = small(0, 300),
                       .memory_reclaim_threshold_percent = small(0, 300),
                       .degrade_time_minutes = small(1, 600),
                       .metric_aggregate_duration_seconds = small(1, 3600),
                       .metric_report_interval_seconds = small(1, 3600),
                       .resource_diff_threshold = 1 - draw.ratio(),
                       .batch_cpu_threshold_percent = draw.maybe<int>([&]() { return small(0, 100); }),
                       .batch_memory_threshold_percent = draw.maybe<int>([&]() { return small(0, 100); }),
                       .cpu_calculate_policy = draw.one_of(model::CalculatePolicy::kMaxUsageRequest),
                       .memory_calculate_policy = draw.one_of(model::CalculatePolicy::kMaxUsageRequest),
                       .mid_reclaim_mode = draw.one_of(model::MidReclaimMode::kStatic),
                       .mid_cpu_threshold_percent = small(0, 100),
                       .mid_memory_threshold_percent = small(0, 100),
                       .mid_unallocated_percent = small(0, 100),
                       .mid_static_cpu_reserved_percent = small(0, 100),
                       .mid_static_memory_reserved_percent = small(0, 100),
                       .update_time_threshold_seconds = small(1, 3600)};
  policy.threshold = {.enable = draw.coin(),
                      .cpu_suppress_threshold_percent = small(0, 100),
                      .cpu_suppress_min_percent = maybe_small(0, 100),
                      .cpu_suppress_policy = draw.one_of(model::SuppressPolicy::kWorkConserving),
                      .cpu_evict_be_satisfaction_lower_percent = maybe_small(0, 100),
                      .cpu_evict_be_satisfaction_upper_percent = maybe_small(0, 100),
                      .cpu_evict_be_usage_threshold_percent = small(0, 100),
                      .cpu_evict_time_window_seconds = maybe_small(1, INT32_MAX),
                      .cpu_evict_policy = draw.one_of(model::CpuEvictPolicy::kAllocatable),
                      .cpu_evict_threshold_percent = maybe_small(0, 100),
                      .cpu_evict_lower_percent = maybe_small(0, 100),
                      .cpu_allocatable_evict_threshold_percent = maybe_small(0, INT32_MAX),
                      .cpu_allocatable_evict_lower_percent = maybe_small(0, INT32_MAX),
                      .evict_enabled_priority_threshold = maybe_small(INT32_MIN, INT32_MAX),
                      .allocatable_evict_priority_threshold = maybe_small(0, 7999),
                      .memory_evict_threshold_percent = small(0, 100),
                      .memory_evict_lower_percent = maybe_small(0, 100),
                      .memory_allocatable_evict_threshold_percent = maybe_small(0, INT32_MAX),
                      .memory_allocatable_evict_lower_percent = maybe_small(0, INT32_MAX)};
  policy.qos = {draw.one_of(model::CpuQosMechanism::kCoreSched), cpu_qos(), cpu_qos(), cpu_qos()};
  const auto maybe_flag = [&]() { return draw.maybe<bool>([&]() { return draw.coin(); }); };
  for (auto* memory : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory}) {
    if (draw.coin()) continue;
    *memory = {.enable = draw.coin(),
               .min_limit_percent = small(0, 100),
               .low_limit_percent = small(0, 100),
               .throttling_percent = small(0, 100),
               .wmark_ratio = small(0, 100),
               .wmark_scale_permill = small(1, 1000),
               .wmark_min_adj = small(-25, 50),
               .priority_enable = draw.coin(),
               .priority = small(0, 12),
               .oom_kill_group = draw.coin(),
               .page_cache_enable = maybe_flag(),
               .page_cache_limit_percent = maybe_small(0, 100),
               .page_cache_limit_size = draw.bytes(),
               .page_cache_reclaim_sync = maybe_flag()};
  }
  if (draw.coin()) {
    policy.relief = {.reclaim = draw.coin(),
                     .tighten = draw.coin(),
                     .emergency_kill = draw.coin(),
                     .margin_percent = small(0, 50),
                     .horizon_seconds = small(1, 60)};
  }
  policy.burst = {.policy = draw.one_of(model::BurstPolicy::kAuto),
                  .cpu_burst_percent = small(1, 10'000),
                  .cfs_quota_burst_percent = small(100, INT32_MAX),
                  .cfs_quota_burst_period_seconds = small(-1, INT32_MAX),
                  .share_pool_threshold_percent = small(0, 100)};
  policy.dry_run = {.cpu_suppress = draw.coin(),
                    .cpu_burst = draw.coin(),
                    .cpu_qos = draw.coin(),
                    .cpuset = draw.coin(),
                    .batch_limits = draw.coin(),
                    .cpu_evict = draw.coin(),
                    .memory_qos = draw.coin(),
                    .memory_relief = draw.coin(),
                    .memory_evict = draw.coin()};
  for (auto left = draw.coin() ? draw.number(0, 4) : 0; left > 0; --left) {
    policy.host_applications.push_back({.name = "app-" + std::to_string(left),
                                        .tier = draw.one_of(model::Tier::kFree),
                                        .qos = draw.one_of(model::QosClass::kSystem),
                                        .base = draw.one_of(model::CgroupBase::kKubepodsBesteffort),
                                        .path = "web/" + std::to_string(left)});
  }
  policy.scaling = {.cpu_normalization = model::Ratio(draw.number(100, 500)),
                    .cpu_amplification = model::Ratio(draw.number(100, 50'000)),
                    .memory_amplification = model::Ratio(draw.number(100, 10'000))};
  return policy;
}

model::NodeObjects known_objects() {
  model::NodeObjects objects{.number = 7,
                             .epoch = model::Epoch(3),
                             .labels = {{"pool", "web"}, {"zone", "a"}},
                             .annotations = {{std::string(model::kReservationAnnotation), R"({"reservedCPUs": "0"})"}},
                             .cpu_allocatable = MilliCpu(3900),
                             .memory_allocatable = std::nullopt,
                             .pods = {*known_report().pods.at(0).pod}};
  model::Pod ended;
  ended.uid = model::PodUid("u2");
  ended.name_space = "batch";
  ended.name = "etl-1";
  ended.qos = model::QosClass::kBe;
  ended.kube_qos = model::KubeQos::kBestEffort;
  ended.phase = model::PodPhase::kSucceeded;
  objects.pods.push_back(std::move(ended));
  return objects;
}

model::EvictionAsk known_ask() {
  return {.seen = model::Epoch(7),
          .through_api = true,
          .requests = {{.id = "b00t/cpuEvict.nodeUsage/5/u1",
                        .uid = model::PodUid("u1"),
                        .name_space = "batch",
                        .name = "etl-1",
                        .workload = "Job/etl",
                        .group = "kubepods/besteffort/podu1",
                        .reason = model::Reason::kNodeCpuFull,
                        .urgency = model::EvictionUrgency::kServices},
                       {.id = "b00t/cpuEvict.beSatisfaction/6/u2",
                        .uid = model::PodUid("u2"),
                        .name_space = "batch",
                        .name = "etl-2",
                        .workload = "",
                        .group = "kubepods/besteffort/podu2",
                        .reason = model::Reason::kBeStarved,
                        .urgency = model::EvictionUrgency::kBatch}}};
}

model::EvictionAnswer known_answer() {
  using Answer = model::EvictionVerdict::Answer;
  return {.epoch = model::Epoch(8),
          .verdicts = {{.id = "b00t/cpuEvict.nodeUsage/5/u1",
                        .answer = Answer::kGranted,
                        .reason = model::Reason::kEvictionGranted,
                        .why = "granted: 1 of 60",
                        .retry_after = model::kZeroDuration},
                       {.id = "b00t/cpuEvict.beSatisfaction/6/u2",
                        .answer = Answer::kDeferred,
                        .reason = model::Reason::kFleetRate,
                        .why = "deferred for 42 s",
                        .retry_after = std::chrono::seconds(42)},
                       {.id = "b00t/cpuEvict.beSatisfaction/7/u3",
                        .answer = Answer::kUnderWay,
                        .reason = model::Reason::kDisruptionBudget,
                        .why = "its budget allows no disruption now",
                        .retry_after = std::chrono::seconds(2)},
                       {.id = "b00t/cpuEvict.beSatisfaction/8/u4",
                        .answer = Answer::kEvicted,
                        .reason = model::Reason::kApiEvicted,
                        .why = "evicted through the API",
                        .retry_after = model::kZeroDuration}}};
}

model::NodePolicy known_policy() {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(9);
  policy.epoch = model::Epoch(2);
  policy.colocation.enable = true;
  policy.colocation.batch_cpu_threshold_percent = 80;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_min_percent = 5;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kWorkConserving;
  policy.qos.ls.enable = true;
  return policy;
}

model::NodePolicy known_full_policy() {
  model::NodePolicy policy = known_policy();
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  policy.threshold.cpu_evict_be_satisfaction_upper_percent = 50;
  policy.threshold.cpu_evict_be_usage_threshold_percent = 80;
  policy.threshold.cpu_evict_time_window_seconds = 60;
  policy.threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  policy.threshold.cpu_evict_threshold_percent = 95;
  policy.threshold.cpu_evict_lower_percent = 85;
  policy.threshold.cpu_allocatable_evict_threshold_percent = 110;
  policy.threshold.cpu_allocatable_evict_lower_percent = 100;
  policy.threshold.evict_enabled_priority_threshold = 5999;
  policy.threshold.allocatable_evict_priority_threshold = 6999;
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  policy.qos.be.core_expeller = true;
  policy.qos.lsr.core_expeller = false;
  policy.burst = {.policy = model::BurstPolicy::kAuto,
                  .cpu_burst_percent = 500,
                  .cfs_quota_burst_percent = 200,
                  .cfs_quota_burst_period_seconds = 60,
                  .share_pool_threshold_percent = 40};
  policy.colocation.cpu_calculate_policy = model::CalculatePolicy::kMaxUsageRequest;
  policy.colocation.memory_calculate_policy = model::CalculatePolicy::kRequest;
  policy.colocation.mid_reclaim_mode = model::MidReclaimMode::kStatic;
  policy.colocation.mid_cpu_threshold_percent = 90;
  policy.colocation.mid_memory_threshold_percent = 70;
  policy.colocation.mid_unallocated_percent = 20;
  policy.colocation.mid_static_cpu_reserved_percent = 10;
  policy.colocation.mid_static_memory_reserved_percent = 15;
  policy.colocation.update_time_threshold_seconds = 600;
  policy.dry_run.cpuset = true;
  policy.dry_run.cpu_evict = true;
  policy.threshold.memory_evict_threshold_percent = 80;
  policy.threshold.memory_evict_lower_percent = 75;
  policy.threshold.memory_allocatable_evict_threshold_percent = 130;
  policy.threshold.memory_allocatable_evict_lower_percent = 110;
  policy.qos.ls_memory.enable = true;
  policy.qos.ls_memory.low_limit_percent = 80;
  policy.qos.be_memory.enable = true;
  policy.qos.be_memory.wmark_ratio = 90;
  policy.qos.be_memory.page_cache_enable = false;
  policy.qos.be_memory.page_cache_limit_size = Bytes(std::int64_t{1} << 30);
  policy.relief.emergency_kill = true;
  policy.relief.margin_percent = 8;
  policy.dry_run.memory_evict = true;
  policy.scaling = {.cpu_normalization = model::Ratio(125),
                    .cpu_amplification = model::Ratio(188),
                    .memory_amplification = model::Ratio(120)};
  return policy;
}

}  // namespace tideline::codec
