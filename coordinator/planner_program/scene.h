#pragma once
// What questions are asked of: an archive's data, and the world that they are packed onto.

#include <string>
#include <string_view>

#include "coordinator/planner/dataset.h"
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

/// The first file of the command line, within its range.
model::Result<planner::Dataset> load_data(const Options& options);

struct Scene {
  planner::Dataset data;
  planner::World world;
};
model::Result<Scene> load_scene(const Options& options);

/// "july.tla: 435 workloads, 2013-07-01T00:00:00Z to 2013-07-15T00:00:00Z, steps of 300 s": what a replay ran on.
std::string data_line(const Options& options, const planner::Dataset& data);
/// "42 hosts of 64 cores and 256 GiB ...".
std::string world_line(const Options& options, const Scene& scene);

/// With what is to be said of the data. `what`: "Replay"; `live`: which of its decisions the live code makes.
planner_view::Preface preface_of(std::string_view what, std::string_view live, const Options& options,
                                 const planner::Dataset& data);
/// And of the world.
planner_view::Preface preface_of(std::string_view what, std::string_view live, const Options& options,
                                 const Scene& scene);

/// Its last path component; that without an ending.
std::string name_of(const std::string& path);
std::string stem_of(const std::string& path);

}  // namespace tideline::planner_program
