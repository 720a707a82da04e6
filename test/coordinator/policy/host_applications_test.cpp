// host-application-config, from the operator's JSON to what nodes are told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/diff.h"
#include "coordinator/policy/policy.h"

namespace tideline::policy::host_applications_test {
namespace {

using model::CgroupBase;
using model::HostApplication;
using model::QosClass;
using model::Tier;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ClusterPolicy parsed(const std::string& text) {
  auto policy = parse({{"host-application-config", text}});
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? *std::move(policy) : ClusterPolicy{};
}

std::vector<HostApplication> of(const std::string& applications) {
  return effective(parsed(R"({"applications": )" + applications + "}"), {}).host_applications;
}

std::string refusal(const std::string& applications) {
  const auto policy = parse({{"host-application-config", R"({"applications": )" + applications + "}"}});
  return policy ? "accepted" : policy.error().message();
}

TEST(HostApplications, ArriveAsTheyAreWritten) {
  EXPECT_THAT(
      of(R"([{"name": "nginx", "priority": "koord-prod", "qos": "LS",
                      "cgroupPath": {"base": "Kubepods", "parentDir": "/host-latency-sensitive/",
                                     "relativePath": "nginx/"}},
                     {"name": "yarn", "priority": "koord-batch", "qos": "BE",
                      "cgroupPath": {"base": "KubepodsBesteffort", "relativePath": "hadoop/yarn"}},
                     {"name": "agent", "priority": "koord-mid", "qos": "LSR",
                      "cgroupPath": {"base": "KubepodsBurstable", "parentDir": "agents"}}])"),
      ElementsAre(
          HostApplication{"nginx", Tier::kProd, QosClass::kLs, CgroupBase::kKubepods, "host-latency-sensitive/nginx"},
          HostApplication{"yarn", Tier::kBatch, QosClass::kBe, CgroupBase::kKubepodsBesteffort, "hadoop/yarn"},
          HostApplication{"agent", Tier::kMid, QosClass::kLsr, CgroupBase::kKubepodsBurstable, "agents"}));
}

TEST(HostApplications, WhatIsLeftOutGoesByTheRest) {
  EXPECT_THAT(
      of(R"([{"name": "a", "qos": "LS"}, {"name": "b", "qos": "BE"}, {"name": "c", "priority": "koord-free"},
             {"name": "d"}, {"name": "e", "qos": null, "priority": null, "cgroupPath": {"relativePath": "x"}}])"),
      ElementsAre(HostApplication{"a", Tier::kProd, QosClass::kLs, CgroupBase::kCgroupRoot, "host-latency-sensitive/a"},
                  HostApplication{"b", Tier::kBatch, QosClass::kBe, CgroupBase::kCgroupRoot, "host-best-effort/b"},
                  HostApplication{"c", Tier::kFree, QosClass::kBe, CgroupBase::kCgroupRoot, "host-best-effort/c"},
                  HostApplication{"d", Tier::kProd, QosClass::kSystem, CgroupBase::kCgroupRoot, "d"},
                  HostApplication{"e", Tier::kProd, QosClass::kSystem, CgroupBase::kCgroupRoot, "x"}));
}

TEST(HostApplications, NamesPathValueAndChoicesOfWhatIsWrong) {
  EXPECT_THAT(refusal(R"({"name": "a"})"), AllOf(HasSubstr("$.applications is"), HasSubstr("a list of objects")));
  EXPECT_THAT(refusal(R"([7])"), HasSubstr("$.applications[0] is 7; want an object"));
  EXPECT_THAT(refusal(R"([{"qos": "LS"}])"), HasSubstr("$.applications[0].name is missing"));
  EXPECT_THAT(refusal(R"([{"name": 5}])"), HasSubstr("$.applications[0].name is 5; want text"));
  EXPECT_THAT(refusal(R"([{"name": "a", "priority": "koord-prd"}])"),
              AllOf(HasSubstr("$.applications[0].priority is \"koord-prd\""), HasSubstr("koord-prod | koord-mid"),
                    HasSubstr("did you mean \"koord-prod\"?")));
  EXPECT_THAT(refusal(R"([{"name": "a", "qos": "ls"}])"),
              AllOf(HasSubstr("$.applications[0].qos is \"ls\""), HasSubstr("LSE | LSR | LS | BE | SYSTEM")));
  EXPECT_THAT(refusal(R"([{"name": "a", "cgroupPath": {"base": "Pods", "relativePath": "x"}}])"),
              AllOf(HasSubstr("$.applications[0].cgroupPath.base is \"Pods\""), HasSubstr("KubepodsBurstable")));
  EXPECT_THAT(refusal(R"([{"name": "a", "cgroupPath": {"relativePath": "../x"}}])"),
              AllOf(HasSubstr("$.applications[0]"), HasSubstr("\"../x\""), HasSubstr("\"..\"")));
  EXPECT_THAT(refusal(R"([{"name": "a", "cgroupPath": {"parentDir": "x/..", "relativePath": "y"}}])"),
              HasSubstr("\"..\""));
  EXPECT_THAT(refusal(R"([{"name": "a", "cgroupPath": {"base": "Kubepods"}}])"), HasSubstr("names Kubepods itself"));
  EXPECT_THAT(refusal(R"([{"name": "..", "qos": "SYSTEM"}])"), HasSubstr("\"..\""));
  EXPECT_THAT(refusal(R"([{"name": "a", "cgroupPaths": {}}])"),
              AllOf(HasSubstr("cgroupPaths"), HasSubstr("did you mean \"cgroupPath\"?")));
  EXPECT_THAT(refusal(R"([{"name": "a"}, {"name": "b"}, {"name": "a"}])"),
              HasSubstr("$.applications: [2].name is \"a\", which [0] has already"));
  EXPECT_THAT(refusal(R"([{"name": "a"}, {"name": "b", "cgroupPath": {"relativePath": "a"}}])"),
              HasSubstr("[1] is the group CgroupRoot/a, which [0] is already"));
}

TEST(HostApplications, OfANodesEntryReplaceTheClustersWhole) {
  const auto policy = parsed(R"({"applications": [{"name": "everywhere"}],
      "nodeConfigs": [{"name": "edge", "nodeSelector": {"matchLabels": {"role": "edge"}},
                       "applications": [{"name": "proxy"}]},
                      {"name": "bare", "nodeSelector": {"matchLabels": {"role": "bare"}}},
                      {"name": "later", "nodeSelector": {"matchLabels": {"role": "edge"}},
                       "applications": [{"name": "never"}]}]})");
  const auto names = [&](const Labels& labels) {
    std::vector<std::string> found;
    for (const auto& application : effective(policy, labels).host_applications)
      found.push_back(application.name);
    return found;
  };
  EXPECT_THAT(names({}), ElementsAre("everywhere"));
  EXPECT_THAT(names({{"role", "edge"}}), ElementsAre("proxy")) << "the first that matches, and nothing else";
  EXPECT_THAT(names({{"role", "bare"}}), IsEmpty()) << "an entry without applications has none";
}

TEST(HostApplications, AChangeIsShown) {
  const auto before = effective(parsed(R"({"applications": [{"name": "a"}]})"), {});
  const auto after = effective(parsed(R"({"applications": [{"name": "a", "qos": "LS"}]})"), {});
  const auto differences = diff(before, after);
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].key->path, "applications");
  EXPECT_EQ(text_of(differences[0].before),
            R"([{"name":"a","priority":"koord-prod","qos":"SYSTEM","cgroup":"CgroupRoot/a"}])");
  EXPECT_THAT(text_of(differences[0].after), HasSubstr("host-latency-sensitive/a"));
}

TEST(HostApplications, WhatDoesNotActAsWrittenIsANotice) {
  const auto policy = parsed(R"({"applications": [{"name": "a", "strategy": {"x": 1}},
      {"name": "b", "qos": "LS", "cgroupPath": {"base": "KubepodsBesteffort", "relativePath": "b"}}]})");
  std::vector<std::string> notices;
  for (const auto& notice : policy.notices)
    notices.push_back(notice.path + ": " + notice.why);
  EXPECT_THAT(notices, testing::UnorderedElementsAre(
                           AllOf(HasSubstr("$.applications[0].strategy"), HasSubstr("does not act on it")),
                           AllOf(HasSubstr("$.applications[1].cgroupPath"), HasSubstr("best-effort's limit"))));
}

}  // namespace
}  // namespace tideline::policy::host_applications_test
