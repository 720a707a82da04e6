#include "messages/codec/wire.h"

#include <fmt/format.h>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using model::Result;

constexpr std::uint64_t kMaxBeWorkMs = std::uint64_t{1} << 43;
constexpr std::size_t kMaxFeatures = 64;

void write_pressure(const std::optional<model::Pressure>& value, schema::Pressure::Builder out) {
  out.setKnown(value.has_value());
  out.setSome(value ? value->some : 0);
  out.setFull(value ? value->full : 0);
}

std::optional<model::Pressure> read_pressure(schema::Pressure::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return model::Pressure{in.getSome(), in.getFull()};
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
  sample.memory_side = read_memory_side(in.getMemorySide());
  return sample;
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
  out.setCommitted(terms.committed.value());
  out.setMidCharged(terms.mid_charged.value());
  out.setMidCommitted(terms.mid_committed.value());
  out.setMid(terms.mid.value());
  out.setMidOffered(terms.mid_offered.value());
  out.setMidRule(static_cast<std::uint8_t>(terms.mid_rule));
  out.setRequested(terms.requested.value());
  out.setUsedKnown(terms.used.has_value());
  out.setUsed(terms.used.value_or(Unit{}).value());
  out.setProdUsed(terms.prod_used.value());
  out.setMidUsed(terms.mid_used.value());
  out.setBatchUsed(terms.batch_used.value());
  out.setReservation(terms.reservation.value());
  out.setThirdParty(terms.third_party.value());
  out.setPublishedKnown(true);
  out.setPublished(terms.published.value());
  out.setOriginKnown(true);
  out.setOrigin(terms.origin.value());
  out.setHostCharged(terms.host_charged.value());
  out.setHostUsed(terms.host_used.value());
  if (!terms.shortfall) return;
  out.setShortKnown(true);
  out.setMidShort(terms.shortfall->mid.value());
  out.setBatchShort(terms.shortfall->batch.value());
}

template <class Unit>
model::ReclaimTerms<Unit> read_terms(schema::Terms::Reader in) {
  using Shortfall = model::Shortfall<Unit>;
  // A rule is only shown: one that a newer coordinator has stays a number, and its name is "unknown".
  return {.capacity = Unit(in.getCapacity()),
          .margin = Unit(in.getMargin()),
          .system = Unit(in.getSystem()),
          .high_priority = Unit(in.getHighPriority()),
          .offered = Unit(in.getOffered()),
          .deficit = Unit(in.getDeficit()),
          .rule = static_cast<model::ReclaimRule>(in.getRule()),
          .committed = Unit(in.getCommitted()),
          .mid_charged = Unit(in.getMidCharged()),
          .mid_committed = Unit(in.getMidCommitted()),
          .mid = Unit(in.getMid()),
          .mid_offered = Unit(in.getMidOffered()),
          .mid_rule = static_cast<model::ReclaimRule>(in.getMidRule()),
          .requested = Unit(in.getRequested()),
          .used = in.getUsedKnown() ? std::optional(Unit(in.getUsed())) : std::nullopt,
          .prod_used = Unit(in.getProdUsed()),
          .mid_used = Unit(in.getMidUsed()),
          .batch_used = Unit(in.getBatchUsed()),
          .reservation = Unit(in.getReservation()),
          .third_party = Unit(in.getThirdParty()),
          // Before there were third parties, all of it was offered.
          .origin = Unit(in.getOriginKnown() ? in.getOrigin() : in.getOffered()),
          .host_charged = Unit(in.getHostCharged()),
          .host_used = Unit(in.getHostUsed()),
          // Before CPUs were normalised, what is offered.
          .published = Unit(in.getPublishedKnown() ? in.getPublished() : in.getOffered()),
          .shortfall = in.getShortKnown() ? std::optional(Shortfall{Unit(in.getMidShort()), Unit(in.getBatchShort())})
                                          : std::nullopt};
}

/// What the pods are comes from `known`, if there is one.
std::vector<model::PodSummary> read_pods(Problems& problems, capnp::List<schema::PodSummary>::Reader pods,
                                         const model::SharedPods* known) {
  std::vector<model::PodSummary> all;
  if (!problems.bounded("pods", pods, model::ReportLimits::kMaxPods)) return all;
  all.reserve(pods.size());
  std::size_t bound_cpus = 0;
  for (const auto pod : pods) {
    if (known == nullptr) {
      all.push_back(problems.take("pods", read(pod)));
    } else {
      if (pod.hasPod()) problems.add("pods", "some are left out and some are not");
      all.push_back(read_use(pod));
      all.back().pod = (*known)[all.size() - 1];
    }
    // Six bytes of text can name 8192 CPUs.
    bound_cpus += all.back().pod->bound_cpus.cpus().size();
    if (bound_cpus > model::ReportLimits::kMaxBoundCpus) {
      problems.add("pods.boundCpus", fmt::format("more than {} in all", model::ReportLimits::kMaxBoundCpus));
    }
    if (problems.any()) break;
  }
  return all;
}

// Numbers of enums are the same on both sides: a value added on one must be added on the other.
static_assert(static_cast<int>(schema::Lane::BACKFILL) == static_cast<int>(model::Lane::kBackfill));
static_assert(static_cast<int>(schema::FeatureStateKind::UNSUPPORTED) ==
              static_cast<int>(model::FeatureState::State::kUnsupported));

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

void write_texts(const std::map<std::string, std::string>& texts, capnp::List<schema::Label>::Builder out) {
  unsigned index = 0;
  for (const auto& [key, value] : texts) {
    out[index].setKey(ptr(key));
    out[index].setValue(ptr(value));
    ++index;
  }
}

std::map<std::string, std::string> read_texts(Problems& problems, std::string_view field,
                                              capnp::List<schema::Label>::Reader in, std::size_t limit) {
  std::map<std::string, std::string> texts;
  if (!problems.bounded(field, in, limit)) return texts;
  for (const auto text : in) {
    if (!texts.emplace(str(text.getKey()), str(text.getValue())).second) {
      problems.add(field, fmt::format("key '{}' appears twice", str(text.getKey())));
    }
  }
  return texts;
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
  write_memory_side(sample.memory_side, out);
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
  write_texts(status.labels, out.initLabels(static_cast<unsigned>(status.labels.size())));
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
  if (const auto& work = status.be_work) {
    auto sums = out.initBeWork();
    sums.setCompletedPods(work->completed.pods);
    sums.setCompletedCpuMs(ms_of(work->completed.cpu));
    sums.setFailedPods(work->failed.pods);
    sums.setFailedCpuMs(ms_of(work->failed.cpu));
    sums.setEvictedPods(work->evicted.pods);
    sums.setEvictedCpuMs(ms_of(work->evicted.cpu));
  }
  // A list that is empty is not written: it would cost each report eight bytes.
  if (const auto& annotations = status.annotations; !annotations.empty()) {
    write_texts(annotations, out.initAnnotations(static_cast<unsigned>(annotations.size())));
  }
  out.setZones(static_cast<std::uint16_t>(status.zones));
  if (!status.cpu.model.empty()) out.setCpuModel(ptr(status.cpu.model));
  out.setHyperThreads(yes_no(status.cpu.hyper_threads));
  out.setTurbo(yes_no(status.cpu.turbo));
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
  write_applications(report.applications, out);
  write_zones(report.zones, out);
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
    age_ms = model::to_ms(*reclaimed.data_age);
  }
  write(age_ms, out.initDataAgeMs());
  write_zones(reclaimed.zones, out);
}

Result<model::NodeSample> read(schema::Sample::Reader in) {
  return sample_of(in);
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
  status.labels = read_texts(problems, "labels", in.getLabels(), model::ReportLimits::kMaxLabels);
  status.protection = {.verified = in.getProtectionVerified(), .why = str(in.getProtectionWhy())};
  const auto features = in.getFeatures();
  if (problems.bounded("features", features, kMaxFeatures)) {
    status.features.reserve(features.size());
    for (const auto feature : features) {
      status.features.push_back(
          {.feature = str(feature.getFeature()),
           .state = problems.enumerator("features.state", feature.getState(), model::FeatureState::State::kUnsupported),
           .why = str(feature.getWhy())});
    }
  }
  status.policy_applied = model::PolicyVersion(in.getPolicyApplied());
  const auto knobs = in.getKnobs();
  if (problems.bounded("knobs", knobs, model::ReportLimits::kMaxKnobs)) {
    status.knobs.reserve(knobs.size());
    // A knob of a newer node only informs: its number is kept, and name_of says "unknown".
    for (const auto knob : knobs) {
      status.knobs.push_back({.knob = static_cast<model::Knob>(knob.getKnob()),
                              .supported = knob.getSupported(),
                              .file = str(knob.getFile()),
                              .why = str(knob.getWhy())});
    }
  }
  if (in.hasBeWork()) {
    const auto sums = in.getBeWork();
    const auto sum = [&](std::uint64_t pods, std::uint64_t ms) -> model::BeWork::Sum {
      if (ms > kMaxBeWorkMs) problems.add("beWork", fmt::format("{} ms of CPU time, limit {}", ms, kMaxBeWorkMs));
      return {pods, std::chrono::milliseconds(std::min(ms, kMaxBeWorkMs))};
    };
    status.be_work = {sum(sums.getCompletedPods(), sums.getCompletedCpuMs()),
                      sum(sums.getFailedPods(), sums.getFailedCpuMs()),
                      sum(sums.getEvictedPods(), sums.getEvictedCpuMs())};
  }
  status.cpu = {str(in.getCpuModel()), known(in.getHyperThreads()), known(in.getTurbo())};
  status.annotations = read_texts(problems, "annotations", in.getAnnotations(), model::AnnotationLimits::kMaxCount);
  status.zones = in.getZones();
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
  return read(in, nullptr);
}

Result<model::Report> read(schema::Report::Reader in, const PodsOfList& pods_of) {
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
  const model::SharedPods* known = nullptr;
  if (!problems.any() && leaves_out_pods(in)) {
    known = pods_of ? pods_of(in.getPodList()) : nullptr;
    if (known == nullptr || known->size() != in.getPods().size()) {
      return model::Error(pods_of ? model::ErrorCode::kNotFound : model::ErrorCode::kMalformed,
                          fmt::format("pods: {} of list {} are left out, and of it {} are here", in.getPods().size(),
                                      in.getPodList(), known == nullptr ? 0 : known->size()));
    }
  }
  report.pods = read_pods(problems, in.getPods(), known);
  const auto events = in.getEvents();
  if (problems.bounded("events", events, model::ReportLimits::kMaxEvents)) {
    report.events.reserve(events.size());
    for (const auto event : events) {
      report.events.push_back(problems.take("events", read(event)));
      if (problems.any()) break;
    }
  }
  report.applications = read_applications(problems, in.getApplications());
  report.zones = read_zones(problems, in.getZones());
  auto result = problems.result(std::move(report));
  if (!result) return result;
  // The list's own report was checked, and most reports leave their pods out.
  const auto valid = known == nullptr ? model::validate(*result) : model::validate_with_known_pods(*result);
  if (!valid) return valid.error();
  return result;
}

bool leaves_out_pods(schema::Report::Reader report) {
  return report.getPodList() != 0 && report.getPods().size() != 0 && !report.getPods()[0].hasPod();
}

void write_without_pods(schema::Report::Reader report, std::uint64_t list, schema::Report::Builder out) {
  out.setNode(report.getNode());
  out.setIncarnation(report.getIncarnation());
  out.setSeq(report.getSeq());
  out.setLane(report.getLane());
  out.setGapReports(report.getGapReports());
  out.setMonoNs(report.getMonoNs());
  out.setWallMs(report.getWallMs());
  out.setWindowNs(report.getWindowNs());
  out.setStatus(report.getStatus());
  out.setSamples(report.getSamples());
  const auto pods = report.getPods();
  auto uses = out.initPods(pods.size());
  for (unsigned i = 0; i < pods.size(); ++i) {
    uses[i].setCpuMilli(pods[i].getCpuMilli());
    uses[i].setMemoryBytes(pods[i].getMemoryBytes());
    uses[i].setThrottledRatio(pods[i].getThrottledRatio());
    uses[i].setRunDelay(pods[i].getRunDelay());
    if (pods[i].hasMemorySignals()) uses[i].setMemorySignals(pods[i].getMemorySignals());
  }
  out.setEvents(report.getEvents());
  if (report.hasApplications()) out.setApplications(report.getApplications());
  if (report.hasZones()) out.setZones(report.getZones());
  out.setPodList(list);
}

Result<model::Reclaimed> read(schema::Reclaimed::Reader in) {
  Problems problems;
  model::Reclaimed reclaimed;
  reclaimed.node = model::NodeName(str(in.getNode()));
  reclaimed.cpu = read_terms<model::MilliCpu>(in.getCpu());
  reclaimed.memory = read_terms<model::Bytes>(in.getMemory());
  reclaimed.policy = model::PolicyVersion(in.getPolicyVersion());
  if (const auto age_ms = read(in.getDataAgeMs())) {
    constexpr std::int64_t kMaxAgeMs = std::int64_t{100} * 365 * 24 * 3600 * 1000;
    if (*age_ms < 0 || *age_ms > kMaxAgeMs) {
      problems.add("dataAgeMs", fmt::format("{} is outside 0..{}", *age_ms, kMaxAgeMs));
    } else {
      reclaimed.data_age = std::chrono::milliseconds(*age_ms);
    }
  }
  reclaimed.zones = read_zones(problems, in.getZones());
  return problems.result(std::move(reclaimed));
}

}  // namespace tideline::codec
