#include "storage/series/fold_pods.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "messages/model/report.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

using PodLimits = model::ReportLimits;

template <class Quantity>
std::optional<std::int64_t> asked_of(const std::optional<Quantity>& quantity, std::int64_t most) {
  if (!quantity) return std::nullopt;
  return std::clamp<std::int64_t>(quantity->value(), 0, most);
}

/// value: of 0 to 2^53.
Summary seen_of(std::int64_t value, std::uint64_t times) {
  return {.count = times, .min = value, .max = value, .sum = capped_product(value, times)};
}

Summary seen_of(const model::Spread& spread, std::uint64_t times) {
  return {.count = times, .min = spread.min, .max = spread.max, .sum = capped_product(spread.mean, times)};
}

/// 0 <= min <= mean <= max <= most.
model::Spread cut_to(std::int64_t most, const model::Spread& spread) {
  const std::int64_t least = std::clamp<std::int64_t>(spread.min, 0, most);
  const std::int64_t largest = std::clamp(spread.max, least, most);
  return {.min = least, .mean = std::clamp(spread.mean, least, largest), .max = largest};
}

/// Of a share of time, which is told in thousandths.
struct ShareRule {
  explicit ShareRule(Field field) : scale(scale_of(field)), most(most_of(field)) {}
  std::optional<std::int64_t> whole(const std::optional<double>& share) const {
    return share ? whole_of(*share * 1000, scale, most) : std::nullopt;
  }
  std::int64_t scale;
  std::int64_t most;
};

void sum_up(std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& more) {
  if (more) sum = as_whole(sum.value_or(0) + *more);
}

void keep_worst(std::optional<std::int64_t>& worst, const std::optional<std::int64_t>& one) {
  if (one) worst = std::max(worst.value_or(0), *one);
}

void take_facts(PodInfo& info, const model::Pod& pod) {
  info.name_space = pod.name_space;
  info.name = pod.name;
  info.workload = pod.workload;
  info.qos = pod.qos;
}

bool has_ended(const model::Pod& pod) {
  return pod.phase != model::PodPhase::kRunning && pod.phase != model::PodPhase::kPending;
}

/// Places of the subjects, by name.
template <class Subjects, class Name>
std::vector<std::size_t> order_by(const Subjects& subjects, const Name& name) {
  std::vector<std::size_t> order(subjects.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return name(subjects[a]) < name(subjects[b]); });
  return order;
}

void put_tables(Folded& folded, SubjectCells&& cells, Subject subject) {
  if (cells.empty()) return;
  auto tables = std::move(cells).finish(std::move(subject), pod_plan());
  for (std::size_t i = 0; i < tables.size(); ++i)
    folded.tiers[i].push_back(std::move(tables[i]));
}

}  // namespace

void PodCells::add(const store::StoredReport& stored) {
  const model::Report& report = stored.report;
  if (report.pods.empty()) return;
  ++report_;
  const std::int64_t window_ms = std::max<std::int64_t>(model::to_ms(report.window), 0);
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(window_ms / 1000, 1));
  const Window window{.at_s = second_of(stored.at),
                      .middle_s = second_of({std::max<std::int64_t>(stored.at.ms, 0) - window_ms / 2}),
                      .seconds = seconds,
                      .cpu_step = precision_of(report.status.cpu_capacity.value(), kPodParts),
                      .memory_step = precision_of(report.status.memory_capacity.value(), kPodParts)};
  order_.resize(report.pods.size(), kNoPlace);
  for (std::size_t i = 0; i < report.pods.size(); ++i) {
    const model::PodSummary& summary = report.pods[i];
    order_[i] = place_of_pod(summary.pod, order_[i]);
    Pod& pod = pods_[order_[i]];
    learn(pod, summary.pod, window.at_s);
    add_pod(pod, summary, window);
  }
  for (const std::size_t place : touched_)
    add_workload(workloads_[place], window);
  touched_.clear();
}

std::size_t PodCells::place_of_pod(const model::SharedPod& told, std::size_t guess) {
  if (guess < pods_.size() && pods_[guess].info.uid == told->uid) return guess;
  const auto [there, is_new] = pod_places_.try_emplace(told->uid, pods_.size());
  if (is_new) pods_.emplace_back().info.uid = told->uid;
  return there->second;
}

std::size_t PodCells::place_of_workload(const model::Pod& pod) {
  if (pod.workload.empty()) return kNoPlace;
  std::string name = pod.name_space + '/' + pod.workload;
  const auto [there, is_new] = workload_places_.try_emplace(std::move(name), workloads_.size());
  if (is_new) workloads_.emplace_back().name = there->first;
  return there->second;
}

void PodCells::learn(Pod& pod, const model::SharedPod& told, std::int64_t at_s) {
  const bool is_new = pod.told->uid.empty();
  // Reports that come one after the other mostly share what they tell of a pod.
  if (is_new || &*pod.told != &*told) {
    const bool moved = is_new || pod.told->name_space != told->name_space || pod.told->workload != told->workload;
    const bool same_facts = !moved && pod.told->name == told->name && pod.told->qos == told->qos;
    pod.told = told;
    if (moved) pod.workload = place_of_workload(*told);
    if (!same_facts) pod.info_is_told = false;
    pod.held = !has_ended(*told);
    const model::Tier tier = model::tier_of(told->priority, told->qos);
    const bool is_prod = tier == model::Tier::kProd;
    const bool is_mid = tier == model::Tier::kMid;
    const model::Resources& asked = told->requests;
    pod.cpu_request = asked_of(is_prod  ? asked.cpu
                               : is_mid ? told->mid_requests.cpu
                                        : asked.batch_cpu,
                               PodLimits::kMaxMilliCpu);
    pod.memory_request = asked_of(is_prod  ? asked.memory
                                  : is_mid ? told->mid_requests.memory
                                           : asked.batch_memory,
                                  PodLimits::kMaxMemoryBytes);
  }
  PodInfo& info = pod.info;
  if (is_new) {
    take_facts(info, *told);
    info.first_s = info.last_s = at_s;
    pod.info_is_told = true;
    return;
  }
  if (pod.info_is_told) {
    info.first_s = std::min(info.first_s, at_s);
    info.last_s = std::max(info.last_s, at_s);
    return;
  }
  PodInfo now{.uid = info.uid, .name_space = {}, .name = {}, .workload = {}, .first_s = at_s, .last_s = at_s};
  take_facts(now, *told);
  PodInfo both = merge(info, now);
  pod.info_is_told = both.name_space == now.name_space && both.name == now.name && both.workload == now.workload &&
                     both.qos == now.qos;
  info = std::move(both);
}

void PodCells::add_pod(Pod& pod, const model::PodSummary& summary, const Window& window) {
  static const ShareRule throttled_rule(Field::kPodThrottled);
  static const ShareRule delay_rule(Field::kPodDelay);
  const auto throttled = throttled_rule.whole(summary.throttled_ratio);
  const auto delay = delay_rule.whole(summary.run_delay);
  if (!pod.held && !summary.cpu_milli && !summary.memory_bytes && !throttled && !delay) return;
  const auto qos = static_cast<std::int64_t>(pod.told->qos);

  SubjectCells& cells = pod.cells;
  cells.at(window.middle_s);
  const auto put = [&](PodPlace place, const std::optional<std::int64_t>& value) {
    if (value) cells.add(place, 1, seen_of(*value, window.seconds));
  };
  std::optional<std::int64_t> cpu;
  std::optional<std::int64_t> memory;
  if (summary.cpu_milli) {
    const model::Spread used = cut_to(PodLimits::kMaxMilliCpu, *summary.cpu_milli);
    cells.add(kCpuPlace, window.cpu_step, seen_of(used, window.seconds));
    cpu = used.mean;
    cells.sketch(kCpuSketch, *cpu, window.seconds);
  }
  if (summary.memory_bytes) {
    const model::Spread used = cut_to(PodLimits::kMaxMemoryBytes, *summary.memory_bytes);
    cells.add(kMemoryPlace, window.memory_step, seen_of(used, window.seconds));
    memory = used.mean;
    cells.sketch(kMemorySketch, *memory, window.seconds);
  }
  put(kThrottledPlace, throttled);
  put(kDelayPlace, delay);
  if (pod.held) {
    put(kCpuRequestPlace, pod.cpu_request);
    put(kMemoryRequestPlace, pod.memory_request);
  }
  put(kQosPlace, qos);

  if (pod.workload == kNoPlace) return;
  Workload& workload = workloads_[pod.workload];
  if (workload.report != report_) {
    workload.report = report_;
    workload.sums = {};
    touched_.push_back(pod.workload);
  }
  Sums& sums = workload.sums;
  const std::string_view uid = pod.told->uid.str();
  if (sums.first_uid.empty() || uid < sums.first_uid) {
    sums.first_uid = uid;
    sums.qos = qos;
  }
  sum_up(sums.cpu, cpu);
  sum_up(sums.memory, memory);
  keep_worst(sums.throttled, throttled);
  keep_worst(sums.delay, delay);
  if (!pod.held) return;
  sum_up(sums.cpu_request, pod.cpu_request);
  sum_up(sums.memory_request, pod.memory_request);
  ++sums.pods;
}

void PodCells::add_workload(Workload& workload, const Window& window) {
  SubjectCells& cells = workload.cells;
  const Sums& sums = workload.sums;
  cells.at(window.middle_s);
  const auto put = [&](PodPlace place, std::int64_t step, const std::optional<std::int64_t>& value) {
    if (value) cells.add(place, step, seen_of(*value, window.seconds));
  };
  put(kCpuPlace, window.cpu_step, sums.cpu);
  put(kMemoryPlace, window.memory_step, sums.memory);
  if (sums.cpu) cells.sketch(kCpuSketch, *sums.cpu, window.seconds);
  if (sums.memory) cells.sketch(kMemorySketch, *sums.memory, window.seconds);
  put(kThrottledPlace, 1, sums.throttled);
  put(kDelayPlace, 1, sums.delay);
  put(kCpuRequestPlace, 1, sums.cpu_request);
  put(kMemoryRequestPlace, 1, sums.memory_request);
  put(kPodsPlace, 1, sums.pods);
  put(kQosPlace, 1, sums.qos);
}

void PodCells::finish(Folded& folded) && {
  const auto uid_of = [](const Pod& pod) -> std::string_view { return pod.info.uid.str(); };
  for (const std::size_t place : order_by(pods_, uid_of)) {
    Pod& pod = pods_[place];
    put_tables(folded, std::move(pod.cells), {.kind = SubjectKind::kPod, .name = pod.info.uid.str()});
    folded.pods.push_back(std::move(pod.info));
  }
  const auto name_in = [](const Workload& workload) -> std::string_view { return workload.name; };
  for (const std::size_t place : order_by(workloads_, name_in)) {
    Workload& workload = workloads_[place];
    put_tables(folded, std::move(workload.cells), {.kind = SubjectKind::kWorkload, .name = workload.name});
  }
}

}  // namespace tideline::series
