#include "coordinator/planner/capacity.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/capacity_part.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/packing_search.h"

namespace tideline::planner {
namespace {

/// What a packing asks for beside the hosts there are.
struct HostChange {
  double give_back = 0;
  double add = 0;
};

/// nullptr: none was found, and the sparsest stands for it.
HostChange host_change(const JudgedPacking* best, const JudgedPacking& sparsest, const CapacityPart& part) {
  const std::uint64_t hosts_now = part.hosts_now;
  const std::uint64_t hosts = best == nullptr ? std::max<std::uint64_t>(sparsest.hosts, hosts_now) : best->hosts;
  const std::uint64_t needed = hosts + part.spare_hosts;
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

void note_packing(const JudgedPacking* best, const CapacityPart& part, std::vector<std::string>& notes) {
  if (best == nullptr) {
    notes.push_back(
        fmt::format("even where each request counts {:.0f} times, or has a host for itself, more than {} % of a host "
                    "is used in more host-steps than are accepted: more hosts of this kind do not help",
                    kMaxOvercommit, part.safe_percent));
    return;
  }
  const auto* requests = part.judge_memory ? "requests" : "requests of CPU";
  if (best->overcommit < 1) {
    notes.push_back(
        fmt::format("packed by whole requests more than {} % of a host is used in more host-steps than are accepted: "
                    "{} hosts hold all with {} counted {:.2f} times",
                    part.safe_percent, best->hosts, requests, 1 / best->overcommit));
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

double share_over(const DayRisk& risk) {
  return risk.checks > 0 ? static_cast<double>(risk.over) / static_cast<double>(risk.checks) : 0.0;
}

/// Of parts that were put together: what the search asks for, if all of them judged it.
model::Result<SearchedPackings> search_part(const CapacityPart& part) {
  const auto find = [&part](int rung) -> model::Result<JudgedPacking> {
    const auto found = std::lower_bound(part.packings.begin(), part.packings.end(), rung,
                                        [](const JudgedPacking& packing, int wanted) { return packing.rung < wanted; });
    if (found != part.packings.end() && found->rung == rung) return *found;
    return model::invalid(
        fmt::format("the search asks for the packing by requests / {:.2f}, which some shards did not judge, as they "
                    "found another end: make all parts anew with a larger --margin",
                    overcommit_of(rung)));
  };
  return search_packings(find, part.accepted_risk);
}

model::Result<void> check_whole(const CapacityPart& part) {
  if (part.first_shard != 1 || part.shards != part.of_shards) {
    return model::invalid(fmt::format("shards {} to {} of {} are there", part.first_shard,
                                      part.first_shard + part.shards - 1, part.of_shards));
  }
  bool is_whole = part.room.size() == part.steps && part.steps > 0;
  for (std::size_t step = 0; is_whole && step < part.room.size(); ++step)
    is_whole = part.room[step].step == step;
  if (is_whole) return {};
  return model::invalid(fmt::format("of {} steps {} are told of, or some twice", part.steps, part.room.size()));
}

}  // namespace

model::Result<Capacity> capacity_of(const CapacityPart& part) {
  if (auto good = check_whole(part); !good) return good.error();
  const auto searched = search_part(part);
  if (!searched) return searched.error();
  const auto& packings = searched->packings;
  const StepDays days = days_of_steps(part.begin_s, part.step_s, part.room.size());
  const std::vector<std::uint32_t> once(days.count, 1U);
  Capacity answer;
  answer.hosts_now = static_cast<std::size_t>(part.hosts_now);
  answer.notes = part.notes;
  answer.risk_now = share_over(risk_of(part.now, once));
  const JudgedPacking& sparsest = sparsest_packing(packings);
  const JudgedPacking* best = best_packing(packings, once, part.accepted_risk);
  note_packing(best, part, answer.notes);
  answer.is_found = best != nullptr;
  answer.risk_at_needed = share_over(risk_of((best == nullptr ? sparsest : *best).days, once));
  answer.hosts_needed = (best == nullptr ? std::max(sparsest.hosts, answer.hosts_now) : best->hosts) +
                        static_cast<std::size_t>(part.spare_hosts);

  std::vector<double> pods_by_step;
  std::vector<double> unfragmented_by_step;
  for (const auto& step : part.room) {
    pods_by_step.push_back(step.pods);
    unfragmented_by_step.push_back(step.pods_without_fragmentation);
  }
  const RankedSteps pods(pods_by_step, days);
  answer.batch_pods_without_fragmentation =
      RankedSteps(unfragmented_by_step, days).lowest_but(part.accepted_risk, once);

  std::vector<double> given_back;
  std::vector<double> added;
  std::vector<double> pods_drawn;
  DayDraws draws(days.count, part.seed);
  for (std::uint64_t i = 0; i < part.resamples; ++i) {
    const auto day_weights = draws.next();
    const auto change = host_change(best_packing(packings, day_weights, part.accepted_risk), sparsest, part);
    given_back.push_back(change.give_back);
    added.push_back(change.add);
    pods_drawn.push_back(pods.lowest_but(part.accepted_risk, day_weights));
  }
  if (days.count == 1) answer.notes.emplace_back("one day only: the intervals tell nothing");
  const auto change = host_change(best, sparsest, part);
  answer.hosts_to_give_back = interval_of(std::move(given_back), change.give_back);
  answer.hosts_to_add = interval_of(std::move(added), change.add);
  answer.batch_pods = interval_of(std::move(pods_drawn), pods.lowest_but(part.accepted_risk, once));
  return answer;
}

model::Result<Capacity> capacity(const Dataset& data, const CapacityOptions& options) {
  const auto part = capacity_part(data, options);
  if (!part) return part.error();
  return capacity_of(*part);
}

}  // namespace tideline::planner
