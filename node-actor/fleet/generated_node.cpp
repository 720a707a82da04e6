#include "node-actor/fleet/generated_node.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "messages/model/knob.h"
#include "node-actor/sense/window.h"

namespace tideline::rehearsal {
namespace {

using model::Bytes;
using model::MilliCpu;

using simulation::kServicesMean;
using simulation::kServicesSwing;
using simulation::kSystemShare;

constexpr double kBatchOfRest = 0.8;
constexpr const char* kSimulatedLabel = "tideline.io/simulated";

MilliCpu cpu_of(double share, MilliCpu capacity) {
  return MilliCpu(std::llround(share * static_cast<double>(capacity.value())));
}

}  // namespace

GeneratedNode::GeneratedNode(const model::NodeName& name, std::uint64_t seed, model::Incarnation incarnation,
                             const NodeShape& shape)
    : shape_(shape),
      name_(name),
      random_(static_cast<std::uint32_t>(std::hash<std::string>{}(name.str()) ^ (seed * 0x9e3779b97f4a7c15ULL >> 32))),
      incarnation_(incarnation) {
  random_.discard(8);  // neighbouring seeds begin alike
  phase_hours_ = draw(0, 24);
  for (std::size_t i = 0; i < shape_.pods; ++i) {
    loads_.push_back(
        {simulation::generated_pod(name_, i, static_cast<std::uint32_t>(random_()), shape_), draw_weight(), 0});
    pods_.push_back(loads_.back().pod);
  }
  share_out();

  status_.cpu_capacity = status_.cpu_allocatable = shape_.cpu;
  status_.memory_capacity = status_.memory_allocatable = shape_.memory;
  status_.cgroup_version = "simulated v2";
  status_.kernel_release = "simulated";
  status_.boot_id = fmt::format("simulated-{:016x}", incarnation_.value());
  status_.agent_version = "tideline-fleet " TIDELINE_VERSION;
  status_.zones = 1;
  status_.labels = {{kSimulatedLabel, "generated"}};
  status_.protection = {true, "generated: no host, nothing to protect"};
  for (const char* feature : {"cpuSuppress", "cpuQos", "cpuset", "cpuBurst.kernel", "batchLimits", "cpuEvict"})
    status_.features.push_back({feature, model::FeatureState::State::kInactive, "generated: the node's loops are off"});
  using model::Knob;
  for (const auto knob : {Knob::kCpuQuota, Knob::kCpuBurst, Knob::kCpuWeight, Knob::kCpuIdle, Knob::kBvtWarp,
                          Knob::kCpuset, Knob::kCoreSched}) {
    status_.knobs.push_back({knob, false, "", "generated: no kernel"});
  }
}

void GeneratedNode::share_out() {
  double whole[2] = {0, 0};
  const auto tier = [](const Load& load) { return load.pod->qos == model::QosClass::kBe ? 1 : 0; };
  for (const auto& load : loads_)
    whole[tier(load)] += load.weight;
  for (auto& load : loads_)
    load.share = load.weight / whole[tier(load)];
}

void GeneratedNode::take(const model::NodeObjects& objects) {
  std::map<model::PodUid, double> weights;
  for (const auto& load : loads_)
    weights.emplace(load.pod->uid, load.weight);
  loads_.clear();
  pods_.clear();
  for (const auto& pod : objects.pods) {
    if (pod.phase == model::PodPhase::kSucceeded || pod.phase == model::PodPhase::kFailed) continue;
    pods_.push_back(pod);
    if (pod.phase != model::PodPhase::kRunning) continue;
    const auto known = weights.find(pod.uid);
    loads_.push_back({pods_.back(), known == weights.end() ? draw_weight() : known->second, 0});
  }
  share_out();
  status_.labels = objects.labels;
  if (status_.labels.size() < model::ReportLimits::kMaxLabels) status_.labels.emplace(kSimulatedLabel, "generated");
  status_.annotations = objects.annotations;
  status_.cpu_allocatable = std::min(objects.cpu_allocatable.value_or(shape_.cpu), shape_.cpu);
  status_.memory_allocatable = std::min(objects.memory_allocatable.value_or(shape_.memory), shape_.memory);
}

double GeneratedNode::draw(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random_);
}

model::NodeSample GeneratedNode::sample(model::MonoTime mono, model::WallTime wall, model::Duration window) {
  constexpr double kHourMs = 3'600'000;
  noise_ = 0.9 * noise_ + draw(-0.02, 0.02);
  const double hour = static_cast<double>(wall.ms) / kHourMs + phase_hours_;
  const double services = std::clamp(kServicesMean + kServicesSwing * simulation::day_wave(hour) + noise_, 0.01, 0.9);
  const double batch = (1 - kSystemShare - services) * kBatchOfRest;

  model::NodeSample sample;
  sample.at = mono;
  sample.wall = wall;
  sample.window = window;
  sample.ls_cpu = cpu_of(services, shape_.cpu);
  sample.be_cpu = cpu_of(batch, shape_.cpu);
  sample.system_cpu = cpu_of(kSystemShare, shape_.cpu);
  sample.node_cpu = *sample.ls_cpu + *sample.be_cpu + *sample.system_cpu;
  sample.ls_memory = shape_.memory.percent(simulation::kServicesMemoryPercent);
  sample.be_memory = shape_.memory.percent(simulation::kBatchMemoryPercent);
  sample.node_memory = shape_.memory.percent(60);
  sample.cpu_pressure = model::Pressure{draw(0, 0.1), 0};
  sample.memory_pressure = model::Pressure{draw(0, 0.01), 0};
  sample.io_pressure = model::Pressure{draw(0, 0.02), 0};
  sample.ls_delay_per_cpu = draw(0, 0.03);
  for (const auto& load : loads_) {
    const bool be = load.pod->qos == model::QosClass::kBe;
    const MilliCpu cpu = cpu_of((be ? batch : services) * load.share, shape_.cpu);
    const Bytes memory = be ? *sample.be_memory : *sample.ls_memory;
    sample.pods.push_back({.uid = load.pod->uid,
                           .cpu = cpu,
                           .memory = Bytes(std::llround(static_cast<double>(memory.value()) * load.share)),
                           .throttled_ratio = 0,
                           .run_delay = draw(0, 0.01),
                           .containers = {}});
  }
  return sample;
}

model::Report GeneratedNode::report(model::MonoTime mono, model::WallTime wall, model::Duration window) {
  sense::ReportWindow fold;
  const auto samples = static_cast<std::int64_t>(std::max<std::size_t>(shape_.samples, 1));
  const model::Duration step = window / samples;
  for (std::int64_t i = samples - 1; i >= 0; --i)
    fold.add(sample(mono + -(step * i), {wall.ms - model::to_ms(step * i)}, step));

  model::Report report;
  report.node = name_;
  report.incarnation = incarnation_;
  report.seq = next_;
  report.mono = mono;
  report.wall = wall;
  report.window = window;
  report.status = status_;
  report.samples = fold.samples();
  report.pods = fold.summaries_of(pods_);
  next_ = next_.next();
  return report;
}

}  // namespace tideline::rehearsal
