#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/capacity_part.h"
#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/found.h"
#include "coordinator/planner_program/kept_files.h"
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

std::string recorded_fact(const planner::PackOptions& pack) {
  using planner_view::amount;
  return fmt::format(
      "world: the recorded hosts, with what was on them; packed anew onto them, the largest first, and onto more of "
      "the most common kind, filled up to {} % of CPU and {} % of memory, seed {}",
      amount(pack.cpu_fill_percent), amount(pack.memory_fill_percent), pack.seed);
}

}  // namespace

model::Result<void> run_capacity(const Options& options, Session& session) {
  const auto source = open_source(options, session);
  if (!source) return source.error();
  const auto scene = load_data(options, *source);
  if (!scene) return scene.error();
  if (auto on = session.go_on(); !on) return on;
  const auto key = key_of(options, *source, "");
  if (!key) return key.error();
  auto kept = kept_in(options.resume_directory, *key);
  if (!kept) return kept.error();
  planner::CapacityOptions asked = options.capacity;
  asked.pack = options.pack;
  asked.recorded = source->is_recorded;
  asked.parallel = session.parallel;
  asked.progress = session.progress("capacity");
  asked.kept = *std::move(kept);
  const auto found = planner::capacity_part(scene->data, asked, options.shard, options.margin);
  if (!found) return found.error().in(options.files.front());
  PartFile about;
  about.kind = PartKind::kCapacity;
  about.key = *key;
  about.shard = options.shard;
  about.heading = heading_of("Capacity", kCapacityLive, options, scene->data, nullptr, scene->notes);
  auto& facts = about.heading.preface.facts;
  facts.push_back(asked.recorded ? recorded_fact(asked.pack) : shape_fact(asked.pack));
  facts.push_back(asked_fact(asked));
  if (options.part_file.empty()) return deliver_capacity(options.output, about, *found);
  about.body = planner::to_json(*found);
  return write_part(options.part_file, about);
}

}  // namespace tideline::planner_program
