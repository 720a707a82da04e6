#include "coordinator/planner/fine_part.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/fine_host.h"
#include "coordinator/planner/host_run.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/part_hosts.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/task_fleet.h"

namespace tideline::planner {
namespace {

/// Hosts that are under way at a time, each under all variations.
constexpr std::size_t kFineHostsAWave = 32;

/// A host with chosen steps, and the step behind its last one.
struct ChosenHost {
  std::size_t host = 0;  // by its number in the world
  std::size_t until = 0;
};

std::vector<ChosenHost> chosen_hosts(const RunSetting& setting, const FineChoice& choice) {
  std::vector<ChosenHost> chosen;
  const auto& data = setting.data;
  for (std::size_t host = 0; host < setting.world.hosts.size(); ++host) {
    std::size_t until = data.steps;
    while (until > 0 && !choice.has(setting.world.first_host + host, until - 1, data.time_of(until - 1)))
      --until;
    if (until > 0) chosen.push_back({host, until});
  }
  return chosen;
}

model::Error fine_stopped() {
  return {model::ErrorCode::kUnavailable, "stopped"};
}

void add_fine_host(FinePart& part, std::size_t variant, FineHost& host) {
  part.variants[variant].add(host.sums());
  // What the closed form has is the same under all of them, and so are the chosen steps.
  if (variant > 0) return;
  part.closed.add(host.closed());
  part.host_steps += host.step_count();
  part.steps.insert(part.steps.end(), host.steps().begin(), host.steps().end());
  keep_longest_at_risk(part.steps);
}

/// One host under one variation.
struct FineJob {
  FineHost host;
  bool stopped = false;
};

void run_filled(const RunSetting& setting, const ChosenHost& chosen, double share, FineJob& job) {
  const auto& progress = setting.options.progress;
  HostRun run(setting, chosen.host);
  for (std::size_t step = 0; step < chosen.until && !job.stopped; ++step) {
    run.settle(step);
    run.fill();
    run.finish();
    if (!job.host.is_chosen(step)) continue;
    job.stopped = progress && progress(share);
    if (!job.stopped) job.host.run(run.outcome());
  }
}

model::Result<void> fine_filled(const RunSetting& setting, const FineOptions& fine,
                                const std::vector<ChosenHost>& chosen, FinePart& part) {
  constexpr std::size_t kVariants = kFineVariations.size();
  for (std::size_t first = 0; first < chosen.size(); first += kFineHostsAWave) {
    const std::size_t count = std::min(kFineHostsAWave, chosen.size() - first);
    const double share = static_cast<double>(first) / static_cast<double>(chosen.size());
    std::vector<std::unique_ptr<FineJob>> jobs(count * kVariants);
    run_all(setting.options.parallel, jobs.size(), [&](std::size_t number) {
      const ChosenHost& host = chosen[first + number / kVariants];
      const auto& variation = kFineVariations[number % kVariants];
      jobs[number] = std::make_unique<FineJob>(FineJob{FineHost(setting, fine, host.host, variation)});
      run_filled(setting, host, share, *jobs[number]);
    });
    for (std::size_t number = 0; number < jobs.size(); ++number) {
      if (jobs[number]->stopped) return fine_stopped();
      add_fine_host(part, number % kVariants, jobs[number]->host);
    }
  }
  return {};
}

model::Result<void> fine_tasks(const RunSetting& setting, const FineOptions& fine,
                               const std::vector<ChosenHost>& chosen, FinePart& part) {
  const auto& world = setting.world;
  if (world.hosts.size() != world.hosts_of_fleet()) {
    return model::invalid(fmt::format("batch tasks are queued for all {} hosts together, and {} are there",
                                      world.hosts_of_fleet(), world.hosts.size()));
  }
  std::size_t until = 0;
  std::vector<std::vector<FineHost>> hosts(world.hosts.size());
  for (const auto& each : chosen) {
    until = std::max(until, each.until);
    hosts[each.host].reserve(kFineVariations.size());
    for (const auto& variation : kFineVariations)
      hosts[each.host].emplace_back(setting, fine, each.host, variation);
  }
  if (until == 0) return {};
  TaskFleet fleet(setting);
  const auto look = [&](std::size_t number) {
    for (FineHost& host : hosts[number])
      host.run(fleet.host(number).outcome());
  };
  if (auto ran = fleet.run(until, look); !ran) return ran;
  for (auto& variants : hosts) {
    for (std::size_t variant = 0; variant < variants.size(); ++variant)
      add_fine_host(part, variant, variants[variant]);
  }
  return {};
}

}  // namespace

model::Result<FinePart> fine_part(const Dataset& data, const World& world, const ReplayOptions& options,
                                  const FineOptions& fine) {
  if (auto good = check_replay(data, world, options); !good) return good.error();
  if (auto good = check_demand_model(fine.demand); !good) return good.error();
  const RunSetting setting(data, world, options);
  FinePart part;
  part.fleet_hosts = world.hosts_of_fleet();
  part.first_host = world.first_host;
  part.hosts = world.hosts.size();
  part.demand = fine.demand;
  part.seed = fine.seed;
  part.variants.resize(kFineVariations.size());
  const auto chosen = chosen_hosts(setting, fine.choice);
  const bool filled = options.demand == BatchDemand::kFill;
  auto ran = filled ? fine_filled(setting, fine, chosen, part) : fine_tasks(setting, fine, chosen, part);
  if (!ran) return ran.error();
  if (options.progress && options.progress(1)) return fine_stopped();
  return part;
}

model::Result<void> append(FinePart& part, FinePart next) {
  const auto frame = [](const FinePart& of) { return std::tie(of.fleet_hosts, of.demand, of.seed); };
  if (frame(part) != frame(next) || part.variants.size() != next.variants.size()) {
    return model::invalid("a part is of another fleet, or of another demand model, than the one before it");
  }
  if (auto follows = check_follows(part, next); !follows) return follows;
  part.hosts += next.hosts;
  part.host_steps += next.host_steps;
  part.closed.add(next.closed);
  for (std::size_t variant = 0; variant < part.variants.size(); ++variant)
    part.variants[variant].add(next.variants[variant]);
  part.steps.insert(part.steps.end(), next.steps.begin(), next.steps.end());
  keep_longest_at_risk(part.steps);
  return {};
}

model::Result<FineReport> report_of(const FinePart& part) {
  if (!has_all_hosts(part)) return missing_hosts(part);
  if (part.host_steps == 0) {
    return model::invalid("no step was chosen that a host was there in: no window holds the begin of one");
  }
  FineReport report{.demand = part.demand,
                    .seed = part.seed,
                    .host_steps = part.host_steps,
                    .closed = part.closed.value(),
                    .variants = {},
                    .steps = part.steps};
  for (const FineSums& sums : part.variants)
    report.variants.push_back(sums.value());
  return report;
}

}  // namespace tideline::planner
