#include "k8s-bridge/translate/batch_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(OlderNamesOfBatch, AreChosenByTheirDomains) {
  EXPECT_FALSE(older_names_from("")->any());
  EXPECT_EQ(*older_names_from("koordinator.sh"), (OlderNames{.koordinator = true, .alibaba = false}));
  EXPECT_EQ(*older_names_from("alibabacloud.com"), (OlderNames{.koordinator = false, .alibaba = true}));
  EXPECT_EQ(*older_names_from("alibabacloud.com,koordinator.sh"), (OlderNames{.koordinator = true, .alibaba = true}));
}

TEST(OlderNamesOfBatch, ThatAreNoneAreNamed) {
  for (const char* text : {"koordinator", "kubernetes.io", "koordinator.sh, alibabacloud.com", ",koordinator.sh",
                           "koordinator.sh;alibabacloud.com"}) {
    const auto names = older_names_from(text);
    ASSERT_FALSE(names.ok()) << text;
    EXPECT_EQ(names.error().code(), model::ErrorCode::kInvalidArgument);
    EXPECT_THAT(names.error().message(), HasSubstr("want koordinator.sh, alibabacloud.com")) << text;
  }
}

TEST(OlderNamesOfBatch, DoNotHoldTheNewest) {
  OlderNames names;
  names.add(BatchName::kKubernetes);
  EXPECT_FALSE(names.any());
  names.add(BatchName::kAlibaba);
  EXPECT_TRUE(names.has(BatchName::kAlibaba));
  EXPECT_FALSE(names.has(BatchName::kKoordinator));
  EXPECT_FALSE(names.has(BatchName::kKubernetes));
}

AskedBy of(const char* containers) {
  json spec = json::object();
  spec["containers"] = json::parse(containers);
  return asked_by(spec);
}

TEST(AskedBy, IsTheNewestNameOfAnyContainerForEachResource) {
  constexpr AskedBy kNewest{};
  EXPECT_EQ(of("[]"), kNewest) << "nothing is asked for";
  EXPECT_EQ(of(R"([{"resources": {"requests": {"cpu": "1"}}}])"), kNewest);
  EXPECT_EQ(of(R"([{"resources": {"requests": {"koordinator.sh/batch-cpu": "1"}}},
                   {"resources": {"limits": {"alibabacloud.com/reclaimed-memory": "1"}}}])"),
            (AskedBy{BatchName::kKoordinator, BatchName::kAlibaba}));
  EXPECT_EQ(of(R"([{"resources": {"requests": {"alibabacloud.com/reclaimed-cpu": "1"}}},
                   {"resources": {"requests": {"koordinator.sh/batch-cpu": "1"}}}])"),
            (AskedBy{BatchName::kKoordinator, BatchName::kKubernetes}));
  EXPECT_EQ(of(R"([{"resources": {"requests": {"koordinator.sh/batch-cpu": "1", "kubernetes.io/batch-cpu": null}}}])"),
            (AskedBy{BatchName::kKoordinator, BatchName::kKubernetes}));
}

TEST(AskedBy, LooksAtInitContainersToo) {
  const json spec = json::parse(
      R"({"initContainers": [{"resources": {"limits": {"koordinator.sh/batch-cpu": "1"}}}], "containers": [{}]})");
  EXPECT_EQ(asked_by(spec).cpu, BatchName::kKoordinator);
}

TEST(AskedBy, TakesAnythingForASpec) {
  for (const char* text :
       {"7", "[]", R"({"containers": 7})", R"({"containers": [7, null, []]})", R"({"containers": [{"resources": 7}]})",
        R"({"containers": [{"resources": {"requests": 7}}]})", R"({"containers": {"a": {}}})"}) {
    EXPECT_EQ(asked_by(json::parse(text)), AskedBy{}) << text;
  }
}

TEST(AskedBy, IsReadOfAPod) {
  EXPECT_EQ(pod_from(ffmpeg_pod())->asked_by, AskedBy{});
  json older = ffmpeg_pod();
  older["spec"]["containers"][0]["resources"]["requests"] = {{"alibabacloud.com/reclaimed-cpu", "70k"}};
  older["spec"]["containers"][0]["resources"].erase("limits");
  EXPECT_EQ(pod_from(older)->asked_by, (AskedBy{BatchName::kAlibaba, BatchName::kKubernetes}));
}

}  // namespace
}  // namespace tideline::k8s
