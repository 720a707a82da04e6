#include "coordinator/planner/replay_part.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/part_hosts.h"
#include "coordinator/planner/tally.h"

namespace tideline::planner {
namespace {

FleetHosts hosts_of(const ReplayPart& part) {
  return {.fleet_hosts = part.fleet_hosts, .first_host = part.first_host, .hosts = part.by_host.size()};
}

}  // namespace

model::Result<void> append(ReplayPart& part, ReplayPart next) {
  const auto frame = [](const ReplayPart& of) { return std::tie(of.fleet_hosts, of.begin_s, of.step_s, of.steps); };
  if (frame(part) != frame(next) || part.days.size() != next.days.size() || part.course.size() != next.course.size()) {
    return model::invalid("a part is of another fleet, or of another range, than the one before it");
  }
  if (auto follows = check_follows(hosts_of(part), hosts_of(next)); !follows) return follows;
  for (std::size_t day = 0; day < part.days.size(); ++day)
    part.days[day].add(next.days[day]);
  for (std::size_t point = 0; point < part.course.size(); ++point)
    part.course[point].add(next.course[point]);
  part.by_host.insert(part.by_host.end(), next.by_host.begin(), next.by_host.end());
  std::move(next.host_names.begin(), next.host_names.end(), std::back_inserter(part.host_names));
  part.events.insert(part.events.end(), next.events.begin(), next.events.end());
  part.events_left_out += next.events_left_out;
  keep_first_events(part);
  part.completions.add(next.completions);
  part.violations.add(next.violations);
  part.fullest.add(next.fullest);
  part.counts.add(next.counts);
  return {};
}

model::Result<ReplayResult> result_of(ReplayPart part) {
  if (part.fleet_hosts == 0 || !has_all_hosts(hosts_of(part))) return missing_hosts(hosts_of(part));
  if (!part.host_names.empty() && part.host_names.size() != part.fleet_hosts) {
    return model::invalid(fmt::format("{} of {} hosts have names: some parts are of a recorded fleet, and some of none",
                                      part.host_names.size(), part.fleet_hosts));
  }
  ReplayResult result;
  result.hosts = part.fleet_hosts;
  result.begin_s = part.begin_s;
  result.end_s = part.begin_s + static_cast<std::int64_t>(part.steps) * part.step_s;
  result.step_s = part.step_s;
  ExactTotals all;
  for (const auto& day : part.days) {
    all.add(day);
    result.days.push_back(day.value());
  }
  result.totals = all.value();
  result.by_host = std::move(part.by_host);
  result.host_names = std::move(part.host_names);
  const std::size_t each = course_stride(part.steps);
  for (std::size_t i = 0; i < part.course.size(); ++i) {
    const std::size_t first = std::min(i * each, part.steps);
    const auto steps = static_cast<double>(std::max<std::size_t>(std::min(each, part.steps - first), 1));
    result.course.push_back(part.course[i].value(part.begin_s + static_cast<std::int64_t>(first) * part.step_s, steps,
                                                 static_cast<double>(result.hosts)));
  }
  result.events = std::move(part.events);
  result.events_left_out = part.events_left_out;
  result.completion_p50_s = part.completions.quantile(0.5);
  result.completion_p90_s = part.completions.quantile(0.9);
  result.completion_p99_s = part.completions.quantile(0.99);
  return result;
}

}  // namespace tideline::planner
