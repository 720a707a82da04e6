#include "messages/model/rfc3339.h"

#include <gtest/gtest.h>

namespace tideline::model::rfc3339_test {
namespace {

TEST(Rfc3339, ReadsWhatKubernetesAndPeopleWrite) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:01Z"), WallTime{1000});
  EXPECT_EQ(parse_rfc3339("2026-03-01T12:00:00Z"), WallTime{1'772'366'400'000});
  EXPECT_EQ(parse_rfc3339("2026-03-01 13:00:00.2509+01:00"), WallTime{1'772'366'400'250});
  EXPECT_EQ(parse_rfc3339("2026-03-01t11:30:00-00:30"), WallTime{1'772'366'400'000});
}

TEST(Rfc3339, WhatIsNoTimeIsNone) {
  for (const auto* text : {"", "now", "true", "1772366400", "2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z",
                           "2026-13-01T12:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z",
                           "2026-03-01T12:00:61Z", "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00+0100",
                           "2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00Z ", "-026-03-01T12:00:00Z"})
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
}

}  // namespace
}  // namespace tideline::model::rfc3339_test
