#include <random>

#include <gmock/gmock.h>

#include "coordinator/actor/policy_actor.h"
#include "coordinator/actor/policy_dir.h"
#include "storage/store/limits.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::coordinator::policy_test {
namespace {

using model::ErrorCode;
using model::PolicyVersion;
using testing::HasSubstr;

constexpr const char* kFile = "resource-threshold-config.json";
constexpr const char* kConfigMap = "configmap kube-system/ack-slo-config";

std::string threshold(int percent) {
  return R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": )" + std::to_string(percent) + "}}";
}

class Policy : public Actors {
 protected:
  test::TempDir dir_;

  caf::actor policy(std::optional<PolicyMemory> memory = std::nullopt) {
    return spawn<PolicyActor>(directory_source(dir_.str()), model::Epoch(3), std::move(memory), probe(), probe());
  }
  caf::actor from_kubernetes(std::optional<PolicyMemory> memory = std::nullopt) {
    return spawn<PolicyActor>(
        kubernetes_source({"kube-system/ack-slo-config", "koordinator-system/slo-controller-config"}), model::Epoch(3),
        std::move(memory), probe(), probe());
  }
  /// What is said of a ConfigMap with this threshold; nullopt: nothing.
  std::optional<PolicyJudged> judged(const caf::actor& actor, const std::string& json, const std::string& version) {
    std::vector<policy::Document> documents{{"configmap kube-system/ack-slo-config/resource-threshold-config", json}};
    caf::anon_send(actor, PolicyInput{std::move(documents), kConfigMap, version, probe()});
    return next<PolicyJudged>();
  }
  admin::PolicyState state_of(const caf::actor& actor) {
    caf::anon_send(actor, AskPolicyStatus{[](const model::Result<admin::PolicyStatus>&) {}});
    const auto question = next<AskPolicyNodes>();
    EXPECT_TRUE(question);
    return question ? question->state : admin::PolicyState{};
  }
  bool is_rejected() {
    for (;;) {
      const auto kept = next<KeepEvents>();
      if (!kept) return false;
      if (kept->events.at(0).event.reason == model::Reason::kPolicyRejected) return true;
    }
  }
};

TEST_F(Policy, GoodInputBecomesVersionOneAndIsRemembered) {
  dir_.write(kFile, threshold(50));
  policy();
  const auto kept = next<KeepSetting>();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->key, kPolicyMemorySetting);
  const auto memory = policy_memory_from(kept->value);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->version, PolicyVersion(1));
  const auto loaded = next<PolicyLoaded>();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->version, PolicyVersion(1));
  EXPECT_EQ(policy::effective(*loaded->policy, {}).threshold.cpu_suppress_threshold_percent, 50);
}

TEST_F(Policy, BadPolicyKeepsTheLastGood) {
  dir_.write(kFile, threshold(50));
  const auto actor = policy();
  ASSERT_TRUE(next<PolicyLoaded>());
  dir_.write(kFile, threshold(5000));
  caf::anon_send(actor, PolicyTick{});
  ASSERT_TRUE(is_rejected());
  const auto state = state_of(actor);
  EXPECT_EQ(state.version, PolicyVersion(1));
  EXPECT_THAT(state.problem, HasSubstr(kFile));
  EXPECT_THAT(state.problem, HasSubstr("5000"));
  EXPECT_THAT(state.documents.at(0).json, HasSubstr("50}"));

  dir_.write(kFile, threshold(40));
  caf::anon_send(actor, PolicyTick{});
  const auto loaded = next<PolicyLoaded>();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->version, PolicyVersion(2));
  EXPECT_EQ(state_of(actor).problem, "");
}

TEST_F(Policy, StartOnBadInputGoesOnWithTheRememberedPolicy) {
  dir_.write(kFile, "{");
  const auto actor = policy(PolicyMemory{PolicyVersion(7), {{"resource-threshold-config", threshold(50)}}});
  const auto loaded = next<PolicyLoaded>();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->version, PolicyVersion(7));
  EXPECT_EQ(policy::effective(*loaded->policy, {}).threshold.cpu_suppress_threshold_percent, 50);
  EXPECT_TRUE(is_rejected());
  EXPECT_EQ(state_of(actor).version, PolicyVersion(7));
}

TEST_F(Policy, RestartOnTheSameInputIsNoNewVersionAndAnotherInputIs) {
  dir_.write(kFile, threshold(50));
  const auto actor = policy(PolicyMemory{PolicyVersion(7), {{"resource-threshold-config", threshold(50)}}});
  ASSERT_EQ(next<PolicyLoaded>()->version, PolicyVersion(7));
  EXPECT_EQ(state_of(actor).version, PolicyVersion(7));
  dir_.write(kFile, threshold(51));
  caf::anon_send(actor, PolicyTick{});
  EXPECT_EQ(next<PolicyLoaded>()->version, PolicyVersion(8));
}

TEST_F(Policy, ApplyNamesTheDirectoryToEditAndDryRunChecks) {
  const auto actor = policy();
  const auto apply = [&](const std::string& json, bool dry_run) {
    return ask<admin::PolicyApplied>(actor, [&](admin::Reply<admin::PolicyApplied> reply) {
      return AskPolicyApply{{}, {{"resource-threshold-config", json}}, dry_run, std::move(reply)};
    });
  };
  const auto refused = apply(threshold(50), false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message(), HasSubstr(dir_.str()));
  const auto checked = apply(threshold(50), true);
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  EXPECT_THAT(checked->report, HasSubstr("valid"));
  const auto bad = apply(threshold(-1), true);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(Policy, InputByMessageIsInForceAndItsSenderHearsOfIt) {
  const auto actor = from_kubernetes();
  EXPECT_EQ(state_of(actor).version, PolicyVersion(0)) << "nothing is until there was an input";
  const auto verdict = judged(actor, threshold(50), "11");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->subject, kConfigMap);
  EXPECT_EQ(verdict->resource_version, "11");
  EXPECT_EQ(verdict->problem, "");
  EXPECT_EQ(verdict->version, PolicyVersion(1));
  EXPECT_TRUE(verdict->is_new);
  const auto loaded = next<PolicyLoaded>();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(policy::effective(*loaded->policy, {}).threshold.cpu_suppress_threshold_percent, 50);
  EXPECT_EQ(state_of(actor).source, kConfigMap);

  const auto same = judged(actor, threshold(50), "12");
  ASSERT_TRUE(same);
  EXPECT_EQ(same->resource_version, "12");
  EXPECT_EQ(same->version, PolicyVersion(1));
  EXPECT_FALSE(same->is_new);
}

TEST_F(Policy, BadInputByMessageKeepsTheLastGoodAndIsAnsweredWithItsPlace) {
  const auto actor = from_kubernetes();
  ASSERT_TRUE(judged(actor, threshold(50), "11"));
  for (const auto* version : {"12", "13"}) {
    const auto verdict = judged(actor, threshold(5000), version);
    ASSERT_TRUE(verdict);
    EXPECT_THAT(verdict->problem, HasSubstr("5000"));
    EXPECT_THAT(verdict->problem, HasSubstr("$.clusterStrategy.cpuSuppressThresholdPercent"));
    EXPECT_EQ(verdict->version, PolicyVersion(1));
    EXPECT_FALSE(verdict->is_new);
    EXPECT_TRUE(verdict->notices.empty());
  }
  EXPECT_THAT(state_of(actor).documents.at(0).json, HasSubstr("50}"));
  const auto good = judged(actor, threshold(40), "14");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->version, PolicyVersion(2));
  EXPECT_EQ(state_of(actor).problem, "");
}

TEST_F(Policy, RememberedPolicyIsInForceUntilTheFirstInputByMessage) {
  const auto actor = from_kubernetes(PolicyMemory{PolicyVersion(7), {{"resource-threshold-config", threshold(50)}}});
  ASSERT_EQ(next<PolicyLoaded>()->version, PolicyVersion(7));
  const auto state = state_of(actor);
  EXPECT_EQ(state.version, PolicyVersion(7));
  EXPECT_EQ(state.source, "kubernetes");
  const auto same = judged(actor, threshold(50), "11");
  ASSERT_TRUE(same);
  EXPECT_EQ(same->version, PolicyVersion(7));
  EXPECT_FALSE(same->is_new) << "a restart on the same ConfigMap changes nothing";
}

TEST_F(Policy, NoInputAtAllIsTheDefaults) {
  const auto actor = from_kubernetes(PolicyMemory{PolicyVersion(7), {{"resource-threshold-config", threshold(50)}}});
  ASSERT_EQ(next<PolicyLoaded>()->version, PolicyVersion(7));
  caf::anon_send(actor, PolicyInput{std::vector<policy::Document>(), "kubernetes: no configmap", "", probe()});
  const auto loaded = next<PolicyLoaded>();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->version, PolicyVersion(8));
  EXPECT_FALSE(policy::effective(*loaded->policy, {}).threshold.enable);
}

TEST_F(Policy, NoticesOfAnInputByMessageAreAnswered) {
  const auto actor = from_kubernetes();
  const auto verdict = judged(actor, R"({"clusterStrategy": {"enable": true, "cpuEvictThresholdPercent": 90}})", "11");
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->notices,
              testing::Contains(testing::Field(&policy::Notice::path, "$.clusterStrategy.cpuEvictThresholdPercent")));
}

TEST_F(Policy, ApplyNamesTheConfigMapsToEditWherePolicyComesFromThere) {
  const auto actor = from_kubernetes();
  const auto refused = ask<admin::PolicyApplied>(actor, [&](admin::Reply<admin::PolicyApplied> reply) {
    return AskPolicyApply{{}, {{"resource-threshold-config", threshold(50)}}, false, std::move(reply)};
  });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message(), HasSubstr("edit configmap kube-system/ack-slo-config"));
  EXPECT_THAT(refused.error().message(), HasSubstr("koordinator-system/slo-controller-config"));
  const auto checked = ask<admin::PolicyApplied>(actor, [&](admin::Reply<admin::PolicyApplied> reply) {
    return AskPolicyApply{{}, {{"resource-threshold-config", threshold(50)}}, true, std::move(reply)};
  });
  EXPECT_TRUE(checked.ok());
}

TEST_F(Policy, CheckComparesWithTheFleetsNodesAndChangesNothing) {
  dir_.write(kFile, threshold(50));
  const auto actor = policy();
  ASSERT_TRUE(next<PolicyLoaded>());
  auto promise = std::make_shared<std::promise<model::Result<admin::PolicyCheck>>>();
  auto answer = promise->get_future();
  caf::anon_send(actor, AskPolicyCheck{{{"resource-threshold-config", threshold(40)}},
                                       model::NodeName(),
                                       [promise](model::Result<admin::PolicyCheck> result) {
                                         promise->set_value(std::move(result));
                                       }});
  const auto asked = next<AskCheckNodes>();
  ASSERT_TRUE(asked);
  EXPECT_TRUE(asked->job->node.empty());
  const auto known = std::make_shared<model::NodeStatus>();
  caf::anon_send(asked->answer_to,
                 CheckNodes{asked->job, {{model::NodeName("n1"), known}, {model::NodeName("n2"), nullptr}}});
  ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
  const auto checked = answer.get();
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  EXPECT_EQ(checked->version, PolicyVersion(1));
  EXPECT_EQ(checked->report.nodes, 1u);
  EXPECT_EQ(checked->report.unknown.count, 1u);
  ASSERT_EQ(checked->report.groups.size(), 1u);
  const auto& change = checked->report.groups[0].changes.at(0);
  EXPECT_EQ(change.key, "cpuSuppressThresholdPercent");
  EXPECT_EQ(change.before, "50");
  EXPECT_EQ(change.after, "40");
  const auto state = state_of(actor);
  EXPECT_EQ(state.version, PolicyVersion(1));
  EXPECT_THAT(state.documents.at(0).json, HasSubstr("50}"));
}

TEST_F(Policy, CheckOfBadDocumentsAsksNobody) {
  const auto actor = policy();
  const auto bad = ask<admin::PolicyCheck>(actor, [&](admin::Reply<admin::PolicyCheck> reply) {
    return AskPolicyCheck{{{"resource-threshold-config", threshold(5000)}}, model::NodeName(), std::move(reply)};
  });
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(bad.error().message(), HasSubstr("5000"));
}

TEST(PolicyMemory, PolicyThatCouldNotBeRememberedIsRefused) {
  // Each line end takes two bytes in the memory.
  const std::string padded = threshold(50) + std::string(store::kMaxSettingValueBytes * 2 / 3, '\n');
  const auto refused = parse_rememberable({{"resource-threshold-config", padded}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  EXPECT_THAT(refused.error().message(), HasSubstr(std::to_string(store::kMaxSettingValueBytes)));
  EXPECT_TRUE(parse_rememberable({{"resource-threshold-config", threshold(50)}}).ok());
}

TEST(PolicyMemory, ComesBackAsItWas) {
  const PolicyMemory memory{PolicyVersion(UINT64_MAX), {{"a", "{\"x\": \"\\u00e4\"}\n"}, {"b", ""}}};
  const auto back = policy_memory_from(to_text(memory));
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(back->version, memory.version);
  EXPECT_EQ(back->documents, memory.documents);
}

TEST(PolicyMemory, DamageIsAnErrorAndNeverACrash) {
  const std::string good = to_text({PolicyVersion(3), {{"resource-threshold-config", threshold(50)}}});
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto cut = policy_memory_from(good.substr(0, length));
    ASSERT_FALSE(cut.ok()) << length;
    EXPECT_EQ(cut.error().code(), ErrorCode::kMalformed);
  }
  const unsigned seed = 4'711;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string text = good;
    text[random() % text.size()] = static_cast<char>(random());
    (void)policy_memory_from(text).ok();
  }
}

TEST(PolicyDir, ReadsJsonFilesByNameAndFollowsLinks) {
  test::TempDir dir;
  test::TempDir elsewhere;
  dir.write("b.json", "B");
  dir.write("..2026/c.json", "C");
  dir.write(".hidden.json", "H");
  dir.write("notes.txt", "T");
  dir.write("folder.json/x", "F");
  std::filesystem::create_symlink(elsewhere.write("target", "A"), dir.path() / "a.json");
  const auto documents = read_policy_dir(dir.str());
  ASSERT_TRUE(documents.ok()) << documents.error().message();
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ((*documents)[0], (policy::Document{dir.str() + "/a.json", "A"}));
  EXPECT_EQ((*documents)[1], (policy::Document{dir.str() + "/b.json", "B"}));
}

TEST(PolicyDir, NamesWhatIsMissingTooManyOrTooLarge) {
  test::TempDir dir;
  const auto missing = read_policy_dir(dir.str() + "/gone");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr(dir.str() + "/gone"));

  dir.write("large.json", std::string(policy::Limits::kMaxTextBytes + 1, ' '));
  const auto large = read_policy_dir(dir.str());
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code(), ErrorCode::kOverloaded);
  EXPECT_THAT(large.error().message(), HasSubstr("large.json"));

  for (std::size_t i = 0; i < policy::Limits::kMaxDocuments; ++i)
    dir.write(std::to_string(i) + ".json", "{}");
  const auto many = read_policy_dir(dir.str());
  ASSERT_FALSE(many.ok());
  EXPECT_THAT(many.error().message(), HasSubstr("more than"));
}

}  // namespace
}  // namespace tideline::coordinator::policy_test
