#include "coordinator/planner_program/output.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner_program/run.h"
#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using testing::AllOf;
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
  EXPECT_FALSE(check_outputs({.json_file = "x", .html_file = "./x"}, {})) << "none of them is there yet";
}

TEST(Output, IsNeverOverAFileOfAFolderThatIsRead) {
  const test::TempDir dir;
  const auto inner = dir.write("store/000007.sst", "data");
  const std::string store = dir.str() + "/store";
  const auto over = check_outputs({.json_file = inner}, {store});
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().message(), AllOf(HasSubstr(inner), HasSubstr("one of the files in " + store)));
  EXPECT_TRUE(check_outputs({.json_file = store + "/answer.json"}, {store}));
  EXPECT_TRUE(check_outputs({.json_file = dir.write("stored.json", "old")}, {store}));
}

TEST(Output, IsNeverOverTheOlderFileOfARecording) {
  const test::TempDir dir;
  const auto recording = dir.write("node.rec", "new");
  const auto older = dir.write("node.rec.1", "old");
  Options fit;
  fit.command = Command::kFit;
  fit.files = {recording};
  Options imported;
  imported.command = Command::kImport;
  imported.trace.recording = true;
  imported.files = {recording};
  Options replay;
  replay.command = Command::kReplay;
  replay.files = {"a.tla"};
  replay.against = recording;
  for (const Options* options : {&fit, &imported, &replay}) {
    EXPECT_FALSE(check_outputs({.json_file = older}, inputs_of(*options)));
    EXPECT_FALSE(check_outputs({.html_file = dir.str() + "/./node.rec.1"}, inputs_of(*options)));
    EXPECT_FALSE(check_outputs({.json_file = recording}, inputs_of(*options)));
  }
  imported.trace.recording = false;
  EXPECT_TRUE(check_outputs({.json_file = older}, inputs_of(imported))) << "of a trace there is one file";
}

}  // namespace
}  // namespace tideline::planner_program
