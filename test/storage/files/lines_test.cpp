#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "storage/files/files.h"
#include "test/support/temp_dir.h"

namespace tideline::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string packed(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Lines {
  std::vector<std::string> all;
  std::size_t bytes = 0;
  model::Result<void> end;
};

Lines lines_of(const std::string& path, std::size_t max_line = 1000) {
  Lines found;
  found.end = for_each_line(
      path, max_line,
      [&](std::string_view line) -> model::Result<void> {
        found.all.emplace_back(line);
        return {};
      },
      [&](std::size_t bytes) { found.bytes = bytes; });
  return found;
}

TEST(Lines, EndInEitherWayOrNotAtAll) {
  const test::TempDir dir;
  EXPECT_THAT(lines_of(dir.write("a", "one\ntwo\r\n\nfour")).all, ElementsAre("one", "two", "", "four"));
  EXPECT_THAT(lines_of(dir.write("b", "one\n")).all, ElementsAre("one"));
  EXPECT_THAT(lines_of(dir.write("c", "")).all, IsEmpty());
  EXPECT_THAT(lines_of(dir.write("d", "\n\n")).all, ElementsAre("", ""));
  EXPECT_THAT(lines_of(dir.write("e", "a\rb\n")).all, ElementsAre("a\rb"));
}

TEST(Lines, ThatAreTooLongAreCutAndTheNextIsWhole) {
  const test::TempDir dir;
  EXPECT_THAT(lines_of(dir.write("a", "12345\n123456\r\n1234567890\n\n1\n"), 5).all,
              ElementsAre("12345", "12345", "12345", "", "1"));
  EXPECT_THAT(lines_of(dir.write("b", "12345\r\n"), 5).all, ElementsAre("12345"));
  EXPECT_THAT(lines_of(dir.write("c", "1234567890"), 5).all, ElementsAre("12345"));
}

TEST(Lines, LongerThanABufferAreWholeToo) {
  const test::TempDir dir;
  const std::string large(900'000, 'x');
  const auto found = lines_of(dir.write("a", "first\n" + large + "\r\nlast\n"), 1'000'000);
  ASSERT_EQ(found.all.size(), 3u);
  EXPECT_EQ(found.all[1], large);
  EXPECT_EQ(found.all[2], "last");
  EXPECT_EQ(lines_of(dir.str() + "/a", 899'999).all.at(1).size(), 899'999u);
}

TEST(Lines, OfGzipAreThoseOfTheTextInIt) {
  const test::TempDir dir;
  std::mt19937_64 random(7);
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += fmt::format("{},{}\n", i, random());
  const std::string file = packed(text);
  const auto plain = lines_of(dir.write("plain", text));
  const auto unpacked = lines_of(dir.write("packed.gz", file));
  ASSERT_TRUE(unpacked.end) << unpacked.end.error().message();
  EXPECT_EQ(unpacked.all, plain.all);
  EXPECT_EQ(plain.bytes, text.size());
  EXPECT_EQ(unpacked.bytes, file.size()) << "of the file, not of the text";
}

TEST(Lines, OfSeveralGzipMembersFollowEachOther) {
  const test::TempDir dir;
  const auto found = lines_of(dir.write("a.gz", packed("one\ntw") + packed("") + packed("o\nthree\n")));
  ASSERT_TRUE(found.end) << found.end.error().message();
  EXPECT_THAT(found.all, ElementsAre("one", "two", "three"));
}

TEST(Lines, OfDamagedGzipAreAnError) {
  const test::TempDir dir;
  const std::string good = packed("one\ntwo\nthree\n");
  for (std::size_t cut = 2; cut < good.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto found = lines_of(dir.write("a.gz", good.substr(0, cut)));
    ASSERT_FALSE(found.end);
    EXPECT_EQ(found.end.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(found.end.error().message(), HasSubstr("a.gz: damaged gzip at byte"));
  }
  // Bytes 3 to 9 are flags, a time and a system, some of which say nothing of the text; nor do the bits that fill up
  // the last byte before the CRC.
  for (std::size_t at = 10; at < good.size(); ++at) {
    SCOPED_TRACE(at);
    auto flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const auto found = lines_of(dir.write("a.gz", flipped));
    if (!found.end) continue;
    EXPECT_EQ(at, good.size() - 9);
    EXPECT_THAT(found.all, ElementsAre("one", "two", "three"));
  }
  EXPECT_FALSE(lines_of(dir.write("a.gz", good + "rubbish")).end);
}

TEST(Lines, EndEarlyWithTheReadersError) {
  const test::TempDir dir;
  int taken = 0;
  const auto end = for_each_line(dir.write("a", "1\n2\n3\n"), 100, [&](std::string_view line) -> model::Result<void> {
    ++taken;
    return line == "2" ? model::Result<void>(model::invalid("two")) : model::Result<void>();
  });
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message(), "two");
  EXPECT_EQ(taken, 2);
}

TEST(Lines, OfNoFileNameItAndWhy) {
  const test::TempDir dir;
  const auto missing = lines_of(dir.str() + "/none");
  ASSERT_FALSE(missing.end);
  EXPECT_EQ(missing.end.error().code(), model::ErrorCode::kNotFound);
  EXPECT_THAT(missing.end.error().message(), HasSubstr(dir.str() + "/none: open: No such file"));
  const auto directory = lines_of(dir.str());
  ASSERT_FALSE(directory.end);
  EXPECT_THAT(directory.end.error().message(), HasSubstr("Is a directory"));
}

}  // namespace
}  // namespace tideline::files
