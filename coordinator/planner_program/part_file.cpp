#include "coordinator/planner_program/part_file.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner/saved_fields.h"
#include "coordinator/planner_program/sealed_text.h"
#include "messages/model/json_text.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

using planner::ReadJson;
using planner::SavedFields;
using planner::SavedPlace;

constexpr std::string_view kPartFileSchema = "tideline-part";
constexpr std::size_t kMostTexts = 10'000;
constexpr std::array<PartKind, 5> kPartKinds = {PartKind::kReplay, PartKind::kPredictors, PartKind::kPolicySweep,
                                                PartKind::kForecastSweep, PartKind::kCapacity};

void read_texts(SavedFields& fields, const char* key, std::vector<std::string>& texts) {
  fields.list(key, fields.find(key), kMostTexts, texts,
              [&fields](const ReadJson& json, const SavedPlace& at, std::string& out) { fields.read(json, at, out); });
}

void read_shard(SavedFields& fields, planner::Shard& shard) {
  fields("shard", shard.number);
  fields("shards", shard.count);
  if (!fields.good() || (shard.number >= 1 && shard.number <= shard.count)) return;
  fields.fail(fmt::format("$.shard is {} of {}", shard.number, shard.count));
}

void read_kind(SavedFields& fields, PartKind& kind) {
  std::string name;
  fields("kind", name);
  for (const PartKind each : kPartKinds) {
    if (name_of(each) != name) continue;
    kind = each;
    return;
  }
  fields.fail(fmt::format("$.kind is \"{}\"; want one of replay, predictors, sweep, sweep-of-predictors, capacity",
                          model::printable(name, 80)));
}

}  // namespace

std::string_view name_of(PartKind kind) {
  switch (kind) {
    case PartKind::kReplay:
      return "replay";
    case PartKind::kPredictors:
      return "predictors";
    case PartKind::kPolicySweep:
      return "sweep";
    case PartKind::kForecastSweep:
      return "sweep-of-predictors";
    case PartKind::kCapacity:
      return "capacity";
  }
  return "unknown";
}

std::string part_text(const PartFile& part) {
  nlohmann::ordered_json head = {{"schema", std::string(kPartFileSchema)},
                                 {"version", planner::kSavedVersion},
                                 {"kind", std::string(name_of(part.kind))},
                                 {"key", part.key},
                                 {"shard", part.shard.number},
                                 {"shards", part.shard.count},
                                 {"title", part.heading.preface.title},
                                 {"command", part.heading.preface.command},
                                 {"facts", part.heading.preface.facts},
                                 {"notesBefore", part.heading.notes_before},
                                 {"notesAfter", part.heading.notes_after},
                                 {"name", part.name},
                                 {"policy", part.policy},
                                 {"data", part.data},
                                 {"byHost", part.by_host},
                                 {"acceptedRisk", part.accepted_risk}};
  return sealed_text(std::move(head), part.body);
}

model::Result<PartFile> part_from(std::string_view text) {
  const auto opened = open_text(text);
  if (!opened) return opened.error();
  std::optional<model::Error> problem;
  PartFile part;
  const SavedPlace top{};
  SavedFields fields(opened->head, top, problem);
  planner::read_schema(fields, kPartFileSchema);
  read_kind(fields, part.kind);
  fields("key", part.key);
  read_shard(fields, part.shard);
  fields("title", part.heading.preface.title);
  fields("command", part.heading.preface.command);
  read_texts(fields, "facts", part.heading.preface.facts);
  read_texts(fields, "notesBefore", part.heading.notes_before);
  read_texts(fields, "notesAfter", part.heading.notes_after);
  fields("name", part.name);
  fields("policy", part.policy);
  fields("data", part.data);
  if (const ReadJson* found = fields.find("byHost")) {
    if (found->is_boolean()) {
      part.by_host = found->get<bool>();
    } else {
      fields.wrong(fields.below("byHost"), *found, "true or false");
    }
  }
  fields("acceptedRisk", part.accepted_risk);
  fields.done();
  if (problem) return *std::move(problem);
  part.body = std::string(opened->body);
  return part;
}

model::Result<void> write_part(const std::string& path, const PartFile& part) {
  auto file = files::AtomicFile::create(path);
  if (!file) return file.error();
  if (auto written = file->write(part_text(part)); !written) return written;
  return file->commit();
}

}  // namespace tideline::planner_program
