#include "node-actor/fleet/trace_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

namespace tideline::rehearsal {
namespace {

namespace fs = std::filesystem;
using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::size_t kMostLineBytes = 64 << 10;

/// "2.csv" before "10.csv".
bool goes_before(const fs::path& a, const fs::path& b) {
  const auto key = [](const fs::path& path) {
    const std::string stem = path.stem().string();
    const bool number = !stem.empty() && stem.find_first_not_of("0123456789") == std::string::npos;
    return std::tuple(!number, number ? stem.size() : 0, stem);
  };
  return key(a) < key(b);
}

Result<std::vector<fs::path>> files_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    std::error_code problem;
    if (!fs::is_directory(path, problem)) {
      files.emplace_back(path);
      continue;
    }
    std::vector<fs::path> found;
    for (auto entry = fs::directory_iterator(path, problem); !problem && entry != fs::directory_iterator();
         entry.increment(problem)) {
      if (entry->path().extension() == ".csv") found.push_back(entry->path());
    }
    if (problem) return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", path, problem.message()));
    if (found.empty()) return model::invalid(fmt::format("{}: it has no .csv files", path));
    std::sort(found.begin(), found.end(), goes_before);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

Result<void> read_file(const fs::path& path, simulation::TraceReader& reader) {
  errno = 0;
  std::ifstream file(path);
  if (!file) return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  std::size_t number = 0;
  std::vector<char> buffer(kMostLineBytes + 1);
  while (file.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()))) {
    ++number;
    const std::string_view line(buffer.data());
    const auto read = number == 1 ? reader.begin(line, path.stem().string()) : reader.row(line);
    if (!read) return read.error().in(fmt::format("{}:{}", path.string(), number));
  }
  if (!file.eof() && !file.bad()) {
    return model::invalid(
        fmt::format("{}:{}: a line of more than {} bytes", path.string(), number + 1, kMostLineBytes));
  }
  if (file.bad()) return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  if (number == 0) return model::invalid(fmt::format("{}: it is empty", path.string()));
  return {};
}

}  // namespace

Result<simulation::Trace> read_trace(const std::vector<std::string>& paths, model::MilliCpu host_cpu) {
  const auto files = files_of(paths);
  if (!files) return files.error();
  simulation::TraceReader reader(host_cpu);
  for (const auto& file : *files) {
    if (auto read = read_file(file, reader); !read) return read.error();
  }
  auto trace = reader.take();
  if (!trace) return trace.error().in(paths.empty() ? "trace" : paths.front());
  return trace;
}

}  // namespace tideline::rehearsal
