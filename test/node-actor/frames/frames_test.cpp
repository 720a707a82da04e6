#include "node-actor/frames/frames.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::frames {
namespace {

std::string four_frames(std::vector<std::size_t>* ends = nullptr) {
  std::string bytes;
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    bytes += make_frame(7, seq, seq - 1, std::string(seq * 3, 'a'));
    if (ends != nullptr) ends->push_back(bytes.size());
  }
  return bytes;
}

TEST(Frames, CutAnywhereGivesAllWholeFrames) {
  std::vector<std::size_t> ends;
  const auto bytes = four_frames(&ends);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto found = scan(std::string_view(bytes).substr(0, cut));
    const auto whole =
        static_cast<std::size_t>(std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= cut; }));
    ASSERT_EQ(found.frames.size(), whole) << cut;
    ASSERT_EQ(found.good_bytes, whole == 0 ? 0 : ends[whole - 1]) << cut;
    ASSERT_EQ(found.torn, cut != found.good_bytes) << cut;
  }
}

TEST(Frames, RottenPayloadCostsItsOwnFrameAlone) {
  auto bytes = four_frames();
  bytes[kHeaderBytes] ^= 1;
  const auto found = scan(bytes);
  EXPECT_EQ(found.rotten, 1u);
  ASSERT_EQ(found.frames.size(), 3u);
  EXPECT_EQ(found.frames.front().seq, 2u);
  EXPECT_EQ(found.good_bytes, bytes.size());
}

TEST(Frames, RandomDamageNeverGivesAFrameThatWasNotWritten) {
  const auto sound = four_frames();
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = sound;
    const auto flips = 1 + random() % 8;
    for (unsigned i = 0; i < flips; ++i)
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << random() % 8);
    const auto found = scan(bytes);
    ASSERT_LE(found.good_bytes, bytes.size());
    for (const auto& frame : found.frames) {
      FrameHeader header;
      std::string payload;
      ASSERT_TRUE(read_frame(std::string_view(bytes).substr(frame.offset, frame.bytes), header, payload));
      ASSERT_EQ(payload, std::string(header.seq * 3, 'a')) << round;
    }
  }
}

}  // namespace
}  // namespace tideline::frames
