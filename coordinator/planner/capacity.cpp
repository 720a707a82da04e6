#include "coordinator/planner/capacity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/host_use.h"

namespace tideline::planner {
namespace {

// Requests are divided by kMaxOvercommit ^ (rung / kRungs): a rung is 1 %. As rungs are the same for any risk, a higher
// one never ends at a lower rung.
constexpr double kMaxOvercommit = 20;
constexpr std::size_t kRungs = 301;
constexpr double kMaxSpareHosts = 1e6;
constexpr double kMaxResamples = 10'000;
constexpr double kMaxGrowthPercent = 10'000;
/// A search takes so many packings and one more for batch, about.
constexpr double kCapacityStages = 12;

double overcommit_of(std::size_t rung) {
  return std::pow(kMaxOvercommit, static_cast<double>(rung) / static_cast<double>(kRungs));
}

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
    for (std::size_t step = 0; step < data.steps; ++step) {
      if (!(workload.cpu_used[step] >= 0)) continue;
      ++sum.steps;
      if (workload.memory_used_mib[step] >= 0) ++sum.known;
    }
  }
  return sum;
}

/// A packing with requests divided by `overcommit`, and how it did.
struct JudgedPacking {
  double overcommit = 1;
  std::size_t hosts = 0;
  std::size_t left_out = 0;
  std::vector<DayRisk> days;
};

DayRisk risk_of(const JudgedPacking& packing, std::span<const std::uint32_t> day_weights) {
  DayRisk sum;
  for (std::size_t day = 0; day < packing.days.size(); ++day) {
    sum.checks += day_weights[day] * packing.days[day].checks;
    sum.over += day_weights[day] * packing.days[day].over;
  }
  return sum;
}

bool is_risk_accepted(const DayRisk& risk, double accepted_risk) {
  return static_cast<double>(risk.over) <= allowed_of(accepted_risk, static_cast<double>(risk.checks));
}

/// Who is left out needs a host as well: a packing that leaves out fewer is better than one of fewer hosts. nullptr:
/// none is accepted.
const JudgedPacking* best_packing(const std::vector<JudgedPacking>& packings,
                                  std::span<const std::uint32_t> day_weights, double accepted_risk) {
  const JudgedPacking* best = nullptr;
  std::uint64_t best_over = 0;
  for (const JudgedPacking& each : packings) {
    const DayRisk risk = risk_of(each, day_weights);
    if (!is_risk_accepted(risk, accepted_risk)) continue;
    const bool better = best == nullptr || std::tie(each.left_out, each.hosts, risk.over, each.overcommit) <
                                               std::tie(best->left_out, best->hosts, best_over, best->overcommit);
    if (!better) continue;
    best = &each;
    best_over = risk.over;
  }
  return best;
}

class PackingSearch {
 public:
  PackingSearch(const Dataset& data, const CapacityOptions& options, const StepDays& days, const SafeUse& safe)
      : data_(data), options_(options), days_(days), safe_(safe), once_(days.count, 1U) {}

  /// Ends at the last rung that is accepted below one that is not.
  model::Result<void> run() {
    const auto first = visit(0);
    if (!first) return first.error();
    if (!*first) return {};
    const auto last = visit(kRungs);
    if (!last) return last.error();
    std::size_t accepted = *last ? kRungs : 0;
    std::size_t refused = kRungs;
    while (refused - accepted > 1) {
      const std::size_t middle = accepted + (refused - accepted) / 2;
      const auto good = visit(middle);
      if (!good) return good.error();
      (*good ? accepted : refused) = middle;
    }
    return {};
  }

  const std::vector<JudgedPacking>& packings() const { return packings_; }

 private:
  /// Whether its risk is accepted.
  model::Result<bool> visit(std::size_t rung) {
    const double done = std::min(static_cast<double>(packings_.size()) / kCapacityStages, 1.0);
    if (options_.progress && options_.progress(done)) return model::Error(model::ErrorCode::kUnavailable, "stopped");
    const double overcommit = overcommit_of(rung);
    PackOptions pack_options = options_.pack;
    pack_options.hosts = 0;
    pack_options.cpu_fill_percent *= overcommit / safe_.growth;
    pack_options.memory_fill_percent *= (safe_.judge_memory ? overcommit : 1) / safe_.growth;
    const auto world = pack(data_, pack_options);
    if (!world) return world.error().in(fmt::format("packing by requests / {:.2f}", overcommit));
    packings_.push_back({.overcommit = overcommit,
                         .hosts = world->hosts.size(),
                         .left_out = world->not_placed.size(),
                         .days = risk_by_day(data_, days_, *world, safe_, options_.parallel)});
    return is_risk_accepted(risk_of(packings_.back(), once_), options_.accepted_risk);
  }

  const Dataset& data_;
  const CapacityOptions& options_;
  const StepDays& days_;
  const SafeUse& safe_;
  const std::vector<std::uint32_t> once_;
  std::vector<JudgedPacking> packings_;
};

double hosts_given_back(const JudgedPacking* best, std::size_t hosts_now, std::size_t spare_hosts) {
  if (best == nullptr) return 0;
  const std::size_t needed = best->hosts + spare_hosts;
  return hosts_now > needed ? static_cast<double>(hosts_now - needed) : 0.0;
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
        fmt::format("packed by whole requests more than {} % of a host is used in more host-steps than are "
                    "accepted: no host can go",
                    options.safe_percent));
    return;
  }
  notes.push_back(fmt::format("{} hosts hold all with {} divided by {:.2f}", best->hosts,
                              safe.judge_memory ? "requests" : "requests of CPU", best->overcommit));
  if (best->overcommit >= overcommit_of(kRungs)) {
    notes.push_back(fmt::format("the search ends where requests are divided by {:.0f}", kMaxOvercommit));
  }
  if (best->left_out > 0) {
    notes.push_back(fmt::format("{} workloads are larger than a host and are not among them", best->left_out));
  }
}

}  // namespace

model::Result<Capacity> capacity(const Dataset& data, const CapacityOptions& options) {
  if (auto good = check_capacity_options(options); !good) return good.error();
  if (auto good = check_data(data); !good) return good.error();
  const StepDays days = days_of_steps(data);
  const MemoryKnown memory = memory_known_of(data);
  const SafeUse safe{.host = options.pack.host,
                     .safe_share = options.safe_percent / 100,
                     .growth = 1 + options.growth_percent / 100,
                     .judge_memory = memory.known > 0};
  const auto now = pack(data, options.pack);
  if (!now) return now.error().in("packing by requests");

  Capacity answer;
  answer.hosts_now = options.pack.hosts > 0 ? options.pack.hosts : now->hosts.size();
  if (options.growth_percent != 0) {
    answer.notes.push_back(
        fmt::format("use and requests are taken times {:.2f}; the hosts there are now hold today's", safe.growth));
  }
  if (!now->not_placed.empty()) {
    answer.notes.push_back(fmt::format("{} workloads have no place on the {} hosts there are now, and use none of them",
                                       now->not_placed.size(), answer.hosts_now));
  }
  note_memory(memory, answer.notes);

  PackingSearch search(data, options, days, safe);
  if (auto done = search.run(); !done) return done.error();
  const std::vector<std::uint32_t> once(days.count, 1U);
  const JudgedPacking& whole = search.packings().front();
  const JudgedPacking* best = best_packing(search.packings(), once, options.accepted_risk);
  note_packing(best, safe, options, answer.notes);
  const DayRisk risk = risk_of(best == nullptr ? whole : *best, once);
  if (risk.checks > 0) answer.risk_at_needed = static_cast<double>(risk.over) / static_cast<double>(risk.checks);
  answer.hosts_needed = (best == nullptr ? std::max(whole.hosts, answer.hosts_now) : best->hosts) + options.spare_hosts;

  const BatchPod pod{.cpu_millicores = options.batch_cpu_millicores, .memory_mib = options.batch_memory_mib};
  const BatchRoom room = batch_room(data, *now, answer.hosts_now, safe, pod, options.parallel);
  const RankedSteps pods(room.pods, days);
  answer.batch_pods_without_fragmentation =
      RankedSteps(room.pods_without_fragmentation, days).lowest_but(options.accepted_risk, once);

  std::vector<double> hosts_drawn;
  std::vector<double> pods_drawn;
  DayDraws draws(days.count, options.seed);
  for (std::size_t i = 0; i < options.resamples; ++i) {
    const auto day_weights = draws.next();
    const JudgedPacking* drawn = best_packing(search.packings(), day_weights, options.accepted_risk);
    hosts_drawn.push_back(hosts_given_back(drawn, answer.hosts_now, options.spare_hosts));
    pods_drawn.push_back(pods.lowest_but(options.accepted_risk, day_weights));
  }
  if (days.count == 1) answer.notes.emplace_back("one day only: the intervals tell nothing");
  answer.hosts_to_give_back =
      interval_of(std::move(hosts_drawn), hosts_given_back(best, answer.hosts_now, options.spare_hosts));
  answer.batch_pods = interval_of(std::move(pods_drawn), pods.lowest_but(options.accepted_risk, once));
  if (options.progress) options.progress(1);
  return answer;
}

}  // namespace tideline::planner
