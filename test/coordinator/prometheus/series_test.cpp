#include "coordinator/prometheus/series.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>

namespace tideline::prometheus {
namespace {

using model::Bytes;
using model::MilliCpu;

std::size_t place_of(std::string_view name) {
  const auto series = all_series();
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].name == name) return i;
  }
  ADD_FAILURE() << "no series " << name;
  return 0;
}

std::optional<double> of_node(std::string_view name, const model::Report& report) {
  return node_value(place_of(name), report);
}

std::optional<double> of_pod(std::string_view name, const model::PodSummary& pod) {
  return pod_value(place_of(name), pod);
}

TEST(Series, UseIsTheMeanOfTheSamplesThatKnowIt) {
  model::Report report;
  report.samples.resize(3);
  report.samples[0].node_cpu = MilliCpu(1'000);
  report.samples[2].node_cpu = MilliCpu(2'500);
  EXPECT_EQ(of_node("tideline_node_cpu_used_cores", report), 1.75);
  EXPECT_EQ(of_node("tideline_node_ls_cpu_used_cores", report), std::nullopt);
  EXPECT_EQ(of_node("tideline_node_cpu_used_cores", model::Report()), std::nullopt);
}

TEST(Series, LimitsAndRungsAreTheNewest) {
  model::Report report;
  report.samples.resize(2);
  report.samples[0].be_limit = MilliCpu(4'000);
  report.samples[0].memory_side.rung = model::ReliefRung::kEvict;
  report.samples[0].memory_side.available = Bytes(1);
  EXPECT_EQ(of_node("tideline_node_be_cpu_limit_cores", report), std::nullopt) << "the quota is gone by now";
  report.samples[1].be_limit = MilliCpu(3'000);
  report.samples[1].memory_side.rung = model::ReliefRung::kReclaim;
  report.samples[1].memory_side.available = Bytes(1);
  EXPECT_EQ(of_node("tideline_node_be_cpu_limit_cores", report), 3.0);
  EXPECT_EQ(of_node("tideline_node_memory_relief_rung", report), 1.0);
}

TEST(Series, AreInBaseUnits) {
  model::Report report;
  report.samples.resize(1);
  auto& sample = report.samples[0];
  sample.node_memory = Bytes(4'096);
  sample.cpu_pressure = model::Pressure{.some = 0.25, .full = 0.125};
  sample.ls_delay_per_cpu = 0.5;
  sample.memory_side.host.alloc_stalls = 2;
  sample.memory_side.ls.refaults = 30;
  EXPECT_EQ(of_node("tideline_node_memory_used_bytes", report), 4096.0);
  EXPECT_DOUBLE_EQ(of_node("tideline_node_cpu_pressure_ratio", report).value_or(-1), 0.25);
  EXPECT_DOUBLE_EQ(of_node("tideline_node_ls_cpu_delay_ratio", report).value_or(-1), 0.5);
  EXPECT_DOUBLE_EQ(of_node("tideline_node_memory_alloc_stalls_per_second", report).value_or(-1), 2);
  EXPECT_EQ(of_node("tideline_node_ls_refaults_per_second", report), 30.0);
}

TEST(Series, AStatusThatIsNotKnownHasNoValue) {
  model::Report report;
  EXPECT_EQ(of_node("tideline_node_cpu_capacity_cores", report), std::nullopt);
  EXPECT_EQ(of_node("tideline_node_protected", report), 0.0);
  EXPECT_EQ(of_node("tideline_node_pods", report), 0.0);
  report.status.cpu_capacity = MilliCpu(8'000);
  report.status.memory_allocatable = Bytes(1 << 20);
  report.status.protection.verified = true;
  report.pods.resize(3);
  EXPECT_EQ(of_node("tideline_node_cpu_capacity_cores", report), 8.0);
  EXPECT_EQ(of_node("tideline_node_memory_allocatable_bytes", report), 1048576.0);
  EXPECT_EQ(of_node("tideline_node_protected", report), 1.0);
  EXPECT_EQ(of_node("tideline_node_pods", report), 3.0);
}

TEST(Series, APodsRequestIsInTheResourceOfItsTier) {
  model::Pod pod;
  pod.requests.cpu = MilliCpu(1'000);
  pod.requests.batch_cpu = MilliCpu(2'000);
  pod.mid_requests.cpu = MilliCpu(3'000);
  pod.requests.batch_memory = Bytes(7);
  model::PodSummary summary;
  const auto request = [&](int priority) {
    pod.priority = priority;
    summary.pod = pod;
    return of_pod("tideline_pod_cpu_request_cores", summary);
  };
  EXPECT_EQ(request(9'000), 1.0);
  EXPECT_EQ(request(7'000), 3.0);
  EXPECT_EQ(request(5'000), 2.0);
  EXPECT_EQ(of_pod("tideline_pod_memory_request_bytes", summary), 7.0);
  EXPECT_EQ(request(9'000), 1.0);
  EXPECT_EQ(of_pod("tideline_pod_memory_request_bytes", summary), std::nullopt);
}

TEST(Series, APodsUseIsTheMeanOfItsSummary) {
  model::PodSummary summary;
  EXPECT_EQ(of_pod("tideline_pod_cpu_used_cores", summary), std::nullopt);
  summary.cpu_milli = model::Spread{.min = 1, .mean = 1'500, .max = 9'000};
  summary.memory_bytes = model::Spread{.min = 1, .mean = 2, .max = 3};
  summary.throttled_ratio = 0.125;
  summary.run_delay = 1.5;
  summary.memory_signals.memory = model::Pressure{.some = 0.5, .full = 0.25};
  EXPECT_EQ(of_pod("tideline_pod_cpu_used_cores", summary), 1.5);
  EXPECT_EQ(of_pod("tideline_pod_memory_used_bytes", summary), 2.0);
  EXPECT_EQ(of_pod("tideline_pod_cpu_throttled_ratio", summary), 0.125);
  EXPECT_EQ(of_pod("tideline_pod_cpu_delay_ratio", summary), 1.5);
  EXPECT_EQ(of_pod("tideline_pod_memory_pressure_ratio", summary), 0.5);
}

TEST(Series, HaveNamesThatPrometheusTakesAndUnitsAtTheirEnd) {
  const std::regex name(
      "tideline_(node|pod)_[a-z_]*"
      "(cores|bytes|ratio|per_second|rung|protected|pods)");
  std::set<std::string_view> seen;
  bool pods_began = false;
  for (const auto& series : all_series()) {
    EXPECT_TRUE(std::regex_match(std::string(series.name), name)) << series.name;
    EXPECT_TRUE(seen.insert(series.name).second) << series.name;
    EXPECT_EQ(series.of == SeriesOf::kPod, series.name.starts_with("tideline_pod_")) << series.name;
    pods_began = pods_began || series.of == SeriesOf::kPod;
    EXPECT_EQ(series.of == SeriesOf::kPod, pods_began) << "nodes' come first";
  }
}

TEST(Series, AreThoseOfTheDocs) {
  const char* source = std::getenv("TIDELINE_SOURCE");
  ASSERT_NE(source, nullptr);
  std::ifstream file(std::string(source) + "/docs/remote-write.md");
  const std::string docs{std::istreambuf_iterator<char>(file), {}};
  const std::regex row("\\| `(tideline_[a-z_]+)` \\| (node|pod) \\|");
  std::map<std::string, std::string> told;
  for (std::sregex_iterator it(docs.begin(), docs.end(), row); it != std::sregex_iterator(); ++it)
    told[(*it)[1]] = (*it)[2];
  std::map<std::string, std::string> there;
  for (const auto& series : all_series())
    there[std::string(series.name)] = series.of == SeriesOf::kPod ? "pod" : "node";
  EXPECT_EQ(told, there);
}

}  // namespace
}  // namespace tideline::prometheus
