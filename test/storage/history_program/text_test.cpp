#include "storage/history_program/text.h"

#include <limits>

#include <gtest/gtest.h>

namespace tideline::history_program {
namespace {

TEST(HistoryText, SizesHaveTheUnitThatFits) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(1536ull << 20), "1.5 GiB");
  EXPECT_EQ(size_text(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(HistoryText, TimesAreUtc) {
  EXPECT_EQ(time_text(std::nullopt), "-");
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(1'772'366'401), "2026-03-01T12:00:01Z");
  EXPECT_EQ(time_text(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(time_text(std::numeric_limits<std::int64_t>::min()), "1970-01-01T00:00:00Z");
}

TEST(HistoryText, ColumnsGrowWithTheirWidestCell) {
  EXPECT_EQ(columns_text({{"ID", "SIZE", "WHAT"}, {"1", "512 B", "x"}, {"22", "1 B", "yy"}}),
            "ID  SIZE   WHAT\n"
            "1   512 B  x\n"
            "22  1 B    yy\n");
  EXPECT_EQ(columns_text({}), "");
}

TEST(HistoryText, NamesAreHarmless) {
  EXPECT_EQ(name_text("a\x1b[2J\nb"), "a?[2J?b");
}

}  // namespace
}  // namespace tideline::history_program
