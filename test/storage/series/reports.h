#pragma once
// Reports to fold.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/series/fold.h"
#include "test/storage/series/series_samples.h"

namespace tideline::series {

inline constexpr std::int64_t kCores32 = 32'000;
inline constexpr std::int64_t kGib64 = std::int64_t{64} << 30;

/// An empty one of a node with 32 CPUs and 64 GiB, whose window of so many seconds ends that many ms after
/// kSamplesBegin.
inline store::StoredReport report_at(std::int64_t end_ms, std::int64_t window_s = 10) {
  store::StoredReport stored;
  stored.at = stored.received = {kSamplesBegin * 1000 + end_ms};
  model::Report& report = stored.report;
  report.node = model::NodeName("n1");
  report.incarnation = model::Incarnation(7);
  report.seq = model::Seq(1);
  report.wall = stored.at;
  report.mono = {1'000'000'000'000'000};
  report.window = std::chrono::seconds(window_s);
  report.status.cpu_capacity = model::MilliCpu(kCores32);
  report.status.memory_capacity = model::Bytes(kGib64);
  return stored;
}

/// A sample so long before the report's end; the oldest first.
inline model::NodeSample& add_sample(store::StoredReport& stored, std::int64_t age_ms) {
  model::NodeSample& sample = stored.report.samples.emplace_back();
  sample.at = stored.report.mono + -model::Duration(std::chrono::milliseconds(age_ms));
  sample.window = std::chrono::seconds(1);
  return sample;
}

inline model::Pod pod_named(const std::string& uid, const std::string& workload = "") {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.name_space = "shop";
  pod.name = "pod-" + uid;
  pod.workload = workload;
  return pod;
}

inline model::PodSummary& add_pod(store::StoredReport& stored, model::Pod pod) {
  model::PodSummary& summary = stored.report.pods.emplace_back();
  summary.pod = model::SharedPod(std::move(pod));
  return summary;
}

inline Folded fold_of(const std::vector<store::StoredReport>& reports) {
  Fold fold;
  for (const store::StoredReport& report : reports)
    fold.add(report);
  return std::move(fold).finish();
}

/// What both give together.
inline Folded merged(const Folded& a, const Folded& b) {
  Folded both;
  for (std::size_t tier = 0; tier < kTiers.size(); ++tier) {
    std::map<Subject, Table> tables;
    for (const auto* folded : {&a, &b}) {
      for (const Table& table : folded->tiers[tier]) {
        Table& there = tables[table.subject];
        there = merge(there, table);
      }
    }
    for (auto& [subject, table] : tables)
      both.tiers[tier].push_back(std::move(table));
  }
  std::map<model::PodUid, PodInfo> pods;
  for (const auto* folded : {&a, &b}) {
    for (const PodInfo& pod : folded->pods) {
      const auto [there, is_new] = pods.try_emplace(pod.uid, pod);
      if (!is_new) there->second = merge(there->second, pod);
    }
  }
  for (const auto& [uid, pod] : pods)
    both.pods.push_back(pod);
  return both;
}

/// nullptr: there is none.
inline const Table* table_in(const Folded& folded, Tier tier, const Subject& subject) {
  for (const Table& table : folded.tiers[place_of(tier)]) {
    if (table.subject == subject) return &table;
  }
  return nullptr;
}

inline const FieldColumn* field_in(const Table* table, Field field) {
  if (table == nullptr) return nullptr;
  for (const FieldColumn& column : table->fields) {
    if (column.field == field) return &column;
  }
  return nullptr;
}

inline std::optional<double> any_share(double most, std::mt19937_64& random) {
  if (random() % 4 == 0) return std::nullopt;
  return most * static_cast<double>(random() % 1000) / 1000;
}

inline std::optional<model::Spread> any_spread(std::int64_t most, std::mt19937_64& random) {
  if (random() % 5 == 0) return std::nullopt;
  std::array<std::int64_t, 3> values{upto(most, random), upto(most, random), upto(most, random)};
  std::sort(values.begin(), values.end());
  return model::Spread{.min = values[0], .mean = values[1], .max = values[2]};
}

inline void add_any_pods(store::StoredReport& stored, std::mt19937_64& random) {
  constexpr std::array<std::string_view, 4> kWorkloads{"", "Deployment/web", "Deployment/api", "Job/batch"};
  for (std::size_t number = 0; number < 8; ++number) {
    if (random() % 4 == 0) continue;
    model::Pod pod = pod_named("uid-" + std::to_string(number), std::string(kWorkloads[number % kWorkloads.size()]));
    // Seldom another than it was.
    if (random() % 16 == 0) pod.workload = kWorkloads[random() % kWorkloads.size()];
    if (random() % 16 == 0) pod.phase = model::PodPhase::kSucceeded;
    pod.qos = number % 4 == 3 || random() % 16 == 0 ? model::QosClass::kBe : model::QosClass::kLs;
    pod.requests.cpu = model::MilliCpu(500 * static_cast<std::int64_t>(number));
    if (random() % 2 == 0) pod.requests.batch_cpu = model::MilliCpu(1'000);
    pod.requests.memory = model::Bytes(std::int64_t{1} << 30);
    model::PodSummary& summary = add_pod(stored, std::move(pod));
    summary.cpu_milli = any_spread(4'000, random);
    summary.memory_bytes = any_spread(std::int64_t{8} << 30, random);
    summary.throttled_ratio = any_share(1, random);
    summary.run_delay = any_share(3, random);
  }
}

/// Whatever a node may say in a window that ends there.
inline store::StoredReport any_report(std::int64_t end_ms, std::mt19937_64& random) {
  constexpr std::array<std::int64_t, 6> kWindows{1, 10, 10, 10, 10, 60};
  store::StoredReport stored = report_at(end_ms, kWindows[random() % kWindows.size()]);
  model::Report& report = stored.report;
  if (random() % 16 == 0) report.status.cpu_capacity = model::MilliCpu(random() % 2 == 0 ? 0 : 16'000);
  if (random() % 16 == 0) report.gap_reports = random() % 5;
  const std::int64_t samples = random() % 8 == 0 ? 0 : report.window.count() / 1'000'000'000;
  for (std::int64_t age = samples - 1; age >= 0; --age) {
    model::NodeSample& sample = add_sample(stored, 1000 * age + upto(999, random));
    if (random() % 8 != 0) sample.node_cpu = model::MilliCpu(upto(kCores32, random));
    if (random() % 8 != 0) sample.ls_cpu = model::MilliCpu(upto(20'000, random));
    if (random() % 8 != 0) sample.node_memory = model::Bytes(upto(kGib64, random));
    if (random() % 8 == 0) sample.be_limit = model::MilliCpu(8'000);
    const auto stalled = any_share(1, random);
    if (stalled) sample.cpu_pressure = model::Pressure{.some = *stalled, .full = 0};
    sample.ls_delay_per_cpu = any_share(2, random);
    sample.memory_side.ls.refaults = any_share(5'000, random);
  }
  add_any_pods(stored, random);
  return stored;
}

}  // namespace tideline::series
