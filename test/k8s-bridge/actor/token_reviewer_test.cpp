#include "k8s-bridge/actor/token_reviewer.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/token_review.h"
#include "test/k8s-bridge/actor/fake_api.h"
#include "test/k8s-bridge/translate/token_samples.h"

namespace tideline::bridge::token_reviewer_test {
namespace {

using k8s_api::Method;
using model::ErrorCode;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// Keeps what it is asked, for the test to answer on its own thread.
class KeptApi final : public ApiPort {
 public:
  void send(k8s_api::Request request, link::Reply<k8s_api::Answer> reply) override {
    sent.push_back({std::move(request), std::move(reply)});
  }
  void watch(k8s_api::WatchedResource, k8s_api::WatchSink&) override {}
  k8s_api::ClientCounts counts() const override { return {}; }
  void stop() override {}

  std::vector<SentRequest> sent;
};

class Reviews : public testing::Test {
 protected:
  static constexpr const char* kToken = "ey.secret.y";

  // What was asked holds the port that keeps it.
  ~Reviews() override { api_->sent.clear(); }

  void ask(const std::string& token = kToken) {
    told_.reset();
    reviewer_.identify(token, [this](model::Result<model::NodeName> node) {
      EXPECT_FALSE(told_) << "answered twice";
      told_ = std::move(node);
    });
  }
  void answer(unsigned status, const std::string& body) {
    const SentRequest sent = api_->sent.back();
    sent.answer(status, body);
  }
  void answer_without(ErrorCode code) {
    const SentRequest sent = api_->sent.back();
    sent.reply(model::Error(code, "POST /apis: connection refused"));
  }
  void expect_told(ErrorCode code, const std::string& why) {
    ASSERT_TRUE(told_);
    ASSERT_FALSE(*told_);
    EXPECT_EQ(told_->error().code(), code) << told_->error().message();
    EXPECT_THAT(told_->error().message(), HasSubstr(why));
    EXPECT_THAT(told_->error().message(), Not(HasSubstr(kToken)));
  }

  std::shared_ptr<KeptApi> api_ = std::make_shared<KeptApi>();
  TokenReviewer reviewer_{api_, k8s::kTestAudience, {"tideline-system", "tideline-node"}};
  std::optional<model::Result<model::NodeName>> told_;
};

TEST_F(Reviews, AskForTheTokenThenForItsPodAndTellItsNode) {
  ask();
  ASSERT_EQ(api_->sent.size(), 1u);
  const auto review = api_->sent[0].request;
  EXPECT_EQ(review.method, Method::kPost);
  EXPECT_EQ(review.path, "/apis/authentication.k8s.io/v1/tokenreviews");
  EXPECT_EQ(review.body, k8s::token_review_body(kToken, "tideline-bootstrap"));
  EXPECT_EQ(review.priority, k8s_api::Priority::kLow) << "anyone may cause it";
  answer(201, k8s::agent_review().dump());
  ASSERT_EQ(api_->sent.size(), 2u);
  EXPECT_FALSE(told_);
  const auto pod = api_->sent[1].request;
  EXPECT_EQ(pod.method, Method::kGet);
  EXPECT_EQ(pod.path, "/api/v1/namespaces/tideline-system/pods/tideline-node-x2x7k");
  EXPECT_EQ(pod.priority, k8s_api::Priority::kLow) << "an agent may cause it without end";
  EXPECT_LT(review.deadline + pod.deadline, std::chrono::seconds(15)) << "what the bootstrap port waits";
  answer(200, k8s::agent_pod().dump());
  ASSERT_TRUE(told_ && *told_) << told_->error().message();
  EXPECT_EQ(**told_, model::NodeName("node-1"));
}

TEST_F(Reviews, DenyATokenThatIsNotGoodWithoutAskingOn) {
  ask();
  answer(201, R"({"kind": "TokenReview", "status": {"error": "invalid bearer token"}})");
  expect_told(ErrorCode::kPermissionDenied, "invalid bearer token");
  EXPECT_EQ(api_->sent.size(), 1u);
}

TEST_F(Reviews, DenyAnotherAccount) {
  for (const auto* name :
       {"system:serviceaccount:tideline-system:default", "system:serviceaccount:default:tideline-node"}) {
    json review = k8s::agent_review();
    review["status"]["user"]["username"] = name;
    ask();
    answer(201, review.dump());
    expect_told(ErrorCode::kPermissionDenied, "not of tideline-system/tideline-node");
  }
  EXPECT_EQ(api_->sent.size(), 2u) << "nobody's pod was asked for";
}

TEST_F(Reviews, DenyAPodThatIsGoneOrAnother) {
  ask();
  answer(201, k8s::agent_review().dump());
  answer(404, R"({"kind": "Status", "code": 404, "message": "pods \"x\" not found"})");
  expect_told(ErrorCode::kPermissionDenied, "pod tideline-system/tideline-node-x2x7k is there no more");

  json other = k8s::agent_pod();
  other["metadata"]["uid"] = "another";
  ask();
  answer(201, k8s::agent_review().dump());
  answer(200, other.dump());
  expect_told(ErrorCode::kPermissionDenied, "not the one that the token was made for");
}

TEST_F(Reviews, CannotTellWhereTheServerGivesNoAnswer) {
  for (const auto code : {ErrorCode::kUnavailable, ErrorCode::kOverloaded, ErrorCode::kPermissionDenied,
                          ErrorCode::kMalformed, ErrorCode::kInternal}) {
    ask();
    answer_without(code);
    expect_told(ErrorCode::kUnavailable, "connection refused");
    ask();
    answer(201, k8s::agent_review().dump());
    answer_without(code);
    expect_told(ErrorCode::kUnavailable, "connection refused");
  }
}

TEST_F(Reviews, NameTheVerbThatTheRoleLacks) {
  ask();
  answer(403, R"({"kind": "Status", "code": 403, "message": "cannot create resource \"tokenreviews\""})");
  expect_told(ErrorCode::kUnavailable, "create on tokenreviews.authentication.k8s.io");
  ask();
  answer(201, k8s::agent_review().dump());
  answer(403, R"({"kind": "Status", "code": 403, "message": "cannot get resource \"pods\""})");
  expect_told(ErrorCode::kUnavailable, "get on pods");
}

TEST_F(Reviews, CannotTellFromWhatIsNoAnswer) {
  for (const auto& [status, body] :
       {std::pair(500u, "{}"), std::pair(429u, "{}"), std::pair(404u, "{}"), std::pair(302u, "{}"), std::pair(200u, ""),
        std::pair(200u, "[]"), std::pair(200u, "{"), std::pair(200u, "<html>"),
        std::pair(200u, R"({"kind": "Status", "status": "Failure"})")}) {
    ask();
    answer(status, body);
    expect_told(ErrorCode::kUnavailable, "");
  }
  const std::string deep(200, '[');
  ask();
  answer(200, deep);
  expect_told(ErrorCode::kUnavailable, "");
  ask();
  answer(201, k8s::agent_review().dump());
  answer(200, R"({"kind": "PodList", "items": []})");
  expect_told(ErrorCode::kUnavailable, "");
}

TEST_F(Reviews, NeverTellTheToken) {
  ask();
  answer(201, json{{"kind", "TokenReview"}, {"status", {{"error", std::string("cannot read ") + kToken}}}}.dump());
  expect_told(ErrorCode::kPermissionDenied, "is not repeated");
  ask();
  answer(500, json{{"kind", "Status"}, {"message", std::string("panic at ") + kToken}}.dump());
  expect_told(ErrorCode::kUnavailable, "");
}

TEST_F(Reviews, NeverTellTheBeginningOfATokenThatWasCutWithItsText) {
  const std::string token = std::string(kToken) + std::string(1024, 'a');
  ask(token);
  answer(201, json{{"kind", "TokenReview"}, {"status", {{"error", "cannot read " + token}}}}.dump());
  expect_told(ErrorCode::kPermissionDenied, "is not repeated");
  ask(token);
  answer(500, json{{"kind", "Status"}, {"apiVersion", "v1"}, {"message", "panic at " + token}}.dump());
  expect_told(ErrorCode::kUnavailable, "is not repeated");
}

TEST_F(Reviews, AskAboutNothingThatIsNoToken) {
  ask("");
  expect_told(ErrorCode::kPermissionDenied, "no token");
  ask(std::string(k8s::kMaxTokenBytes + 1, 'a'));
  expect_told(ErrorCode::kPermissionDenied, "no token");
  EXPECT_TRUE(api_->sent.empty());
}

TEST(TokenQuestions, TakeAThirdOfTheRequestsAtMost) {
  EXPECT_DOUBLE_EQ(token_questions_a_second(30), 5);
  EXPECT_DOUBLE_EQ(token_questions_a_second(1) * 2 * 3, 1);
}

TEST(ServiceAccountNames, AreANamespaceAndAName) {
  const auto name = service_account_name("tideline-system/tideline-node");
  ASSERT_TRUE(name);
  EXPECT_EQ(*name, (ServiceAccountName{"tideline-system", "tideline-node"}));
  for (const auto* text : {"", "x", "/x", "x/", "a/b/c", "A/b", "a b/c"}) {
    const auto wrong = service_account_name(text);
    ASSERT_FALSE(wrong) << text;
    EXPECT_EQ(wrong.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(wrong.error().message(), HasSubstr("NAMESPACE/NAME"));
  }
}

}  // namespace
}  // namespace tideline::bridge::token_reviewer_test
