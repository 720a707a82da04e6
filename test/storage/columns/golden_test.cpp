// Bytes as they were once written: archives that people keep have them. By make_golden.py, from docs/archive-format.md.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "storage/columns/archive.h"
#include "storage/columns/archive_parts.h"
#include "storage/columns/chunk_body.h"
#include "storage/columns/envelope.h"
#include "test/messages/codec/golden_hex.h"

namespace tideline::columns::golden_test {
namespace {

const std::string kGoldenArchive =
#include "test/storage/columns/golden_archive.inc"
    ;
const std::string kGoldenExtras =
#include "test/storage/columns/golden_extras.inc"
    ;
constexpr std::string_view kAboutGolden = R"({"source":"golden"})";

std::string golden(const std::string& digits = kGoldenArchive) {
  std::string bytes;
  for (const std::byte byte : codec::unhex(digits))
    bytes.push_back(static_cast<char>(byte));
  return bytes;
}

std::string in_hex(std::string_view bytes) {
  std::vector<std::byte> plain;
  for (const char c : bytes)
    plain.push_back(static_cast<std::byte>(c));
  return codec::hex(plain);
}

Chunk web() {
  constexpr std::int64_t kStep = 16831741;  // of 8415870976 bytes
  return {
      .kind = SeriesKind::kWorkload,
      .series = "web-1",
      .times = {1372637004, 1372637304, 1372637604, 1372637904, 1372638205},
      .columns = {{.id = ColumnId::kCpuRequest, .step = 4, .values = std::vector<std::int64_t>(5, 2000)},
                  {.id = ColumnId::kCpuUsed, .step = 4, .values = {32, kMissing, 40, 12, 12}},
                  {.id = ColumnId::kMemoryRequest, .step = kStep, .values = std::vector<std::int64_t>(5, 500 * kStep)},
                  {.id = ColumnId::kMemoryUsed,
                   .step = kStep,
                   .values = {6 * kStep, 6 * kStep, 11 * kStep, 12 * kStep, 12 * kStep}}}};
}

Chunk batch() {
  Chunk chunk{.kind = SeriesKind::kTasks, .series = "batch", .times = {}, .columns = {}};
  Column cpu{.id = ColumnId::kCpuRequest, .step = 1, .values = {}};
  Column end{.id = ColumnId::kTaskEnd, .step = 1, .values = {}};
  Column instances{.id = ColumnId::kTaskInstances, .step = 1, .values = {}};
  for (std::int64_t row = 0; row < 40; ++row) {
    chunk.times.push_back(1372636800 + 60 * (row / 2));
    cpu.values.push_back(row % 2 == 0 ? 500 : 1000);
    end.values.push_back(chunk.times.back() + 30);
    instances.values.push_back(row % 2 == 0 ? 1 : 40);
  }
  chunk.columns = {cpu, end, instances};
  return chunk;
}

TEST(GoldenArchive, IsReadAsEver) {
  const std::string bytes = golden();
  const auto reader = ArchiveReader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->about(), kAboutGolden);
  ASSERT_EQ(reader->entries().size(), 2U);
  auto chunk = reader->read(reader->entries()[0]);
  ASSERT_TRUE(chunk) << chunk.error().message();
  EXPECT_EQ(*chunk, batch());
  chunk = reader->read(reader->entries()[1]);
  ASSERT_TRUE(chunk) << chunk.error().message();
  EXPECT_EQ(*chunk, web());
}

TEST(GoldenArchive, ItsChunksAreReadByThemselves) {
  const std::string bytes = golden();
  const auto reader = ArchiveReader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message();
  for (const ChunkEntry& entry : reader->entries()) {
    const auto chunk = decode_chunk(std::string_view(bytes).substr(entry.offset, entry.size));
    ASSERT_TRUE(chunk) << chunk.error().message();
    EXPECT_EQ(chunk->series, entry.series);
  }
}

// A frame's bytes are zstd's, and another version of it may make others; all around them is ours.
TEST(GoldenArchive, AChunkIsWrittenAsEver) {
  const std::string body = body_of(web());
  // RFC 8878: a single segment of that size, its one block raw.
  std::string frame("\x28\xb5\x2f\xfd\x20", 5);
  ASSERT_LT(body.size(), 256U);
  frame += static_cast<char>(body.size());
  frame += static_cast<char>((body.size() << 3 | 1U) & 0xFFU);
  frame += static_cast<char>(body.size() >> 5);
  frame += '\0';
  frame += body;
  const std::string bytes = sealed(head_bytes({SeriesKind::kWorkload, "web-1", 5, 4}), frame);
  EXPECT_EQ(in_hex(bytes), in_hex(golden().substr(kArchiveHeaderBytes, bytes.size()))) << "kept archives have these";
}

TEST(GoldenArchive, WhatIsAroundChunksIsWrittenAsEver) {
  const std::string bytes = golden();
  const auto reader = ArchiveReader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message();
  ASSERT_EQ(reader->entries().size(), 2U);
  const std::vector<ChunkEntry> as_written{reader->entries()[1], reader->entries()[0]};
  const std::size_t end = as_written[1].offset + as_written[1].size;
  const std::string index = archive_index(kAboutGolden, as_written);
  const std::string chunks = bytes.substr(kArchiveHeaderBytes, end - kArchiveHeaderBytes);
  EXPECT_EQ(in_hex(archive_header() + chunks + index + archive_footer(end, index)), in_hex(bytes))
      << "kept archives have these";
}

TEST(GoldenArchive, WithExtrasIsReadAsEver) {
  const std::string bytes = golden(kGoldenExtras);
  const auto reader = ArchiveReader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message();
  ASSERT_EQ(reader->entries().size(), 1U);
  const auto chunk = reader->read(reader->entries()[0]);
  ASSERT_TRUE(chunk) << chunk.error().message();
  EXPECT_EQ(*chunk, web());
  ASSERT_EQ(reader->extras().size(), 3U);
  EXPECT_EQ(extra_kind(reader->extras()[0]), ExtraKind::kSketches);
  EXPECT_EQ(reader->read_extra(reader->extras()[0]).value_or(""), "sketches");
  EXPECT_EQ(extra_kind(reader->extras()[1]), ExtraKind::kEvents);
  EXPECT_EQ(reader->extras()[1].series, "/");
  EXPECT_EQ(reader->read_extra(reader->extras()[1]).value_or(""), "an event");
  EXPECT_EQ(reader->extras()[2].first, -1);
}

TEST(GoldenArchive, WhatIsAroundExtrasIsWrittenAsEver) {
  const std::string bytes = golden(kGoldenExtras);
  const auto reader = ArchiveReader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message();
  std::vector<ChunkEntry> as_written = reader->entries();
  as_written.insert(as_written.end(), reader->extras().begin(), reader->extras().end());
  const std::size_t end = as_written.back().offset + as_written.back().size;
  const std::string index = archive_index(kAboutGolden, as_written);
  const std::string written = bytes.substr(kArchiveHeaderBytes, end - kArchiveHeaderBytes);
  EXPECT_EQ(in_hex(archive_header(kExtraArchiveVersion) + written + index + archive_footer(end, index)), in_hex(bytes))
      << "kept archives have these";
}

TEST(GoldenArchive, WriterAddsNothingElse) {
  std::string bytes;
  ArchiveWriter writer([&bytes](std::string_view piece) -> model::Result<void> {
    bytes.append(piece);
    return {};
  });
  ASSERT_TRUE(writer.add(web()));
  ASSERT_TRUE(writer.add(batch()));
  ASSERT_TRUE(writer.finish(kAboutGolden));
  const auto first = encode_chunk(web());
  const auto second = encode_chunk(batch());
  ASSERT_TRUE(first && second);
  const auto reader = ArchiveReader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message();
  const std::string index = archive_index(kAboutGolden, {reader->entries()[1], reader->entries()[0]});
  const std::size_t end = kArchiveHeaderBytes + first->size() + second->size();
  EXPECT_EQ(in_hex(bytes), in_hex(archive_header() + *first + *second + index + archive_footer(end, index)));
}

}  // namespace
}  // namespace tideline::columns::golden_test
