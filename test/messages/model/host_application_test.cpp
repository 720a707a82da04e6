#include "messages/model/host_application.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::model::host_application_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

HostApplication application(std::string name, std::string path) {
  HostApplication one;
  one.name = std::move(name);
  one.path = std::move(path);
  return one;
}

std::string refusal(const HostApplication& one) {
  const auto ok = validate(one);
  return ok ? "accepted" : ok.error().message();
}

TEST(HostApplication, NamesOfBasesAndPrioritiesAreReadAsTheyAreWritten) {
  for (const auto base : {CgroupBase::kCgroupRoot, CgroupBase::kKubepods, CgroupBase::kKubepodsBurstable,
                          CgroupBase::kKubepodsBesteffort})
    EXPECT_EQ(cgroup_base_from(name_of(base)), base);
  for (const auto tier : {Tier::kProd, Tier::kMid, Tier::kBatch, Tier::kFree})
    EXPECT_EQ(tier_from_priority_class(priority_class_of(tier)), tier);
  EXPECT_EQ(cgroup_base_from("kubepods"), std::nullopt);
  EXPECT_EQ(tier_from_priority_class("prod"), std::nullopt);
}

TEST(HostApplication, WithoutAPathItIsLookedForWhereKoordinatorDoes) {
  EXPECT_EQ(default_path_of("nginx", QosClass::kLse), "host-latency-sensitive/nginx");
  EXPECT_EQ(default_path_of("nginx", QosClass::kLsr), "host-latency-sensitive/nginx");
  EXPECT_EQ(default_path_of("nginx", QosClass::kLs), "host-latency-sensitive/nginx");
  EXPECT_EQ(default_path_of("yarn", QosClass::kBe), "host-best-effort/yarn");
  EXPECT_EQ(default_path_of("sshd", QosClass::kSystem), "sshd");
}

TEST(HostApplication, PathsThatLeadOutOfTheirBaseAreNamed) {
  EXPECT_EQ(refusal(application("a", "web/a")), "accepted");
  EXPECT_EQ(refusal(application("a", R"(system.slice/a\x2db.service)")), "accepted");
  EXPECT_EQ(refusal(application("a", "web/..a/...")), "accepted") << "only whole components lead up";
  for (const std::string path : {"..", "../a", "web/..", "web/../../etc", "./a", "web/."})
    EXPECT_THAT(refusal(application("a", path)), AllOf(HasSubstr("\"a\""), HasSubstr(path), HasSubstr("component")));
  for (const std::string path : {"", "/", "/web", "web/", "web//a"})
    EXPECT_THAT(refusal(application("a", path)), HasSubstr("an empty component")) << path;
  EXPECT_THAT(refusal(application("a", std::string("web\0a", 5))), HasSubstr("control character"));
  EXPECT_THAT(refusal(application("a", std::string(1025, 'x'))), HasSubstr("1025 bytes; at most 1024"));
}

TEST(HostApplication, ANameIsNoPath) {
  EXPECT_THAT(refusal(application("", "a")), HasSubstr("name is empty"));
  EXPECT_THAT(refusal(application("a/b", "a")), HasSubstr("\"a/b\""));
  EXPECT_THAT(refusal(application("a\nb", "a")), HasSubstr("want a name"));
  EXPECT_THAT(refusal(application(std::string(254, 'x'), "a")), HasSubstr("254 bytes; at most 253"));
}

TEST(HostApplication, DuplicatesAreNamedWithTheirPlaces) {
  const auto refused = [](const std::vector<HostApplication>& all) {
    const auto ok = validate(all);
    return ok ? std::string("accepted") : ok.error().message();
  };
  EXPECT_EQ(refused({application("a", "x"), application("b", "y")}), "accepted");
  EXPECT_THAT(refused({application("a", "x"), application("b", "y"), application("a", "z")}),
              HasSubstr("[2].name is \"a\", which [0] has already"));
  EXPECT_THAT(refused({application("a", "x"), application("b", "x")}),
              HasSubstr("[1] is the group CgroupRoot/x, which [0] is already"));
  auto elsewhere = application("b", "x");
  elsewhere.base = CgroupBase::kKubepods;
  EXPECT_EQ(refused({application("a", "x"), elsewhere}), "accepted");
  std::vector<HostApplication> many;
  for (int i = 0; i < 65; ++i)
    many.push_back(application("a" + std::to_string(i), "x" + std::to_string(i)));
  EXPECT_THAT(refused(many), HasSubstr("65 host applications; at most 64"));
}

TEST(HostApplication, AListIsShownAsJson) {
  EXPECT_EQ(text_of(std::vector<HostApplication>{}), "[]");
  HostApplication one = application("a\"b", R"(x\y)");
  one.tier = Tier::kBatch;
  one.qos = QosClass::kBe;
  EXPECT_EQ(text_of({one, application("c", "z")}),
            R"([{"name":"a\"b","priority":"koord-batch","qos":"BE","cgroup":"CgroupRoot/x\\y"},)"
            R"({"name":"c","priority":"koord-prod","qos":"SYSTEM","cgroup":"CgroupRoot/z"}])");
}

}  // namespace
}  // namespace tideline::model::host_application_test
