#include "k8s-bridge/publish/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "test/k8s-bridge/publish/fake_node.h"

namespace tideline::publish {
namespace {

using nlohmann::json;

model::Reclaimed account(int zones) {
  Offer offer = offering(35'000);
  auto& account = offer.account;
  account.cpu.system = model::MilliCpu(1'200);
  account.cpu.high_priority = model::MilliCpu(28'800);
  account.cpu.used = model::MilliCpu(41'000);
  account.data_age = std::chrono::milliseconds(4'900);
  for (int id = 0; id < zones; ++id) {
    account.zones.push_back({.id = id,
                             .cpu = {.capacity = model::MilliCpu(50'000),
                                     .margin = {},
                                     .charged = model::MilliCpu(3'000),
                                     .be_used = {},
                                     .offered = model::MilliCpu(17'500)},
                             .memory = {}});
  }
  return account;
}

TEST(Explanation, HasTheTermsTheRulesTheAgeAndThePolicy) {
  const json said = json::parse(account_annotation(account(2), 4096));
  EXPECT_EQ(said["rules"]["batch-cpu"], "usage");
  EXPECT_EQ(said["rules"]["mid-memory"], "predicted");
  EXPECT_EQ(said["policy"], 3);
  EXPECT_EQ(said["data-age-seconds"], 4);
  EXPECT_EQ(said["cpu"]["capacity"], 100'000);
  EXPECT_EQ(said["cpu"]["margin"], 35'000);
  EXPECT_EQ(said["cpu"]["system"], 1'200);
  EXPECT_EQ(said["cpu"]["high-priority"], 28'800);
  EXPECT_EQ(said["cpu"]["used"], 41'000);
  EXPECT_EQ(said["cpu"]["published"], 35'000);
  EXPECT_FALSE(said["cpu"].contains("deficit")) << "there is none";
  EXPECT_FALSE(said["memory"].contains("used")) << "it is not known";
  EXPECT_EQ(said["zones"].size(), 2u);
  EXPECT_EQ(said["zones"][1]["cpu"]["offered"], 17'500);
}

TEST(Explanation, LeavesOutWhatDoesNotFit) {
  const auto all = account_annotation(account(64), 1 << 20);
  const auto terms = account_annotation(account(0), 1 << 20);
  EXPECT_EQ(account_annotation(account(64), all.size()), all);
  EXPECT_EQ(account_annotation(account(64), all.size() - 1), terms) << "without zones";
  const auto rules = account_annotation(account(64), terms.size() - 1);
  EXPECT_EQ(json::parse(rules).size(), 3u) << "rules, policy and age alone";
  EXPECT_EQ(account_annotation(account(64), rules.size() - 1), "");
  for (const std::size_t most : {std::size_t{0}, std::size_t{100}, std::size_t{300}, std::size_t{2048}})
    EXPECT_LE(account_annotation(account(64), most).size(), most);
  EXPECT_EQ(account_annotation(account(64), PublishOptions{}.max_annotation_bytes), terms);
}

TEST(Explanation, SaysWhichOlderNamesWereWrittenHoweverShortItIs) {
  const k8s::OlderNames none;
  const k8s::OlderNames both{.koordinator = true, .alibaba = true};
  const k8s::OlderNames one{.koordinator = false, .alibaba = true};
  EXPECT_FALSE(json::parse(account_annotation(account(2), 4096, none)).contains("older-names"));
  for (const std::size_t most : {std::size_t{300}, std::size_t{1000}, PublishOptions{}.max_annotation_bytes}) {
    EXPECT_EQ(older_names_in(account_annotation(account(64), most, both)), both) << most;
    EXPECT_EQ(older_names_in(account_annotation(account(64), most, one)), one) << most;
  }
  EXPECT_EQ(json::parse(account_annotation(account(0), 4096, one))["older-names"], json::array({"alibabacloud.com"}));
}

TEST(Explanation, OfSomebodyElseSaysNothingOfOlderNames) {
  for (const char* text : {"", "{", R"("older-names")", R"(["older-names"])", R"({"older-names": 7})",
                           R"({"older-names": [7, null, "x"]})", R"({"older-names": "koordinator.sh"})",
                           R"({"older-names": ["koordinator.sh"])"}) {
    EXPECT_FALSE(older_names_in(text).any()) << text;
  }
  EXPECT_FALSE(older_names_in(R"({"older-names": ["koordinator.sh"], "x": ")" + std::string(5000, 'x') + "\"}").any());
}

TEST(Explanation, OfAnAccountWithoutAReportHasNoAge) {
  model::Reclaimed none;
  EXPECT_FALSE(json::parse(account_annotation(none, 2048)).contains("data-age-seconds"));
}

}  // namespace
}  // namespace tideline::publish
