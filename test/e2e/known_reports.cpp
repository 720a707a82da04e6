#include "test/e2e/known_reports.h"

#include <chrono>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "test/support/process.h"

namespace tideline::test {
namespace {

constexpr int kSamples = 6;
// Of this size history keeps each millicore.
constexpr std::int64_t kCapacityMilli = 2048;

}  // namespace

std::int64_t minute_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::minutes>(now).count();
}

unsigned campaign_seed() {
  return static_cast<unsigned>(from_environment("TIDELINE_SEED", static_cast<int>(std::random_device{}() >> 1)));
}

std::int64_t known_milli(std::size_t node, std::int64_t minute) {
  constexpr std::int64_t kQuarters = 8;
  // By 20 a minute: the mean of minutes in a row is whole, also of half of it, however many were folded by then.
  return 500 + 100 * static_cast<std::int64_t>(node) + 20 * (minute % kQuarterMinutes) +
         20 * (minute / kQuarterMinutes % kQuarters);
}

std::int64_t known_quarter_milli(std::size_t node, std::int64_t quarter) {
  return known_milli(node, quarter * kQuarterMinutes + kQuarterMinutes / 2);
}

model::Report known_report(std::size_t node, std::int64_t minute) {
  constexpr int kOff[kSamples] = {-2, -1, 0, 0, 1, 2};
  const std::int64_t milli = known_milli(node, minute);
  const std::int64_t end_ms = (minute + 1) * kMinuteMs;
  model::Report report;
  // A clock that began with the epoch.
  report.mono = {end_ms * 1'000'000};
  report.wall = {end_ms};
  report.window = std::chrono::minutes(1);
  auto& status = report.status;
  status.cpu_capacity = status.cpu_allocatable = model::MilliCpu(kCapacityMilli);
  status.memory_capacity = status.memory_allocatable = model::Bytes(std::int64_t{1} << 30);
  status.boot_id = fmt::format("known-{}", node);
  status.cgroup_version = "v2";
  for (int i = 0; i < kSamples; ++i) {
    auto& sample = report.samples.emplace_back();
    // In the middle of its ten seconds, all of which are of the minute.
    const std::int64_t before_s = 10 * (kSamples - i) - 5;
    sample.at = report.mono + -std::chrono::seconds(before_s);
    sample.wall = {end_ms - before_s * 1000};
    sample.window = std::chrono::seconds(10);
    sample.node_cpu = model::MilliCpu(milli + kOff[i]);
  }
  model::Pod pod;
  pod.uid = model::PodUid(fmt::format("uid-{}", node));
  pod.name_space = "shop";
  pod.name = fmt::format("web-{}", node);
  pod.workload = "Deployment/web";
  pod.requests.cpu = model::MilliCpu(kCapacityMilli / 2);
  auto& summary = report.pods.emplace_back();
  summary.pod = std::move(pod);
  summary.cpu_milli = model::Spread{milli / 2 - 1, milli / 2, milli / 2 + 1};
  return report;
}

}  // namespace tideline::test
