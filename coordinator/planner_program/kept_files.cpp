#include "coordinator/planner_program/kept_files.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner_program/sealed_text.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

constexpr std::string_view kKeptSchema = "tideline-kept";

std::string kept_path(const std::string& directory, const std::string& key, const std::string& name) {
  return fmt::format("{}/{}-{}.json", directory, key, name);
}

nlohmann::ordered_json kept_head(const std::string& key, const std::string& name) {
  return {{"schema", std::string(kKeptSchema)}, {"version", 1}, {"key", key}, {"name", name}};
}

std::optional<std::string> find_in(const std::string& directory, const std::string& key, const std::string& name) {
  const auto file = files::MappedFile::open(kept_path(directory, key, name));
  if (!file) return std::nullopt;
  const auto opened = open_text(file->bytes());
  if (!opened || opened->head != nlohmann::json(kept_head(key, name))) return std::nullopt;
  return std::string(opened->body);
}

model::Result<void> keep_in(const std::string& directory, const std::string& key, const std::string& name,
                            const std::string& text) {
  auto file = files::AtomicFile::create(kept_path(directory, key, name));
  if (!file) return file.error();
  if (auto written = file->write(sealed_text(kept_head(key, name), text)); !written) return written;
  return file->commit();
}

}  // namespace

model::Result<planner::Kept> kept_in(const std::string& directory, const std::string& key) {
  if (directory.empty()) return planner::Kept{};
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  if (problem) return model::invalid(fmt::format("--resume {}: {}", directory, problem.message()));
  return planner::Kept{
      .find = [directory, key](const std::string& name) { return find_in(directory, key, name); },
      .keep = [directory, key](const std::string& name,
                               const std::string& text) { return keep_in(directory, key, name, text); }};
}

}  // namespace tideline::planner_program
