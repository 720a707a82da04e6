#include "coordinator/planner_program/scene.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

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

std::string cores_text(double millicores) {
  return planner_view::amount(millicores / 1'000);
}

std::string gib_text(double mib) {
  return planner_view::amount(mib / kMibOfGib);
}

std::string not_placed_note(const Scene& scene) {
  std::string names;
  for (std::size_t i = 0; i < std::min(scene.world.not_placed.size(), kMostNamesTold); ++i) {
    const auto& name = scene.data.workloads[scene.world.not_placed[i]].name;
    names += (i == 0 ? "" : ", ") + model::printable(name, kMostNameBytes);
  }
  const bool more = scene.world.not_placed.size() > kMostNamesTold;
  return fmt::format("{} workloads are left out, as they are larger than a host or there was no room: {}{}",
                     scene.world.not_placed.size(), names, more ? " ..." : "");
}

}  // namespace

Result<OpenArchive> open_archive(const std::string& path) {
  auto file = files::MappedFile::open(path);
  if (!file) return file.error();
  auto reader = columns::ArchiveReader::open(file->bytes());
  if (!reader) return reader.error().in(path);
  return OpenArchive{*std::move(file), *std::move(reader)};
}

Result<planner::Dataset> load_data(const Options& options) {
  const auto& path = options.files.front();
  const auto archive = open_archive(path);
  if (!archive) return archive.error();
  auto data = planner::read_dataset(archive->reader, options.range);
  if (!data) return data.error().in(path);
  if (!options.batch.tasks.empty()) {
    const auto other = open_archive(options.batch.tasks);
    if (!other) return other.error();
    auto tasks = planner::read_dataset(other->reader, {});
    if (!tasks) return tasks.error().in(options.batch.tasks);
    if (tasks->tasks.empty()) return model::invalid(fmt::format("{}: has no batch tasks", options.batch.tasks));
    // Nobody recorded them beside these services: they begin where the data does.
    const std::int64_t later = data->begin_s - tasks->tasks.front().begin_s;
    for (auto& task : tasks->tasks) {
      task.begin_s += later;
      task.end_s += later;
    }
    data->tasks = std::move(tasks->tasks);
    data->notes.push_back(fmt::format("The {} batch tasks are those of {}, the first at the begin of the data.",
                                      data->tasks.size(), name_of(options.batch.tasks)));
    for (auto& note : tasks->notes)
      data->notes.push_back(std::move(note));
  }
  return data;
}

Result<Scene> load_scene(const Options& options) {
  auto data = load_data(options);
  if (!data) return data.error();
  auto world = planner::pack(*data, options.pack);
  if (!world) return world.error().in(options.files.front());
  return Scene{*std::move(data), *std::move(world)};
}

std::string data_line(const Options& options, const planner::Dataset& data) {
  using planner_view::utc_text;
  return fmt::format("{}: {} workloads, {} to {}, steps of {}", name_of(options.files.front()), data.workloads.size(),
                     utc_text(data.begin_s), utc_text(data.time_of(data.steps)),
                     planner_view::length_text(data.step_s));
}

std::string world_line(const Options& options, const Scene& scene) {
  const auto& shape = scene.world.shape;
  return fmt::format(
      "{} hosts of {} cores and {} GiB, {} and {} of these for the system; whole requests packed first fit, "
      "decreasing, up to {} % of CPU and {} % of memory, seed {}",
      scene.world.hosts.size(), cores_text(shape.cpu_millicores), gib_text(shape.memory_mib),
      cores_text(shape.system_cpu_millicores), gib_text(shape.system_memory_mib),
      planner_view::amount(options.pack.cpu_fill_percent), planner_view::amount(options.pack.memory_fill_percent),
      options.pack.seed);
}

planner_view::Preface preface_of(std::string_view what, std::string_view live, const Options& options,
                                 const planner::Dataset& data) {
  planner_view::Preface preface;
  preface.title = fmt::format("{} of {}", what, name_of(options.files.front()));
  preface.command = options.command_line;
  preface.facts = {fmt::format("data: {}", data_line(options, data)),
                   fmt::format("time base: {}", planner_view::length_text(data.step_s)),
                   fmt::format("live code: {}", live)};
  preface.notes = data.notes;
  preface.notes.emplace_back(kNotModelled);
  return preface;
}

planner_view::Preface preface_of(std::string_view what, std::string_view live, const Options& options,
                                 const Scene& scene) {
  auto preface = preface_of(what, live, options, scene.data);
  preface.facts.insert(preface.facts.begin() + 1, fmt::format("world: {}", world_line(options, scene)));
  if (!scene.world.not_placed.empty()) preface.notes.insert(preface.notes.begin(), not_placed_note(scene));
  return preface;
}

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string stem_of(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

}  // namespace tideline::planner_program
