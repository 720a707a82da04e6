#include "storage/columns/archive.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/columns/archive_parts.h"
#include "test/storage/columns/samples.h"

namespace tideline::columns::archive_test {
namespace {

using model::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kAbout = R"({"source": "a test"})";

ArchiveWriter::Sink into(std::string& file) {
  return [&file](std::string_view bytes) -> model::Result<void> {
    file.append(bytes);
    return {};
  };
}

std::string archive_of(const std::vector<Chunk>& chunks) {
  std::string file;
  ArchiveWriter writer(into(file));
  for (const Chunk& chunk : chunks) {
    const auto added = writer.add(chunk);
    EXPECT_TRUE(added) << added.error().message();
  }
  const auto finished = writer.finish(kAbout);
  EXPECT_TRUE(finished) << finished.error().message();
  return file;
}

Chunk chunk_of(const std::string& series, std::int64_t first) {
  return {.kind = SeriesKind::kWorkload,
          .series = series,
          .times = {first, first + 300},
          .columns = {{.id = ColumnId::kCpuUsed, .step = 1, .values = {5, kMissing}}}};
}

/// A second part of "b" stands before its first.
std::vector<Chunk> three_chunks() {
  return {chunk_of("b", 1000), chunk_of("c", 7), chunk_of("b", 100)};
}

void expect_refused(std::string_view file, ErrorCode code, const std::string& why) {
  const auto reader = ArchiveReader::open(file);
  ASSERT_FALSE(reader) << why;
  EXPECT_EQ(reader.error().code(), code) << reader.error().message();
  EXPECT_THAT(reader.error().message(), AllOf(testing::StartsWith("archive: "), HasSubstr(why)));
}

/// What open() says, or else what the first read() that fails says; empty: all is well.
std::string first_error(std::string_view file) {
  const auto reader = ArchiveReader::open(file);
  if (!reader) return reader.error().message();
  for (const ChunkEntry& entry : reader->entries()) {
    if (const auto chunk = reader->read(entry); !chunk) return chunk.error().message();
  }
  for (const ChunkEntry& entry : reader->extras()) {
    if (const auto bytes = reader->read_extra(entry); !bytes) return bytes.error().message();
  }
  return {};
}

Extra extra_of(const std::string& series, std::string_view bytes, ExtraKind kind = ExtraKind::kEvents) {
  return {.kind = kind, .series = series, .first = 100, .last = 400, .rows = 2, .bytes = bytes};
}

/// Between its chunks.
std::string archive_with_extras(const std::vector<Chunk>& chunks, const std::vector<Extra>& extras) {
  std::string file;
  ArchiveWriter writer(into(file), 0, true);
  for (std::size_t i = 0; i < std::max(chunks.size(), extras.size()); ++i) {
    if (i < chunks.size()) {
      EXPECT_TRUE(writer.add(chunks[i]));
    }
    if (i < extras.size()) {
      EXPECT_TRUE(writer.add_extra(extras[i]));
    }
  }
  EXPECT_TRUE(writer.finish(kAbout));
  return file;
}

TEST(Archive, GivesEachChunkBackBySeriesAndTime) {
  const std::string file = archive_of(three_chunks());
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->about(), kAbout);
  const std::vector<Chunk> wanted{chunk_of("b", 100), chunk_of("b", 1000), chunk_of("c", 7)};
  ASSERT_EQ(reader->entries().size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const ChunkEntry& entry = reader->entries()[i];
    EXPECT_EQ(entry.series, wanted[i].series);
    EXPECT_EQ(entry.first, wanted[i].times.front());
    EXPECT_EQ(entry.last, wanted[i].times.back());
    EXPECT_EQ(entry.rows, wanted[i].rows());
    const auto chunk = reader->read(entry);
    ASSERT_TRUE(chunk) << chunk.error().message();
    EXPECT_EQ(*chunk, wanted[i]);
  }
}

TEST(Archive, OfAnyChunksGivesThemBackRounded) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<Chunk> chunks;
    for (std::size_t i = 0; i < seed; ++i)
      chunks.push_back(any_chunk(random));
    const std::string file = archive_of(chunks);
    const auto reader = ArchiveReader::open(file);
    ASSERT_TRUE(reader) << reader.error().message();
    std::vector<ChunkEntry> entries = reader->entries();
    ASSERT_EQ(entries.size(), chunks.size());
    std::sort(entries.begin(), entries.end(),
              [](const ChunkEntry& a, const ChunkEntry& b) { return a.offset < b.offset; });
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const auto chunk = reader->read(entries[i]);
      ASSERT_TRUE(chunk) << chunk.error().message();
      ASSERT_EQ(*chunk, rounded(chunks[i]));
    }
  }
}

TEST(Archive, WithoutChunksIsOne) {
  const std::string file = archive_of({});
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_TRUE(reader->entries().empty());
  EXPECT_EQ(reader->about(), kAbout);
}

TEST(Archive, FlippedBitIsNamedWhereverItIs) {
  const std::string sound = archive_of(three_chunks());
  ASSERT_EQ(first_error(sound), "");
  const auto reader = ArchiveReader::open(sound);
  ASSERT_TRUE(reader) << reader.error().message();
  const auto place_of = [&](std::size_t at) -> std::string {
    if (at < kArchiveHeaderBytes) return "archive: header: ";
    for (const ChunkEntry& entry : reader->entries()) {
      if (at >= entry.offset && at < entry.offset + entry.size)
        return fmt::format("archive: series {} at offset {}: its CRC-32C is ", entry.series, entry.offset);
    }
    return at < sound.size() - kArchiveFooterBytes ? "archive: index: " : "archive: footer: ";
  };
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    std::string file = sound;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    ASSERT_THAT(first_error(file), HasSubstr(place_of(bit / 8))) << "bit " << bit;
  }
}

TEST(Archive, CutAnywhereIsRefused) {
  const std::string sound = archive_of(three_chunks());
  for (std::size_t cut = 0; cut < sound.size(); ++cut)
    expect_refused(std::string_view(sound).substr(0, cut), ErrorCode::kMalformed,
                   cut < kArchiveHeaderBytes ? "header" : "cut off, or not finished");
  expect_refused(sound + '\n', ErrorCode::kMalformed, "cut off, or not finished");
  expect_refused("", ErrorCode::kMalformed, "0 bytes that do not begin as an archive");
}

TEST(Archive, NewerVersionIsRefusedByName) {
  const std::string sound = archive_of(three_chunks());
  const auto of_version = [&](std::uint32_t version) {
    return archive_header(version) + sound.substr(kArchiveHeaderBytes);
  };
  ASSERT_TRUE(ArchiveReader::open(of_version(kArchiveVersion)));
  ASSERT_TRUE(ArchiveReader::open(of_version(kLargeArchiveVersion)));
  ASSERT_TRUE(ArchiveReader::open(of_version(kExtraArchiveVersion)));
  expect_refused(of_version(4), ErrorCode::kUnsupported, "version 4, this build reads up to 3");
  expect_refused(of_version(4294967295), ErrorCode::kUnsupported, "version 4294967295, this build reads up to 3");
  expect_refused(of_version(0), ErrorCode::kMalformed, "version 0");
  // Whatever of it a newer version keeps: its footer may be another.
  expect_refused(archive_header(4), ErrorCode::kUnsupported, "version 4");
}

/// A JSON object of so many bytes.
std::string about_of(std::size_t bytes) {
  return "{\"a\":\"" + std::string(bytes - 8, 'x') + "\"}";
}

TEST(Archive, IsOfTheOlderVersionUnlessItsDescriptionIsTooLargeForThat) {
  for (const std::size_t bytes : {std::size_t{100}, kMaxAboutBytes, kMaxAboutBytes + 1, 3 * kMaxAboutBytes}) {
    const std::string about = about_of(bytes);
    std::string file;
    ArchiveWriter writer(into(file), about.size());
    ASSERT_TRUE(writer.add(chunk_of("a", 1)));
    const auto finished = writer.finish(about);
    ASSERT_TRUE(finished) << finished.error().message();
    const std::uint32_t version = bytes <= kMaxAboutBytes ? 1 : 2;
    EXPECT_EQ(file.substr(0, kArchiveHeaderBytes), archive_header(version)) << bytes;
    const auto reader = ArchiveReader::open(file);
    ASSERT_TRUE(reader) << reader.error().message();
    EXPECT_EQ(reader->about(), about);
    ASSERT_EQ(reader->entries().size(), 1U);
    EXPECT_TRUE(reader->read(reader->entries()[0]));
  }
}

TEST(Archive, WhoSaysThatItsDescriptionIsLargeMayGiveASmallOne) {
  std::string file;
  ArchiveWriter writer(into(file), kMaxAboutBytes + 1);
  ASSERT_TRUE(writer.add(chunk_of("a", 1)));
  ASSERT_TRUE(writer.finish(kAbout));
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->about(), kAbout);
}

TEST(Archive, GivesExtrasBackBesideItsChunksInTheirOrder) {
  const std::string file = archive_with_extras(
      three_chunks(), {extra_of("b", "one", ExtraKind::kSketches), extra_of("/", ""),
                       extra_of("b", std::string_view("\0two", 4)), extra_of("z", "new", static_cast<ExtraKind>(127))});
  EXPECT_EQ(file.substr(0, kArchiveHeaderBytes), archive_header(kExtraArchiveVersion)) << "older builds refuse it";
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader) << reader.error().message();
  ASSERT_EQ(reader->entries().size(), 3U) << "whoever knows no extras sees chunks alone";
  for (const ChunkEntry& entry : reader->entries())
    EXPECT_TRUE(reader->read(entry));
  const std::vector<std::pair<std::string, std::string>> wanted{
      {"b", "one"}, {"/", ""}, {"b", std::string("\0two", 4)}, {"z", "new"}};
  ASSERT_EQ(reader->extras().size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const ChunkEntry& entry = reader->extras()[i];
    EXPECT_EQ(entry.series, wanted[i].first);
    EXPECT_EQ(entry.first, 100);
    EXPECT_EQ(entry.last, 400);
    EXPECT_EQ(entry.rows, 2U);
    const auto bytes = reader->read_extra(entry);
    ASSERT_TRUE(bytes) << bytes.error().message();
    EXPECT_EQ(*bytes, wanted[i].second);
  }
  EXPECT_EQ(extra_kind(reader->extras()[0]), ExtraKind::kSketches);
  EXPECT_EQ(extra_kind(reader->extras()[3]), static_cast<ExtraKind>(127)) << "one that no build knows is kept, too";
}

TEST(Archive, AnExtraThatBreaksTheRulesLeavesItAsItWas) {
  std::string file;
  ArchiveWriter plain(into(file));
  EXPECT_THAT(plain.add_extra(extra_of("n1", "x")).error().message(), HasSubstr("begun without extras"));
  EXPECT_EQ(file, "");
  ArchiveWriter writer(into(file), 0, true);
  const auto refused = [&](const std::function<void(Extra&)>& spoil, const std::string& why) {
    Extra extra = extra_of("n1", "x");
    spoil(extra);
    const auto added = writer.add_extra(extra);
    ASSERT_FALSE(added) << why;
    EXPECT_EQ(added.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(added.error().message(), AllOf(testing::StartsWith("archive: series "), HasSubstr(why)));
  };
  refused([](Extra& e) { e.kind = static_cast<ExtraKind>(1); }, "kind 1 is none of an extra");
  refused([](Extra& e) { e.kind = static_cast<ExtraKind>(128); }, "kind 128 is none of an extra");
  refused([](Extra& e) { e.series.clear(); }, "name has 0 bytes");
  refused([](Extra& e) { e.series.assign(254, 'a'); }, "name has 254 bytes");
  refused([](Extra& e) { e.first = e.last + 1; }, "times, 401 to 400");
  refused([](Extra& e) { e.first = -ChunkLimits::kMaxValue - 1; }, "are none");
  refused([](Extra& e) { e.last = ChunkLimits::kMaxValue + 1; }, "beyond 2^53");
  refused([](Extra& e) { e.rows = 0; }, "0 rows");
  EXPECT_EQ(file, "");
}

TEST(Archive, AFlippedBitOfAnExtraIsNamed) {
  const std::string sound = archive_with_extras({}, {extra_of("n1", "some bytes")});
  ASSERT_EQ(first_error(sound), "");
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    std::string file = sound;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    ASSERT_NE(first_error(file), "") << "bit " << bit;
  }
  std::string file = sound;
  file[kArchiveHeaderBytes + 3] = static_cast<char>(file[kArchiveHeaderBytes + 3] ^ 1);
  EXPECT_THAT(first_error(file), testing::StartsWith("archive: series n1 at offset 16: its CRC-32C is "));
}

TEST(Archive, DescriptionBeyondItsVersionsBoundIsRefused) {
  for (const std::size_t said : {std::size_t{0}, kMaxAboutBytes, kMaxAboutBytes + 1}) {
    std::string file;
    ArchiveWriter writer(into(file), said);
    const std::size_t most = said > kMaxAboutBytes ? kMaxLargeAboutBytes : kMaxAboutBytes;
    const auto finished = writer.finish(about_of(most + 1));
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(finished.error().message(), HasSubstr(fmt::format("more than {}", most)));
  }
}

TEST(Archive, ErrorOfTheSinkEndsIt) {
  for (int good = 0; good < 6; ++good) {
    int calls = 0;
    ArchiveWriter writer([&](std::string_view) -> model::Result<void> {
      if (calls++ < good) return {};
      return model::Error(ErrorCode::kUnavailable, "disk full");
    });
    // Header, two chunks, index, footer.
    const bool all_well = writer.add(chunk_of("a", 1)) && writer.add(chunk_of("b", 1)) && writer.finish("{}");
    ASSERT_EQ(all_well, good >= 5) << good;
    if (all_well) continue;
    EXPECT_EQ(calls, good + 1);
    EXPECT_EQ(writer.add(chunk_of("c", 1)).error().message(), "disk full");
    EXPECT_EQ(writer.finish("{}").error().message(), "disk full");
    EXPECT_EQ(calls, good + 1) << "nothing is written after an error";
  }
}

TEST(Archive, IsFinishedOnce) {
  std::string file;
  ArchiveWriter writer(into(file));
  ASSERT_TRUE(writer.finish(kAbout));
  const std::string before = file;
  EXPECT_EQ(writer.finish(kAbout).error().message(), "archive: it is finished");
  EXPECT_EQ(writer.add(chunk_of("a", 1)).error().message(), "archive: it is finished");
  EXPECT_EQ(file, before);
}

TEST(Archive, ABadChunkOrDescriptionLeavesItAsItWas) {
  std::string file;
  ArchiveWriter writer(into(file));
  EXPECT_FALSE(writer.add(chunk_of("", 1)));
  EXPECT_EQ(file, "");
  ASSERT_TRUE(writer.add(chunk_of("a", 1)));
  const std::string before = file;
  EXPECT_FALSE(writer.add(chunk_of("", 1)));
  for (const std::string& about : {std::string(), std::string("[]"), std::string("{"), std::string("1"),
                                   std::string("{}\0", 3), "{\"a\":\"" + std::string(kMaxAboutBytes, 'x') + "\"}"}) {
    const auto finished = writer.finish(about);
    ASSERT_FALSE(finished) << about.size();
    EXPECT_EQ(finished.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(file, before);
  ASSERT_TRUE(writer.add(chunk_of("b", 1)));
  ASSERT_TRUE(writer.finish(" {} "));
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->entries().size(), 2U);
  EXPECT_EQ(reader->about(), " {} ");
}

TEST(Archive, ReadsNoEntryThatIsNotItsOwn) {
  const std::string file = archive_of(three_chunks());
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader) << reader.error().message();
  ChunkEntry entry = reader->entries().front();
  entry.offset = file.size() + 1;
  EXPECT_FALSE(reader->read(entry));
  entry.offset = UINT64_MAX;
  EXPECT_FALSE(reader->read(entry));
  entry = reader->entries().front();
  entry.size = UINT64_MAX;
  const auto chunk = reader->read(entry);
  ASSERT_FALSE(chunk);
  EXPECT_THAT(chunk.error().message(), HasSubstr("18446744073709551615 bytes are not all in the file"));
}

// Below, CRCs are right, and what they are of is not.

/// One chunk, and whatever `spoil` makes of its entry.
std::string spoilt(const std::function<void(ChunkEntry&)>& spoil) {
  const std::string sound = archive_of({chunk_of("web", 100)});
  ChunkEntry entry = ArchiveReader::open(sound)->entries().front();
  const std::size_t end = kArchiveHeaderBytes + entry.size;
  spoil(entry);
  const std::string index = archive_index("{}", {entry});
  return sound.substr(0, end) + index + archive_footer(end, index);
}

TEST(ArchiveIndex, ThatLiesIsRefused) {
  ASSERT_EQ(first_error(spoilt([](ChunkEntry&) {})), "");
  const auto refused = [](const std::function<void(ChunkEntry&)>& spoil, const std::string& why) {
    expect_refused(spoilt(spoil), ErrorCode::kMalformed, why);
  };
  refused([](ChunkEntry& e) { e.kind = static_cast<SeriesKind>(9); }, "entry 1 of 1: kind 9");
  refused([](ChunkEntry& e) { e.kind = static_cast<SeriesKind>(kFirstExtraKind); }, "entry 1 of 1: kind 64");
  refused([](ChunkEntry& e) { e.series.clear(); }, "name has 0 bytes");
  refused([](ChunkEntry& e) { e.series.assign(254, 'a'); }, "name has 254 bytes");
  refused([](ChunkEntry& e) { e.rows = 0; }, "0 rows");
  refused([](ChunkEntry& e) { e.rows = ChunkLimits::kMaxRows + 1; }, "1048577 rows");
  refused([](ChunkEntry& e) { e.last = ChunkLimits::kMaxValue + 1; }, "beyond 2^53");
  refused([](ChunkEntry& e) { e.first = -ChunkLimits::kMaxValue - 1; }, "a number in it is beyond its bound");
  refused([](ChunkEntry& e) { ++e.size; }, "and the index follows in");
  refused([](ChunkEntry& e) { --e.size; }, "its chunks end at offset");
}

TEST(ArchiveIndex, OfAnotherChunkIsFoundWhenThatIsRead) {
  for (const auto& spoil : std::vector<std::function<void(ChunkEntry&)>>{
           [](ChunkEntry& e) { e.series = "w\x1b"; }, [](ChunkEntry& e) { e.kind = SeriesKind::kHost; },
           [](ChunkEntry& e) { ++e.rows; }, [](ChunkEntry& e) { ++e.first; }, [](ChunkEntry& e) { ++e.last; }}) {
    const std::string error = first_error(spoilt(spoil));
    EXPECT_THAT(error, HasSubstr("the chunk there is of web, 2 rows from 100 to 400"));
    EXPECT_EQ(error.find('\x1b'), std::string::npos);
  }
}

TEST(ArchiveIndex, OfOtherBytesIsRefused) {
  const auto refused = [](const std::string& index, const std::string& why) {
    expect_refused(archive_header() + index + archive_footer(kArchiveHeaderBytes, index), ErrorCode::kMalformed, why);
  };
  const std::string sound = archive_index("{}", {});
  ASSERT_EQ(sound, std::string("\x02{}\x00", 4));
  refused("", "0 bytes cannot hold");
  refused(sound.substr(0, 3), "3 bytes cannot hold");
  refused(std::string("\x03{}\x00", 4), "cannot hold");
  refused("\x02{}\x01", "cannot hold");
  refused("\x02{}\xff\xff\xff\xff\xff\xff\xff\x7f", "cannot hold");
  refused(sound + 'x', "1 bytes follow its last entry");
  const std::string large = archive_index(std::string(kMaxAboutBytes + 1, ' '), {});
  refused(large, "cannot hold");
  const std::string larger = archive_index(std::string(kMaxLargeAboutBytes + 1, ' '), {});
  expect_refused(archive_header(kLargeArchiveVersion) + larger + archive_footer(kArchiveHeaderBytes, larger),
                 ErrorCode::kMalformed, "cannot hold");
}

TEST(ArchiveFooter, ThatPointsElsewhereIsRefused) {
  const std::string index = archive_index("{}", {});
  const auto refused = [&index](std::uint64_t offset, const std::string& said) {
    expect_refused(archive_header() + index + archive_footer(offset, said), ErrorCode::kMalformed,
                   "does not end at 20");
  };
  refused(15, index + 'x');
  refused(17, index);
  refused(16, index + 'x');
  refused(0, index);
  refused(1000, index);
  refused(UINT64_MAX, index);
}

}  // namespace
}  // namespace tideline::columns::archive_test
