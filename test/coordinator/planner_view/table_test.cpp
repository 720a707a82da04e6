#include "coordinator/planner_view/table.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner_view/figures.h"

namespace tideline::planner_view {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

Table sample_table() {
  Table table({{"name", Kind::kWords}, {"amount (core-h)"}, {"why", Kind::kWords}});
  table.row({"a", "1.50", "first"});
  table.row({"a longer one", "12345", ""});
  return table;
}

TEST(Table, PutsWordsLeftAndNumbersRight) {
  EXPECT_EQ(text_of_table(sample_table()),
            "name          amount (core-h)  why\n"
            "a                        1.50  first\n"
            "a longer one            12345  -\n");
}

TEST(Table, CountsCharactersAndNotBytes) {
  Table table({{"n", Kind::kWords}, {"v"}});
  table.row({"é", "1"});
  table.row({"ee", "22"});
  const auto lines = lines_in(text_of_table(table));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(width_of(lines[1]), width_of(lines[2]));
}

TEST(Table, HasNoBlanksAtTheEndOfALineAndNoControlCharacters) {
  Table table({{"a", Kind::kWords}, {"b", Kind::kWords}});
  table.row({"x\x1b[31m\ny", ""});
  table.row({"a wide one", "z"});
  const auto text = text_of_table(table);
  EXPECT_THAT(text, HasSubstr("x?[31m?y"));
  for (const auto& line : lines_in(text)) {
    ASSERT_FALSE(line.empty());
    EXPECT_NE(line.back(), ' ') << line;
  }
}

TEST(Table, TakesRowsThatAreTooShortOrTooLong) {
  Table table({{"a", Kind::kWords}, {"b"}});
  table.row({"only"});
  table.row({"x", "1", "beyond"});
  EXPECT_EQ(table.rows()[0].size(), 2u);
  EXPECT_THAT(text_of_table(table), Not(HasSubstr("beyond")));
}

TEST(Table, IsEscapedOnAPage) {
  Table table({{"<b>", Kind::kWords}, {"n"}});
  table.row({"<script>\"'&", "1"});
  const auto page = html_of_table(table);
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;"));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;&quot;&#39;&amp;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">"));
  EXPECT_THAT(page, HasSubstr("<td class=\"n\">1</td>"));
}

TEST(Escaped, ControlCharactersAreReplacedAndLinesStay) {
  EXPECT_EQ(escaped("a\nb\tc"), "a\nb\tc");
  EXPECT_EQ(escaped("a\x1b\x7f"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escaped(std::string_view("\0", 1)), "\xEF\xBF\xBD");
  EXPECT_EQ(escaped("é"), "é");
}

}  // namespace
}  // namespace tideline::planner_view
