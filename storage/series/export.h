#pragma once
// A range of history as one archive file (storage/columns/archive.h), and back.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/archive.h"
#include "storage/series/series_store.h"
#include "storage/store/history_store.h"

namespace tideline::series {

struct ExportAsk {
  std::vector<model::NodeName> nodes;  // empty = all
  Tier tier = Tier::kMinute;
  model::WallTime from;
  model::WallTime to;
  bool pods = true;        // else nodes and workloads alone
  bool quantiles = false;  // sketches, of tables that have some
  /// Where events of the same range are: of those nodes, or of all that it knows, and of the cluster. nullptr: none.
  const store::HistoryStore* events = nullptr;
};
struct Exported {
  std::uint64_t tables = 0;
  std::uint64_t rows = 0;
  std::uint64_t nodes = 0;
  std::uint64_t sketches = 0;  // tables that have some
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};
/// Series are named "NODE", "NODE/pod/UID" and "NODE/workload/NAMESPACE/KIND/NAME"; a name beyond
/// ChunkLimits::kMaxName is an error that names it. `about`:
/// {"tideline":"history","version":1,"tier":"1m","from":..,"to":..,"pods":[..]} with the pods' infos; kOverloaded where
/// they take more than kMaxLargeAboutBytes. Chunks by chunk_for_archive(), so that the planner reads the same file; a
/// table's sketches follow its chunk, a node's events its tables, the cluster's all others, as extras, which older
/// builds do not know: without both they read it. Node by node, a table in memory at a time. progress(nodes done):
/// false ends it with kUnavailable.
model::Result<Exported> write_archive(const SeriesStore& store, const ExportAsk& ask,
                                      const columns::ArchiveWriter::Sink& sink,
                                      const std::function<bool(std::size_t nodes)>& progress = {});

struct Imported {
  std::uint64_t put = 0;
  std::uint64_t there = 0;       // tables of a block that the store has already
  std::uint64_t put_events = 0;  // that `events` did not have
  std::uint64_t there_events = 0;
};
/// kInvalidArgument for an archive that is no export of history, kUnsupported for one of a newer version, kMalformed
/// for a damaged one: what was put by then stays, and the same import again goes on. Chunk by chunk as they lie in the
/// file; a node's pods with its first tables. progress(chunks read): false ends it with kUnavailable. `events`: gets
/// those that it does not have; nullptr: they are passed over, and so are extras that this build does not know.
model::Result<Imported> read_archive(SeriesStore& store, const columns::ArchiveReader& archive,
                                     const std::function<bool(std::size_t chunks)>& progress = {},
                                     store::HistoryStore* events = nullptr);

struct SeriesName {
  model::NodeName node;
  Subject subject;
};
/// kInvalidArgument names what is no name of a subject, or has no room.
model::Result<std::string> archive_name(const model::NodeName& node, const Subject& subject);
model::Result<SeriesName> parse_archive_name(std::string_view name);

}  // namespace tideline::series
