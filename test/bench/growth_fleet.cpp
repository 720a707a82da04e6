#include "test/bench/growth_fleet.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <fmt/format.h>

#include "messages/model/crc32.h"

namespace tideline::bench {

using model::Bytes;
using model::MilliCpu;
using model::WallTime;

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr double kHourMs = 3'600'000;
constexpr double kDayHours = 24;
constexpr double kNoiseMinutes = 5;  // in which a third of it is left
constexpr double kMiB = 1 << 20;
constexpr double kPage = 4096;
constexpr std::uint64_t kWorkloads = 40;  // of services, in the whole fleet
constexpr int kUptimeSeconds = 100'000;   // at the first report

/// 1 on working days, less at the weekend; days count from the epoch, a Thursday.
double week(WallTime wall) {
  const std::int64_t day = wall.ms / static_cast<std::int64_t>(kDayHours * kHourMs) % 7;
  return day == 2 || day == 3 ? 0.7 : 1.0;
}

std::int64_t whole(double value) {
  return std::max<std::int64_t>(0, std::llround(value));
}

std::int64_t pages(double bytes) {
  return whole(bytes / kPage) * static_cast<std::int64_t>(kPage);
}

}  // namespace

GrowthNode::GrowthNode(model::NodeName name, const GrowthShape& shape, std::uint64_t seed, WallTime begin)
    : shape_(shape), draws_(seed), name_hash_(model::crc32(name.str())), begin_(begin) {
  report_.node = std::move(name);
  report_.incarnation = model::Incarnation(1);
  auto& status = report_.status;
  status.cpu_capacity = status.cpu_allocatable = shape_.cpu;
  status.memory_capacity = status.memory_allocatable = shape_.memory;
  status.cgroup_version = "v2";
  status.kernel_release = "6.1.0";
  status.boot_id = fmt::format("boot-{:08x}", name_hash_);
  status.agent_version = "bench";
  status.labels = {{"pool", name_hash_ % 2 == 0 ? "even" : "odd"}};
  report_.pods.resize(shape_.services + shape_.batch);
  loads_.resize(report_.pods.size());
  for (std::size_t i = 0; i < loads_.size(); ++i) {
    if (i < shape_.services) {
      add_service(i);
    } else {
      put_batch(i, begin);
    }
  }
}

model::Pod GrowthNode::pod_of(const Load& load, std::size_t index) {
  const std::uint64_t number = ++made_;
  model::Pod pod;
  pod.uid = model::PodUid(fmt::format("{:08x}-{:04x}-4000-8000-{:012x}", name_hash_, index, number));
  pod.name_space = load.batch ? "jobs" : "services";
  pod.qos = load.batch ? model::QosClass::kBe : model::QosClass::kLs;
  pod.kube_qos = load.batch ? model::KubeQos::kBestEffort : model::KubeQos::kBurstable;
  pod.priority = load.batch ? 5000 : 9000;
  const std::string kind =
      load.batch ? fmt::format("etl-{:08x}-{}", name_hash_, number) : fmt::format("web-{}", draws_.next() % kWorkloads);
  pod.workload = (load.batch ? "Job/" : "Deployment/") + kind;
  pod.name = fmt::format("{}-{:05x}", kind, draws_.next() & 0xfffff);
  const MilliCpu cpu(whole(load.cpu_milli * 1.5) + 10);
  const Bytes memory(pages(load.memory * 1.5) + static_cast<std::int64_t>(kMiB));
  if (load.batch) {
    pod.requests.batch_cpu = cpu;
    pod.requests.batch_memory = memory;
  } else {
    pod.requests.cpu = cpu;
    pod.requests.memory = memory;
  }
  return pod;
}

void GrowthNode::add_service(std::size_t index) {
  Load& load = loads_[index];
  const double even = static_cast<double>(shape_.cpu.value()) / static_cast<double>(loads_.size());
  // A few do most of the work, most do little.
  load.cpu_milli = even * 0.5 * std::exp(draws_.bell());
  load.swing = draws_.between(0.1, 0.7);
  load.phase_hours = draws_.between(-3, 3);
  load.restless = draws_.between(0.03, 0.25);
  load.memory = 64 * kMiB * std::exp2(draws_.between(0, 5.5));
  load.breathes = draws_.between(0.01, 0.4);
  load.breath = draws_.uniform();
  load.breath_hours = draws_.between(0.05, 12);
  report_.pods[index].pod = pod_of(load, index);
}

void GrowthNode::put_batch(std::size_t index, WallTime now) {
  Load& load = loads_[index];
  load = {};
  load.batch = true;
  load.cpu_milli = draws_.between(500, 3000);
  load.restless = draws_.between(0.05, 0.3);
  load.memory = draws_.between(256, 3000) * kMiB;
  load.breathes = draws_.between(0.1, 1);
  load.breath_hours = draws_.between(0.1, 1);
  const double minutes = -shape_.batch_minutes * std::log(1 - draws_.uniform());
  load.ends = {now.ms + whole(std::max(1.0, minutes) * static_cast<double>(kMinuteMs))};
  report_.pods[index].pod = pod_of(load, index);
}

void GrowthNode::end_batch(WallTime now) {
  bool any = false;
  for (std::size_t i = shape_.services; i < loads_.size(); ++i) {
    if (loads_[i].ends > now) continue;
    put_batch(i, now);
    any = true;
  }
  if (any) ++list_;
}

double GrowthNode::cpu_of(Load& load, WallTime wall, double keeps) {
  load.noise = keeps * load.noise + std::sqrt(1 - keeps * keeps) * load.restless * draws_.bell();
  const double hour = static_cast<double>(wall.ms) / kHourMs + load.phase_hours;
  const double wave = std::sin(hour / kDayHours * 2 * std::numbers::pi);
  const double burst = draws_.uniform() < 0.005 ? draws_.between(1.5, 4) : 1;
  return load.cpu_milli * (1 + load.swing * wave) * (load.batch ? 1 : week(wall)) * std::exp(load.noise) * burst;
}

void GrowthNode::use(std::size_t index, WallTime wall, double minutes, double keeps, Sums& sums) {
  Load& load = loads_[index];
  model::PodSummary& summary = report_.pods[index];
  const double cpu = cpu_of(load, wall, keeps);
  const double spread = load.restless * (0.5 + draws_.uniform());
  summary.cpu_milli =
      model::Spread{whole(cpu * (1 - std::min(0.9, spread))), whole(cpu), whole(cpu * (1 + 2 * spread))};
  // Heaps fill and are collected; what is read and freed between is noise.
  load.breath += minutes / 60 / load.breath_hours;
  if (load.breath >= 1) load.breath = 0;
  const double memory = load.memory * (1 + load.breathes * load.breath + 0.002 * draws_.bell());
  const double moved = load.memory * 0.003 * draws_.uniform();
  summary.memory_bytes = model::Spread{pages(memory - moved), pages(memory), pages(memory + moved)};
  const double strain = draws_.uniform();
  summary.throttled_ratio = load.batch ? 0.2 * strain : strain < 0.9 ? 0 : 0.05 * strain;
  summary.run_delay = 0.02 * strain * strain;
  (load.batch ? sums.be_cpu : sums.ls_cpu) += cpu;
  (load.batch ? sums.be_memory : sums.ls_memory) += memory;
}

model::NodeSample GrowthNode::sample(const Sums& sums) {
  const double ls = sums.ls_cpu * (1 + 0.06 * draws_.bell());
  const double be = sums.be_cpu * (1 + 0.08 * draws_.bell());
  const double system = static_cast<double>(shape_.cpu.value()) * (0.02 + 0.003 * draws_.bell());
  const double whole_memory = static_cast<double>(shape_.memory.value());
  const double used = sums.ls_memory + sums.be_memory + whole_memory * (0.05 + 0.0005 * draws_.bell());
  model::NodeSample sample;
  sample.ls_cpu = MilliCpu(whole(ls));
  sample.be_cpu = MilliCpu(whole(be));
  sample.system_cpu = MilliCpu(whole(system));
  sample.node_cpu = *sample.ls_cpu + *sample.be_cpu + *sample.system_cpu;
  sample.be_limit = MilliCpu(whole(std::max(1000.0, static_cast<double>(shape_.cpu.value()) * 0.7 - ls - system)));
  sample.ls_memory = Bytes(pages(sums.ls_memory * (1 + 0.0005 * draws_.bell())));
  sample.be_memory = Bytes(pages(sums.be_memory * (1 + 0.0005 * draws_.bell())));
  sample.node_memory = Bytes(pages(used));
  const double busy = (ls + be + system) / static_cast<double>(shape_.cpu.value());
  const auto pressure = [&](double most, double seldom) {
    const double some = draws_.uniform() < seldom ? 0 : most * draws_.uniform();
    return model::Pressure{some, some / 3};
  };
  sample.cpu_pressure = pressure(std::min(1.0, 0.2 * busy), 0);
  sample.memory_pressure = pressure(0.01, 0.9);
  sample.io_pressure = pressure(0.05, 0.3);
  sample.ls_delay_per_cpu = 0.03 * draws_.uniform();
  auto& memory = sample.memory_side;
  memory.available = Bytes(pages(std::max(0.0, whole_memory - used)));
  memory.be_usage = Bytes(pages(sums.be_memory * 1.3));
  memory.be_reclaimable = Bytes(pages(sums.be_memory * 0.3));
  memory.ls.memory = pressure(0.01, 0.9);
  memory.ls.refaults = draws_.uniform() < 0.8 ? 0 : 40 * draws_.uniform();
  memory.host.alloc_stalls = draws_.uniform() < 0.97 ? 0 : draws_.uniform();
  return sample;
}

const model::Report& GrowthNode::report(WallTime wall, model::Duration window, std::size_t samples) {
  end_batch(wall);
  const double minutes = static_cast<double>(window.count()) / (60.0 * static_cast<double>(kSecondNs));
  const double keeps = std::exp(-minutes / kNoiseMinutes);
  Sums sums;
  for (std::size_t i = 0; i < loads_.size(); ++i)
    use(i, wall, minutes, keeps, sums);
  report_.seq = report_.seq.next();
  report_.wall = wall;
  report_.mono = {kUptimeSeconds * kSecondNs + (wall.ms - begin_.ms) * 1'000'000};
  report_.window = window;
  report_.samples.clear();
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(samples, 1));
  const model::Duration step = window / count;
  for (std::int64_t i = count - 1; i >= 0; --i) {
    auto& one = report_.samples.emplace_back(sample(sums));
    one.at = report_.mono + -(step * i);
    one.wall = {wall.ms - model::to_ms(step * i)};
    one.window = step;
  }
  return report_;
}

}  // namespace tideline::bench
