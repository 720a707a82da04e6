#include <algorithm>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/found.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

using model::Result;

struct NamedPart {
  std::string path;
  PartFile part;
};

Result<PartFile> read_part_file(const std::string& path) {
  const auto file = files::MappedFile::open(path);
  if (!file) return file.error();
  auto part = part_from(file->bytes());
  if (!part) return part.error().in(path);
  return part;
}

/// By shard, without their bodies: one of these is in memory at a time.
Result<std::vector<NamedPart>> read_parts(const Options& options, Session& session) {
  std::vector<NamedPart> parts;
  for (const auto& path : options.files) {
    if (auto on = session.go_on(); !on) return on.error();
    auto part = read_part_file(path);
    if (!part) return part.error();
    part->body = std::string();
    parts.push_back({path, *std::move(part)});
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const NamedPart& a, const NamedPart& b) { return a.part.shard.number < b.part.shard.number; });
  return parts;
}

/// Of one answer, and all of it.
Result<void> check_parts(const std::vector<NamedPart>& parts) {
  const auto& first = parts.front();
  for (const auto& [path, part] : parts) {
    if (part.key != first.part.key || part.kind != first.part.kind || part.shard.count != first.part.shard.count) {
      return model::invalid(
          fmt::format("{} and {} are of other answers: a {} in {} shards with key {}, and a {} in {} with {}",
                      first.path, path, name_of(first.part.kind), first.part.shard.count, first.part.key,
                      name_of(part.kind), part.shard.count, part.key));
    }
  }
  for (std::uint32_t number = 1; number <= first.part.shard.count; ++number) {
    const std::size_t at = number - 1;
    if (at >= parts.size() || parts[at].part.shard.number > number) {
      return model::invalid(fmt::format("shard {}/{} is missing", number, first.part.shard.count));
    }
    if (parts[at].part.shard.number < number) {
      return model::invalid(fmt::format("{} and {} are both shard {}/{}", parts[at - 1].path, parts[at].path,
                                        parts[at].part.shard.number, first.part.shard.count));
    }
  }
  const std::size_t all = first.part.shard.count;
  if (parts.size() == all) return {};
  return model::invalid(fmt::format("{} and {} are both shard {}/{}", parts[all - 1].path, parts[all].path,
                                    parts[all].part.shard.number, all));
}

/// All of a body but a fine part.
std::string_view first_line(std::string_view body) {
  const auto end = body.find('\n');
  return end == std::string_view::npos ? body : body.substr(0, end + 1);
}

template <class Part, class Read>
Result<Part> merged(const std::vector<NamedPart>& parts, const Read& read, const Session& session) {
  std::optional<Part> whole;
  for (const auto& [path, part] : parts) {
    if (auto on = session.go_on(); !on) return on.error();
    const auto file = read_part_file(path);
    if (!file) return file.error();
    if (file->key != part.key || file->shard != part.shard) {
      return model::invalid(fmt::format("{}: is another part than it was a moment ago", path));
    }
    auto found = read(file->body);
    if (!found) return found.error().in(path);
    if (!whole) {
      whole = *std::move(found);
    } else if (auto added = append(*whole, *std::move(found)); !added) {
      return added.error().in(path);
    }
  }
  return *std::move(whole);
}

/// Whether there are fine parts behind those of the replay; all parts of one answer are alike.
Result<bool> has_fine(const NamedPart& first) {
  const auto file = read_part_file(first.path);
  if (!file) return file.error();
  return first_line(file->body).size() < file->body.size();
}

Result<void> merge_replay(const Options& options, const std::vector<NamedPart>& parts, Session& session) {
  auto whole = merged<planner::ReplayPart>(
      parts, [](std::string_view body) { return planner::replay_part_from_json(first_line(body)); }, session);
  if (!whole) return whole.error();
  const auto fine = has_fine(parts.front());
  if (!fine) return fine.error();
  std::optional<planner::FinePart> looked_into;
  if (*fine) {
    auto found = merged<planner::FinePart>(
        parts,
        [](std::string_view body) {
          body.remove_prefix(first_line(body).size());
          return planner::fine_part_from_json(body);
        },
        session);
    if (!found) return found.error();
    looked_into = *std::move(found);
  }
  return deliver_replay(options.output, parts.front().part, *std::move(whole), looked_into);
}

}  // namespace

Result<void> run_merge(const Options& options, Session& session) {
  const auto parts = read_parts(options, session);
  if (!parts) return parts.error();
  if (auto good = check_parts(*parts); !good) return good;
  const PartFile& about = parts->front().part;
  const auto deliver_merged = [&](auto read, auto answer) -> Result<void> {
    using Part = std::remove_cvref_t<decltype(*read(std::string_view()))>;
    const auto whole = merged<Part>(*parts, read, session);
    return whole ? answer(*whole) : Result<void>(whole.error());
  };
  const auto scores_from = [](std::string_view body) { return planner::score_part_from_json(body); };
  switch (about.kind) {
    case PartKind::kReplay:
      return merge_replay(options, *parts, session);
    case PartKind::kPredictors:
      return deliver_merged(
          scores_from, [&](const planner::ScorePart& found) { return deliver_scores(options.output, about, found); });
    case PartKind::kPolicySweep:
      return deliver_merged(
          [](std::string_view body) { return planner::sweep_part_from_json(body); },
          [&](const planner::SweepPart& found) { return deliver_sweep(options.output, about, found); });
    case PartKind::kForecastSweep:
      return deliver_merged(
          scores_from, [&](const planner::ScorePart& found) { return deliver_sweep(options.output, about, found); });
    case PartKind::kCapacity:
      return deliver_merged(
          [](std::string_view body) { return planner::capacity_part_from_json(body); },
          [&](const planner::CapacityPart& found) { return deliver_capacity(options.output, about, found); });
  }
  return model::invalid("parts of no kind");
}

}  // namespace tideline::planner_program
