#include "messages/codec/wire.h"

#include <limits>
#include <type_traits>

#include <fmt/format.h>

namespace tideline::codec {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

kj::StringPtr ptr(const std::string& text) {
  return {text.c_str(), text.size()};
}

std::string str(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

/// Collects the first thing that is wrong; reading goes on, and the caller gets the error instead of the value.
class Problems {
 public:
  void add(std::string_view field, const std::string& what) {
    if (!first_) first_ = Error(ErrorCode::kMalformed, fmt::format("{}: {}", field, what));
  }
  bool any() const { return first_.has_value(); }
  template <class T>
  Result<T> result(T&& value) const {
    if (first_) return *first_;
    return std::forward<T>(value);
  }
  /// The value, or a default one after noting the problem.
  template <class T>
  T take(std::string_view field, Result<T> value) {
    if (value) return *std::move(value);
    if (!first_) first_ = value.error().in(field);
    return T{};
  }
  /// An enumerator of `To` with the same number, which must be at most `last`.
  template <class To, class From>
  To enumerator(std::string_view field, From value, To last) {
    const auto number = static_cast<std::uint64_t>(value);
    if (number > static_cast<std::uint64_t>(last)) {
      add(field, fmt::format("value {} is not known to this build", number));
      return To{};
    }
    return static_cast<To>(number);
  }
  int integer(std::string_view field, std::int64_t value) {
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
      add(field, fmt::format("{} does not fit 32 bits", value));
      return 0;
    }
    return static_cast<int>(value);
  }
  std::optional<int> integer(std::string_view field, std::optional<std::int64_t> value) {
    if (!value) return std::nullopt;
    return integer(field, *value);
  }
  template <class List>
  bool bounded(std::string_view field, const List& list, std::size_t limit) {
    if (list.size() <= limit) return true;
    add(field, fmt::format("{} entries, limit {}", list.size(), limit));
    return false;
  }

 private:
  std::optional<Error> first_;
};

constexpr std::size_t kMaxContainers = 64;
constexpr std::size_t kMaxLabels = 256;
constexpr std::size_t kMaxFeatures = 64;

template <class Unit>
void write_unit(const std::optional<Unit>& value, schema::OptInt::Builder out) {
  out.setKnown(value.has_value());
  out.setValue(value ? value->value() : 0);
}

template <class Unit>
std::optional<Unit> read_unit(schema::OptInt::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return Unit(in.getValue());
}

void write_float(const std::optional<double>& value, schema::OptFloat::Builder out) {
  out.setKnown(value.has_value());
  out.setValue(value.value_or(0));
}

std::optional<double> read_float(schema::OptFloat::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return in.getValue();
}

void write_pressure(const std::optional<model::Pressure>& value, schema::Pressure::Builder out) {
  out.setKnown(value.has_value());
  out.setSome(value ? value->some : 0);
  out.setFull(value ? value->full : 0);
}

std::optional<model::Pressure> read_pressure(schema::Pressure::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return model::Pressure{in.getSome(), in.getFull()};
}

void write_spread(const std::optional<model::Spread>& value, schema::Spread::Builder out) {
  out.setKnown(value.has_value());
  const model::Spread spread = value.value_or(model::Spread{});
  out.setMin(spread.min);
  out.setMean(spread.mean);
  out.setMax(spread.max);
}

std::optional<model::Spread> read_spread(schema::Spread::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return model::Spread{in.getMin(), in.getMean(), in.getMax()};
}

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

model::NodeSample sample_of(schema::Sample::Reader in) {
  model::NodeSample sample;
  sample.at = model::MonoTime{in.getMonoNs()};
  sample.wall = model::WallTime{in.getWallMs()};
  sample.window = model::Duration(in.getWindowNs());
  sample.node_cpu = read_unit<model::MilliCpu>(in.getNodeCpu());
  sample.ls_cpu = read_unit<model::MilliCpu>(in.getLsCpu());
  sample.be_cpu = read_unit<model::MilliCpu>(in.getBeCpu());
  sample.system_cpu = read_unit<model::MilliCpu>(in.getSystemCpu());
  sample.node_memory = read_unit<model::Bytes>(in.getNodeMemory());
  sample.ls_memory = read_unit<model::Bytes>(in.getLsMemory());
  sample.be_memory = read_unit<model::Bytes>(in.getBeMemory());
  sample.cpu_pressure = read_pressure(in.getCpuPressure());
  sample.memory_pressure = read_pressure(in.getMemoryPressure());
  sample.io_pressure = read_pressure(in.getIoPressure());
  sample.ls_delay_per_cpu = read_float(in.getLsDelayPerCpu());
  sample.be_limit = read_unit<model::MilliCpu>(in.getBeLimit());
  return sample;
}

void write_cpu_qos(const model::CpuQosPolicy& policy, schema::CpuQosPolicy::Builder out) {
  out.setEnable(policy.enable);
  out.setGroupIdentity(policy.group_identity);
  out.setSchedIdle(policy.sched_idle);
}

model::CpuQosPolicy read_cpu_qos(schema::CpuQosPolicy::Reader in) {
  return {.enable = in.getEnable(), .group_identity = in.getGroupIdentity(), .sched_idle = in.getSchedIdle()};
}

std::optional<std::int64_t> widened(const std::optional<int>& value) {
  if (!value) return std::nullopt;
  return *value;
}

template <class Unit>
void write_terms(const model::ReclaimTerms<Unit>& terms, schema::Terms::Builder out) {
  out.setCapacity(terms.capacity.value());
  out.setMargin(terms.margin.value());
  out.setSystem(terms.system.value());
  out.setHighPriority(terms.high_priority.value());
  out.setOffered(terms.offered.value());
  out.setDeficit(terms.deficit.value());
  out.setRule(static_cast<std::uint8_t>(terms.rule));
}

template <class Unit>
model::ReclaimTerms<Unit> read_terms(Problems& problems, std::string_view field, schema::Terms::Reader in) {
  return {.capacity = Unit(in.getCapacity()),
          .margin = Unit(in.getMargin()),
          .system = Unit(in.getSystem()),
          .high_priority = Unit(in.getHighPriority()),
          .offered = Unit(in.getOffered()),
          .deficit = Unit(in.getDeficit()),
          .rule = problems.enumerator(field, in.getRule(), model::ReclaimRule::kDeficit)};
}

void check_policy(Problems& problems, const model::NodePolicy& policy) {
  const auto range = [&](std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) problems.add(field, fmt::format("{} is outside {}..{}", value, low, high));
  };
  constexpr int kMaxPercent = 10'000;  // reclaim thresholds may exceed 100
  constexpr int kMaxSeconds = 30 * 24 * 3600;
  const auto& colocation = policy.colocation;
  range("colocation.cpuReclaimThresholdPercent", colocation.cpu_reclaim_threshold_percent, 0, kMaxPercent);
  range("colocation.memoryReclaimThresholdPercent", colocation.memory_reclaim_threshold_percent, 0, kMaxPercent);
  range("colocation.degradeTimeMinutes", colocation.degrade_time_minutes, 1, kMaxSeconds / 60);
  range("colocation.metricAggregateDurationSeconds", colocation.metric_aggregate_duration_seconds, 1, kMaxSeconds);
  range("colocation.metricReportIntervalSeconds", colocation.metric_report_interval_seconds, 1, kMaxSeconds);
  if (!(colocation.resource_diff_threshold > 0 && colocation.resource_diff_threshold <= 1)) {
    problems.add("colocation.resourceDiffThreshold",
                 fmt::format("{} is outside (0,1]", colocation.resource_diff_threshold));
  }
  range("colocation.batchCpuThresholdPercent", colocation.batch_cpu_threshold_percent.value_or(0), 0, kMaxPercent);
  range("colocation.batchMemoryThresholdPercent", colocation.batch_memory_threshold_percent.value_or(0), 0,
        kMaxPercent);
  range("threshold.cpuSuppressThresholdPercent", policy.threshold.cpu_suppress_threshold_percent, 0, 100);
  range("threshold.cpuSuppressMinPercent", policy.threshold.cpu_suppress_min_percent.value_or(0), 0, 100);
  struct Named {
    std::string_view name;
    const model::CpuQosPolicy& qos;
  };
  for (const auto& [name, qos] :
       {Named{"lsr", policy.qos.lsr}, Named{"ls", policy.qos.ls}, Named{"be", policy.qos.be}}) {
    range(fmt::format("{}.groupIdentity", name), qos.group_identity, -1, 2);
    range(fmt::format("{}.schedIdle", name), qos.sched_idle, 0, 1);
  }
}

// Numbers of enums are the same on both sides: a value added on one must be added on the other.
static_assert(static_cast<int>(schema::QosClass::SYSTEM) == static_cast<int>(model::QosClass::kSystem));
static_assert(static_cast<int>(schema::QosClass::BE) == static_cast<int>(model::QosClass::kBe));
static_assert(static_cast<int>(schema::KubeQos::BEST_EFFORT) == static_cast<int>(model::KubeQos::kBestEffort));
static_assert(static_cast<int>(schema::PodPhase::FAILED) == static_cast<int>(model::PodPhase::kFailed));
static_assert(static_cast<int>(schema::Lane::BACKFILL) == static_cast<int>(model::Lane::kBackfill));
static_assert(static_cast<int>(schema::FeatureStateKind::UNSUPPORTED) ==
              static_cast<int>(model::FeatureState::State::kUnsupported));
static_assert(static_cast<int>(schema::SuppressPolicy::WORK_CONSERVING) ==
              static_cast<int>(model::SuppressPolicy::kWorkConserving));

}  // namespace

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 2 * model::ReportLimits::kMaxWireBytes / sizeof(capnp::word);
  options.nestingLimit = 16;
  return options;
}

std::string text_of(const kj::Exception& exception) {
  std::string text(exception.getDescription().cStr(), exception.getDescription().size());
  // KJ puts the failed condition first, "expected a > b; " or "expected a > b [1 > 2]; ", and what it means after it.
  if (text.starts_with("expected ")) {
    if (const auto end = text.find("; "); end != std::string::npos) text.erase(0, end + 2);
  }
  return text;
}

void write(std::optional<std::int64_t> value, schema::OptInt::Builder out) {
  out.setKnown(value.has_value());
  out.setValue(value.value_or(0));
}

std::optional<std::int64_t> read(schema::OptInt::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return in.getValue();
}

void write(const model::NodeSample& sample, schema::Sample::Builder out) {
  out.setMonoNs(sample.at.ns);
  out.setWallMs(sample.wall.ms);
  out.setWindowNs(sample.window.count());
  write_unit(sample.node_cpu, out.initNodeCpu());
  write_unit(sample.ls_cpu, out.initLsCpu());
  write_unit(sample.be_cpu, out.initBeCpu());
  write_unit(sample.system_cpu, out.initSystemCpu());
  write_unit(sample.node_memory, out.initNodeMemory());
  write_unit(sample.ls_memory, out.initLsMemory());
  write_unit(sample.be_memory, out.initBeMemory());
  write_pressure(sample.cpu_pressure, out.initCpuPressure());
  write_pressure(sample.memory_pressure, out.initMemoryPressure());
  write_pressure(sample.io_pressure, out.initIoPressure());
  write_float(sample.ls_delay_per_cpu, out.initLsDelayPerCpu());
  write_unit(sample.be_limit, out.initBeLimit());
}

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
  auto containers = out.initContainers(static_cast<unsigned>(pod.containers.size()));
  for (unsigned i = 0; i < containers.size(); ++i) {
    containers[i].setName(ptr(pod.containers[i].name));
    containers[i].setId(ptr(pod.containers[i].id));
  }
}

void write(const model::PodSummary& summary, schema::PodSummary::Builder out) {
  write(summary.pod, out.initPod());
  write_spread(summary.cpu_milli, out.initCpuMilli());
  write_spread(summary.memory_bytes, out.initMemoryBytes());
  write_float(summary.throttled_ratio, out.initThrottledRatio());
  write_float(summary.run_delay, out.initRunDelay());
}

void write(const model::NodeStatus& status, schema::NodeStatus::Builder out) {
  out.setCpuCapacity(status.cpu_capacity.value());
  out.setMemoryCapacity(status.memory_capacity.value());
  out.setCpuAllocatable(status.cpu_allocatable.value());
  out.setMemoryAllocatable(status.memory_allocatable.value());
  out.setCgroupVersion(ptr(status.cgroup_version));
  out.setKernelRelease(ptr(status.kernel_release));
  out.setBootId(ptr(status.boot_id));
  out.setAgentVersion(ptr(status.agent_version));
  auto labels = out.initLabels(static_cast<unsigned>(status.labels.size()));
  unsigned index = 0;
  for (const auto& [key, value] : status.labels) {
    labels[index].setKey(ptr(key));
    labels[index].setValue(ptr(value));
    ++index;
  }
  out.setProtectionVerified(status.protection.verified);
  out.setProtectionWhy(ptr(status.protection.why));
  auto features = out.initFeatures(static_cast<unsigned>(status.features.size()));
  for (unsigned i = 0; i < features.size(); ++i) {
    features[i].setFeature(ptr(status.features[i].feature));
    features[i].setState(static_cast<schema::FeatureStateKind>(status.features[i].state));
    features[i].setWhy(ptr(status.features[i].why));
  }
  out.setPolicyApplied(status.policy_applied.value());
  auto knobs = out.initKnobs(static_cast<unsigned>(status.knobs.size()));
  for (unsigned i = 0; i < knobs.size(); ++i) {
    knobs[i].setKnob(static_cast<std::uint8_t>(status.knobs[i].knob));
    knobs[i].setSupported(status.knobs[i].supported);
    knobs[i].setFile(ptr(status.knobs[i].file));
    knobs[i].setWhy(ptr(status.knobs[i].why));
  }
}

void write(const model::Event& event, schema::Event::Builder out) {
  out.setWallMs(event.at.ms);
  out.setController(static_cast<std::uint8_t>(event.controller));
  out.setReason(static_cast<std::uint16_t>(event.reason));
  out.setSubject(ptr(event.subject));
  out.setOldValue(ptr(event.old_value));
  out.setNewValue(ptr(event.new_value));
}

void write(const model::Report& report, schema::Report::Builder out) {
  out.setNode(ptr(report.node.str()));
  out.setIncarnation(report.incarnation.value());
  out.setSeq(report.seq.value());
  out.setLane(static_cast<schema::Lane>(report.lane));
  out.setGapReports(report.gap_reports);
  out.setMonoNs(report.mono.ns);
  out.setWallMs(report.wall.ms);
  out.setWindowNs(report.window.count());
  write(report.status, out.initStatus());
  auto samples = out.initSamples(static_cast<unsigned>(report.samples.size()));
  for (unsigned i = 0; i < samples.size(); ++i)
    write(report.samples[i], samples[i]);
  auto pods = out.initPods(static_cast<unsigned>(report.pods.size()));
  for (unsigned i = 0; i < pods.size(); ++i)
    write(report.pods[i], pods[i]);
  auto events = out.initEvents(static_cast<unsigned>(report.events.size()));
  for (unsigned i = 0; i < events.size(); ++i)
    write(report.events[i], events[i]);
}

void write(const model::NodePolicy& policy, schema::NodePolicy::Builder out) {
  out.setVersion(policy.version.value());
  out.setEpoch(policy.epoch.value());
  auto colocation = out.initColocation();
  colocation.setEnable(policy.colocation.enable);
  colocation.setCpuReclaimThresholdPercent(policy.colocation.cpu_reclaim_threshold_percent);
  colocation.setMemoryReclaimThresholdPercent(policy.colocation.memory_reclaim_threshold_percent);
  colocation.setDegradeTimeMinutes(policy.colocation.degrade_time_minutes);
  colocation.setMetricAggregateDurationSeconds(policy.colocation.metric_aggregate_duration_seconds);
  colocation.setMetricReportIntervalSeconds(policy.colocation.metric_report_interval_seconds);
  colocation.setResourceDiffThreshold(policy.colocation.resource_diff_threshold);
  write(widened(policy.colocation.batch_cpu_threshold_percent), colocation.initBatchCpuThresholdPercent());
  write(widened(policy.colocation.batch_memory_threshold_percent), colocation.initBatchMemoryThresholdPercent());
  auto threshold = out.initThreshold();
  threshold.setEnable(policy.threshold.enable);
  threshold.setCpuSuppressThresholdPercent(policy.threshold.cpu_suppress_threshold_percent);
  write(widened(policy.threshold.cpu_suppress_min_percent), threshold.initCpuSuppressMinPercent());
  threshold.setCpuSuppressPolicy(static_cast<schema::SuppressPolicy>(policy.threshold.cpu_suppress_policy));
  write_cpu_qos(policy.qos.lsr, out.initLsr());
  write_cpu_qos(policy.qos.ls, out.initLs());
  write_cpu_qos(policy.qos.be, out.initBe());
}

void write(const model::ReclaimTerms<model::MilliCpu>& terms, schema::Terms::Builder out) {
  write_terms(terms, out);
}

void write(const model::ReclaimTerms<model::Bytes>& terms, schema::Terms::Builder out) {
  write_terms(terms, out);
}

void write(const model::Reclaimed& reclaimed, schema::Reclaimed::Builder out) {
  out.setNode(ptr(reclaimed.node.str()));
  write(reclaimed.cpu, out.initCpu());
  write(reclaimed.memory, out.initMemory());
  out.setPolicyVersion(reclaimed.policy.value());
  std::optional<std::int64_t> age_ms;
  if (reclaimed.data_age) {
    age_ms = std::chrono::duration_cast<std::chrono::milliseconds>(*reclaimed.data_age).count();
  }
  write(age_ms, out.initDataAgeMs());
}

Result<model::NodeSample> read(schema::Sample::Reader in) {
  return sample_of(in);
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
  const auto containers = in.getContainers();
  if (problems.bounded("containers", containers, kMaxContainers)) {
    pod.containers.reserve(containers.size());
    for (const auto container : containers)
      pod.containers.push_back({str(container.getName()), str(container.getId())});
  }
  return problems.result(std::move(pod));
}

Result<model::PodSummary> read(schema::PodSummary::Reader in) {
  Problems problems;
  model::PodSummary summary;
  summary.pod = problems.take("pod", read(in.getPod()));
  summary.cpu_milli = read_spread(in.getCpuMilli());
  summary.memory_bytes = read_spread(in.getMemoryBytes());
  summary.throttled_ratio = read_float(in.getThrottledRatio());
  summary.run_delay = read_float(in.getRunDelay());
  return problems.result(std::move(summary));
}

Result<model::NodeStatus> read(schema::NodeStatus::Reader in) {
  Problems problems;
  model::NodeStatus status;
  status.cpu_capacity = model::MilliCpu(in.getCpuCapacity());
  status.memory_capacity = model::Bytes(in.getMemoryCapacity());
  status.cpu_allocatable = model::MilliCpu(in.getCpuAllocatable());
  status.memory_allocatable = model::Bytes(in.getMemoryAllocatable());
  status.cgroup_version = str(in.getCgroupVersion());
  status.kernel_release = str(in.getKernelRelease());
  status.boot_id = str(in.getBootId());
  status.agent_version = str(in.getAgentVersion());
  const auto labels = in.getLabels();
  if (problems.bounded("labels", labels, kMaxLabels)) {
    for (const auto label : labels) {
      if (!status.labels.emplace(str(label.getKey()), str(label.getValue())).second) {
        problems.add("labels", fmt::format("key '{}' appears twice", str(label.getKey())));
      }
    }
  }
  status.protection = {.verified = in.getProtectionVerified(), .why = str(in.getProtectionWhy())};
  const auto features = in.getFeatures();
  if (problems.bounded("features", features, kMaxFeatures)) {
    for (const auto feature : features) {
      status.features.push_back(
          {.feature = str(feature.getFeature()),
           .state = problems.enumerator("features.state", feature.getState(), model::FeatureState::State::kUnsupported),
           .why = str(feature.getWhy())});
    }
  }
  status.policy_applied = model::PolicyVersion(in.getPolicyApplied());
  if (const auto knobs = in.getKnobs(); problems.bounded("knobs", knobs, model::ReportLimits::kMaxKnobs)) {
    // A knob of a newer node only informs: its number is kept, and name_of says "unknown".
    for (const auto knob : knobs) {
      status.knobs.push_back({.knob = static_cast<model::Knob>(knob.getKnob()),
                              .supported = knob.getSupported(),
                              .file = str(knob.getFile()),
                              .why = str(knob.getWhy())});
    }
  }
  return problems.result(std::move(status));
}

Result<model::Event> read(schema::Event::Reader in) {
  model::Event event;
  event.at = model::WallTime{in.getWallMs()};
  // These two only inform: a newer node's numbers are kept, and name_of says "unknown" until this build knows them.
  event.controller = static_cast<model::Controller>(in.getController());
  event.reason = static_cast<model::Reason>(in.getReason());
  event.subject = str(in.getSubject());
  event.old_value = str(in.getOldValue());
  event.new_value = str(in.getNewValue());
  return event;
}

Result<model::Report> read(schema::Report::Reader in) {
  Problems problems;
  model::Report report;
  report.node = model::NodeName(str(in.getNode()));
  report.incarnation = model::Incarnation(in.getIncarnation());
  report.seq = model::Seq(in.getSeq());
  report.lane = problems.enumerator("lane", in.getLane(), model::Lane::kBackfill);
  report.gap_reports = in.getGapReports();
  report.mono = model::MonoTime{in.getMonoNs()};
  report.wall = model::WallTime{in.getWallMs()};
  report.window = model::Duration(in.getWindowNs());
  report.status = problems.take("status", read(in.getStatus()));
  // Lists are bounded before anything is made of them: a pointer of 8 bytes may claim 2^29 empty entries.
  const auto samples = in.getSamples();
  if (problems.bounded("samples", samples, model::ReportLimits::kMaxSamples)) {
    report.samples.reserve(samples.size());
    for (const auto sample : samples)
      report.samples.push_back(sample_of(sample));
  }
  const auto pods = in.getPods();
  if (problems.bounded("pods", pods, model::ReportLimits::kMaxPods)) {
    report.pods.reserve(pods.size());
    for (const auto pod : pods) {
      report.pods.push_back(problems.take("pods", read(pod)));
      if (problems.any()) break;
    }
  }
  const auto events = in.getEvents();
  if (problems.bounded("events", events, model::ReportLimits::kMaxEvents)) {
    report.events.reserve(events.size());
    for (const auto event : events) {
      report.events.push_back(problems.take("events", read(event)));
      if (problems.any()) break;
    }
  }
  auto result = problems.result(std::move(report));
  if (!result) return result;
  if (auto valid = model::validate(*result); !valid) return valid.error();
  return result;
}

Result<model::NodePolicy> read(schema::NodePolicy::Reader in) {
  Problems problems;
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(in.getVersion());
  policy.epoch = model::Epoch(in.getEpoch());
  const auto colocation = in.getColocation();
  policy.colocation = {
      .enable = colocation.getEnable(),
      .cpu_reclaim_threshold_percent = colocation.getCpuReclaimThresholdPercent(),
      .memory_reclaim_threshold_percent = colocation.getMemoryReclaimThresholdPercent(),
      .degrade_time_minutes = colocation.getDegradeTimeMinutes(),
      .metric_aggregate_duration_seconds = colocation.getMetricAggregateDurationSeconds(),
      .metric_report_interval_seconds = colocation.getMetricReportIntervalSeconds(),
      .resource_diff_threshold = colocation.getResourceDiffThreshold(),
      .batch_cpu_threshold_percent =
          problems.integer("colocation.batchCpuThresholdPercent", read(colocation.getBatchCpuThresholdPercent())),
      .batch_memory_threshold_percent =
          problems.integer("colocation.batchMemoryThresholdPercent", read(colocation.getBatchMemoryThresholdPercent())),
  };
  const auto threshold = in.getThreshold();
  policy.threshold = {
      .enable = threshold.getEnable(),
      .cpu_suppress_threshold_percent = threshold.getCpuSuppressThresholdPercent(),
      .cpu_suppress_min_percent =
          problems.integer("threshold.cpuSuppressMinPercent", read(threshold.getCpuSuppressMinPercent())),
      .cpu_suppress_policy = problems.enumerator("threshold.cpuSuppressPolicy", threshold.getCpuSuppressPolicy(),
                                                 model::SuppressPolicy::kWorkConserving),
  };
  policy.qos = {.lsr = read_cpu_qos(in.getLsr()), .ls = read_cpu_qos(in.getLs()), .be = read_cpu_qos(in.getBe())};
  check_policy(problems, policy);
  return problems.result(std::move(policy));
}

Result<model::Reclaimed> read(schema::Reclaimed::Reader in) {
  Problems problems;
  model::Reclaimed reclaimed;
  reclaimed.node = model::NodeName(str(in.getNode()));
  reclaimed.cpu = read_terms<model::MilliCpu>(problems, "cpu.rule", in.getCpu());
  reclaimed.memory = read_terms<model::Bytes>(problems, "memory.rule", in.getMemory());
  reclaimed.policy = model::PolicyVersion(in.getPolicyVersion());
  if (const auto age_ms = read(in.getDataAgeMs())) {
    constexpr std::int64_t kMaxAgeMs = std::int64_t{100} * 365 * 24 * 3600 * 1000;
    if (*age_ms < 0 || *age_ms > kMaxAgeMs) {
      problems.add("dataAgeMs", fmt::format("{} is outside 0..{}", *age_ms, kMaxAgeMs));
    } else {
      reclaimed.data_age = std::chrono::milliseconds(*age_ms);
    }
  }
  return problems.result(std::move(reclaimed));
}

}  // namespace tideline::codec
