#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

using columns::SeriesKind;
using model::Result;
using planner_view::Kind;

constexpr std::size_t kMostDamageTold = 20;
constexpr std::size_t kMostAboutBytes = 4'000;

std::string kind_text(SeriesKind kind) {
  switch (kind) {
    case SeriesKind::kWorkload:
      return "workload";
    case SeriesKind::kHost:
      return "host";
    case SeriesKind::kTasks:
      break;
  }
  return "tasks";
}

struct KindCount {
  std::set<std::string_view> series;
  std::uint64_t chunks = 0;
  std::uint64_t rows = 0;
  std::uint64_t values = 0;   // of all columns; those that are not known among them
  std::uint64_t missing = 0;  // not known
  std::uint64_t bytes = 0;
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;
};

/// Of what lies beside chunks.
struct ExtraCount {
  std::uint64_t pieces = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

std::string extra_text(columns::ExtraKind kind) {
  switch (kind) {
    case columns::ExtraKind::kSketches:
      return "quantiles";
    case columns::ExtraKind::kEvents:
      return "events";
  }
  return fmt::format("kind {}", static_cast<int>(kind));
}

struct ArchiveScan {
  std::map<SeriesKind, KindCount> kinds;
  std::map<columns::ExtraKind, ExtraCount> extras;
  std::uint64_t damaged = 0;
  std::vector<std::string> damage;  // the first, in the order of series
};

/// What one chunk came to.
struct ReadChunk {
  std::uint64_t values = 0;
  std::uint64_t missing = 0;
  std::string damage;  // "" = it is whole
};

ReadChunk read_chunk(const columns::ArchiveReader& reader, const columns::ChunkEntry& entry) {
  ReadChunk read;
  const auto chunk = reader.read(entry);
  if (!chunk) {
    read.damage = chunk.error().message();
    return read;
  }
  for (const auto& column : chunk->columns) {
    read.values += column.values.size();
    read.missing +=
        static_cast<std::uint64_t>(std::count(column.values.begin(), column.values.end(), columns::kMissing));
  }
  return read;
}

void add_damage(const std::string& damage, ArchiveScan& scan) {
  if (damage.empty()) return;
  ++scan.damaged;
  if (scan.damage.size() < kMostDamageTold) scan.damage.push_back(damage);
}

void add_entry(const columns::ChunkEntry& entry, const ReadChunk& read, ArchiveScan& scan) {
  KindCount& count = scan.kinds[entry.kind];
  count.series.insert(entry.series);
  ++count.chunks;
  count.rows += entry.rows;
  count.values += read.values;
  count.missing += read.missing;
  count.bytes += entry.size;
  count.first = std::min(count.first.value_or(entry.first), entry.first);
  count.last = std::max(count.last.value_or(entry.last), entry.last);
  add_damage(read.damage, scan);
}

void add_extra(const columns::ArchiveReader& reader, const columns::ChunkEntry& entry, ArchiveScan& scan) {
  ExtraCount& count = scan.extras[columns::extra_kind(entry)];
  ++count.pieces;
  count.rows += entry.rows;
  count.bytes += entry.size;
  const auto bytes = reader.read_extra(entry);
  add_damage(bytes ? std::string() : bytes.error().message(), scan);
}

Result<ArchiveScan> scan_all(const columns::ArchiveReader& reader, Session& session) {
  const auto& entries = reader.entries();
  std::vector<ReadChunk> chunks(entries.size());
  std::atomic<std::size_t> done{0};
  session.parallel(entries.size(), [&](std::size_t i) {
    if (session.stop.load()) return;
    chunks[i] = read_chunk(reader, entries[i]);
    session.meter.show("scan", static_cast<double>(++done) / static_cast<double>(entries.size()));
  });
  if (auto on = session.go_on(); !on) return on.error();
  ArchiveScan scan;
  for (std::size_t i = 0; i < entries.size(); ++i)
    add_entry(entries[i], chunks[i], scan);
  for (const auto& extra : reader.extras())
    add_extra(reader, extra, scan);
  return scan;
}

std::string per_value(std::uint64_t bytes, std::uint64_t values) {
  return values > 0 ? planner_view::fixed(static_cast<double>(bytes) / static_cast<double>(values), 3) : "";
}

std::string time_text(const std::optional<std::int64_t>& time_s) {
  return time_s ? planner_view::utc_text(*time_s) : "";
}

/// With its keys as they come; discarded where it is no JSON, or is nested deeper than is sane.
nlohmann::ordered_json about_json(const std::string& about) {
  if (!model::parse_json(about, {})) return nlohmann::ordered_json(nlohmann::ordered_json::value_t::discarded);
  return nlohmann::ordered_json::parse(about, nullptr, false);
}

/// As people read it, and not without end.
std::string about_lines(const std::string& about) {
  const auto json = about_json(about);
  auto text = json.is_discarded() ? about : json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (text.size() > kMostAboutBytes) text = text.substr(0, text.find('\n', kMostAboutBytes)) + "\n...";
  return text;
}

std::string scan_text(const std::string& path, std::size_t size, const std::string& about, const ArchiveScan& scan) {
  planner_view::Table table({{"kind", Kind::kWords},
                             {"series"},
                             {"chunks"},
                             {"rows"},
                             {"values"},
                             {"not known"},
                             {"bytes"},
                             {"bytes a value"},
                             {"first", Kind::kWords},
                             {"last", Kind::kWords}});
  for (const auto& [kind, count] : scan.kinds) {
    table.row({kind_text(kind), fmt::format("{}", count.series.size()), fmt::format("{}", count.chunks),
               fmt::format("{}", count.rows), fmt::format("{}", count.values), fmt::format("{}", count.missing),
               fmt::format("{}", count.bytes), per_value(count.bytes, count.values), time_text(count.first),
               time_text(count.last)});
  }
  planner_view::Preface preface;
  preface.title = fmt::format("Archive {}", name_of(path));
  preface.facts = {fmt::format("{} bytes", size), scan.damaged == 0
                                                      ? std::string("whole: each chunk was read, and has its checksum")
                                                      : fmt::format("DAMAGED: {} chunks", scan.damaged)};
  for (const auto& [kind, count] : scan.extras) {
    preface.facts.push_back(fmt::format("beside chunks {}: {} rows in {} pieces, {} bytes", extra_text(kind),
                                        count.rows, count.pieces, count.bytes));
  }
  std::vector<planner_view::Section> sections = {{.title = "Series", .table = std::move(table)}};
  if (!scan.damage.empty()) sections.push_back({.title = "Damage", .items = scan.damage});
  sections.push_back({.title = "About", .preformatted = about_lines(about)});
  return planner_view::report_text(preface, sections);
}

std::string scan_json(const std::string& path, std::size_t size, const std::string& about, const ArchiveScan& scan) {
  nlohmann::ordered_json json = {{"schema", "tideline-scan"}, {"version", 1}, {"file", name_of(path)}, {"bytes", size}};
  auto& kinds = json["kinds"] = nlohmann::ordered_json::array();
  for (const auto& [kind, count] : scan.kinds) {
    kinds.push_back({{"kind", kind_text(kind)},
                     {"series", count.series.size()},
                     {"chunks", count.chunks},
                     {"rows", count.rows},
                     {"values", count.values},
                     {"notKnown", count.missing},
                     {"bytes", count.bytes},
                     {"firstS", count.first.value_or(0)},
                     {"lastS", count.last.value_or(0)}});
  }
  if (!scan.extras.empty()) {
    auto& extras = json["extras"] = nlohmann::ordered_json::array();
    for (const auto& [kind, count] : scan.extras) {
      extras.push_back(
          {{"kind", extra_text(kind)}, {"pieces", count.pieces}, {"rows", count.rows}, {"bytes", count.bytes}});
    }
  }
  json["damagedChunks"] = scan.damaged;
  json["damage"] = scan.damage;
  auto described = about_json(about);
  if (!described.is_discarded()) json["about"] = std::move(described);
  return planner_view::dumped(json);
}

}  // namespace

Result<void> run_scan(const Options& options, Session& session) {
  const auto& path = options.files.front();
  const auto archive = open_archive(path);
  if (!archive) return archive.error();
  const auto scan = scan_all(archive->reader, session);
  if (!scan) return scan.error();
  const std::size_t size = archive->file.bytes().size();
  const auto& about = archive->reader.about();
  if (auto told = deliver(options.output, {.text = [&] { return scan_text(path, size, about, *scan); },
                                           .json = [&] { return scan_json(path, size, about, *scan); }});
      !told) {
    return told;
  }
  if (scan->damaged == 0) return {};
  return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: {} chunks are damaged", path, scan->damaged));
}

}  // namespace tideline::planner_program
