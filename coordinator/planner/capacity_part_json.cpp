#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/capacity_part.h"
#include "coordinator/planner/checks.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/saved_exact.h"
#include "coordinator/planner/saved_fields.h"
#include "coordinator/planner/utc_text.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kCapacitySchema = "tideline-capacity-part";
constexpr std::size_t kMaxCapacityBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxCapacityDepth = 8;
constexpr std::size_t kMaxCapacityNotes = 100;
constexpr std::size_t kMaxCapacityDays = 100'000;
constexpr std::size_t kMaxRoomSteps = 10'000'000;
constexpr std::uint64_t kMostCapacityHosts = 10'000'000;
constexpr std::uint64_t kMostSpare = 1'000'000;
constexpr std::uint64_t kMostResamples = 10'000;
constexpr std::uint64_t kMostCapacitySteps = std::uint64_t{1} << 32;
constexpr std::uint64_t kMostOfShards = 1'000'000;
constexpr std::int64_t kMostCapacityStepS = 86'400;

SavedJson risks_json(const std::vector<DayRisk>& days) {
  SavedJson array = SavedJson::array();
  for (const DayRisk& day : days)
    array.push_back(SavedJson::array({day.checks, day.over}));
  return array;
}

void read_risks(SavedFields& fields, const char* key, std::vector<DayRisk>& days) {
  fields.list(key, fields.find(key), kMaxCapacityDays, days,
              [&fields](const ReadJson& json, const SavedPlace& at, DayRisk& day) {
                if (!is_list_of(fields, json, at, 2)) return;
                fields.read(json[0], at, day.checks);
                if (fields.good()) fields.read(json[1], at, day.over);
              });
}

void read_packing(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                  JudgedPacking& packing) {
  SavedFields fields(json, at, problem);
  std::int64_t rung = 0;
  std::uint64_t hosts = 0;
  std::uint64_t left_out = 0;
  fields("rung", rung);
  if (rung < -kPackingRungs || rung > kPackingRungs) {
    fields.fail(
        fmt::format("{} is {}; want {} to {}", fields.below("rung").text(), rung, -kPackingRungs, kPackingRungs));
  }
  fields.bounded("hosts", kMostCapacityHosts, hosts);
  fields.bounded("leftOut", std::uint64_t{1} << 32, left_out);
  read_risks(fields, "days", packing.days);
  fields.done();
  if (!fields.good()) return;
  packing.rung = static_cast<int>(rung);
  packing.overcommit = overcommit_of(packing.rung);
  packing.hosts = static_cast<std::size_t>(hosts);
  packing.left_out = static_cast<std::size_t>(left_out);
}

void read_room(SavedFields& fields, CapacityPart& part) {
  fields.list("room", fields.find("room"), kMaxRoomSteps, part.room,
              [&](const ReadJson& row, const SavedPlace& at, CapacityPart::RoomStep& out) {
                if (!is_list_of(fields, row, at, 3)) return;
                fields.read(row[0], at, out.step);
                if (fields.good()) fields.read(row[1], at, out.pods);
                if (fields.good()) fields.read(row[2], at, out.pods_without_fragmentation);
                if (fields.good() && out.step >= part.steps) fields.wrong(at, row[0], "a step of the range");
              });
}

void read_shards(SavedFields& fields, CapacityPart& part) {
  fields("ofShards", part.of_shards);
  fields("firstShard", part.first_shard);
  fields("shards", part.shards);
  const std::uint64_t last = std::uint64_t{part.first_shard} + part.shards;
  if (part.of_shards >= 1 && part.of_shards <= kMostOfShards && part.first_shard >= 1 && part.shards >= 1 &&
      last - 1 <= part.of_shards) {
    return;
  }
  fields.fail(fmt::format("$.shards is {} from {} on, of {}", part.shards, part.first_shard, part.of_shards));
}

/// Days are as many as the steps touch, steps and rungs ascend.
void check_capacity_part(SavedFields& fields, const CapacityPart& part) {
  if (!fields.good()) return;
  const std::size_t days = count_days(part.begin_s, part.step_s, static_cast<std::size_t>(part.steps));
  if (part.now.size() != days) {
    return fields.fail(fmt::format("$.now has {} entries; the steps touch {} days", part.now.size(), days));
  }
  for (std::size_t i = 0; i < part.packings.size(); ++i) {
    if (part.packings[i].days.size() != days) {
      return fields.fail(fmt::format("$.packings[{}].days has {} entries; the steps touch {} days", i,
                                     part.packings[i].days.size(), days));
    }
    if (i > 0 && part.packings[i].rung <= part.packings[i - 1].rung) {
      return fields.fail(fmt::format("$.packings[{}].rung is not above the one before it", i));
    }
  }
  for (std::size_t i = 1; i < part.room.size(); ++i) {
    if (part.room[i].step > part.room[i - 1].step) continue;
    return fields.fail(fmt::format("$.room[{}] is not behind the one before it", i));
  }
}

void read_frame(SavedFields& fields, CapacityPart& part) {
  read_shards(fields, part);
  fields.time("beginS", part.begin_s);
  fields("stepS", part.step_s);
  if (part.step_s < 1 || part.step_s > kMostCapacityStepS) {
    fields.fail(fmt::format("$.stepS is {}; want 1 to {}", part.step_s, kMostCapacityStepS));
  }
  fields.bounded("steps", kMostCapacitySteps, part.steps);
  if (fields.good() && part.begin_s + static_cast<std::int64_t>(part.steps) * part.step_s > kLastUtcTime) {
    fields.fail(fmt::format("$.steps is {}, which end beyond all dates", part.steps));
  }
  fields("acceptedRisk", part.accepted_risk);
  if (fields.good() && !check_accepted_risk(part.accepted_risk)) {
    fields.fail(fmt::format("$.acceptedRisk is {}; want 0 to 1", part.accepted_risk));
  }
  fields("safePercent", part.safe_percent);
  fields.bounded("spareHosts", kMostSpare, part.spare_hosts);
  fields.bounded("resamples", kMostResamples, part.resamples);
  fields("seed", part.seed);
  fields.bounded("hostsNow", kMostCapacityHosts, part.hosts_now);
  if (const ReadJson* found = fields.find("judgeMemory")) {
    if (found->is_boolean()) {
      part.judge_memory = found->get<bool>();
    } else {
      fields.wrong(fields.below("judgeMemory"), *found, "true or false");
    }
  }
  fields.list("notes", fields.find("notes"), kMaxCapacityNotes, part.notes,
              [&fields](const ReadJson& json, const SavedPlace& at, std::string& out) { fields.read(json, at, out); });
}

}  // namespace

std::string to_json(const CapacityPart& part) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kCapacitySchema);
  root["version"] = kSavedVersion;
  root["ofShards"] = part.of_shards;
  root["firstShard"] = part.first_shard;
  root["shards"] = part.shards;
  root["beginS"] = part.begin_s;
  root["stepS"] = part.step_s;
  root["steps"] = part.steps;
  root["acceptedRisk"] = part.accepted_risk;
  root["safePercent"] = part.safe_percent;
  root["spareHosts"] = part.spare_hosts;
  root["resamples"] = part.resamples;
  root["seed"] = part.seed;
  root["hostsNow"] = part.hosts_now;
  root["judgeMemory"] = part.judge_memory;
  root["notes"] = part.notes;
  root["now"] = risks_json(part.now);
  SavedJson packings = SavedJson::array();
  for (const JudgedPacking& packing : part.packings) {
    SavedJson object = SavedJson::object();
    object["rung"] = packing.rung;
    object["hosts"] = packing.hosts;
    object["leftOut"] = packing.left_out;
    object["days"] = risks_json(packing.days);
    packings.push_back(std::move(object));
  }
  root["packings"] = std::move(packings);
  SavedJson room = SavedJson::array();
  for (const auto& step : part.room)
    room.push_back(SavedJson::array({step.step, step.pods, step.pods_without_fragmentation}));
  root["room"] = std::move(room);
  root["counts"] = counts_json(part.counts);
  return saved_text(root);
}

model::Result<CapacityPart> capacity_part_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxCapacityBytes, .max_depth = kMaxCapacityDepth});
  if (!root) return root.error();
  std::optional<model::Error> problem;
  CapacityPart part;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kCapacitySchema);
  read_frame(fields, part);
  read_risks(fields, "now", part.now);
  fields.list("packings", fields.find("packings"), 2 * std::size_t{kPackingRungs} + 1, part.packings,
              [&problem](const ReadJson& json, const SavedPlace& at, JudgedPacking& out) {
                read_packing(json, at, problem, out);
              });
  read_room(fields, part);
  if (const ReadJson* found = fields.find("counts")) read_counts(*found, fields.below("counts"), problem, part.counts);
  fields.done();
  check_capacity_part(fields, part);
  if (problem) return *std::move(problem);
  return part;
}

}  // namespace tideline::planner
