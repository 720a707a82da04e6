#include "node-actor/actor/eviction_file.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "node-actor/actor/state_file.h"

namespace tideline::node {
namespace {

using model::Duration;
using model::MonoTime;
using nlohmann::json;

constexpr std::size_t kMaxEvictionsBytes = 1 << 20;
constexpr std::string_view kEvictions = "evictions";
constexpr std::string_view kBeWork = "be-work";

std::string path_in(const std::string& state_dir, std::string_view name) {
  return fmt::format("{}/{}", state_dir, name);
}

model::Result<void> replace(const std::string& state_dir, std::string_view name, const json& whole) {
  return replace_state_file(state_dir, std::string(name), whole.dump(-1, ' ', false, json::error_handler_t::replace));
}

json to_json(const decide::EvictVictim& victim, model::MonoTime since) {
  json entry{{"id", victim.id},
             {"uid", victim.uid.str()},
             {"namespace", victim.name_space},
             {"name", victim.name},
             {"task", static_cast<std::uint8_t>(victim.task)},
             {"reason", static_cast<std::uint16_t>(victim.reason)},
             {"sinceNs", since.ns}};
  if (victim.memory_used) entry["memoryBytes"] = victim.memory_used->value();
  if (victim.cpu_time_used) entry["cpuTimeNs"] = victim.cpu_time_used->count();
  return entry;
}

/// An earlier agent kept none, a later one may have kept another: then the events tell of the first one's mechanism.
decide::EvictTask task_of(const json& entry) {
  const auto number = entry.value("task", std::uint64_t{0});
  constexpr std::uint64_t kTasks = decide::kEvictTasks + decide::kMemoryEvictTasks;
  return number < kTasks ? static_cast<decide::EvictTask>(number) : decide::EvictTask::kBeSatisfaction;
}

decide::EvictVictim victim_of(const json& entry) {
  decide::EvictVictim victim;
  victim.id = entry.at("id").get<std::string>();
  victim.uid = model::PodUid(entry.at("uid").get<std::string>());
  victim.name_space = entry.at("namespace").get<std::string>();
  victim.name = entry.at("name").get<std::string>();
  victim.task = task_of(entry);
  victim.reason = static_cast<model::Reason>(entry.at("reason").get<std::uint16_t>());
  if (const auto memory = entry.find("memoryBytes"); memory != entry.end()) {
    victim.memory_used = model::Bytes(memory->get<std::int64_t>());
  }
  if (const auto used = entry.find("cpuTimeNs"); used != entry.end()) {
    victim.cpu_time_used = Duration(used->get<std::int64_t>());
  }
  return victim;
}

MonoTime since_of(const json& entry) {
  return MonoTime{entry.at("sinceNs").get<std::int64_t>()};
}

json to_json(const KeptEviction& kept) {
  auto entry = to_json(kept.victim, kept.since);
  entry["told"] = static_cast<std::uint16_t>(kept.told);
  entry["directory"] = kept.place.directory;
  entry["freezer"] = kept.place.freezer_directory;
  entry["device"] = kept.place.device;
  entry["inode"] = kept.place.inode;
  entry["deadlineNs"] = kept.deadline.ns;
  return entry;
}

KeptEviction eviction_of(const json& entry) {
  KeptEviction kept;
  kept.victim = victim_of(entry);
  kept.told = static_cast<model::Reason>(entry.at("told").get<std::uint16_t>());
  kept.place = {.directory = entry.at("directory").get<std::string>(),
                .freezer_directory = entry.at("freezer").get<std::string>(),
                .device = entry.at("device").get<std::uint64_t>(),
                .inode = entry.at("inode").get<std::uint64_t>()};
  kept.since = since_of(entry);
  kept.deadline = MonoTime{entry.at("deadlineNs").get<std::int64_t>()};
  return kept;
}

json to_json(const model::BeWork::Sum& sum) {
  return {{"pods", sum.pods}, {"cpuMs", model::to_ms(sum.cpu)}};
}

model::BeWork::Sum sum_of(const json& entry) {
  const auto ms = std::clamp<std::int64_t>(entry.at("cpuMs").get<std::int64_t>(), 0, std::int64_t{1} << 43);
  return {entry.at("pods").get<std::uint64_t>(), std::chrono::milliseconds(ms)};
}

}  // namespace

model::Result<KeptEvictions> load_evictions(const std::string& state_dir, const std::string& boot_id) {
  const auto path = path_in(state_dir, kEvictions);
  const auto text = read_state_file(path, kMaxEvictionsBytes);
  if (!text) return text.error();
  KeptEvictions kept;
  if (!*text) return kept;
  try {
    const auto whole = json::parse(**text);
    if (whole.at("bootId").get<std::string>() != boot_id) return kept;
    if (const auto& last = whole.at("lastAloneNs"); !last.is_null())
      kept.last_alone = MonoTime{last.get<std::int64_t>()};
    for (const auto& entry : whole.at("underWay")) {
      kept.under_way.push_back(eviction_of(entry));
      // Without it any group of that name would do.
      if (kept.under_way.back().place.inode == 0) {
        return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: an entry without inode", path));
      }
    }
    // A file of before that was so has none.
    if (const auto entries = whole.find("throughApi"); entries != whole.end()) {
      for (const auto& entry : *entries)
        kept.through_api.push_back({victim_of(entry), since_of(entry)});
    }
    return kept;
  } catch (const json::exception& problem) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: {}", path, problem.what()));
  }
}

model::Result<void> keep_evictions(const std::string& state_dir, const std::string& boot_id,
                                   const KeptEvictions& evictions) {
  json entries = json::array();
  for (const auto& kept : evictions.under_way)
    entries.push_back(to_json(kept));
  json of_api = json::array();
  for (const auto& kept : evictions.through_api)
    of_api.push_back(to_json(kept.victim, kept.since));
  json whole{{"bootId", boot_id},
             {"lastAloneNs", nullptr},
             {"underWay", std::move(entries)},
             {"throughApi", std::move(of_api)}};
  if (evictions.last_alone) whole["lastAloneNs"] = evictions.last_alone->ns;
  return replace(state_dir, kEvictions, whole);
}

model::Result<model::BeWork> load_be_work(const std::string& state_dir) {
  const auto path = path_in(state_dir, kBeWork);
  const auto text = read_state_file(path, kMaxEvictionsBytes);
  if (!text) return text.error();
  if (!*text) return model::BeWork{};
  try {
    const auto whole = json::parse(**text);
    return model::BeWork{sum_of(whole.at("completed")), sum_of(whole.at("failed")), sum_of(whole.at("evicted"))};
  } catch (const json::exception& problem) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: {}", path, problem.what()));
  }
}

model::Result<void> keep_be_work(const std::string& state_dir, const model::BeWork& work) {
  return replace(state_dir, kBeWork,
                 json{{"completed", to_json(work.completed)},
                      {"failed", to_json(work.failed)},
                      {"evicted", to_json(work.evicted)}});
}

}  // namespace tideline::node
