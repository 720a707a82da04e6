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

namespace tideline::series {

struct ExportAsk {
  std::vector<model::NodeName> nodes;  // empty = all
  Tier tier = Tier::kMinute;
  model::WallTime from;
  model::WallTime to;
  bool pods = true;  // else nodes and workloads alone
};
struct Exported {
  std::uint64_t tables = 0;
  std::uint64_t rows = 0;
  std::uint64_t nodes = 0;
  std::uint64_t bytes = 0;
};
/// Series are named "NODE", "NODE/pod/UID" and "NODE/workload/NAMESPACE/KIND/NAME"; a name beyond
/// ChunkLimits::kMaxName is an error that names it. `about`:
/// {"tideline":"history","version":1,"tier":"1m","from":..,"to":..,"pods":[..]} with the pods' infos; kOverloaded where
/// they take more than kMaxLargeAboutBytes. Chunks by chunk_for_archive(), so that the planner reads the same file:
/// without sketches. Node by node, a table in memory at a time. progress(nodes done): false ends it with kUnavailable.
model::Result<Exported> write_archive(const SeriesStore& store, const ExportAsk& ask,
                                      const columns::ArchiveWriter::Sink& sink,
                                      const std::function<bool(std::size_t nodes)>& progress = {});

struct Imported {
  std::uint64_t put = 0;
  std::uint64_t there = 0;  // tables of a block that the store has already
};
/// kInvalidArgument for an archive that is no export of history, kUnsupported for one of a newer version, kMalformed
/// for a damaged one: what was put by then stays, and the same import again goes on. Chunk by chunk as they lie in the
/// file; a node's pods with its first tables. progress(chunks read): false ends it with kUnavailable.
model::Result<Imported> read_archive(SeriesStore& store, const columns::ArchiveReader& archive,
                                     const std::function<bool(std::size_t chunks)>& progress = {});

struct SeriesName {
  model::NodeName node;
  Subject subject;
};
/// kInvalidArgument names what is no name of a subject, or has no room.
model::Result<std::string> archive_name(const model::NodeName& node, const Subject& subject);
model::Result<SeriesName> parse_archive_name(std::string_view name);

}  // namespace tideline::series
