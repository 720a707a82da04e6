#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/part_hosts.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner/saved_exact.h"
#include "coordinator/planner/saved_fields.h"
#include "coordinator/planner/utc_text.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kPartSchema = "tideline-replay-part";
constexpr std::size_t kMaxPartBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxPartDepth = 8;
constexpr std::size_t kMaxPartDays = 100'000;
constexpr std::size_t kMaxPartTimes = 10'000'000;
constexpr std::size_t kMaxPartFullest = 100'000;
constexpr std::uint64_t kMaxPartSteps = std::uint64_t{1} << 32;
constexpr std::int64_t kMaxPartStep = 86'400;

SavedJson point_json_of(const ExactPoint& point) {
  SavedJson array = SavedJson::array();
  for (const ExactSum& sum : point.cpu)
    array.push_back(sum_json(sum));
  for (const std::uint64_t count : {point.violations, point.evictions, point.at_risk})
    array.push_back(count);
  return array;
}

void read_exact_point(SavedFields& fields, const ReadJson& json, const SavedPlace& at, ExactPoint& point) {
  constexpr std::size_t kCounts = 3;
  if (!is_list_of(fields, json, at, ExactPoint::kCpus + kCounts)) return;
  for (std::size_t i = 0; i < ExactPoint::kCpus && fields.good(); ++i)
    fields.read(json[i], SavedPlace{&at, {}, i}, point.cpu[i]);
  std::size_t i = ExactPoint::kCpus;
  for (auto* count : {&point.violations, &point.evictions, &point.at_risk}) {
    if (fields.good()) fields.read(json[i], SavedPlace{&at, {}, i}, *count);
    ++i;
  }
}

void read_times(SavedFields& fields, const ReadJson& json, CompletionTimes& times) {
  std::vector<CompletionTimes::Row> rows;
  fields.list("completions", &json, kMaxPartTimes, rows,
              [&fields](const ReadJson& row, const SavedPlace& at, CompletionTimes::Row& out) {
                if (!is_list_of(fields, row, at, 2)) return;
                fields.read(row[0], at, out.seconds);
                if (fields.good()) fields.read(row[1], at, out.pods);
              });
  for (const auto& row : rows)
    times.add(row);
}

void read_fullest(SavedFields& fields, ReplayPart& part) {
  std::uint64_t most = 0;
  fields.bounded("fullestMost", kMaxPartFullest, most);
  std::vector<FullStep> rows;
  fields.list("fullest", fields.find("fullest"), kMaxPartFullest, rows,
              [&fields, &part](const ReadJson& row, const SavedPlace& at, FullStep& out) {
                if (!is_list_of(fields, row, at, 3)) return;
                fields.read(row[0], at, out.at.host);
                if (fields.good()) fields.read(row[1], at, out.at.step);
                if (fields.good()) fields.read(row[2], at, out.share);
                if (!fields.good() || (out.at.host < part.fleet_hosts && out.at.step < part.steps)) return;
                fields.fail(fmt::format("{} is step {} of host {}; there are {} and {}", at.text(), out.at.step,
                                        out.at.host, part.steps, part.fleet_hosts));
              });
  if (!fields.good()) return;
  part.fullest = FullestSteps(static_cast<std::size_t>(most));
  for (const FullStep& row : rows)
    part.fullest.add(row);
}

/// Days and points are as many as there are steps for.
void check_part(SavedFields& fields, const ReplayPart& part, std::size_t hosts) {
  if (!fields.good()) return;
  const std::size_t stride = course_stride(part.steps);
  const std::size_t points = (part.steps + stride - 1) / stride;
  if (part.course.size() != points) {
    return fields.fail(
        fmt::format("$.course has {} entries; of {} steps there are {}", part.course.size(), part.steps, points));
  }
  const std::int64_t end_s = part.begin_s + static_cast<std::int64_t>(part.steps) * part.step_s;
  if (end_s > kLastUtcTime) return fields.fail(fmt::format("$.steps is {}, which end beyond all dates", part.steps));
  if (const std::size_t days = count_days(part.begin_s, part.step_s, part.steps); part.days.size() != days) {
    return fields.fail(fmt::format("$.days has {} entries; the steps touch {}", part.days.size(), days));
  }
  if (!part.host_names.empty() && part.host_names.size() != hosts) {
    fields.fail(fmt::format("$.hostNames has {} entries; there are {} hosts", part.host_names.size(), hosts));
  }
}

void read_part(SavedFields& fields, std::optional<model::Error>& problem, ReplayPart& part) {
  FleetHosts of;
  read_hosts(fields, of);
  part.fleet_hosts = of.fleet_hosts;
  part.first_host = of.first_host;
  fields.time("beginS", part.begin_s);
  fields("stepS", part.step_s);
  if (part.step_s < 1 || part.step_s > kMaxPartStep) {
    fields.fail(fmt::format("$.stepS is {}; want 1 to {}", part.step_s, kMaxPartStep));
  }
  std::uint64_t steps = 0;
  fields.bounded("steps", kMaxPartSteps, steps);
  part.steps = static_cast<std::size_t>(steps);
  fields.list(
      "days", fields.find("days"), kMaxPartDays, part.days,
      [&fields](const ReadJson& json, const SavedPlace& at, ExactTotals& out) { read_exact(fields, json, at, out); });
  fields.list("course", fields.find("course"), kMaxPoints, part.course,
              [&fields](const ReadJson& json, const SavedPlace& at, ExactPoint& out) {
                read_exact_point(fields, json, at, out);
              });
  fields.list("byHost", fields.find("byHost"), part.fleet_hosts, part.by_host,
              [&problem](const ReadJson& json, const SavedPlace& at, ReplayTotals& out) {
                read_totals(json, at, problem, out);
              });
  if (part.by_host.size() != of.hosts) {
    fields.fail(fmt::format("$.byHost has {} entries; there are {} hosts", part.by_host.size(), of.hosts));
  }
  fields.list("hostNames", fields.find("hostNames"), part.fleet_hosts, part.host_names,
              [&fields](const ReadJson& json, const SavedPlace& at, std::string& out) { fields.read(json, at, out); });
  fields.list("events", fields.find("events"), kMaxEvents, part.events,
              [&](const ReadJson& json, const SavedPlace& at, ReplayEvent& out) {
                read_event(json, at, problem, part.fleet_hosts, out);
              });
  fields("eventsLeftOut", part.events_left_out);
  if (const ReadJson* found = fields.find("completions")) read_times(fields, *found, part.completions);
  read_severities(fields, "violations", part.violations);
  read_fullest(fields, part);
  if (const ReadJson* found = fields.find("counts")) read_counts(*found, fields.below("counts"), problem, part.counts);
  check_part(fields, part, part.by_host.size());
}

}  // namespace

std::string to_json(const ReplayPart& part) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kPartSchema);
  root["version"] = kSavedVersion;
  put_hosts(FleetHosts{part.fleet_hosts, part.first_host, part.by_host.size()}, root);
  root["beginS"] = part.begin_s;
  root["stepS"] = part.step_s;
  root["steps"] = part.steps;
  const auto put = [&root](const char* key, const auto& list, const auto& json_of) {
    SavedJson array = SavedJson::array();
    for (const auto& each : list)
      array.push_back(json_of(each));
    root[key] = std::move(array);
  };
  put("days", part.days, [](const ExactTotals& day) { return exact_json(day); });
  put("course", part.course, [](const ExactPoint& point) { return point_json_of(point); });
  put("byHost", part.by_host, [](const ReplayTotals& host) { return totals_json(host); });
  root["hostNames"] = part.host_names;
  put("events", part.events, [](const ReplayEvent& event) { return event_json(event); });
  root["eventsLeftOut"] = part.events_left_out;
  CompletionTimes times = part.completions;
  put("completions", times.rows(), [](const CompletionTimes::Row& row) {
    return SavedJson::array({row.seconds, row.pods});
  });
  root["violations"] = severities_json(part.violations);
  FullestSteps fullest = part.fullest;
  root["fullestMost"] = fullest.most();
  put("fullest", fullest.steps(), [](const FullStep& step) {
    return SavedJson::array({step.at.host, step.at.step, step.share});
  });
  root["counts"] = counts_json(part.counts);
  return saved_text(root);
}

model::Result<ReplayPart> replay_part_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxPartBytes, .max_depth = kMaxPartDepth});
  if (!root) return root.error();
  std::optional<model::Error> problem;
  ReplayPart part;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kPartSchema);
  read_part(fields, problem, part);
  fields.done();
  if (problem) return *std::move(problem);
  return part;
}

}  // namespace tideline::planner
