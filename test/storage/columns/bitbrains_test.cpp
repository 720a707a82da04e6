// Real VMs, as they were measured: 20 of them, a month each, every 300 s.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/columns/archive.h"
#include "storage/files/files.h"

namespace tideline::columns::bitbrains_test {
namespace {

constexpr int kVms = 20;

std::string traces() {
  if (const char* given = std::getenv("TIDELINE_TRACES")) return given;
  const char* source = std::getenv("TIDELINE_SOURCE");
  return fmt::format("{}/../shared/traces", source != nullptr ? source : ".");
}

/// The fields of "time; cores; MHz provisioned; MHz used; %; KB provisioned; KB used; ...".
std::array<double, 7> fields_of(std::string_view line) {
  std::array<double, 7> fields{};
  for (double& field : fields) {
    field = std::strtod(std::string(line.substr(0, line.find(';'))).c_str(), nullptr);
    line.remove_prefix(std::min(line.size(), line.find(';') + 1));
  }
  return fields;
}

/// Values as measured, steps by capacity.
model::Result<Chunk> vm_of(const std::string& path, const std::string& name) {
  Chunk chunk{.kind = SeriesKind::kWorkload, .series = name, .times = {}, .columns = {}};
  std::array<std::vector<std::int64_t>, 4> values;
  bool header = true;
  const auto read = files::for_each_line(path, 4096, [&](std::string_view line) -> model::Result<void> {
    if (std::exchange(header, false)) return {};
    const auto f = fields_of(line);
    const auto time = static_cast<std::int64_t>(f[0]);
    if (!chunk.times.empty() && time <= chunk.times.back()) return {};
    chunk.times.push_back(time);
    values[0].push_back(std::llround(f[1] * 1000));
    values[1].push_back(f[2] > 0 ? std::llround(f[1] * 1000 * f[3] / f[2]) : 0);
    values[2].push_back(std::llround(f[5] * 1024));
    values[3].push_back(std::llround(f[6] * 1024));
    return {};
  });
  if (!read) return read.error();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& request = values[i / 2 * 2];
    const std::int64_t step = i % 2 == 0 || request.empty() ? 1 : step_for(request.front());
    chunk.columns.push_back({.id = static_cast<ColumnId>(i + 1), .step = step, .values = values[i]});
  }
  return chunk;
}

/// Of a whole archive of these columns.
double bytes_a_sample(const std::vector<Chunk>& chunks, const std::vector<ColumnId>& ids) {
  std::size_t bytes = 0;
  std::size_t samples = 0;
  ArchiveWriter writer([&bytes](std::string_view piece) -> model::Result<void> {
    bytes += piece.size();
    return {};
  });
  for (const Chunk& whole : chunks) {
    Chunk chunk = whole;
    std::erase_if(chunk.columns,
                  [&ids](const Column& column) { return std::find(ids.begin(), ids.end(), column.id) == ids.end(); });
    EXPECT_TRUE(writer.add(chunk));
    samples += chunk.rows() * chunk.columns.size();
  }
  EXPECT_TRUE(writer.finish("{}"));
  return static_cast<double>(bytes) / static_cast<double>(samples);
}

TEST(BitbrainsArchive, TakesLessThanAByteASample) {
  const std::string folder = traces() + "/dev-bitbrains-rnd-2013-07/raw";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "needs the trace in " << folder;
  std::vector<Chunk> chunks;
  for (int vm = 1; vm <= kVms; ++vm) {
    auto chunk = vm_of(fmt::format("{}/{}.csv.gz", folder, vm), fmt::format("vm-{}", vm));
    ASSERT_TRUE(chunk) << chunk.error().message();
    ASSERT_GT(chunk->rows(), 100U);
    chunks.push_back(std::move(*chunk));
  }
  using enum ColumnId;
  const double all = bytes_a_sample(chunks, {kCpuRequest, kCpuUsed, kMemoryRequest, kMemoryUsed});
  const double used = bytes_a_sample(chunks, {kCpuUsed, kMemoryUsed});
  const double allocated = bytes_a_sample(chunks, {kCpuRequest, kMemoryRequest});
  RecordProperty("bytes_a_sample", fmt::format("all {:.3f}, used {:.3f}, allocated {:.3f}", all, used, allocated));
  EXPECT_LE(all, 1.0);
  EXPECT_LE(used, 1.5);
  EXPECT_LE(allocated, 0.2);
}

TEST(BitbrainsArchive, IsNowhereOffByMoreThanAThousandthOfTheCapacity) {
  const std::string folder = traces() + "/dev-bitbrains-rnd-2013-07/raw";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "needs the trace in " << folder;
  for (const int vm : {1, 7, 14}) {
    SCOPED_TRACE(testing::Message() << "vm " << vm);
    const auto chunk = vm_of(fmt::format("{}/{}.csv.gz", folder, vm), "vm");
    ASSERT_TRUE(chunk) << chunk.error().message();
    const auto bytes = encode_chunk(*chunk);
    ASSERT_TRUE(bytes) << bytes.error().message();
    const auto back = decode_chunk(*bytes);
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(back->times, chunk->times);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::int64_t capacity = chunk->columns[i / 2 * 2].values.front();
      std::int64_t worst = 0;
      for (std::size_t row = 0; row < chunk->rows(); ++row)
        worst = std::max(worst, std::abs(back->columns[i].values[row] - chunk->columns[i].values[row]));
      EXPECT_LE(worst * 1000, capacity) << "column " << i + 1;
    }
  }
}

}  // namespace
}  // namespace tideline::columns::bitbrains_test
