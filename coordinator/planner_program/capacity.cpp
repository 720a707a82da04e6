#include "coordinator/planner/capacity.h"

#include <fmt/format.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"

namespace tideline::planner_program {
namespace {

constexpr std::string_view kCapacityLive = "none: packings are judged by what was really used";

std::string asked_fact(const planner::CapacityOptions& asked) {
  using planner_view::amount;
  return fmt::format(
      "asked: at most {} % of host-steps over {} % of a host, growth of {} %, {} spare hosts, batch pods of {} cores "
      "and {} MiB, {} resamples of days",
      planner_view::percent(asked.accepted_risk), amount(asked.safe_percent), amount(asked.growth_percent),
      asked.spare_hosts, amount(asked.batch_cpu_millicores / 1'000), amount(asked.batch_memory_mib), asked.resamples);
}

std::string shape_fact(const planner::PackOptions& pack) {
  using planner_view::amount;
  return fmt::format(
      "world: hosts of {} cores and {} MiB, {} and {} of these for the system, filled up to {} % of CPU and {} % of "
      "memory, seed {}",
      amount(pack.host.cpu_millicores / 1'000), amount(pack.host.memory_mib),
      amount(pack.host.system_cpu_millicores / 1'000), amount(pack.host.system_memory_mib),
      amount(pack.cpu_fill_percent), amount(pack.memory_fill_percent), pack.seed);
}

}  // namespace

model::Result<void> run_capacity(const Options& options, Session& session) {
  const auto data = load_data(options);
  if (!data) return data.error();
  if (auto on = session.go_on(); !on) return on;
  planner::CapacityOptions asked = options.capacity;
  asked.pack = options.pack;
  asked.parallel = session.parallel;
  asked.progress = session.progress("capacity");
  const auto found = planner::capacity(*data, asked);
  if (!found) return found.error().in(options.files.front());
  auto preface = preface_of("Capacity", kCapacityLive, options, *data);
  preface.facts.push_back(shape_fact(asked.pack));
  preface.facts.push_back(asked_fact(asked));
  return deliver(options.output, {.text = [&] { return planner_view::text_of(preface, *found); },
                                  .json = [&] { return planner_view::json_of(preface, *found); },
                                  .page = [&] { return planner_view::html_of(preface, *found); }});
}

}  // namespace tideline::planner_program
