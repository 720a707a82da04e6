#include "k8s-bridge/translate/batch_names.h"

#include <array>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s::batch_names_test {
namespace {

using model::Bytes;
using model::MilliCpu;
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

BatchRequests of(const char* spec) {
  json pod = ffmpeg_pod();
  pod["spec"] = json::parse(spec);
  const auto read = pod_from(pod);
  EXPECT_TRUE(read) << spec;
  return read ? read->batch_requests : BatchRequests{};
}

std::array<MilliCpu, kBatchNames> cpu(std::int64_t newest, std::int64_t koordinator, std::int64_t alibaba) {
  return {MilliCpu(newest), MilliCpu(koordinator), MilliCpu(alibaba)};
}

TEST(BatchRequestsOfAPod, AreCountedByEachNameByItself) {
  EXPECT_EQ(of("{}"), BatchRequests{});
  EXPECT_EQ(of(R"({"containers": [{"resources": {"requests": {"cpu": "1"}}}]})"), BatchRequests{});
  const auto mixed = of(R"({"containers": [
      {"resources": {"requests": {"kubernetes.io/batch-cpu": "500", "kubernetes.io/batch-memory": "1Ki"}}},
      {"resources": {"requests": {"koordinator.sh/batch-cpu": "7k", "alibabacloud.com/reclaimed-cpu": "20"}}},
      {"resources": {"limits": {"koordinator.sh/batch-cpu": "100", "alibabacloud.com/reclaimed-memory": "2Ki"}}}]})");
  EXPECT_EQ(mixed.cpu, cpu(500, 7'100, 20)) << "what is not asked for is as the limit";
  EXPECT_EQ(mixed.memory, (std::array{Bytes(1024), Bytes(0), Bytes(2048)}));
}

TEST(BatchRequestsOfAPod, HaveInitContainersAndOverheadAsTheSchedulerCountsThem) {
  EXPECT_EQ(of(R"({"overhead": {"koordinator.sh/batch-cpu": "1"},
                   "initContainers": [{"resources": {"requests": {"koordinator.sh/batch-cpu": "30"}}},
                                      {"resources": {"requests": {"kubernetes.io/batch-cpu": "5"}}}],
                   "containers": [{"resources": {"requests": {"koordinator.sh/batch-cpu": "10"}}},
                                  {"resources": {"requests": {"kubernetes.io/batch-cpu": "10"}}}]})")
                .cpu,
            cpu(10, 31, 0));
}

TEST(BatchRequestsOfAPod, WhatCannotBeReadIsNothing) {
  EXPECT_EQ(
      of(R"({"containers": [{"resources": {"requests": {"koordinator.sh/batch-cpu": [], "kubernetes.io/batch-cpu": null,
                                                              "alibabacloud.com/reclaimed-cpu": "much"}}}]})"),
      BatchRequests{});
  for (const char* spec :
       {R"({"containers": 7})", R"({"containers": [7, null, []]})", R"({"containers": [{"resources": 7}]})",
        R"({"containers": [{"resources": {"requests": 7}}]})", R"({"containers": {"a": {}}})", R"({"overhead": 7})"}) {
    EXPECT_EQ(of(spec), BatchRequests{}) << spec;
  }
}

TEST(BatchRequestsOfAPod, OfAnExampleAreByItsName) {
  EXPECT_EQ(pod_from(ffmpeg_pod())->batch_requests.cpu, cpu(70'000, 0, 0));
  json older = ffmpeg_pod();
  older["spec"]["containers"][0]["resources"]["requests"] = {{"alibabacloud.com/reclaimed-cpu", "70k"}};
  older["spec"]["containers"][0]["resources"].erase("limits");
  EXPECT_EQ(pod_from(older)->batch_requests.cpu, cpu(0, 0, 70'000));
}

}  // namespace
}  // namespace tideline::k8s::batch_names_test
