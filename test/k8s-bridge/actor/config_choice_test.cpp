#include "k8s-bridge/actor/config_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/actor/config_desk.h"

namespace tideline::bridge::config_choice_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

k8s::ConfigMapObject config_map(const std::string& name, const std::string& version, const std::string& text) {
  k8s::ConfigMapObject object;
  object.key = {"ns", name, "uid-" + name, version};
  object.data = {{"resource-threshold-config", text}};
  return object;
}

const char* const kGood = R"({"clusterStrategy": {"enable": true}})";

TEST(ConfigMapNames, AreTwoNamesThatKubernetesTakes) {
  const auto name = config_map_name("kube-system/ack-slo-config");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(*name, (ConfigMapName{"kube-system", "ack-slo-config"}));
  EXPECT_EQ(subject_of(*name), "configmap kube-system/ack-slo-config");
  EXPECT_TRUE(config_map_name("a/b.c").ok());
  for (const auto* bad : {"", "/", "a", "a/", "/b", "a/b/c", "A/b", "a.b/c", "-a/b", "a/b-", "a/b?x=y"}) {
    const auto refused = config_map_name(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_THAT(refused.error().message(), HasSubstr("NAMESPACE/NAME"));
  }
}

TEST(ConfigMapNames, PreferredOneComesFirst) {
  const auto names = by_preference(default_config_maps(), {"koordinator-system", "slo-controller-config"});
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->front().name, "slo-controller-config");
  EXPECT_EQ(names->back().name, "ack-slo-config");
  const auto refused = by_preference(default_config_maps(), {"kube-system", "other"});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("kube-system/other"), HasSubstr("kube-system/ack-slo-config"),
                                               HasSubstr("koordinator-system/slo-controller-config")));
}

TEST(ConfigMapNames, DocumentsAreReadAsAConfigMap) {
  const auto documents = documents_of({"kube-system", "ack-slo-config"}, config_map("m", "1", kGood));
  const auto policy = policy::parse(documents);
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_TRUE(policy::effective(*policy, {}).threshold.enable);
  const auto bad = policy::parse(documents_of({"kube-system", "ack-slo-config"}, config_map("m", "1", "{")));
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message(), AllOf(HasSubstr("configmap kube-system/ack-slo-config"),
                                           HasSubstr("resource-threshold-config"), HasSubstr("line 1")));
}

class Choosing : public testing::Test {
 protected:
  using Choice = ConfigChoice::Choice;
  void list(std::size_t which, const char* version = nullptr) {
    choice_.begin(which);
    if (version != nullptr) choice_.take(which, config_map(std::to_string(which), version, kGood));
    choice_.listed(which);
  }
  ConfigChoice choice_{default_config_maps()};
};

TEST_F(Choosing, NothingIsChosenBeforeThoseThatComeFirstWereListed) {
  EXPECT_EQ(choice_.choice(), std::nullopt);
  list(1, "1");
  EXPECT_EQ(choice_.choice(), std::nullopt);
  list(0);
  EXPECT_EQ(choice_.choice(), (Choice{1, {}}));
}

TEST_F(Choosing, PreferredOneNeedsNoOther) {
  list(0, "1");
  EXPECT_EQ(choice_.choice(), (Choice{0, {}}));
  list(1, "1");
  EXPECT_EQ(choice_.choice(), (Choice{0, {1}}));
}

TEST_F(Choosing, GoneOneMakesRoomForTheNext) {
  list(0, "1");
  list(1, "1");
  choice_.gone(0);
  EXPECT_EQ(choice_.choice(), (Choice{1, {}}));
  choice_.gone(1);
  EXPECT_EQ(choice_.choice(), (Choice{std::nullopt, {}}));
}

TEST_F(Choosing, OneThatCannotBeReadIsThereAllTheSame) {
  list(0, "1");
  list(1, "1");
  choice_.begin(0);
  choice_.unreadable(0);
  choice_.listed(0);
  EXPECT_EQ(choice_.choice(), (Choice{0, {1}})) << "as it was read before";
  choice_.gone(0);
  EXPECT_EQ(choice_.choice(), (Choice{1, {}}));
  choice_.unreadable(0);
  EXPECT_EQ(choice_.choice(), std::nullopt) << "it goes first, and nothing is known of it";
}

TEST_F(Choosing, WhatANewListLacksIsGone) {
  list(0, "1");
  list(1);
  choice_.begin(0);
  EXPECT_EQ(choice_.choice(), (Choice{0, {}})) << "until the list is whole";
  choice_.listed(0);
  EXPECT_EQ(choice_.choice(), (Choice{std::nullopt, {}}));
}

class Desk : public testing::Test {
 protected:
  struct Input {
    std::vector<policy::Document> documents;
    std::string subject;
    std::string version;
  };
  void take(std::size_t which, const std::string& version, const std::string& text = kGood) {
    desk_.maps().begin(which);
    desk_.maps().take(which, config_map(std::to_string(which), version, text));
    desk_.maps().listed(which);
    desk_.look(now_);
  }
  void list_none(std::size_t which) {
    desk_.maps().begin(which);
    desk_.maps().listed(which);
    desk_.look(now_);
  }
  ConfigDesk::Out out() {
    ConfigDesk::Out out;
    out.input = [this](model::Result<std::vector<policy::Document>> documents, std::string subject,
                       std::string version) {
      if (documents) {
        inputs_.push_back({*documents, std::move(subject), std::move(version)});
      } else {
        refused_.push_back(documents.error().message());
      }
    };
    out.event = [this](k8s::EventNote note) { events_.push_back(std::move(note)); };
    return out;
  }
  model::MonoTime now_{1'000'000'000};
  std::vector<Input> inputs_;
  std::vector<std::string> refused_;
  std::vector<k8s::EventNote> events_;
  ConfigDesk desk_{default_config_maps(), out()};
};

TEST_F(Desk, GivesEachVersionOnce) {
  take(0, "1");
  desk_.look(now_);
  desk_.look(now_);
  ASSERT_THAT(inputs_, SizeIs(1));
  EXPECT_EQ(inputs_[0].subject, "configmap kube-system/ack-slo-config");
  EXPECT_EQ(inputs_[0].version, "1");
  take(0, "2");
  EXPECT_THAT(inputs_, SizeIs(2));
}

TEST_F(Desk, NoneOfThemIsTheDefaultsOnce) {
  list_none(0);
  EXPECT_THAT(inputs_, IsEmpty()) << "the other may be there";
  list_none(1);
  now_ = now_ + (ConfigDesk::kNoneFor - std::chrono::milliseconds(1));
  desk_.look(now_);
  EXPECT_THAT(inputs_, IsEmpty()) << "one may be on its way";
  now_ = now_ + std::chrono::milliseconds(1);
  desk_.look(now_);
  desk_.look(now_);
  ASSERT_THAT(inputs_, SizeIs(1));
  EXPECT_THAT(inputs_[0].documents, IsEmpty());
}

TEST_F(Desk, OneThatIsDeletedAndMadeAnewWasNeverMissing) {
  take(0, "1");
  list_none(1);
  desk_.maps().gone(0);
  desk_.look(now_);
  now_ = now_ + std::chrono::seconds(20);
  take(0, "2");
  desk_.maps().gone(0);
  now_ = now_ + std::chrono::seconds(20);
  desk_.look(now_);
  ASSERT_THAT(inputs_, SizeIs(2));
  EXPECT_EQ(inputs_[1].version, "2");
}

TEST_F(Desk, OneThatCannotBeReadIsRefusedAndGivenAnewWhenItCan) {
  take(0, "1");
  desk_.unreadable(0, "data is a number");
  EXPECT_THAT(refused_, ElementsAre("data is a number"));
  desk_.look(now_);
  EXPECT_THAT(inputs_, SizeIs(1)) << "what was read before is not given for it";
  take(0, "1");
  EXPECT_THAT(inputs_, SizeIs(2));
  desk_.unreadable(1, "of no concern");
  EXPECT_THAT(refused_, SizeIs(1));
}

TEST_F(Desk, OneThatIsLeftAsideIsToldOnce) {
  take(0, "1");
  take(1, "1");
  take(1, "2");
  EXPECT_THAT(inputs_, SizeIs(1)) << "and nothing of it is given";
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].object.name, "1");
  EXPECT_EQ(events_[0].type, k8s::EventNote::Type::kWarning);
  EXPECT_THAT(events_[0].message, HasSubstr("configmap kube-system/ack-slo-config is in force"));
  desk_.maps().gone(0);
  desk_.look(now_);
  ASSERT_THAT(inputs_, SizeIs(2));
  EXPECT_EQ(inputs_[1].subject, "configmap koordinator-system/slo-controller-config");
}

TEST_F(Desk, RefusedOneHasAnEventWithTheProblem) {
  take(0, "1", "{");
  coordinator::PolicyJudged verdict;
  verdict.subject = "configmap kube-system/ack-slo-config";
  verdict.resource_version = "1";
  verdict.problem = "configmap kube-system/ack-slo-config data key \"resource-threshold-config\": line 1";
  desk_.judged(verdict);
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].kind, "ConfigMap");
  EXPECT_EQ(events_[0].object.uid, "uid-0");
  EXPECT_EQ(events_[0].reason, "ColocationCfgUnmarshalFailed");
  EXPECT_EQ(events_[0].type, k8s::EventNote::Type::kWarning);
  EXPECT_EQ(events_[0].message, verdict.problem);
}

TEST_F(Desk, NewVersionHasAnEventWithItsNoticesAndTheSameHasNone) {
  take(0, "1");
  coordinator::PolicyJudged verdict;
  verdict.subject = "configmap kube-system/ack-slo-config";
  verdict.version = model::PolicyVersion(7);
  desk_.judged(verdict);
  EXPECT_THAT(events_, IsEmpty());
  verdict.is_new = true;
  verdict.notices = {{"document", "$.path", "not acted on"}};
  desk_.judged(verdict);
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].type, k8s::EventNote::Type::kNormal);
  EXPECT_THAT(events_[0].message, AllOf(HasSubstr("version 7"), HasSubstr("document $.path: not acted on")));
}

TEST_F(Desk, VerdictOnOneThatIsGoneHasNoEvent) {
  take(0, "1");
  desk_.maps().gone(0);
  coordinator::PolicyJudged verdict;
  verdict.subject = "configmap kube-system/ack-slo-config";
  verdict.problem = "bad";
  desk_.judged(verdict);
  EXPECT_THAT(events_, IsEmpty());
}

TEST(DeskWithoutConfigMaps, GivesNothing) {
  ConfigDesk::Out out;
  int inputs = 0;
  out.input = [&](const model::Result<std::vector<policy::Document>>&, const std::string&, const std::string&) {
    ++inputs;
  };
  ConfigDesk desk({}, std::move(out));
  desk.look({});
  EXPECT_EQ(inputs, 0);
}

}  // namespace
}  // namespace tideline::bridge::config_choice_test
