#include "k8s-bridge/translate/token_review.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/fields.h"
#include "test/k8s-bridge/translate/token_samples.h"

namespace tideline::k8s::token_review_test {
namespace {

using model::ErrorCode;
using nlohmann::json;
using testing::HasSubstr;

void expect_denied(const json& review, const std::string& why) {
  const auto owner = token_owner(review, kTestAudience);
  ASSERT_FALSE(owner) << review.dump();
  EXPECT_EQ(owner.error().code(), ErrorCode::kPermissionDenied) << review.dump();
  EXPECT_THAT(owner.error().message(), HasSubstr(why));
}

TEST(TokenReviews, AskForOneAudience) {
  const json body = json::parse(token_review_body("ey.x-_.y", "tideline-bootstrap"));
  EXPECT_EQ(body, json::parse(R"({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
      "spec": {"token": "ey.x-_.y", "audiences": ["tideline-bootstrap"]}})"));
  EXPECT_NO_THROW((void)token_review_body("\xff\"", "a"));
}

TEST(TokenReviews, NameThePodThatTheTokenIsBoundTo) {
  const auto owner = token_owner(agent_review(), kTestAudience);
  ASSERT_TRUE(owner) << owner.error().message();
  EXPECT_EQ(*owner, agent_owner());
}

TEST(TokenReviews, OfATokenThatIsNotGoodDenyWithTheServersReason) {
  // As a 1.20 server says it.
  expect_denied(json::parse(R"({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
      "spec": {"token": "x"}, "status": {"user": {}, "error": "[invalid bearer token, Token has been invalidated]"}})"),
                "not authenticated: [invalid bearer token, Token has been invalidated]");
  expect_denied(json::parse(R"({"kind": "TokenReview", "status": {"authenticated": false}})"), "not authenticated");
  expect_denied(json::parse(R"({"kind": "TokenReview", "status": {}})"), "not authenticated");
  json worded = agent_review();
  worded["status"]["authenticated"] = "true";
  expect_denied(worded, "not authenticated");
}

TEST(TokenReviews, AnEndlessReasonIsToldInShort) {
  json review = json::parse(R"({"kind": "TokenReview", "status": {}})");
  review["status"]["error"] = std::string(5000, 'x') + "\n";
  const auto owner = token_owner(review, kTestAudience);
  ASSERT_FALSE(owner);
  EXPECT_LT(owner.error().message().size(), 300u);
}

TEST(TokenReviews, OfATokenForOthersDeny) {
  json other = agent_review();
  other["status"]["audiences"] = json::array({"https://kubernetes.default.svc", "tideline-bootstrap-2"});
  expect_denied(other, "not for the audience tideline-bootstrap");
  // An API server that knows of no audiences takes a token for any of them.
  json none = agent_review();
  none["status"].erase("audiences");
  expect_denied(none, "not for the audience");
  for (const auto& wrong :
       {json("tideline-bootstrap"), json::array(), json::object(), json::array({7}), json(nullptr)}) {
    json review = agent_review();
    review["status"]["audiences"] = wrong;
    expect_denied(review, "not for the audience");
  }
  json several = agent_review();
  several["status"]["audiences"] = json::array({"other", "tideline-bootstrap"});
  EXPECT_TRUE(token_owner(several, kTestAudience));
}

TEST(TokenReviews, OfWhoIsNoServiceAccountDeny) {
  for (const auto* name :
       {"", "admin", "system:node:node-1", "system:serviceaccount:", "system:serviceaccount:tideline-system",
        "system:serviceaccount::tideline-node", "system:serviceaccount:tideline-system:",
        "system:serviceaccount:tideline-system:tideline-node:x", "system:serviceaccount:../..:tideline-node",
        "system:serviceaccount:a/b:c", "system:serviceaccount:Upper:c", "xsystem:serviceaccount:a:b"}) {
    json review = agent_review();
    review["status"]["user"]["username"] = name;
    expect_denied(review, "is no service account");
  }
  json without = agent_review();
  without["status"].erase("user");
  expect_denied(without, "is no service account");
}

TEST(TokenReviews, OfATokenThatIsBoundToNoPodDeny) {
  json secret = agent_review();  // as of a Secret's, which says nothing of a pod
  secret["status"]["user"].erase("extra");
  expect_denied(secret, "bound to no pod");
  for (const auto* key : {"authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid"}) {
    const std::vector<json> wrong{json(nullptr),
                                  json("text"),
                                  json::array(),
                                  json::array({""}),
                                  json::array({7}),
                                  json::object(),
                                  json::array({"a", "b"}),
                                  json::array({std::string(300, 'a')}),
                                  json::array({json::array({"a"})})};
    for (const auto& value : wrong) {
      json review = agent_review();
      review["status"]["user"]["extra"][key] = value;
      expect_denied(review, "bound to no pod");
    }
    json review = agent_review();
    review["status"]["user"]["extra"].erase(key);
    expect_denied(review, "bound to no pod");
  }
  // It becomes a part of a path.
  for (const auto* name : {"..", ".", "a/b", "a%2fb", "a?x=1", "a b", "A", "-a", "a.", "a\n"}) {
    json review = agent_review();
    review["status"]["user"]["extra"]["authentication.kubernetes.io/pod-name"] = json::array({name});
    expect_denied(review, "bound to no pod");
  }
}

TEST(TokenReviews, AnythingElseIsMalformed) {
  for (const auto* text :
       {"null", "7", "[]", "{}", R"({"kind": "TokenReview"})", R"({"kind": "TokenReview", "status": []})",
        R"({"kind": "TokenReview", "status": "x"})", R"({"kind": "Status", "status": "Failure", "code": 403})",
        R"({"kind": "SubjectAccessReview", "status": {"authenticated": true}})", R"({"status": {}})"}) {
    const auto owner = token_owner(json::parse(text), kTestAudience);
    ASSERT_FALSE(owner) << text;
    EXPECT_EQ(owner.error().code(), ErrorCode::kMalformed) << text;
  }
}

/// Changes one thing of the pod that the token is bound to.
json agent_pod_with(const std::string& pointer, const json& value) {
  json pod = agent_pod();
  pod[json::json_pointer(pointer)] = value;
  return pod;
}

TEST(PodsOfTokens, AreOnTheirNode) {
  const auto node = node_of_pod(agent_pod(), agent_owner());
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_EQ(*node, model::NodeName("node-1"));
  for (const auto* phase : {"Pending", "Running", "Unknown"}) {
    EXPECT_TRUE(node_of_pod(agent_pod_with("/status/phase", phase), agent_owner())) << phase;
  }
}

TEST(PodsOfTokens, ThatAreOthersOrGoneDeny) {
  struct Row {
    std::string pointer;
    json value;
    std::string why;
  };
  const std::vector<Row> rows{{"/metadata/uid", "another", "not the one that the token was made for"},
                              {"/metadata/name", "another", "not the one that the token was made for"},
                              {"/metadata/namespace", "another", "not the one that the token was made for"},
                              {"/metadata/deletionTimestamp", "2026-11-30T09:00:00Z", "is being deleted"},
                              {"/status/phase", "Succeeded", "has ended"},
                              {"/status/phase", "Failed", "has ended"},
                              {"/spec/serviceAccountName", "default", "does not run as tideline-node"},
                              {"/spec/serviceAccountName", nullptr, "does not run as tideline-node"},
                              {"/spec/serviceAccountName", 7, "does not run as tideline-node"},
                              {"/spec", json::array(), "does not run as tideline-node"},
                              {"/spec/nodeName", nullptr, "bound to no node"},
                              {"/spec/nodeName", "", "bound to no node"},
                              {"/spec/nodeName", json::array({"node-1"}), "bound to no node"}};
  for (const auto& row : rows) {
    const auto node = node_of_pod(agent_pod_with(row.pointer, row.value), agent_owner());
    ASSERT_FALSE(node) << row.pointer << " " << row.value;
    EXPECT_EQ(node.error().code(), ErrorCode::kPermissionDenied) << row.pointer << " " << row.value;
    EXPECT_THAT(node.error().message(), HasSubstr(row.why)) << row.pointer;
  }
}

TEST(PodsOfTokens, AnythingElseIsMalformed) {
  for (const auto* node : {"a,DNS:b", "../x", "Node-1", "a b", "node-1\n"}) {
    EXPECT_EQ(node_of_pod(agent_pod_with("/spec/nodeName", node), agent_owner()).error().code(), ErrorCode::kMalformed)
        << node;
  }
  EXPECT_EQ(node_of_pod(agent_pod_with("/kind", "Status"), agent_owner()).error().code(), ErrorCode::kMalformed);
  for (const auto* text : {"null", "[]", "{}", R"({"kind": "Pod"})", R"({"kind": "Pod", "metadata": []})"}) {
    const auto node = node_of_pod(json::parse(text), agent_owner());
    ASSERT_FALSE(node) << text;
    EXPECT_EQ(node.error().code(), ErrorCode::kMalformed) << text;
  }
}

}  // namespace
}  // namespace tideline::k8s::token_review_test
