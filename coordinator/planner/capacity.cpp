#include "coordinator/planner/capacity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/host_use.h"
#include "coordinator/planner/packing_search.h"

namespace tideline::planner {
namespace {

constexpr double kMaxSpareHosts = 1e6;
constexpr double kMaxResamples = 10'000;
constexpr double kMaxGrowthPercent = 10'000;

struct NumberWithin {
  std::string_view what;
  double value;
  double low;
  double high;
  bool low_excluded;
};

model::Result<void> check_capacity_options(const CapacityOptions& options) {
  constexpr double kMost = 1e15;
  const std::array numbers = {
      NumberWithin{"accepted risk", options.accepted_risk, 0, 1, false},
      NumberWithin{"safe percent", options.safe_percent, 0, 100, true},
      NumberWithin{"growth percent", options.growth_percent, -100, kMaxGrowthPercent, true},
      NumberWithin{"CPU of a batch pod in millicores", options.batch_cpu_millicores, 0, kMost, true},
      NumberWithin{"memory of a batch pod in MiB", options.batch_memory_mib, 0, kMost, false},
      NumberWithin{"spare hosts", static_cast<double>(options.spare_hosts), 0, kMaxSpareHosts, false},
      NumberWithin{"resamples", static_cast<double>(options.resamples), 0, kMaxResamples, false}};
  for (const NumberWithin& number : numbers) {
    const bool above = number.low_excluded ? number.value > number.low : number.value >= number.low;
    if (above && number.value <= number.high) continue;
    return model::invalid(fmt::format("{} is {}; want {} {}, <= {}", number.what, number.value,
                                      number.low_excluded ? ">" : ">=", number.low, number.high));
  }
  return {};
}

/// Of the steps at which a workload is there.
struct MemoryKnown {
  std::uint64_t steps = 0;
  std::uint64_t known = 0;
};

MemoryKnown memory_known_of(const Dataset& data) {
  MemoryKnown sum;
  for (const Workload& workload : data.workloads) {
    for (std::size_t row = 0; row < workload.cpu_used.size(); ++row) {
      if (!(workload.cpu_used[row] >= 0)) continue;
      ++sum.steps;
      if (workload.memory_used_mib[row] >= 0) ++sum.known;
    }
  }
  return sum;
}

/// What a packing asks for beside the hosts there are.
struct HostChange {
  double give_back = 0;
  double add = 0;
};

/// nullptr: none was found, and the sparsest stands for it.
HostChange host_change(const JudgedPacking* best, const JudgedPacking& sparsest, const CapacityOptions& options,
                       std::size_t hosts_now) {
  const std::size_t hosts = best == nullptr ? std::max(sparsest.hosts, hosts_now) : best->hosts;
  const std::size_t needed = hosts + options.spare_hosts;
  if (needed >= hosts_now) return {.give_back = 0, .add = static_cast<double>(needed - hosts_now)};
  return {.give_back = static_cast<double>(hosts_now - needed), .add = 0};
}

Interval interval_of(std::vector<double> drawn, double mid) {
  if (drawn.empty()) return {.low = mid, .mid = mid, .high = mid};
  std::sort(drawn.begin(), drawn.end());
  const auto last = static_cast<double>(drawn.size() - 1);
  return {.low = drawn[static_cast<std::size_t>(std::floor(0.05 * last))],
          .mid = mid,
          .high = drawn[static_cast<std::size_t>(std::ceil(0.95 * last))]};
}

void note_memory(const MemoryKnown& memory, std::vector<std::string>& notes) {
  if (memory.known == 0) {
    notes.emplace_back("what memory is used is not known: it is packed by whole requests, and counts with them");
  } else if (memory.known < memory.steps) {
    const auto unknown = static_cast<double>(memory.steps - memory.known);
    notes.push_back(
        fmt::format("for {:.2f} % of workload-steps it is not known what memory is used: they count with "
                    "their requests",
                    100 * unknown / static_cast<double>(memory.steps)));
  }
}

void note_packing(const JudgedPacking* best, const SafeUse& safe, const CapacityOptions& options,
                  std::vector<std::string>& notes) {
  if (best == nullptr) {
    notes.push_back(
        fmt::format("even where each request counts {:.0f} times, or has a host for itself, more than {} % of a host "
                    "is used in more host-steps than are accepted: more hosts of this kind do not help",
                    kMaxOvercommit, options.safe_percent));
    return;
  }
  const auto* requests = safe.judge_memory ? "requests" : "requests of CPU";
  if (best->overcommit < 1) {
    notes.push_back(
        fmt::format("packed by whole requests more than {} % of a host is used in more host-steps than are accepted: "
                    "{} hosts hold all with {} counted {:.2f} times",
                    options.safe_percent, best->hosts, requests, 1 / best->overcommit));
  } else {
    notes.push_back(
        fmt::format("{} hosts hold all with {} divided by {:.2f}", best->hosts, requests, best->overcommit));
  }
  if (best->overcommit >= kMaxOvercommit * (1 - 1e-9)) {
    notes.push_back(fmt::format("the search ends where requests are divided by {:.0f}", kMaxOvercommit));
  }
  if (best->left_out > 0) {
    notes.push_back(fmt::format("{} workloads are larger than a host and are not among them", best->left_out));
  }
}

/// Onto the hosts that were recorded, the largest first; beyond them onto hosts of the most common shape.
PackOptions pack_onto_recorded(const Dataset& data, const PackOptions& asked) {
  PackOptions options = asked;
  options.shapes = recorded_shapes(data);
  const auto size = [](const HostShape& shape) { return std::tie(shape.cpu_millicores, shape.memory_mib); };
  std::stable_sort(options.shapes.begin(), options.shapes.end(),
                   [&](const HostShape& a, const HostShape& b) { return size(b) < size(a); });
  std::size_t most = 0;
  for (std::size_t first = 0; first < options.shapes.size();) {
    std::size_t last = first;
    while (last < options.shapes.size() && size(options.shapes[last]) == size(options.shapes[first]))
      ++last;
    if (last - first > most) {
      most = last - first;
      options.host = options.shapes[first];
    }
    first = last;
  }
  return options;
}

double share_over(const DayRisk& risk) {
  return risk.checks > 0 ? static_cast<double>(risk.over) / static_cast<double>(risk.checks) : 0.0;
}

}  // namespace

model::Result<Capacity> capacity(const Dataset& data, const CapacityOptions& options) {
  if (auto good = check_capacity_options(options); !good) return good.error();
  if (auto good = check_data(data); !good) return good.error();
  const StepDays days = days_of_steps(data);
  const MemoryKnown memory = memory_known_of(data);
  const PackOptions onto = options.recorded ? pack_onto_recorded(data, options.pack) : options.pack;
  const SafeUse safe{.host = onto.host,
                     .safe_share = options.safe_percent / 100,
                     .growth = 1 + options.growth_percent / 100,
                     .judge_memory = memory.known > 0};
  const auto now = options.recorded ? recorded_world(data) : pack(data, options.pack);
  if (!now) return options.recorded ? now.error() : now.error().in("packing by requests");

  Capacity answer;
  const bool told = !options.recorded && options.pack.hosts > 0;
  answer.hosts_now = told ? options.pack.hosts : now->hosts.size();
  if (options.growth_percent != 0) {
    answer.notes.push_back(
        fmt::format("use and requests are taken times {:.2f}; the hosts there are now hold today's", safe.growth));
  }
  if (!now->not_placed.empty()) {
    answer.notes.push_back(fmt::format("{} workloads have no place on the {} hosts there are now, and use none of them",
                                       now->not_placed.size(), answer.hosts_now));
  }
  note_memory(memory, answer.notes);

  const std::vector<std::uint32_t> once(days.count, 1U);
  PackingSearch search(data, options, onto, days, safe);
  if (auto done = search.run(); !done) return done.error();
  answer.risk_now = share_over(risk_of(risk_by_day(data, days, *now, safe, options.parallel), once));
  const JudgedPacking& sparsest = search.sparsest();
  const JudgedPacking* best = best_packing(search.packings(), once, options.accepted_risk);
  note_packing(best, safe, options, answer.notes);
  answer.is_found = best != nullptr;
  answer.risk_at_needed = share_over(risk_of((best == nullptr ? sparsest : *best).days, once));
  answer.hosts_needed =
      (best == nullptr ? std::max(sparsest.hosts, answer.hosts_now) : best->hosts) + options.spare_hosts;

  const BatchPod pod{.cpu_millicores = options.batch_cpu_millicores, .memory_mib = options.batch_memory_mib};
  const BatchRoom room = batch_room(data, *now, answer.hosts_now, safe, pod, options.parallel);
  const RankedSteps pods(room.pods, days);
  answer.batch_pods_without_fragmentation =
      RankedSteps(room.pods_without_fragmentation, days).lowest_but(options.accepted_risk, once);

  std::vector<double> given_back;
  std::vector<double> added;
  std::vector<double> pods_drawn;
  DayDraws draws(days.count, options.seed);
  for (std::size_t i = 0; i < options.resamples; ++i) {
    const auto day_weights = draws.next();
    const auto change = host_change(best_packing(search.packings(), day_weights, options.accepted_risk), sparsest,
                                    options, answer.hosts_now);
    given_back.push_back(change.give_back);
    added.push_back(change.add);
    pods_drawn.push_back(pods.lowest_but(options.accepted_risk, day_weights));
  }
  if (days.count == 1) answer.notes.emplace_back("one day only: the intervals tell nothing");
  const auto change = host_change(best, sparsest, options, answer.hosts_now);
  answer.hosts_to_give_back = interval_of(std::move(given_back), change.give_back);
  answer.hosts_to_add = interval_of(std::move(added), change.add);
  answer.batch_pods = interval_of(std::move(pods_drawn), pods.lowest_but(options.accepted_risk, once));
  if (options.progress) options.progress(1);
  return answer;
}

}  // namespace tideline::planner
