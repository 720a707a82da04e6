#include "coordinator/actor/policy_dir.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "coordinator/policy/limits.h"

namespace tideline::coordinator {
namespace {

namespace fs = std::filesystem;
using model::Error;
using model::ErrorCode;

Error io_error(const std::string& path, const std::error_code& problem) {
  ErrorCode code = ErrorCode::kUnavailable;
  if (problem == std::errc::no_such_file_or_directory || problem == std::errc::not_a_directory) {
    code = ErrorCode::kNotFound;
  } else if (problem == std::errc::permission_denied) {
    code = ErrorCode::kPermissionDenied;
  }
  return {code, fmt::format("{}: {}", path, problem.message())};
}

}  // namespace

model::Result<std::vector<policy::Document>> read_policy_dir(const std::string& directory) {
  std::error_code problem;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(directory, problem), end; !problem && it != end; it.increment(problem)) {
    const auto name = it->path().filename().string();
    if (name.starts_with('.') || it->path().extension() != ".json") continue;
    std::error_code ignored;
    if (it->is_regular_file(ignored)) files.push_back(it->path());
    if (files.size() > policy::Limits::kMaxDocuments) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("{}: more than {} .json files", directory, policy::Limits::kMaxDocuments));
    }
  }
  if (problem) return io_error(directory, problem);
  std::sort(files.begin(), files.end());

  std::vector<policy::Document> documents;
  for (const auto& file : files) {
    const auto size = fs::file_size(file, problem);
    if (problem) return io_error(file.string(), problem);
    if (size > policy::Limits::kMaxTextBytes) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("{}: {} bytes, limit {}", file.string(), size, policy::Limits::kMaxTextBytes));
    }
    std::ifstream in(file, std::ios::binary);
    if (!in) return io_error(file.string(), std::error_code(errno, std::generic_category()));
    std::string text(size + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return io_error(file.string(), std::error_code(errno, std::generic_category()));
    const auto got = static_cast<std::size_t>(in.gcount());
    if (got > size) return Error(ErrorCode::kUnavailable, fmt::format("{}: grows while it is read", file.string()));
    text.resize(got);
    documents.push_back({file.string(), std::move(text)});
  }
  return documents;
}

}  // namespace tideline::coordinator
