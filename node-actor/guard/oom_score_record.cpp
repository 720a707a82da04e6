#include "node-actor/guard/oom_score_record.h"

#include <filesystem>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "node-actor/guard/boot_record.h"
#include "node-actor/kernel/oom_score.h"
#include "node-actor/kernel/parse.h"

namespace tideline::guard {
namespace {

/// Some hundred bytes per process, of at most kernel::kMostScored; far beyond this it is not ours.
constexpr std::uintmax_t kMostScoreBytes = 16u << 20;

bool is_score(const nlohmann::json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= -1000 && value.get<std::int64_t>() <= 1000;
}

std::optional<std::vector<KnownScore>> scores_of(const nlohmann::json& document) {
  const auto list = document.find("scores");
  if (list == document.end() || !list->is_array()) return std::nullopt;
  std::vector<KnownScore> known;
  for (const auto& entry : *list) {
    if (!entry.is_object()) return std::nullopt;
    const auto pid = entry.value("pid", nlohmann::json());
    const auto start = entry.value("start", nlohmann::json());
    const auto original = entry.value("original", nlohmann::json());
    const auto ours = entry.value("ours", nlohmann::json());
    const auto pod = entry.value("pod", nlohmann::json());
    constexpr std::int64_t kLargestPid = 1 << 30;
    const bool is_pid =
        pid.is_number_integer() && pid.get<std::int64_t>() > 0 && pid.get<std::int64_t>() <= kLargestPid;
    if (!is_pid || !start.is_number_unsigned() || !is_score(original) || !is_score(ours) || !pod.is_string()) {
      return std::nullopt;
    }
    known.push_back({.pid = pid.get<int>(),
                     .start = start.get<std::uint64_t>(),
                     .original = original.get<int>(),
                     .ours = ours.get<int>(),
                     .pod = pod.get<std::string>()});
  }
  return known;
}

model::Result<kernel::OomScore> same_process(const KnownScore& known, const std::string& proc) {
  auto process = kernel::OomScore::open(proc, known.pid);
  if (process && process->start() != known.start) {
    return model::Error(model::ErrorCode::kNotFound, fmt::format("{}/{} is another process", proc, known.pid));
  }
  return process;
}

struct Descent {
  int parent = 0;
  std::uint64_t start = 0;
};

/// Of all processes below `proc`, by pid.
std::unordered_map<int, Descent> descents(const std::string& proc) {
  std::unordered_map<int, Descent> found;
  std::error_code problem;
  for (std::filesystem::directory_iterator entry(proc, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const auto pid = kernel::parse_number(entry->path().filename().string());
    constexpr std::int64_t kLargestPid = 1 << 30;
    if (!pid || *pid <= 0 || *pid > kLargestPid) continue;
    const auto process = kernel::OomScore::open(proc, static_cast<int>(*pid));
    if (process) found.emplace(process->pid(), Descent{.parent = process->parent(), .start = process->start()});
  }
  return found;
}

}  // namespace

OomScoreRecord OomScoreRecord::open(const std::string& state_dir, const std::string& boot_id) {
  OomScoreRecord record;
  record.path_ = state_dir + "/oom-scores";
  record.boot_id_ = boot_id;
  const auto document = read_boot_record(record.path_, boot_id, kMostScoreBytes);
  if (!document) return record;
  auto known = document->is_object() ? scores_of(*document) : std::nullopt;
  if (known) {
    record.known_ = std::move(*known);
  } else {
    record.problem_ =
        record.path_ + ": not a record of oom scores: those that an earlier life gave stay where they are";
  }
  return record;
}

model::Result<void> OomScoreRecord::replace(std::vector<KnownScore> known) {
  if (known == known_) return {};
  auto list = nlohmann::json::array();
  for (const auto& each : known) {
    list.push_back({{"pid", each.pid},
                    {"start", each.start},
                    {"original", each.original},
                    {"ours", each.ours},
                    {"pod", each.pod}});
  }
  if (auto kept = replace_boot_record(path_, boot_id_, "scores", std::move(list)); !kept) return kept;
  known_ = std::move(known);
  return {};
}

model::Result<bool> is_ours(const KnownScore& known, const std::string& proc) {
  const auto process = same_process(known, proc);
  if (!process) return process.error();
  const auto score = process->read();
  if (!score) return score.error();
  return *score == known.ours;
}

model::Result<bool> restore_score(const KnownScore& known, const std::string& proc) {
  const auto is_gone = [](const model::Error& error) { return error.code() == model::ErrorCode::kNotFound; };
  const auto process = same_process(known, proc);
  if (!process) return is_gone(process.error()) ? model::Result<bool>(false) : process.error();
  const auto score = process->read();
  if (!score) return is_gone(score.error()) ? model::Result<bool>(false) : score.error();
  if (*score != known.ours) return false;
  if (const auto written = process->write(known.original); !written) {
    return is_gone(written.error()) ? model::Result<bool>(false) : written.error();
  }
  return true;
}

model::Result<std::size_t> restore_born_since(const std::vector<KnownScore>& given, const std::string& proc) {
  std::size_t count = 0;
  std::optional<model::Error> refused;
  std::unordered_map<int, KnownScore> parents;
  for (const auto& each : given) {
    if (each.original != each.ours) parents.insert_or_assign(each.pid, each);
  }
  if (parents.empty()) return count;
  const auto all = descents(proc);
  // A generation a time.
  while (!parents.empty()) {
    std::unordered_map<int, KnownScore> children;
    for (const auto& [pid, process] : all) {
      const auto parent = parents.find(process.parent);
      if (parent == parents.end()) continue;
      const auto is_there = all.find(process.parent);
      if (is_there == all.end() || is_there->second.start != parent->second.start) continue;
      auto child = parent->second;
      child.pid = pid;
      child.start = process.start;
      const auto restored = restore_score(child, proc);
      if (!restored && !refused) refused = restored.error();
      if (restored && *restored) {
        ++count;
        children.emplace(pid, std::move(child));
      }
    }
    parents = std::move(children);
  }
  if (refused) return *refused;
  return count;
}

model::Result<std::size_t> restore_scores(OomScoreRecord& record, const std::string& proc) {
  std::size_t count = 0;
  std::vector<KnownScore> left;
  std::optional<model::Error> refused;
  for (const auto& known : record.known()) {
    const auto restored = restore_score(known, proc);
    if (restored) {
      count += *restored ? 1 : 0;
      continue;
    }
    left.push_back(known);
    if (!refused) refused = restored.error();
  }
  const auto born = restore_born_since(record.known(), proc);
  if (auto kept = record.replace(std::move(left)); !kept) return kept.error();
  if (refused) return *refused;
  if (!born) return born.error();
  return count + *born;
}

}  // namespace tideline::guard
