#include "coordinator/planner_program/kept_files.h"

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner_program/fingerprint.h"
#include "coordinator/planner_program/sealed_text.h"
#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using testing::HasSubstr;

planner::Kept kept(const std::string& directory, const std::string& key) {
  auto found = kept_in(directory, key);
  EXPECT_TRUE(found) << found.error().message();
  return found ? *std::move(found) : planner::Kept{};
}

TEST(Fingerprint, IsOfThePiecesAndNotOfTheirText) {
  const auto of = [](std::initializer_list<std::string_view> pieces) {
    Fingerprint print;
    for (const auto piece : pieces)
      print.add(piece);
    return print.text();
  };
  EXPECT_EQ(of({"ab", "c"}), of({"ab", "c"}));
  EXPECT_NE(of({"ab", "c"}), of({"a", "bc"}));
  EXPECT_NE(of({""}), of({}));
  EXPECT_EQ(of({"x"}).size(), 16u);
}

TEST(SealedText, IsOpenedAsItWasSealed) {
  const auto text = sealed_text({{"schema", "s"}, {"n", 1}}, "the body\nand more\n");
  const auto opened = open_text(text);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->head, nlohmann::json({{"schema", "s"}, {"n", 1}}));
  EXPECT_EQ(opened->body, "the body\nand more\n");
  EXPECT_TRUE(open_text(sealed_text({{"schema", "s"}}, "")));
}

TEST(SealedText, ThatIsDamagedOrCutIsRefused) {
  const auto text = sealed_text({{"schema", "s"}}, "the body\n");
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 0x01);
    const auto opened = open_text(changed);
    // What the line says beside its checksum is its reader's to judge.
    const bool told_otherwise = opened.ok() && opened->head != nlohmann::json({{"schema", "s"}});
    EXPECT_TRUE(!opened || told_otherwise) << at;
    EXPECT_FALSE(open_text(text.substr(0, at))) << at;
  }
  EXPECT_FALSE(open_text("[]\nbody"));
  EXPECT_FALSE(open_text("{\"sum\":1}\nbody"));
}

TEST(KeptFiles, AreFoundByKeyAndName) {
  const test::TempDir dir;
  const auto directory = dir.str() + "/new/resume";
  const auto first = kept(directory, "00aa");
  EXPECT_EQ(first.find("hosts-0-9"), std::nullopt);
  ASSERT_TRUE(first.keep("hosts-0-9", "{\"a\":1}\n"));
  EXPECT_EQ(first.find("hosts-0-9"), "{\"a\":1}\n");
  EXPECT_EQ(first.find("hosts-9-18"), std::nullopt);
  EXPECT_EQ(kept(directory, "00aa").find("hosts-0-9"), "{\"a\":1}\n") << "by who begins again";
  EXPECT_EQ(kept(directory, "00ab").find("hosts-0-9"), std::nullopt) << "of another question";
  ASSERT_TRUE(first.keep("hosts-0-9", "other")) << "in place of one that was none";
  EXPECT_EQ(first.find("hosts-0-9"), "other");
}

TEST(KeptFiles, ThatAreDamagedOrOfAnotherNameAreNotThere) {
  const test::TempDir dir;
  const auto pieces = kept(dir.str(), "00aa");
  ASSERT_TRUE(pieces.keep("p", "{\"hosts\":3}\n"));
  auto text = dir.read("00aa-p.json");
  dir.write("00aa-q.json", text);
  EXPECT_EQ(pieces.find("q"), std::nullopt);
  text[text.size() - 3] = '4';
  dir.write("00aa-p.json", text);
  EXPECT_EQ(pieces.find("p"), std::nullopt);
  dir.write("00aa-p.json", "");
  EXPECT_EQ(pieces.find("p"), std::nullopt);
}

TEST(KeptFiles, WithoutADirectoryNothingIsKept) {
  const auto nothing = kept("", "00aa");
  EXPECT_FALSE(nothing.find);
  EXPECT_FALSE(nothing.keep);
}

TEST(KeptFiles, NameADirectoryThatCannotBeMade) {
  const test::TempDir dir;
  const auto file = dir.write("file", "");
  const auto none = kept_in(file + "/below", "00aa");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("--resume " + file + "/below: "));
}

}  // namespace
}  // namespace tideline::planner_program
