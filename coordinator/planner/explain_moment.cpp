#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/host_run.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/task_fleet.h"
#include "coordinator/planner/utc_text.h"
#include "coordinator/reclaim/explain.h"

namespace tideline::planner {
namespace {

std::string term_line(std::string_view term, std::string_view value, std::string_view detail) {
  return fmt::format("  {:<18} {:>16}{}{}\n", term, value, detail.empty() ? "" : "  ", detail);
}

template <class Unit>
std::string amount_text(const std::optional<Unit>& amount) {
  return amount ? std::to_string(amount->value()) : "not known";
}

template <class Unit>
std::string resource_text(std::string_view title, const model::ReclaimTerms<Unit>& terms,
                          const model::ExplainedResource<Unit>& explained) {
  std::string text = fmt::format("{}: {}\n", title, name_of(terms.rule));
  for (const auto& line : explained.terms) {
    text += term_line(name_of(line.term), amount_text(line.value),
                      fmt::format("{}{}{}", name_of(line.source), line.detail.empty() ? "" : ", ", line.detail));
  }
  for (const auto& charge : explained.charges) {
    text += fmt::format("  {} pods by {} are charged {}\n", charge.pods, name_of(charge.basis), charge.charged.value());
  }
  for (const auto& pod : explained.pods) {
    text += fmt::format("    {}: {} by {}, used {}, requested {}\n", pod.uid.str(), pod.charged.value(),
                        name_of(pod.basis), amount_text(pod.used), amount_text(pod.requested));
  }
  return text;
}

std::string account_text(const RunSetting& setting, const HostRun& host) {
  const auto& outcome = host.outcome();
  // The report that a step rests on is of its begin, and has the step's number.
  const reclaim::Origin origin{
      .report = model::Seq(outcome.step),
      .averaged = std::chrono::seconds(static_cast<std::int64_t>(setting.window) * setting.data.step_s)};
  const auto explained = reclaim::explain(host.input(), setting.options.colocation, kReportTime, origin);
  const std::int64_t begin_s = setting.data.time_of(outcome.step);
  return fmt::format("{} from {} until {}, step {} of {}\n", host.input().node.str(), utc_text(begin_s),
                     utc_text(begin_s + setting.data.step_s), outcome.step, setting.data.steps) +
         resource_text("cpu, millicores", explained.account.cpu, explained.cpu) +
         resource_text("memory, bytes", explained.account.memory, explained.memory);
}

std::string limit_text(const BatchLimit& batch) {
  if (!batch.limit) return fmt::format("none: {}", name_of(batch.reason));
  const auto by = batch.reason == batch.rule ? std::string() : fmt::format(", by {}", name_of(batch.rule));
  return fmt::format("{} millicores: {}{}", batch.limit->value(), name_of(batch.reason), by);
}

std::string suppress_text(const RunSetting& setting, const HostRun& host) {
  const auto& outcome = host.outcome();
  const auto& policy = setting.options.threshold;
  const auto& demand = outcome.demand;
  const auto& limit = outcome.limit;
  std::string text =
      fmt::format("cpuSuppressPolicy {}, enable {}\n", name_of(policy.cpu_suppress_policy), policy.enable);
  const auto line = [&text](std::string_view term, model::MilliCpu value, std::string_view detail) {
    text += term_line(term, std::to_string(value.value()), detail);
  };
  line("capacity", demand.capacity, "");
  line("threshold", limit.threshold,
       fmt::format("cpuSuppressThresholdPercent {} of capacity", policy.cpu_suppress_threshold_percent));
  line("services", demand.services, "used in the step");
  line("system", demand.system, "used in the step");
  line("formula", limit.formula, "threshold - services - system");
  line("floor", limit.floor, "the least limit");
  text += fmt::format("limit {}\n", limit_text(limit));
  line("wanted", demand.wanted, fmt::format("requested by {} batch pods", outcome.batch_pods));
  line("left", demand.left(), "capacity - services - system, at least 0");
  line("may use", outcome.may_use, "the least of wanted, limit and left");
  line("suppressed by", outcome.suppressed_by(), "wanted or left, the smaller, beyond the limit");
  text += fmt::format("{:.1f} core-s used, {} pods completed, {} evicted with {:.1f} core-s of work\n",
                      outcome.batch_used, outcome.completed, outcome.evictions, outcome.wasted);
  if (!outcome.violated_by) {
    text += "no check for a violation: nothing is offered, or the horizon ends beyond the data\n";
  } else if (*outcome.violated_by > 0) {
    text += fmt::format("violation: within the horizon services need {:.0f} millicores more than the offer left\n",
                        *outcome.violated_by);
  } else {
    text += "no violation within the horizon\n";
  }
  return text;
}

}  // namespace

model::Result<Moment> explain_moment(const Dataset& data, const World& world, const ReplayOptions& options,
                                     std::size_t host, std::int64_t time_s) {
  if (auto good = check_replay(data, world, options); !good) return good.error();
  const RunSetting setting(data, world, options);
  if (host >= world.hosts.size()) {
    return model::invalid(
        fmt::format("{} is not among the {} hosts", host_name(world.first_host + host), world.hosts.size()));
  }
  if (time_s < data.begin_s || time_s >= setting.end_s()) {
    return model::invalid(fmt::format("{} s since the epoch is not within the data, {} until {}", time_s,
                                      utc_text(data.begin_s), utc_text(setting.end_s())));
  }
  const auto step = static_cast<std::size_t>((time_s - data.begin_s) / data.step_s);
  if (!setting.host_at(host, step).there) {
    return model::invalid(
        fmt::format("nothing is known of {} at {}", host_name(data, world, host), utc_text(data.time_of(step))));
  }
  const auto texts = [&setting](const HostRun& run) {
    return Moment{account_text(setting, run), suppress_text(setting, run)};
  };
  if (options.demand == BatchDemand::kTasks) {
    TaskFleet fleet(setting);
    if (auto ran = fleet.run(step + 1); !ran) return ran.error();
    return texts(fleet.host(host));
  }
  HostRun run(setting, host);
  for (std::size_t i = 0; i <= step; ++i) {
    run.settle(i);
    run.fill();
    run.finish();
  }
  return texts(run);
}

}  // namespace tideline::planner
