#include "deploy/demo/loadgen/response.h"

#include <random>

#include <gtest/gtest.h>

namespace tideline::loadgen {
namespace {

const std::string kPlain = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 5\r\n\r\nhello";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;note\r\n0123456789\r\n0\r\n\r\n";

TEST(ResponseReader, EndsAfterContentLength) {
  ResponseReader reader;
  EXPECT_TRUE(*reader.feed(kPlain));
  EXPECT_EQ(reader.head().status, 200);
  EXPECT_TRUE(reader.head().keep_alive);
  EXPECT_EQ(reader.body_bytes(), 5U);
}

TEST(ResponseReader, EndsAfterTheLastChunkAndNoSooner) {
  for (const std::string& text : {kPlain, kChunked}) {
    ResponseReader reader;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      auto complete = reader.feed(text.substr(i, 1));
      ASSERT_TRUE(complete) << complete.error().message();
      ASSERT_FALSE(*complete) << "after byte " << i;
    }
    EXPECT_TRUE(*reader.feed(text.substr(text.size() - 1)));
  }
}

TEST(ResponseReader, CountsChunkBytesOnly) {
  ResponseReader reader;
  EXPECT_TRUE(*reader.feed(kChunked));
  EXPECT_EQ(reader.body_bytes(), 15U);
}

TEST(ResponseReader, ReadsTheNextResponseAfterReset) {
  ResponseReader reader;
  EXPECT_TRUE(*reader.feed(kChunked));
  reader.reset();
  EXPECT_TRUE(*reader.feed("HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(reader.head().status, 503);
  EXPECT_FALSE(reader.head().keep_alive);
}

TEST(ResponseReader, RefusesWhatIsNoResponse) {
  const std::vector<std::string> bad = {
      "SSH-2.0-OpenSSH\r\n",
      "HTTP/1.1 abc\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\n\r\nuntil the connection closes",
      kPlain + "more",
      "HTTP/1.1 200 OK\r\nX: " + std::string(kHeaderBytesMax, 'x'),
  };
  for (const std::string& text : bad) {
    ResponseReader reader;
    auto complete = reader.feed(text);
    ASSERT_FALSE(complete) << text;
    EXPECT_EQ(complete.error().code(), model::ErrorCode::kMalformed);
  }
}

TEST(ResponseReader, SurvivesFlippedBits) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = round % 2 == 0 ? kPlain : kChunked;
    text[random() % text.size()] ^= static_cast<char>(1U << (random() % 8));
    ResponseReader reader;
    (void)reader.feed(text);
    EXPECT_LE(reader.body_bytes(), text.size());
  }
}

}  // namespace
}  // namespace tideline::loadgen
