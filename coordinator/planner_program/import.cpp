#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/recorded_run.h"
#include "coordinator/planner_program/run.h"
#include "coordinator/planner_program/scene.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::size_t kMostFilesTold = 1'000;

/// As an importer knows a file: without folder and ".gz".
std::string trace_name(const std::string& path) {
  if (path == "-") return "standard-input";
  auto name = name_of(path);
  constexpr std::string_view kEnding = ".gz";
  if (name.ends_with(kEnding)) name.resize(name.size() - kEnding.size());
  return name;
}

double bytes_of(const std::vector<std::string>& paths) {
  double sum = 0;
  for (const auto& path : paths) {
    std::error_code unknown;
    const auto size = std::filesystem::file_size(path, unknown);
    if (!unknown) sum += static_cast<double>(size);
  }
  return sum;
}

Result<void> check_archive_place(const Options& options) {
  const auto& archive = options.trace.archive;
  if (auto good = check_outputs({.json_file = archive}, inputs_of(options)); !good) return good;
  std::error_code none;
  if (options.trace.overwrite || !std::filesystem::exists(archive, none)) return {};
  return model::invalid(fmt::format("{}: is there already; --force writes over it", archive));
}

Result<void> read_traces(const Options& options, Session& session, traces::Importer& importer) {
  const double all = bytes_of(options.files);
  double before = 0;
  for (const auto& path : options.files) {
    if (auto begun = importer.begin_file(trace_name(path)); !begun) return begun;
    std::size_t seen = 0;
    const auto line = [&](std::string_view text) -> Result<void> {
      if (auto on = session.go_on(); !on) return on;
      return importer.line(text);
    };
    const auto progress = [&](std::size_t bytes) {
      seen = bytes;
      if (all > 0) session.meter.show("import", (before + static_cast<double>(seen)) / all);
    };
    if (auto done = files::for_each_line(path, traces::ImportLimits::kMaxLine, line, progress); !done) return done;
    before += static_cast<double>(seen);
  }
  return importer.finish();
}

/// What an archive says of itself. Of many files the first are named, as it has a bound.
std::string about_text(const Options& options, const traces::ImportReport& report) {
  auto names = nlohmann::ordered_json::array();
  for (const auto& path : options.files) {
    if (names.size() == kMostFilesTold) break;
    names.push_back(trace_name(path));
  }
  const auto became = nlohmann::ordered_json::parse(planner_view::json_of("", report), nullptr, false);
  const nlohmann::ordered_json about = {{"program", "tideline-planner " TIDELINE_VERSION},
                                        {"format", std::string(traces::name_of(options.trace.format))},
                                        {"files", options.files.size()},
                                        {"names", std::move(names)},
                                        {"import", became}};
  return about.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string files_title(const std::vector<std::string>& paths) {
  const auto first = trace_name(paths.front());
  return paths.size() == 1 ? first : fmt::format("{} and {} more", first, paths.size() - 1);
}

Result<void> take_mapping(const Options& options, traces::ImportOptions& to) {
  if (options.trace.mapping_file.empty()) return {};
  const auto mapping = files::MappedFile::open(options.trace.mapping_file);
  if (!mapping) return mapping.error();
  to.mapping = std::string(mapping->bytes().substr(0, traces::ImportLimits::kMaxLine));
  to.mapping_name = options.trace.mapping_file;
  return {};
}

/// One of a node that is named as its file is; files are those of one recording, or of several that follow.
Result<void> import_recording(const Options& options, Session& session) {
  auto file = files::AtomicFile::create(options.trace.archive);
  if (!file) return file.error();
  RecordedRun run;
  for (const auto& path : options.files) {
    if (auto on = session.go_on(); !on) return on;
    // FILE.1 is read with FILE.
    const auto whole = path.ends_with(".1") ? path.substr(0, path.size() - 2) : std::string();
    if (std::find(options.files.begin(), options.files.end(), whole) != options.files.end()) continue;
    if (auto read = read_recording(path, run); !read) return read;
  }
  const auto title = files_title(options.files);
  if (run.rounds() == 0) {
    return model::invalid(fmt::format("{}: has no round of pods{}{}; {} is not written", title,
                                      run.first_bad().empty() ? "" : ", and a line that is none: ", run.first_bad(),
                                      options.trace.archive));
  }
  const std::int64_t end_s = run.last_s() + RecordedRun::kStepS;
  nlohmann::ordered_json about = {
      {"tideline", "history"}, {"version", 1}, {"tier", "10s"}, {"from", run.first_s()}, {"to", end_s}};
  about["pods"] = nlohmann::ordered_json::array();
  about["recording"] = title;
  columns::ArchiveWriter writer([&file](std::string_view bytes) { return file->write(bytes); });
  for (const auto& chunk : run.chunks(stem_of(options.files.front()))) {
    if (auto added = writer.add(chunk); !added) return added;
  }
  if (auto finished = writer.finish(about.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
      !finished) {
    return finished;
  }
  if (auto whole = file->commit(); !whole) return whole;
  traces::ImportReport report;
  report.rows[static_cast<std::size_t>(traces::RowClass::kKept)] = run.rounds();
  report.rows[static_cast<std::size_t>(traces::RowClass::kFieldCount)] = run.bad_lines();
  report.examples[static_cast<std::size_t>(traces::RowClass::kFieldCount)] = run.first_bad();
  report.series = run.pods() + 1;
  report.step_s = RecordedRun::kStepS;
  report.first = run.first_s();
  report.last = run.last_s();
  report.notes = {"Lines are the rounds of pods: the others say what rounds rest on. A row is the mean of 10 s."};
  return deliver(options.output, {.text = [&] { return planner_view::text_of(title, report); },
                                  .json = [&] { return planner_view::json_of(title, report); }});
}

}  // namespace

Result<void> run_import(const Options& options, Session& session) {
  if (auto good = check_archive_place(options); !good) return good;
  if (options.trace.recording) return import_recording(options, session);
  traces::ImportOptions asked = options.trace.options;
  if (auto taken = take_mapping(options, asked); !taken) return taken;
  auto file = files::AtomicFile::create(options.trace.archive);
  if (!file) return file.error();
  columns::ArchiveWriter writer([&file](std::string_view bytes) { return file->write(bytes); });
  const auto keep = [&writer](const columns::Chunk& chunk) { return writer.add(chunk); };
  const auto importer = traces::make_importer(options.trace.format, asked, keep);
  if (!importer) return importer.error();
  if (auto read = read_traces(options, session, **importer); !read) return read;
  const auto& report = (*importer)->report();
  if (report.series == 0) {
    return model::invalid(fmt::format("{}: none of {} lines is a row of {}; {} is not written",
                                      files_title(options.files), report.lines(), traces::name_of(options.trace.format),
                                      options.trace.archive));
  }
  if (auto finished = writer.finish(about_text(options, report)); !finished) return finished;
  if (auto whole = file->commit(); !whole) return whole;
  const auto title = files_title(options.files);
  return deliver(options.output, {.text = [&] { return planner_view::text_of(title, report); },
                                  .json = [&] { return planner_view::json_of(title, report); }});
}

}  // namespace tideline::planner_program
