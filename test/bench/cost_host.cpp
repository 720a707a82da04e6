#include "test/bench/cost_host.h"

#include <csignal>
#include <ctime>
#include <stdexcept>

#include <sys/prctl.h>
#include <unistd.h>

namespace tideline::bench {

using nlohmann::json;

namespace {

constexpr int kBursty = 2;
constexpr int kServiceQuotaUs = 50'000;
constexpr int kBurstyQuotaUs = 5'000;

/// Wakes five times a second and computes for `work_us` of CPU each time.
[[noreturn]] void live(long work_us) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    const timespec pause{0, 200'000'000};
    nanosleep(&pause, nullptr);
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const long end_us = used.tv_sec * 1'000'000 + used.tv_nsec / 1000 + work_us;
    do {
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    } while (used.tv_sec * 1'000'000 + used.tv_nsec / 1000 < end_us);
  }
}

json container(const json& resources) {
  return json::array({{{"name", "c"}, {"id", "c"}, {"requests", resources}, {"limits", resources}}});
}

}  // namespace

CostHost::CostHost(int pods) {
  tree_.make("kubepods/besteffort");
  if (tree_.v1()) {
    tree_.write("kubepods/besteffort", "cpu.shares", "2");
  } else {
    tree_.write("kubepods/besteffort", "cpu.weight", "1");
  }
  for (int i = 0; i < pods; ++i)
    add(i);
}

void CostHost::confine(const std::string& group, int quota_us) {
  if (tree_.v1()) {
    tree_.write(group, "cpu.cfs_quota_us", std::to_string(quota_us));
  } else {
    tree_.write(group, "cpu.max", std::to_string(quota_us) + " 100000");
  }
}

void CostHost::add(int number) {
  const auto uid = "5f0e7d4c-1d9a-4f5b-9d6e-" + std::to_string(100'000'000'000 + number);
  const bool batch = number % 3 == 2;
  const bool bound = number % 20 == 0;
  const bool bursty = !batch && !bound && bursty_ < kBursty;
  bursty_ += bursty ? 1 : 0;
  json pod{{"uid", uid}, {"namespace", "bench"}, {"name", "pod-" + std::to_string(number)}};
  std::string root;
  if (batch) {
    root = "kubepods/besteffort/pod";
    pod.update({{"qosClass", "BE"}, {"kubeQosClass", "BestEffort"}, {"priority", 5500}});
    pod["containers"] = container({{"kubernetes.io/batch-cpu", 500}});
  } else {
    root = bound ? "kubepods/pod" : "kubepods/burstable/pod";
    pod.update(
        {{"qosClass", bound ? "LSR" : "LS"}, {"kubeQosClass", bound ? "Guaranteed" : "Burstable"}, {"priority", 9500}});
    pod["containers"] = container({{"cpu", bursty ? "50m" : "500m"}});
    const auto last_cpu = std::to_string(::sysconf(_SC_NPROCESSORS_ONLN) - 1);
    if (bound) pod["annotations"] = {{"scheduling.koordinator.sh/resource-status", json{{"cpuset", last_cpu}}.dump()}};
  }
  const auto group = root + uid;
  tree_.make(group + "/c");
  if (!batch) {
    const int quota_us = bursty ? kBurstyQuotaUs : kServiceQuotaUs;
    confine(group, quota_us);
    confine(group + "/c", quota_us);
  }
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) live(bursty ? 8'000 : 20);
  tree_.own(child, group + "/c");
  pods_.push_back(std::move(pod));
}

void CostHost::set_policy(const test::Cluster& cluster, MemorySide memory) {
  json thresholds = json::parse(R"({"enable": true, "cpuSuppressPolicy": "cfsQuota",
      "cpuSuppressThresholdPercent": 65, "cpuSuppressMinPercent": 5,
      "cpuEvictBESatisfactionLowerPercent": 30, "cpuEvictBESatisfactionUpperPercent": 50,
      "cpuEvictTimeWindowSeconds": 60, "cpuEvictThresholdPercent": 95,
      "evictEnabledPriorityThreshold": 5999, "cpuAllocatableEvictThresholdPercent": 110,
      "cpuAllocatableEvictLowerPercent": 100, "allocatableEvictPriorityThreshold": 5999})");
  thresholds["memoryEvictThresholdPercent"] = memory == MemorySide::kOff ? 0 : 90;
  cluster.set_policy("resource-threshold-config", json{{"clusterStrategy", thresholds}}.dump());
  json qos = json::parse(R"({"beClass": {"cpuQOS": {"enable": true, "schedIdle": 1}}})");
  if (memory == MemorySide::kAll) {
    qos["beClass"]["memoryQOS"] = {{"enable", true}};
    qos["lsClass"]["memoryQOS"] = {{"enable", true}, {"minLimitPercent", 20}, {"lowLimitPercent", 40}};
  }
  cluster.set_policy("resource-qos-config", json{{"clusterStrategy", qos}}.dump());
  cluster.set_policy("cpu-burst-config",
                     R"({"clusterStrategy": {"policy": "auto", "cfsQuotaBurstPercent": 300,
                         "cfsQuotaBurstPeriodSeconds": 60}})");
}

}  // namespace tideline::bench
