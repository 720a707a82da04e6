#include "coordinator/planner/replay.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/host_run.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/tally.h"
#include "coordinator/planner/task_fleet.h"

namespace tideline::planner {
namespace {

/// Hosts that are under way at a time: their courses are added up and forgotten before the next ones.
constexpr std::size_t kHostsAWave = 64;

bool is_stopped(const Progress& progress, std::size_t done, std::size_t of) {
  return progress && progress(static_cast<double>(done) / static_cast<double>(of));
}

model::Result<void> replay_filled(const RunSetting& setting, FleetTally& fleet) {
  const auto& options = setting.options;
  const std::size_t hosts = setting.world.hosts.size();
  for (std::size_t first = 0; first < hosts; first += kHostsAWave) {
    if (is_stopped(options.progress, first, hosts)) return model::Error(model::ErrorCode::kUnavailable, "stopped");
    std::vector<std::optional<HostTally>> tallies(std::min(kHostsAWave, hosts - first));
    run_all(options.parallel, tallies.size(), [&](std::size_t number) {
      HostRun host(setting, first + number);
      for (std::size_t step = 0; step < setting.data.steps; ++step) {
        host.settle(step);
        host.fill();
        host.finish();
      }
      tallies[number] = host.tally();
    });
    for (const auto& tally : tallies)
      fleet.add(*tally);
  }
  return {};
}

model::Result<void> replay_tasks(const RunSetting& setting, FleetTally& fleet) {
  const auto& world = setting.world;
  if (world.hosts.size() != world.hosts_of_fleet()) {
    return model::invalid(fmt::format("batch tasks are queued for all {} hosts together, and {} are there",
                                      world.hosts_of_fleet(), world.hosts.size()));
  }
  TaskFleet hosts(setting);
  if (auto ran = hosts.run(setting.data.steps); !ran) return ran;
  for (std::size_t host = 0; host < setting.world.hosts.size(); ++host)
    fleet.add(hosts.host(host).tally());
  return {};
}

}  // namespace

std::string_view name_of(ReplayEventKind kind) {
  switch (kind) {
    case ReplayEventKind::kDeficit:
      return "deficit";
    case ReplayEventKind::kViolation:
      return "violation";
    case ReplayEventKind::kEviction:
      return "eviction";
    case ReplayEventKind::kSuppressed:
      return "suppressed";
    case ReplayEventKind::kAtRisk:
      return "at-risk";
  }
  return "unknown";
}

std::string host_name(const ReplayResult& result, std::size_t host) {
  return host < result.host_names.size() ? result.host_names[host] : host_name(host);
}

model::Result<ReplayPart> replay_part(const Dataset& data, const World& world, const ReplayOptions& options) {
  if (auto good = check_replay(data, world, options); !good) return good.error();
  const RunSetting setting(data, world, options);
  FleetTally fleet(setting);
  const bool filled = options.demand == BatchDemand::kFill;
  if (auto ran = filled ? replay_filled(setting, fleet) : replay_tasks(setting, fleet); !ran) return ran.error();
  if (is_stopped(options.progress, 1, 1)) return model::Error(model::ErrorCode::kUnavailable, "stopped");
  return fleet.take();
}

model::Result<ReplayResult> replay(const Dataset& data, const World& world, const ReplayOptions& options) {
  auto part = replay_part(data, world, options);
  if (!part) return part.error();
  return result_of(*std::move(part));
}

}  // namespace tideline::planner
