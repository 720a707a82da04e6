#include "storage/files/directory.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

namespace tideline::files {

model::Result<void> make_directory(const std::string& directory) {
  std::filesystem::path path(directory);
  // With a slash at its end it would itself be what is above it.
  if (!path.has_filename()) path = path.parent_path();
  std::error_code problem;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), problem);
  if (!problem && ::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    problem = std::error_code(errno, std::generic_category());
  }
  if (!problem && !std::filesystem::is_directory(path, problem) && !problem) {
    problem = std::make_error_code(std::errc::not_a_directory);
  }
  if (problem) return model::Error(model::ErrorCode::kUnavailable, fmt::format("{}: {}", directory, problem.message()));
  return {};
}

}  // namespace tideline::files
