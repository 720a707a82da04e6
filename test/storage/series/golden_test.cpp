// Bytes as they were once written: stores and archives that people keep have them. By make_golden.py, from
// docs/history-format.md.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "storage/columns/chunk_body.h"
#include "storage/columns/envelope.h"
#include "storage/series/sketch_bytes.h"
#include "storage/series/table_bytes.h"
#include "test/messages/codec/golden_hex.h"

namespace tideline::series::golden_test {
namespace {

const std::string kGoldenChunk =
#include "test/storage/series/golden_chunk.inc"
    ;
const std::string kGoldenArchived =
#include "test/storage/series/golden_archived.inc"
    ;
const std::string kGoldenSketches =
#include "test/storage/series/golden_sketches.inc"
    ;

const Subject kGoldenPod{.kind = SubjectKind::kPod, .name = "uid-1"};
constexpr std::int64_t kGoldenBegin = 1'699'999'200;
constexpr std::string_view kArchivedName = "n1/pod/uid-1";

std::string bytes_of(const std::string& digits) {
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

/// RFC 8878: a single segment of that size, its one block raw.
std::string raw_frame(const std::string& content) {
  EXPECT_LT(content.size(), 256U);
  std::string frame("\x28\xb5\x2f\xfd\x20", 5);
  frame += static_cast<char>(content.size());
  frame += static_cast<char>((content.size() << 3 | 1U) & 0xFFU);
  frame += static_cast<char>(content.size() >> 5);
  frame += '\0';
  return frame + content;
}

Summary seen(std::int64_t least, std::int64_t mean, std::int64_t most, std::uint64_t count) {
  return {.count = count, .min = least, .max = most, .sum = mean * static_cast<std::int64_t>(count)};
}

/// Three steps of 15 minutes; of the CPU nothing is known in the second.
Table golden_table() {
  constexpr std::int64_t kMemory = 67'108'864;
  constexpr std::int64_t kMore = kMemory + 8'192;
  return {
      .subject = kGoldenPod,
      .tier = Tier::kQuarterHour,
      .times = {kGoldenBegin, kGoldenBegin + 900, kGoldenBegin + 1'800},
      .fields =
          {{.field = Field::kPodCpu, .step = 4, .cells = {seen(480, 500, 520, 900), {}, seen(700, 740, 800, 900)}},
           {.field = Field::kPodMemory,
            .step = 8'192,
            .cells = {seen(kMemory, kMemory, kMemory, 900), seen(kMore, kMore, kMore, 450),
                      seen(kMemory, kMemory, kMemory, 900)}},
           {.field = Field::kQos, .step = 1, .cells = {seen(2, 2, 2, 900), seen(2, 2, 2, 900), seen(2, 2, 2, 900)}}},
      .sketches = {}};
}

std::vector<SketchColumn> golden_sketches() {
  std::vector<SketchColumn> sketches{{.field = Field::kPodCpu, .cells = std::vector<Sketch>(3)},
                                     {.field = Field::kPodMemory, .cells = std::vector<Sketch>(3)}};
  Sketch& first = sketches[0].cells[0];
  first.add(480, 200);
  first.add(500, 500);
  first.add(520, 200);
  Sketch& last = sketches[0].cells[2];
  last.add(700, 100);
  last.add(740, 700);
  last.add(800, 100);
  sketches[1].cells[0].add(67'108'864, 900);
  sketches[1].cells[1].add(67'117'056, 450);
  sketches[1].cells[2].add(67'108'864, 900);
  return sketches;
}

TEST(GoldenTable, IsReadAsEver) {
  const auto chunk = columns::decode_chunk(bytes_of(kGoldenChunk));
  ASSERT_TRUE(chunk) << chunk.error().message();
  EXPECT_EQ(chunk->series, "uid-1");
  const auto table = table_of(*chunk, kGoldenPod, Tier::kQuarterHour);
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_TRUE(*table == golden_table());
}

TEST(GoldenTable, OfAnArchiveIsReadAsEver) {
  const auto chunk = columns::decode_chunk(bytes_of(kGoldenArchived));
  ASSERT_TRUE(chunk) << chunk.error().message();
  EXPECT_EQ(chunk->series, kArchivedName);
  const auto table = table_of(*chunk, kGoldenPod, Tier::kQuarterHour, true);
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_TRUE(*table == golden_table());
}

// A frame's bytes are zstd's, and another version of it may make others; all around them is ours.
TEST(GoldenTable, IsWrittenAsEver) {
  const columns::Chunk chunk = chunk_of(golden_table());
  const auto head = columns::head_bytes({chunk.kind, chunk.series, chunk.rows(), chunk.columns.size()});
  EXPECT_EQ(in_hex(columns::sealed(head, raw_frame(columns::body_of(chunk)))), in_hex(bytes_of(kGoldenChunk)))
      << "kept stores have these";
}

TEST(GoldenTable, OfAnArchiveIsWrittenAsEver) {
  const columns::Chunk chunk = chunk_for_archive(golden_table(), std::string(kArchivedName));
  const auto head = columns::head_bytes({chunk.kind, chunk.series, chunk.rows(), chunk.columns.size()});
  EXPECT_EQ(in_hex(columns::sealed(head, raw_frame(columns::body_of(chunk)))), in_hex(bytes_of(kGoldenArchived)))
      << "kept archives have these";
}

TEST(GoldenSketches, AreReadAsEver) {
  const auto sketches = decode_sketches(bytes_of(kGoldenSketches), 3);
  ASSERT_TRUE(sketches) << sketches.error().message();
  EXPECT_TRUE(*sketches == golden_sketches());
}

TEST(GoldenSketches, AreWrittenAsEver) {
  const auto sketches = golden_sketches();
  const std::string content = sketch_content({&sketches[0], &sketches[1]});
  EXPECT_EQ(in_hex(sealed_sketches(raw_frame(content))), in_hex(bytes_of(kGoldenSketches))) << "kept stores have these";
}

}  // namespace
}  // namespace tideline::series::golden_test
