#include "storage/series/export.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "storage/series/export_about.h"
#include "storage/series/export_events.h"
#include "storage/series/table_bytes.h"
#include "storage/store/limits.h"

namespace tideline::series {
namespace {

constexpr std::string_view kPodPrefix = "pod/";
constexpr std::string_view kWorkloadPrefix = "workload/";
constexpr std::size_t kMaxShownSeriesBytes = 160;
/// Of one put_tables(): as many as it takes, and not more cells than some 100 MB.
constexpr std::size_t kMaxPutTables = 4096;
constexpr std::size_t kMaxPutCells = std::size_t{2} << 20;

std::string shown_series(std::string_view name) {
  return model::printable(name, kMaxShownSeriesBytes);
}

/// The first whole second at or after it: rows begin at whole seconds.
std::int64_t first_second(model::WallTime time) {
  constexpr std::int64_t kMost = columns::ChunkLimits::kMaxValue * 1000;
  return -floor_to(-std::clamp(time.ms, -kMost, kMost), 1000) / 1000;
}

bool is_archived_node(std::string_view name) {
  return !name.empty() && name.size() <= store::kMaxNodeNameBytes && name.find('/') == std::string_view::npos;
}

model::Error ended_early(std::string_view what, std::size_t done, std::size_t all, std::string_view of) {
  return {model::ErrorCode::kUnavailable, fmt::format("{}: ended after {} of {} {}", what, done, all, of)};
}

/// Of the nodes in their order, as the archive will have it.
model::Result<std::string> about_of(const SeriesStore& store, const ExportAsk& ask,
                                    const std::vector<model::NodeName>& nodes) {
  ExportAboutText about(ask.tier, first_second(ask.from), first_second(ask.to));
  for (const model::NodeName& node : nodes) {
    if (!ask.pods) break;
    const auto pods = store.pods(node, ask.from, ask.to);
    if (!pods) return pods.error().in("export");
    for (const PodInfo& pod : *pods) {
      if (const auto added = about.add(node, pod); !added) return added.error();
    }
  }
  return std::move(about).finish();
}

model::Result<void> write_node(const SeriesStore& store, const ExportAsk& ask, const model::NodeName& node,
                               columns::ArchiveWriter& writer, Exported& exported) {
  std::optional<model::Error> failed;
  const std::uint64_t before = exported.tables;
  const auto add = [&](const Table& table) -> model::Result<void> {
    const auto name = archive_name(node, table.subject);
    if (!name) return name.error();
    const columns::Chunk chunk = chunk_for_archive(table, *name);
    if (auto added = writer.add(chunk); !added) return added;
    ++exported.tables;
    exported.rows += table.times.size();
    if (!ask.quantiles) return {};
    const auto sketches = encode_sketches(table.sketches);
    if (!sketches) return sketches.error().in(shown_series(*name));
    if (sketches->empty()) return {};
    ++exported.sketches;
    return writer.add_extra({.kind = columns::ExtraKind::kSketches,
                             .series = *name,
                             .first = chunk.times.front(),
                             .last = chunk.times.back(),
                             .rows = chunk.rows(),
                             .bytes = *sketches});
  };
  const ReadRange range{.node = node, .tier = ask.tier, .from = ask.from, .to = ask.to};
  const auto read = store.read(range, nullptr, [&](Table&& table) {
    if (table.empty() || (!ask.pods && table.subject.kind == SubjectKind::kPod)) return true;
    if (const auto added = add(table); !added) failed = added.error();
    return !failed.has_value();
  });
  if (failed) return failed->in("export");
  if (!read) return read.error().in("export");
  exported.nodes += exported.tables > before ? 1 : 0;
  return {};
}

/// Of a node, or of the cluster.
model::Result<void> write_events_of(const ExportAsk& ask, const model::NodeName& node, columns::ArchiveWriter& writer,
                                    Exported& exported) {
  if (ask.events == nullptr) return {};
  const auto written = write_events(*ask.events, node, ask.from, ask.to, writer);
  if (!written) return written.error().in("export: events of " + (node.empty() ? "the cluster" : node.str()));
  exported.events += *written;
  return {};
}

/// By name, each once.
std::vector<model::NodeName> nodes_of(const SeriesStore& store, const ExportAsk& ask) {
  std::vector<model::NodeName> nodes = ask.nodes.empty() ? store.series_nodes() : ask.nodes;
  if (ask.nodes.empty() && ask.events != nullptr) {
    const auto with_events = ask.events->nodes();
    nodes.insert(nodes.end(), with_events.begin(), with_events.end());
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

/// What is put into a store in one step, gathered while it is of one node.
class ImportBatch {
 public:
  ImportBatch(SeriesStore& store, std::map<model::NodeName, std::vector<PodInfo>> pods)
      : store_(store), pods_(std::move(pods)) {}

  model::Result<void> add(const model::NodeName& node, Table table) {
    std::size_t cells = table.times.size() * table.fields.size();
    for (const SketchColumn& column : table.sketches) {
      for (const Sketch& sketch : column.cells)
        cells += 1 + sketch.bins().size();
    }
    if (node != node_ || tables_.size() == kMaxPutTables || cells_ + cells > kMaxPutCells) {
      if (auto put = put_all(); !put) return put;
    }
    node_ = node;
    cells_ += cells;
    tables_.push_back(std::move(table));
    return {};
  }
  /// And pods of nodes without a table.
  model::Result<Imported> finish() {
    if (const auto put = put_all(); !put) return put.error();
    while (!pods_.empty()) {
      node_ = pods_.begin()->first;
      if (const auto put = put_pods(); !put) return put.error();
    }
    return imported_;
  }

 private:
  model::Result<void> put_all() {
    if (tables_.empty()) return {};
    return put_pods();
  }
  model::Result<void> put_pods() {
    auto pods = pods_.extract(node_);
    const auto outcome = store_.put_tables(node_, std::exchange(tables_, {}),
                                           pods.empty() ? std::vector<PodInfo>() : std::move(pods.mapped()));
    cells_ = 0;
    if (!outcome) return outcome.error().in("import");
    imported_.put += outcome->put;
    imported_.there += outcome->there;
    return {};
  }

  SeriesStore& store_;
  std::map<model::NodeName, std::vector<PodInfo>> pods_;  // not put yet
  model::NodeName node_;
  std::vector<Table> tables_;
  std::size_t cells_ = 0;
  Imported imported_;
};

struct ArchivedTable {
  model::NodeName node;
  Table table;
};

model::Result<ArchivedTable> table_in(const columns::ArchiveReader& archive, const columns::ChunkEntry& entry,
                                      Tier tier) {
  auto name = parse_archive_name(entry.series);
  if (!name) return name.error();
  const auto chunk = archive.read(entry);
  if (!chunk) return chunk.error();
  auto table = table_of(*chunk, std::move(name->subject), tier, true);
  if (!table) {
    return table.error().in(fmt::format("archive: series {} at offset {}", shown_series(entry.series), entry.offset));
  }
  return ArchivedTable{.node = std::move(name->node), .table = *std::move(table)};
}

bool are_sketches(const columns::ChunkEntry& entry) {
  return columns::extra_kind(entry) == columns::ExtraKind::kSketches;
}

/// Of the chunk that stands before them; its times are the archive's.
model::Result<std::vector<SketchColumn>> sketches_in(const columns::ArchiveReader& archive,
                                                     const columns::ChunkEntry& entry,
                                                     const columns::ChunkEntry* chunk) {
  const auto place = fmt::format("archive: series {} at offset {}", shown_series(entry.series), entry.offset);
  if (chunk == nullptr || chunk->series != entry.series || chunk->first != entry.first || chunk->last != entry.last ||
      chunk->rows != entry.rows) {
    return model::Error(model::ErrorCode::kMalformed, place + ": sketches that do not follow their chunk");
  }
  const auto bytes = archive.read_extra(entry);
  if (!bytes) return bytes.error();
  auto sketches = decode_sketches(*bytes, static_cast<std::size_t>(entry.rows));
  if (!sketches) return sketches.error().in(place);
  return sketches;
}

/// Chunks and extras, as they lie in the file: then those of a node stand together, whatever its name and those of
/// others are.
std::vector<const columns::ChunkEntry*> as_written(const columns::ArchiveReader& archive) {
  std::vector<const columns::ChunkEntry*> entries;
  entries.reserve(archive.entries().size() + archive.extras().size());
  for (const auto* some : {&archive.entries(), &archive.extras()}) {
    for (const columns::ChunkEntry& entry : *some)
      entries.push_back(&entry);
  }
  std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  return entries;
}

bool is_chunk(const columns::ChunkEntry& entry) {
  return static_cast<std::uint8_t>(entry.kind) < columns::kFirstExtraKind;
}

/// What stands by itself, and does not belong to a chunk.
model::Result<PutEvents> put_extra(const columns::ArchiveReader& archive, const columns::ChunkEntry& entry,
                                   store::HistoryStore* events) {
  if (are_sketches(entry)) return sketches_in(archive, entry, nullptr).error();
  if (events == nullptr || columns::extra_kind(entry) != columns::ExtraKind::kEvents) return PutEvents();
  const auto archived = read_events(archive, entry);
  if (!archived) return archived.error();
  return put_events(*events, *archived);
}

}  // namespace

model::Result<std::string> archive_name(const model::NodeName& node, const Subject& subject) {
  if (!is_archived_node(node.str())) {
    return model::invalid(fmt::format("archive: '{}' is no name of a node", shown_series(node.str())));
  }
  std::string name = node.str();
  if (subject.kind != SubjectKind::kNode) {
    if (subject.name.empty()) return model::invalid(fmt::format("archive: a subject of node {} has no name", name));
    name += '/';
    name += subject.kind == SubjectKind::kPod ? kPodPrefix : kWorkloadPrefix;
    name += subject.name;
  }
  if (name.size() > columns::ChunkLimits::kMaxName) {
    return model::invalid(fmt::format("archive: {} has {} bytes, and a series' name up to {}", shown_series(name),
                                      name.size(), columns::ChunkLimits::kMaxName));
  }
  return name;
}

model::Result<SeriesName> parse_archive_name(std::string_view name) {
  const auto slash = name.find('/');
  const std::string_view node = name.substr(0, slash);
  SeriesName parsed{.node = model::NodeName(std::string(node)), .subject = {}};
  std::string_view rest = slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
  if (rest.starts_with(kPodPrefix)) {
    parsed.subject.kind = SubjectKind::kPod;
    rest.remove_prefix(kPodPrefix.size());
  } else if (rest.starts_with(kWorkloadPrefix)) {
    parsed.subject.kind = SubjectKind::kWorkload;
    rest.remove_prefix(kWorkloadPrefix.size());
  }
  // Of a node nothing follows, of the others their name.
  const bool is_whole = (parsed.subject.kind == SubjectKind::kNode) == (slash == std::string_view::npos) &&
                        (slash == std::string_view::npos || !rest.empty());
  if (!is_archived_node(node) || !is_whole) {
    return model::invalid(
        fmt::format("archive: series '{}' is neither NODE nor NODE/pod/UID nor NODE/workload/NAMESPACE/KIND/NAME",
                    shown_series(name)));
  }
  parsed.subject.name = rest;
  return parsed;
}

model::Result<Exported> write_archive(const SeriesStore& store, const ExportAsk& ask,
                                      const columns::ArchiveWriter::Sink& sink,
                                      const std::function<bool(std::size_t nodes)>& progress) {
  if (ask.from >= ask.to) {
    return model::invalid(fmt::format("export: from {} ms is not before to, {} ms", ask.from.ms, ask.to.ms));
  }
  const std::vector<model::NodeName> nodes = nodes_of(store, ask);
  // Before the first table: the archive's first bytes tell how large it may be.
  const auto about = about_of(store, ask, nodes);
  if (!about) return about.error();

  Exported exported;
  const auto counted = [&](std::string_view bytes) {
    exported.bytes += bytes.size();
    return sink(bytes);
  };
  columns::ArchiveWriter writer(counted, about->size(), ask.quantiles || ask.events != nullptr);
  for (std::size_t done = 0; done < nodes.size();) {
    if (const auto written = write_node(store, ask, nodes[done], writer, exported); !written) return written.error();
    if (const auto told = write_events_of(ask, nodes[done], writer, exported); !told) return told.error();
    ++done;
    if (progress && !progress(done)) return ended_early("export", done, nodes.size(), "nodes");
  }
  if (const auto told = write_events_of(ask, model::NodeName(), writer, exported); !told) return told.error();
  if (const auto finished = writer.finish(*about); !finished) return finished.error().in("export");
  return exported;
}

model::Result<Imported> read_archive(SeriesStore& store, const columns::ArchiveReader& archive,
                                     const std::function<bool(std::size_t chunks)>& progress,
                                     store::HistoryStore* events) {
  auto about = parse_export_about(archive.about());
  if (!about) return about.error().in("import");
  const auto entries = as_written(archive);
  ImportBatch batch(store, std::move(about->pods));
  PutEvents told;
  std::size_t done = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const columns::ChunkEntry& entry = *entries[i];
    if (!is_chunk(entry)) {
      const auto put = put_extra(archive, entry, events);
      if (!put) return put.error().in("import");
      told.put += put->put;
      told.there += put->there;
      continue;
    }
    auto archived = table_in(archive, entry, about->tier);
    if (!archived) return archived.error().in("import");
    if (i + 1 < entries.size() && are_sketches(*entries[i + 1])) {
      auto sketches = sketches_in(archive, *entries[++i], &entry);
      if (!sketches) return sketches.error().in("import");
      archived->table.sketches = *std::move(sketches);
    }
    if (const auto added = batch.add(archived->node, std::move(archived->table)); !added) return added.error();
    ++done;
    if (progress && !progress(done)) return ended_early("import", done, archive.entries().size(), "chunks");
  }
  auto imported = batch.finish();
  if (!imported) return imported;
  imported->put_events = told.put;
  imported->there_events = told.there;
  return imported;
}

}  // namespace tideline::series
