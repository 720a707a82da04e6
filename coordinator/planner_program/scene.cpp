#include "coordinator/planner_program/scene.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/history_about.h"
#include "coordinator/planner_program/fingerprint.h"
#include "coordinator/planner_program/store_export.h"
#include "coordinator/planner_view/figures.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::size_t kMostNamesTold = 5;
constexpr std::size_t kMostNameBytes = 80;
constexpr double kMibOfGib = 1024;
constexpr std::string_view kNotModelled =
    "Not modelled: last-level cache and memory bandwidth, disks and network, fragmentation below a host, and what "
    "happens within a step.";

constexpr std::string_view kHostsNotTaken =
    "Hosts are those that were recorded: --hosts, --host-cpu, --host-memory, --system-cpu and --system-memory have no "
    "part in this; with --placement packed they have.";

std::string cores_text(double millicores) {
  return planner_view::amount(millicores / 1'000);
}

std::string gib_text(double mib) {
  return planner_view::amount(mib / kMibOfGib);
}

std::string not_placed_note(const planner::Dataset& data, const planner::World& world) {
  std::string names;
  for (std::size_t i = 0; i < std::min(world.not_placed.size(), kMostNamesTold); ++i) {
    const auto& name = data.workloads[world.not_placed[i]].name;
    names += (i == 0 ? "" : ", ") + model::printable(name, kMostNameBytes);
  }
  const bool more = world.not_placed.size() > kMostNamesTold;
  return fmt::format("{} workloads are left out, as they are larger than a host or there was no room: {}{}",
                     world.not_placed.size(), names, more ? " ..." : "");
}

/// Whether the command line says anything of hosts to pack onto.
bool tells_of_hosts(const planner::PackOptions& pack) {
  const planner::HostShape usual;
  const auto all_of = [](const planner::HostShape& shape) {
    return std::tie(shape.cpu_millicores, shape.memory_mib, shape.system_cpu_millicores, shape.system_memory_mib);
  };
  return pack.hosts > 0 || all_of(pack.host) != all_of(usual);
}

/// Of another archive, whose tasks nobody recorded beside these services: they begin where the data does.
Result<void> take_tasks(const Options& options, Scene& scene) {
  const auto other = open_archive(options.batch.tasks);
  if (!other) return other.error();
  auto tasks = planner::read_dataset(other->reader, {});
  if (!tasks) return tasks.error().in(options.batch.tasks);
  if (tasks->tasks.empty()) return model::invalid(fmt::format("{}: has no batch tasks", options.batch.tasks));
  const std::int64_t later = scene.data.begin_s - tasks->tasks.front().begin_s;
  for (auto& task : tasks->tasks) {
    task.begin_s += later;
    task.end_s += later;
  }
  scene.data.tasks = std::move(tasks->tasks);
  scene.notes.push_back(fmt::format("The {} batch tasks are those of {}, the first at the begin of the data.",
                                    scene.data.tasks.size(), name_of(options.batch.tasks)));
  for (auto& note : tasks->notes)
    scene.notes.push_back(std::move(note));
  return {};
}

}  // namespace

Result<OpenArchive> open_archive(const std::string& path) {
  auto file = files::MappedFile::open(path);
  if (!file) return file.error();
  auto reader = columns::ArchiveReader::open(file->bytes());
  if (!reader) return reader.error().in(path);
  return OpenArchive{*std::move(file), *std::move(reader)};
}

Result<Source> open_source(const Options& options, Session& session) {
  const auto& path = options.files.front();
  Source source;
  source.range = options.range;
  std::error_code none;
  auto archive =
      std::filesystem::is_directory(path, none) ? export_of_store(path, source.range, session) : open_archive(path);
  if (!archive) return archive.error();
  source.archive = std::make_unique<OpenArchive>(*std::move(archive));
  const auto about = planner::history_about(source.archive->reader.about());
  if (!about) return about.error().in(path);
  if (*about) {
    auto history = planner::HistoryArchive::open(source.archive->reader, source.range);
    if (!history) return history.error().in(path);
    source.history = *std::move(history);
  } else if (options.placement == Placement::kRecorded) {
    return model::invalid(
        fmt::format("--placement recorded: {} is no export of history, and does not say where "
                    "workloads were",
                    path));
  }
  source.is_recorded = source.history.has_value() && options.placement != Placement::kPacked;
  return source;
}

Result<std::string> key_of(const Options& options, const Source& source, std::string_view policy) {
  Fingerprint key;
  key.add(std::string_view(TIDELINE_VERSION));
  key.add(options.command_line);
  key.add(fingerprint_of(source.archive->reader));
  if (!options.batch.tasks.empty()) {
    const auto tasks = open_archive(options.batch.tasks);
    if (!tasks) return tasks.error();
    key.add(fingerprint_of(tasks->reader));
  }
  key.add(policy);
  return key.text();
}

Result<Scene> load_data(const Options& options, const Source& source) {
  auto data = source.history ? source.history->read({0, source.history->hosts()})
                             : planner::read_dataset(source.archive->reader, source.range);
  if (!data) return data.error().in(options.files.front());
  Scene scene{*std::move(data), {}, {}};
  if (!options.batch.tasks.empty()) {
    if (auto taken = take_tasks(options, scene); !taken) return taken.error();
  }
  if (options.batch.recorded && scene.data.tasks.empty()) {
    return model::invalid(fmt::format("--recorded-batch: {} has no batch work in the range", options.files.front()));
  }
  return scene;
}

Result<Scene> load_scene(const Options& options, const Source& source) {
  auto scene = load_data(options, source);
  if (!scene) return scene;
  auto world = source.is_recorded ? planner::recorded_world(scene->data) : planner::pack(scene->data, options.pack);
  if (!world) return world.error().in(options.files.front());
  scene->world = *std::move(world);
  return scene;
}

std::string data_line(const Options& options, const planner::Dataset& data) {
  using planner_view::utc_text;
  const auto what = data.all_hosts > 0 ? fmt::format("{} hosts with {} series of pods", data.all_hosts, data.all_pods)
                                       : fmt::format("{} workloads", data.workloads.size());
  return fmt::format("{}: {}, {} to {}, steps of {}", name_of(options.files.front()), what, utc_text(data.begin_s),
                     utc_text(data.time_of(data.steps)), planner_view::length_text(data.step_s));
}

std::string world_line(const Options& options, const planner::World& world) {
  if (world.recorded) {
    return fmt::format(
        "{} hosts as recorded, each with its own capacity and system, and on each the pods that were "
        "there",
        world.hosts_of_fleet());
  }
  const auto& shape = world.shape;
  return fmt::format(
      "{} hosts of {} cores and {} GiB, {} and {} of these for the system; whole requests packed first fit, "
      "decreasing, up to {} % of CPU and {} % of memory, seed {}",
      world.hosts_of_fleet(), cores_text(shape.cpu_millicores), gib_text(shape.memory_mib),
      cores_text(shape.system_cpu_millicores), gib_text(shape.system_memory_mib),
      planner_view::amount(options.pack.cpu_fill_percent), planner_view::amount(options.pack.memory_fill_percent),
      options.pack.seed);
}

Heading heading_of(std::string_view what, std::string_view live, const Options& options, const planner::Dataset& data,
                   const planner::World* world, std::vector<std::string> notes) {
  Heading heading;
  heading.data = data_line(options, data);
  if (world != nullptr) heading.world = world_line(options, *world);
  auto& preface = heading.preface;
  preface.title = fmt::format("{} of {}", what, name_of(options.files.front()));
  preface.command = options.command_line;
  preface.facts.push_back(fmt::format("data: {}", heading.data));
  if (world != nullptr) preface.facts.push_back(fmt::format("world: {}", heading.world));
  preface.facts.push_back(fmt::format("time base: {}", planner_view::length_text(data.step_s)));
  preface.facts.push_back(fmt::format("live code: {}", live));
  if (world != nullptr && !world->not_placed.empty()) heading.notes_before.push_back(not_placed_note(data, *world));
  if (data.all_hosts > 0 && options.placement != Placement::kPacked && tells_of_hosts(options.pack)) {
    heading.notes_before.emplace_back(kHostsNotTaken);
  }
  heading.notes_after = std::move(notes);
  heading.notes_after.emplace_back(kNotModelled);
  return heading;
}

Heading heading_of(std::string_view what, std::string_view live, const Options& options, const Scene& scene) {
  return heading_of(what, live, options, scene.data, &scene.world, scene.notes);
}

planner_view::Preface preface_of(const Heading& heading, const planner::DataCounts& counts) {
  planner_view::Preface preface = heading.preface;
  preface.notes = heading.notes_before;
  for (auto& note : planner::notes_of(counts))
    preface.notes.push_back(std::move(note));
  preface.notes.insert(preface.notes.end(), heading.notes_after.begin(), heading.notes_after.end());
  return preface;
}

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string stem_of(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

}  // namespace tideline::planner_program
