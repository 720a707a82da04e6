#pragma once
// What questions are asked of: an archive's data, or a store's, and the world that they are in.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/history_archive.h"
#include "coordinator/planner/world.h"
#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/session.h"
#include "coordinator/planner_view/view.h"
#include "messages/model/result.h"
#include "storage/columns/archive.h"
#include "storage/files/files.h"

namespace tideline::planner_program {

struct OpenArchive {
  files::MappedFile file;  // outlives its reader
  columns::ArchiveReader reader;
};
/// Errors name the path.
model::Result<OpenArchive> open_archive(const std::string& path);

/// What questions are asked of: an archive, or what a store of history has of the range, as one.
struct Source {
  std::unique_ptr<OpenArchive> archive;
  planner::DatasetRange range;                     // of a store with the step that it was read by
  std::optional<planner::HistoryArchive> history;  // an export of history
  /// Workloads are on the hosts that they were on, which history alone knows.
  bool is_recorded = false;
};
/// The first file of the command line. kInvalidArgument for a placement that it does not know.
model::Result<Source> open_source(const Options& options, Session& session);

/// What an answer hangs on: this program's version, the command without what changes nothing in it, the data, the batch
/// work and `policy`.
model::Result<std::string> key_of(const Options& options, const Source& source, std::string_view policy);

struct Scene {
  planner::Dataset data;
  planner::World world;
  std::vector<std::string> notes;  // besides those of the data's counts
};
/// All of it, with the batch work that the command line names. `data` alone: no world.
model::Result<Scene> load_data(const Options& options, const Source& source);
model::Result<Scene> load_scene(const Options& options, const Source& source);

/// "july.tla: 435 workloads, 2013-07-01T00:00:00Z to 2013-07-15T00:00:00Z, steps of 300 s": what a replay ran on.
std::string data_line(const Options& options, const planner::Dataset& data);
/// "42 hosts of 64 cores and 256 GiB ...".
std::string world_line(const Options& options, const planner::World& world);

/// What stands over a report, but for the notes on the data: parts of the hosts count each for themselves what was made
/// of it.
struct Heading {
  std::string data;                       // data_line()
  std::string world;                      // world_line(); "" for none
  planner_view::Preface preface;          // without notes
  std::vector<std::string> notes_before;  // of the world
  std::vector<std::string> notes_after;
};
/// `what`: "Replay"; `live`: which of its decisions the live code makes; `world`: nullptr for none.
Heading heading_of(std::string_view what, std::string_view live, const Options& options, const planner::Dataset& data,
                   const planner::World* world, std::vector<std::string> notes);
Heading heading_of(std::string_view what, std::string_view live, const Options& options, const Scene& scene);
planner_view::Preface preface_of(const Heading& heading, const planner::DataCounts& counts);

/// Its last path component; that without an ending.
std::string name_of(const std::string& path);
std::string stem_of(const std::string& path);

}  // namespace tideline::planner_program
