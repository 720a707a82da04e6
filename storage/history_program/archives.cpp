#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storage/files/files.h"
#include "storage/history_program/commands.h"
#include "storage/history_program/place.h"
#include "storage/history_program/text.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/export.h"
#include "storage/series/export_about.h"

namespace tideline::history_program {
namespace {

using model::Result;
using nlohmann::ordered_json;
using rocks::RocksStore;

Result<void> check_new_archive(const Options& options) {
  std::error_code unknown;
  if (options.overwrite || !std::filesystem::exists(options.file, unknown)) return {};
  return model::invalid(fmt::format("{}: is there already; --force writes over it", name_text(options.file)));
}

/// What is asked for, of nodes that the store has.
Result<series::ExportAsk> ask_of(const Options& options, const RocksStore& store,
                                 const std::vector<model::NodeName>& known) {
  series::ExportAsk ask;
  ask.tier = options.tier;
  ask.from = options.from;
  ask.to = options.until;
  ask.pods = options.pods;
  ask.quantiles = options.quantiles;
  ask.events = options.events ? &store : nullptr;
  for (const std::string& name : options.nodes) {
    model::NodeName node(name);
    if (std::find(known.begin(), known.end(), node) == known.end()) {
      return model::Error(
          model::ErrorCode::kNotFound,
          fmt::format("--node {}: history has none of that name, of {} that it has", name_text(name), known.size()));
    }
    ask.nodes.push_back(std::move(node));
  }
  return ask;
}

std::string range_text(const Options& options) {
  return fmt::format("{} .. {}", time_text(options.from.ms / 1000), time_text(options.until.ms / 1000));
}

Result<void> tell_export(const Options& options, const series::Exported& exported) {
  if (options.json) {
    return print_json({{"file", options.file},
                       {"tier", std::string(series::name_of(options.tier))},
                       {"fromWallMs", options.from.ms},
                       {"toWallMs", options.until.ms},
                       {"nodes", exported.nodes},
                       {"tables", exported.tables},
                       {"rows", exported.rows},
                       {"sketches", exported.sketches},
                       {"events", exported.events},
                       {"bytes", exported.bytes}});
  }
  return print(fmt::format("{}: {} rows of {} in {} chunks of {} nodes, quantiles of {} chunks, {} events, {}, {}\n",
                           name_text(options.file), exported.rows, series::name_of(options.tier), exported.tables,
                           exported.nodes, exported.sketches, exported.events, range_text(options),
                           size_text(exported.bytes)));
}

Result<void> tell_import(const Options& options, const std::string& place, const series::Imported& imported) {
  if (options.json) {
    return print_json({{"store", place},
                       {"put", imported.put},
                       {"there", imported.there},
                       {"putEvents", imported.put_events},
                       {"thereEvents", imported.there_events}});
  }
  return print(fmt::format("{}: {} chunks and {} events of {} were put in, {} and {} were there already\n",
                           name_text(place), imported.put, imported.put_events, name_text(options.file), imported.there,
                           imported.there_events));
}

}  // namespace

Result<ExitCode> run_export(const Options& options, Session& session) {
  if (auto good = check_new_archive(options); !good) return good.error();
  const auto place = find_store(options.directory);
  if (!place) return place.error();
  if (auto outside = check_outside(options.file, *place); !outside) return outside.error().in("--output");
  const auto store = RocksStore::open_read_only(*place);
  if (!store) return store.error();
  const auto nodes = (*store)->series_nodes();
  const auto ask = ask_of(options, **store, nodes);
  if (!ask) return ask.error();
  auto file = files::AtomicFile::create(options.file);
  if (!file) return file.error();
  const auto sink = [&](std::string_view bytes) -> Result<void> {
    if (auto on = session.go_on(); !on) return on;
    return file->write(bytes);
  };
  // More where there are events of others; only a status line hangs on it.
  const std::size_t of = ask->nodes.empty() ? nodes.size() : ask->nodes.size();
  const auto exported = series::write_archive(**store, *ask, sink, [&](std::size_t done) {
    session.status.show(fmt::format("export: {} of {} nodes", done, std::max(done, of)));
    return !session.stop;
  });
  session.status.clear();
  if (!exported) return exported.error();
  if (exported->tables == 0 && exported->events == 0) {
    return model::Error(model::ErrorCode::kNotFound,
                        fmt::format("{}: has nothing of {}; {} is not written", name_text(*place), range_text(options),
                                    name_text(options.file)));
  }
  if (auto whole = file->commit(); !whole) return whole.error();
  if (auto told = tell_export(options, *exported); !told) return told.error();
  return kDone;
}

Result<ExitCode> run_import(const Options& options, Session& session) {
  const auto file = files::MappedFile::open(options.file);
  if (!file) return file.error();
  const auto archive = columns::ArchiveReader::open(file->bytes());
  if (!archive) return archive.error().in(options.file);
  // Before a store is made for it.
  if (auto about = series::parse_export_about(archive->about()); !about) return about.error().in(options.file);
  auto place = find_store(options.directory);
  const bool is_new = !place;
  if (is_new) place = new_store(options.directory);
  if (auto unheld = check_free(*place, "stop it first"); !unheld) return unheld.error();
  if (auto on = session.go_on(); !on) return on.error();
  if (is_new) {
    std::error_code problem;
    std::filesystem::create_directories(std::filesystem::path(*place).parent_path(), problem);
    if (problem) {
      return model::Error(model::ErrorCode::kUnavailable,
                          fmt::format("--into {}: {}", name_text(options.directory), problem.message()));
    }
  }
  const auto store = RocksStore::open(*place, {.series = true});
  if (!store) return store.error();
  const std::size_t of = archive->entries().size();
  const auto progress = [&](std::size_t done) {
    session.status.show(fmt::format("import: {} of {} chunks", done, of));
    return !session.stop;
  };
  const auto imported = series::read_archive(**store, *archive, progress, store->get());
  session.status.clear();
  if (!imported) return imported.error().in(options.file);
  if (auto told = tell_import(options, *place, *imported); !told) return told.error();
  return kDone;
}

}  // namespace tideline::history_program
