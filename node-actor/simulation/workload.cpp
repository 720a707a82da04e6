#include "node-actor/simulation/workload.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace tideline::simulation {
namespace {

using model::Bytes;
using model::Duration;
using model::MilliCpu;
using model::QosClass;
using std::chrono::seconds;

constexpr double kSpikesPerSecond = 1.0 / 300;
constexpr double kSpikeFactor = 3;
constexpr int kMostSteps = 60;  // of noise at once, after a pause

double milli_of(MilliCpu cpu) {
  return static_cast<double>(cpu.value());
}

bool is_be(const model::Pod& pod) {
  return pod.qos == QosClass::kBe;
}

}  // namespace

Workload::Workload(const model::NodeName& node, std::uint64_t seed, const HostShape& shape, TraceShare share)
    : node_(node),
      shape_(shape),
      share_(std::move(share)),
      random_(static_cast<std::uint32_t>(std::hash<std::string>{}(node.str()) ^ (seed * 0x9e3779b97f4a7c15ULL >> 32))) {
  next_index_ = shape_.pods;  // those below are of drawn pods
  random_.discard(8);         // neighbouring seeds begin alike
  phase_hours_ = draw(0, 24);
  bool has_batch = false;
  if (share_.trace) {
    for (const auto& pod : share_.trace->hosts[share_.host].pods) {
      add_traced(pod);
      has_batch = has_batch || pod.qos == QosClass::kBe;
    }
  }
  draw_pods(share_.trace == nullptr, !has_batch);
}

double Workload::draw(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random_);
}

void Workload::draw_pods(bool services, bool batch) {
  double services_whole = 0;
  double batch_whole = 0;
  const std::size_t first = pods_.size();
  std::vector<double> parts;
  for (std::size_t i = 0; i < shape_.pods; ++i) {
    if (!(is_batch(i) ? batch : services)) continue;
    pods_.push_back(generated_pod(node_, i, static_cast<std::uint32_t>(random_()), shape_));
    parts.push_back(draw(0.2, 1));
    (is_be(pods_.back()) ? batch_whole : services_whole) += parts.back();
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool be = is_be(pods_[first + i]);
    const double share = parts[i] / (be ? batch_whole : services_whole);
    Load load;
    load.cpu = be ? draw(0.8, 1.5) : share;
    load.memory = shape_.memory.percent(share * (be ? kBatchMemoryPercent : kServicesMemoryPercent));
    loads_.push_back(load);
  }
}

void Workload::add_traced(const TracePod& traced) {
  const bool be = traced.qos == QosClass::kBe;
  const std::size_t index = next_index_++;
  const auto id = static_cast<std::uint32_t>(random_());
  model::Pod pod;
  pod.uid = generated_uid(node_, index, id);
  pod.name_space = be ? "jobs" : "services";
  pod.name = traced.name;
  pod.qos = traced.qos;
  pod.kube_qos = be ? model::KubeQos::kBestEffort : model::KubeQos::kBurstable;
  pod.priority = be ? 5000 : 9000;
  pod.workload = fmt::format("{}/{}", be ? "Job" : "Deployment", traced.name);
  model::Container container;
  container.name = "main";
  container.id = generated_container_id(index, id);
  if (be) {
    container.requests.batch_cpu = container.limits.batch_cpu = traced.request;
    container.requests.batch_memory = container.limits.batch_memory = traced.memory_request;
  } else {
    container.requests.cpu = traced.request;
    container.requests.memory = traced.memory_request;
  }
  pod.requests = container.requests;
  pod.limits = container.limits;
  pod.containers.push_back(std::move(container));
  pods_.push_back(std::move(pod));
  Load load;
  load.memory = traced.memory_request;
  load.traced = &traced;
  loads_.push_back(load);
}

void Workload::wander(Duration elapsed) {
  for (int step = 0; wandered_ + seconds(1) <= elapsed; ++step) {
    wandered_ += seconds(1);
    if (step >= kMostSteps) continue;
    noise_ = 0.9 * noise_ + draw(-0.02, 0.02);
    for (std::size_t i = 0; i < loads_.size(); ++i) {
      auto& load = loads_[i];
      if (load.spike_until && *load.spike_until <= elapsed) load.spike_until.reset();
      if (is_be(pods_[i]) || load.traced != nullptr || load.spike_until || draw(0, 1) >= kSpikesPerSecond) continue;
      load.spike_until = elapsed + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(draw(5, 20)));
    }
  }
}

bool Workload::come_back(Duration elapsed) {
  bool any = false;
  std::erase_if(coming_, [&](Coming& coming) {
    if (coming.at > elapsed) return false;
    const auto id = static_cast<std::uint32_t>(random_());
    const std::size_t index = next_index_++;
    auto& pod = coming.pod;
    pod.uid = generated_uid(node_, index, id);
    pod.name = fmt::format("{}-{:08x}-{}", pod.workload.substr(pod.workload.find('/') + 1), id, index);
    if (!pod.containers.empty()) pod.containers.front().id = generated_container_id(index, id);
    pods_.push_back(std::move(pod));
    loads_.push_back(coming.load);
    any = true;
    return true;
  });
  return any;
}

double Workload::cpu_of(const model::Pod& pod, const Load& load, double services_milli) const {
  if (load.traced != nullptr) {
    const auto* point = share_.trace->point(*load.traced, share_.begin + elapsed_);
    return point == nullptr ? 0 : static_cast<double>(point->cpu_milli);
  }
  if (is_be(pod)) return load.cpu * milli_of(pod.limits.batch_cpu.value_or(MilliCpu(0)));
  return load.cpu * services_milli * (load.spike_until ? kSpikeFactor : 1);
}

bool Workload::advance(Duration elapsed, model::WallTime wall) {
  constexpr double kHourMs = 3'600'000;
  elapsed_ = elapsed;
  if (come_back(elapsed)) changed_ = true;
  wander(elapsed);
  const double hour = static_cast<double>(wall.ms) / kHourMs + phase_hours_;
  const double services = std::clamp(kServicesMean + kServicesSwing * day_wave(hour) + noise_, 0.01, 0.9);
  demand_.system_milli = kSystemShare * milli_of(shape_.cpu);
  demand_.system_memory = shape_.memory.percent(kSystemMemoryPercent);
  demand_.pods.resize(pods_.size());
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    const Load& load = loads_[i];
    demand_.pods[i] = {cpu_of(pods_[i], load, services * milli_of(shape_.cpu)), load.memory};
    if (load.traced == nullptr) continue;
    const auto* point = share_.trace->point(*load.traced, share_.begin + elapsed);
    if (point == nullptr) {
      demand_.pods[i].memory = Bytes(0);
    } else if (point->memory_bytes >= 0) {
      demand_.pods[i].memory = Bytes(static_cast<std::int64_t>(point->memory_bytes));
    }
  }
  return std::exchange(changed_, false);
}

void Workload::evicted(const model::PodUid& uid) {
  const auto gone = std::find_if(pods_.begin(), pods_.end(), [&](const model::Pod& pod) { return pod.uid == uid; });
  if (gone == pods_.end()) return;
  const auto load = loads_.begin() + (gone - pods_.begin());
  coming_.push_back({std::move(*gone), *load, elapsed_ + kComesBackAfter});
  pods_.erase(gone);
  loads_.erase(load);
  changed_ = true;
}

}  // namespace tideline::simulation
