#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/host_run.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/run_setting.h"

namespace tideline::planner {

model::Result<std::vector<std::optional<model::MilliCpu>>> limits_by_step(const Dataset& data, const World& world,
                                                                          const ReplayOptions& options,
                                                                          std::size_t host) {
  if (auto good = check_replay(data, world, options); !good) return good.error();
  if (host >= world.hosts.size()) {
    return model::invalid(
        fmt::format("{} is not among the {} hosts", host_name(world.first_host + host), world.hosts.size()));
  }
  if (options.demand == BatchDemand::kTasks) {
    return model::invalid("batch tasks are queued for all hosts together: there is no limit of one host by itself");
  }
  const RunSetting setting(data, world, options);
  HostRun run(setting, host);
  std::vector<std::optional<model::MilliCpu>> limits(data.steps);
  for (std::size_t step = 0; step < data.steps; ++step) {
    run.settle(step);
    run.fill();
    run.finish();
    const auto& outcome = run.outcome();
    if (outcome.there) limits[step] = outcome.limit.limit.value_or(outcome.demand.capacity);
  }
  return limits;
}

}  // namespace tideline::planner
