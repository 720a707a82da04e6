#include "messages/link/deny_list.h"

#include <gmock/gmock.h>

#include "test/support/temp_dir.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using model::NodeName;
using testing::HasSubstr;

TEST(DenyList, HoldsNodesAndOperatorsByTheNamesInTheirCertificates) {
  const auto list = DenyList::parse(
      "# lost keys\n"
      "web-7.node.tideline   # given away\n"
      "\n"
      "\toperator:ann\r\n"
      "viewer:bob#2 # the second\n"
      "a.b.node.tideline");
  ASSERT_TRUE(list.ok()) << list.error().message();
  EXPECT_EQ(list->size(), 4U);
  EXPECT_TRUE(list->denies(NodeName("web-7")));
  EXPECT_TRUE(list->denies(NodeName("a.b")));
  EXPECT_FALSE(list->denies(NodeName("web-70")));
  EXPECT_FALSE(list->denies(NodeName("operator:ann")));
  EXPECT_TRUE(list->denies(Operator{Role::kOperator, "ann"}));
  EXPECT_FALSE(list->denies(Operator{Role::kAdmin, "ann"}));
  EXPECT_TRUE(list->denies(Operator{Role::kViewer, "bob#2"}));
  EXPECT_FALSE(list->denies(Operator{Role::kViewer, "bob"}));
}

TEST(DenyList, OfNothingDeniesNobody) {
  for (const auto* text : {"", "\n\n", "# nobody"}) {
    const auto list = DenyList::parse(text);
    ASSERT_TRUE(list.ok()) << text;
    EXPECT_FALSE(list->denies(NodeName("web-7"))) << text;
  }
  EXPECT_TRUE(DenyList::load("").ok());
}

TEST(DenyList, RefusesALineThatIsNoNameInsteadOfLettingItIn) {
  for (const auto* line : {"web-7", "WEB.node.tideline", "*.node.tideline", "ann", "root:ann", "operator:",
                           ".node.tideline", "web-7.node.tideline web-8.node.tideline", "web-7.node.tideline,"}) {
    const auto list = DenyList::parse(std::string("web-1.node.tideline\n") + line + "\n");
    ASSERT_FALSE(list.ok()) << line;
    EXPECT_EQ(list.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(list.error().message(), HasSubstr("line 2: \"")) << line;
  }
}

TEST(DenyList, NamesTheFileThatItCannotUse) {
  const test::TempDir directory;
  const auto missing = DenyList::load(directory.str() + "/none");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr(directory.str() + "/none"));
  const auto path = directory.write("bad", "someone\n");
  EXPECT_THAT(DenyList::load(path).error().message(), HasSubstr(path));
}

}  // namespace
}  // namespace tideline::link
