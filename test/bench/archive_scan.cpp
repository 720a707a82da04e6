// How fast the chunks of an archive are read: CRC, zstd, and every column as integers; and what a sample takes on disk,
// with all columns, with those of use only and with those of requests and capacities only.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "storage/columns/archive.h"

namespace {

using namespace tideline;
using columns::Chunk;
using columns::ColumnId;

constexpr std::int64_t kStepSeconds = 300;
constexpr std::int64_t kBeginSeconds = 1'790'000'100;

double process_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// A VM whose use follows the hour of the day and is noisy: two cores, 8 GiB.
Chunk synthetic(const std::string& name, std::int64_t rows, std::mt19937_64& random) {
  constexpr std::int64_t kCores = 2'000;
  constexpr std::int64_t kMemory = std::int64_t{8} << 30;
  const auto below = [&random](std::int64_t bound) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
  };
  Chunk chunk{.kind = columns::SeriesKind::kWorkload, .series = name, .times = {}, .columns = {}};
  std::vector<std::int64_t> cpu;
  std::vector<std::int64_t> memory;
  std::int64_t active = kMemory / 8;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t minute = row * kStepSeconds / 60 % 1'440;
    const std::int64_t by_day = minute < 720 ? minute : 1'440 - minute;
    active = std::clamp<std::int64_t>(active + below(kMemory / 20) - kMemory / 40, 0, kMemory);
    chunk.times.push_back(kBeginSeconds + row * kStepSeconds);
    cpu.push_back(40 + by_day / 4 + below(60));
    memory.push_back(active);
  }
  const auto count = static_cast<std::size_t>(rows);
  chunk.columns.push_back({.id = ColumnId::kCpuRequest, .step = 1, .values = std::vector(count, kCores)});
  chunk.columns.push_back({.id = ColumnId::kCpuUsed, .step = columns::step_for(kCores), .values = std::move(cpu)});
  chunk.columns.push_back({.id = ColumnId::kMemoryRequest, .step = 1, .values = std::vector(count, kMemory)});
  chunk.columns.push_back(
      {.id = ColumnId::kMemoryUsed, .step = columns::step_for(kMemory), .values = std::move(memory)});
  return chunk;
}

columns::ArchiveWriter::Sink into(std::string& file) {
  return [&file](std::string_view bytes) -> model::Result<void> {
    file.append(bytes);
    return {};
  };
}

model::Result<std::string> synthetic_archive(int series, int days) {
  std::mt19937_64 random(1);
  std::string file;
  columns::ArchiveWriter writer(into(file));
  for (int i = 0; i < series; ++i) {
    const auto chunk = synthetic(fmt::format("vm-{:05}", i), days * 86'400 / kStepSeconds, random);
    if (const auto added = writer.add(chunk); !added) return added.error();
  }
  if (const auto finished = writer.finish(R"({"source":"synthetic"})"); !finished) return finished.error();
  return file;
}

model::Result<std::string> file_at(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes;
  std::vector<char> piece(1 << 20);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)
    bytes.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  if (!in.eof()) return model::Error(model::ErrorCode::kNotFound, path + ": cannot be read");
  return bytes;
}

struct Scan {
  std::uint64_t rows = 0;
  std::uint64_t samples = 0;  // values of all columns; times are none
  std::uint64_t known = 0;    // that are not missing
};

/// Each value is looked at once, as whoever reads an archive does.
model::Result<Scan> scan(const columns::ArchiveReader& archive) {
  Scan seen;
  for (const auto& entry : archive.entries()) {
    const auto chunk = archive.read(entry);
    if (!chunk) return chunk.error();
    seen.rows += chunk->rows();
    for (const auto& column : chunk->columns) {
      seen.samples += column.values.size();
      seen.known += static_cast<std::uint64_t>(
          std::count_if(column.values.begin(), column.values.end(), [](std::int64_t v) { return v >= 0; }));
    }
  }
  return seen;
}

bool is_use(ColumnId id) {
  return id == ColumnId::kCpuUsed || id == ColumnId::kMemoryUsed;
}

bool is_allocation(ColumnId id) {
  return id == ColumnId::kCpuRequest || id == ColumnId::kMemoryRequest || id == ColumnId::kCpuCapacity ||
         id == ColumnId::kMemoryCapacity;
}

/// Of the same archive with no other columns, times and index included; "-" if there is nothing in it.
model::Result<std::string> bytes_a_sample(const columns::ArchiveReader& archive, bool (*wanted)(ColumnId)) {
  std::uint64_t bytes = 0;
  std::uint64_t samples = 0;
  columns::ArchiveWriter writer([&bytes](std::string_view piece) -> model::Result<void> {
    bytes += piece.size();
    return {};
  });
  for (const auto& entry : archive.entries()) {
    auto chunk = archive.read(entry);
    if (!chunk) return chunk.error();
    std::erase_if(chunk->columns, [wanted](const columns::Column& column) { return !wanted(column.id); });
    if (chunk->columns.empty()) continue;
    samples += chunk->rows() * chunk->columns.size();
    if (const auto added = writer.add(*chunk); !added) return added.error();
  }
  if (const auto finished = writer.finish(archive.about()); !finished) return finished.error();
  if (samples == 0) return std::string("-");
  return fmt::format("{:.3f}", static_cast<double>(bytes) / static_cast<double>(samples));
}

int failed(const model::Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("How fast an archive is read, and what a sample takes in it.");
  std::string path;
  int series = 435;
  int days = 14;
  int rounds = 5;
  app.add_option("FILE", path, "an archive by `tideline-planner import`; without one, a synthetic one is made");
  app.add_option("--series", series, "of the synthetic one, four columns each")->check(CLI::Range(1, 100'000));
  app.add_option("--days", days, "of it, a row each 300 s")->check(CLI::Range(1, 3'000));
  app.add_option("--rounds", rounds, "over the whole archive")->check(CLI::Range(1, 1'000));
  CLI11_PARSE(app, argc, argv);

  const auto file = path.empty() ? synthetic_archive(series, days) : file_at(path);
  if (!file) return failed(file.error());
  const auto archive = columns::ArchiveReader::open(*file);
  if (!archive) return failed(archive.error());

  Scan seen;
  std::vector<double> spent_s;
  for (int round = 0; round < rounds; ++round) {
    const double begin = process_cpu_s();
    const auto scanned = scan(*archive);
    spent_s.push_back(process_cpu_s() - begin);
    if (!scanned) return failed(scanned.error());
    seen = *scanned;
  }
  if (seen.samples == 0) {
    fmt::print(stderr, "{}: no samples in {} chunks\n", path, archive->entries().size());
    return 1;
  }
  const auto used = bytes_a_sample(*archive, is_use);
  if (!used) return failed(used.error());
  const auto allocated = bytes_a_sample(*archive, is_allocation);
  if (!allocated) return failed(allocated.error());

  std::sort(spent_s.begin(), spent_s.end());
  const auto samples = static_cast<double>(seen.samples);
  const auto rate = [samples](double seconds) { return samples / std::max(seconds, 1e-9) / 1e6; };
  fmt::print("{}: {} chunks, {} rows, {} samples, {} of them known, {} bytes; {} rounds, process CPU\n\n",
             path.empty() ? "synthetic" : path, archive->entries().size(), seen.rows, seen.samples, seen.known,
             file->size(), rounds);
  fmt::print("M samples/s/core  slowest  fastest  B/sample  used only  allocated only\n");
  fmt::print("----------------  -------  -------  --------  ---------  --------------\n");
  fmt::print("{:16.1f}  {:7.1f}  {:7.1f}  {:8.3f}  {:>9}  {:>14}\n", rate(spent_s[spent_s.size() / 2]),
             rate(spent_s.back()), rate(spent_s.front()), static_cast<double>(file->size()) / samples, *used,
             *allocated);
  return 0;
}
