#include "coordinator/planner_program/output.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using testing::HasSubstr;

Answer sample_answer() {
  return {.text = [] { return std::string("text\n"); },
          .json = [] { return std::string("{}\n"); },
          .page = [] { return std::string("<html>\n"); }};
}

std::string printed(const OutputOptions& output) {
  testing::internal::CaptureStdout();
  const auto done = deliver(output, sample_answer());
  const auto text = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(done) << done.error().message();
  return text;
}

TEST(Output, IsTextUnlessJsonIsAskedFor) {
  EXPECT_EQ(printed({}), "text\n");
  EXPECT_EQ(printed({.json = true}), "{}\n");
}

TEST(Output, GoesToFilesBesides) {
  const test::TempDir dir;
  const OutputOptions output{
      .json_file = dir.str() + "/a.json", .html_file = dir.str() + "/a.html", .report_file = dir.write("a.txt", "old")};
  EXPECT_EQ(printed(output), "text\n");
  EXPECT_EQ(dir.read("a.json"), "{}\n");
  EXPECT_EQ(dir.read("a.html"), "<html>\n");
  EXPECT_EQ(dir.read("a.txt"), "text\n");
}

TEST(Output, ThatCannotBeWrittenIsNamedAndNothingIsPrinted) {
  testing::internal::CaptureStdout();
  const auto done = deliver({.html_file = "/none/a.html"}, sample_answer());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message(), HasSubstr("/none/a.html"));
}

TEST(Output, IsNeverOverAnInput) {
  const test::TempDir dir;
  const auto input = dir.write("a.tla", "data");
  std::filesystem::create_directory(dir.path() / "d");
  EXPECT_TRUE(check_outputs({.json_file = dir.str() + "/b.json"}, {input}));
  for (const auto& path : {input, dir.str() + "/d/../a.tla"}) {
    const auto over = check_outputs({.html_file = path}, {input});
    ASSERT_FALSE(over);
    EXPECT_THAT(over.error().message(), HasSubstr("would be written over"));
  }
  EXPECT_FALSE(check_outputs({.json_file = "x", .html_file = "x"}, {}));
}

}  // namespace
}  // namespace tideline::planner_program
