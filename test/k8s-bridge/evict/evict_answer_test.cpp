// What API servers of 1.20 and later say to an eviction.

#include "k8s-bridge/evict/evict_answer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/evict/evict_request.h"

namespace tideline::evict {
namespace {

using Kind = EvictAnswer::Kind;
using std::chrono::seconds;
using testing::HasSubstr;

/// A metav1.Status.
std::string status(const std::string& message, const nlohmann::json& details = nlohmann::json::object()) {
  return nlohmann::json{
      {"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"}, {"message", message}, {"details", details}}
      .dump();
}

const char* const kBudgetMessage = "Cannot evict pod as it would violate the pod's disruption budget.";

std::string budget(const std::string& cause) {
  return status(kBudgetMessage,
                {{"causes", nlohmann::json::array({{{"reason", "DisruptionBudget"}, {"message", cause}}})}});
}

Kind kind_of(unsigned code, const std::string& body) {
  return evict_answer(code, body, {}).kind;
}

TEST(EvictAnswers, AnEvictionThatIsTakenIsCreatedOrOk) {
  EXPECT_EQ(kind_of(201, R"({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})"),
            Kind::kTaken);
  EXPECT_EQ(kind_of(200, "{}"), Kind::kTaken);
}

TEST(EvictAnswers, APodThatIsGoneIsNamedAndAPathThatIsNotThereIsNone) {
  EXPECT_EQ(kind_of(404, status("pods \"job\" not found", {{"name", "job"}, {"kind", "pods"}})), Kind::kGone);
  const auto no_resource = status("the server could not find the requested resource");
  EXPECT_EQ(kind_of(404, no_resource), Kind::kNone);
  EXPECT_EQ(kind_of(404, "404 page not found"), Kind::kNone);
  EXPECT_TRUE(is_unknown_version(404, no_resource));
  EXPECT_FALSE(is_unknown_version(404, status("pods \"job\" not found", {{"kind", "pods"}})));
}

TEST(EvictAnswers, APreconditionOfAnotherUidMeansThatThePodIsGone) {
  for (const auto* message :
       {"Operation cannot be fulfilled on pods \"job\": StorageError: invalid object, Code: 4, Key: "
        "/registry/pods/default/job, ResourceVersion: 0, AdditionalErrorInfo: Precondition failed: UID in "
        "precondition: 1-2, UID in object meta: 3-4",
        "Operation cannot be fulfilled on pods \"job\": the UID in the precondition (1-2) does not match the UID in "
        "record (3-4). The object might have been deleted and then recreated"}) {
    EXPECT_EQ(kind_of(409, status(message)), Kind::kGone) << message;
  }
  EXPECT_EQ(kind_of(409, status("Operation cannot be fulfilled on pods \"job\": the object has been modified")),
            Kind::kNone);
}

TEST(EvictAnswers, ABudgetThatSaysNoIsToldFromAServerThatIsBusy) {
  const auto no = evict_answer(429, budget("The disruption budget web needs 1 healthy pods and has 1 currently"), {});
  EXPECT_EQ(no.kind, Kind::kBudget);
  EXPECT_THAT(no.why, HasSubstr("429"));
  EXPECT_THAT(no.why, HasSubstr("needs 1 healthy pods and has 1 currently"));
  const auto processed =
      evict_answer(429, budget("The disruption budget web is still being processed by the server."), seconds(10));
  EXPECT_EQ(processed.kind, Kind::kBudget);
  EXPECT_EQ(processed.retry_after, model::Duration(seconds(10)));
  EXPECT_EQ(kind_of(429, status(kBudgetMessage)), Kind::kBudget) << "without a cause";
  EXPECT_EQ(kind_of(429, status("Too many requests, please try again later.")), Kind::kNone);
  EXPECT_EQ(kind_of(429, "Too many requests"), Kind::kNone);
}

TEST(EvictAnswers, SeveralBudgetsAreARefusalAndOtherFaultsOfTheServerAreNot) {
  EXPECT_EQ(kind_of(500, status("This pod has more than one PodDisruptionBudget, which the eviction subresource does "
                                "not support.")),
            Kind::kRefused);
  EXPECT_EQ(kind_of(500, status("Internal error occurred: etcdserver: request timed out")), Kind::kNone);
  EXPECT_EQ(kind_of(503, "upstream connect error"), Kind::kNone);
}

TEST(EvictAnswers, WhoeverMayNotIsRefusedAndWhoeverIsNotKnownTriesAgain) {
  EXPECT_EQ(kind_of(403, status("pods \"job\" is forbidden: User \"x\" cannot create resource \"pods/eviction\"")),
            Kind::kRefused);
  EXPECT_EQ(kind_of(422, status("invalid")), Kind::kRefused);
  EXPECT_EQ(kind_of(401, status("Unauthorized")), Kind::kNone);
  EXPECT_EQ(kind_of(400, status("name in URL does not match name in Eviction object")), Kind::kRefused);
}

TEST(EvictAnswers, AVersionThatIsNotKnownIsNoRefusal) {
  const auto unknown = status("no kind \"Eviction\" is registered for version \"policy/v1\" in scheme \"x.go:30\"");
  EXPECT_EQ(kind_of(400, unknown), Kind::kNone);
  EXPECT_TRUE(is_unknown_version(400, unknown));
  EXPECT_FALSE(is_unknown_version(400, status("name in URL does not match")));
  EXPECT_FALSE(is_unknown_version(201, unknown));
}

TEST(EvictAnswers, WithoutOneThereIsItsReason) {
  const auto none = no_evict_answer("no\nconnection");
  EXPECT_EQ(none.kind, Kind::kNone);
  EXPECT_EQ(none.why, "no?connection");
}

TEST(EvictAnswers, WhatIsNoStatusIsSurvivedAndToldInShort) {
  const std::string deep(10'000, '[');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), deep, std::string(100'000, 'x'),
        std::string(R"({"message": 7, "details": "x"})"), std::string(R"({"details": {"causes": {}, "kind": []}})"),
        std::string(R"({"details": {"causes": [1, null, {"reason": 7}, {}]}})"), std::string("\xff\xfe\r\nx")}) {
    for (const unsigned code : {200U, 302U, 400U, 404U, 409U, 429U, 500U}) {
      const auto answer = evict_answer(code, body, {});
      EXPECT_LE(answer.why.size(), 400U);
      EXPECT_EQ(answer.why.find('\n'), std::string::npos);
    }
  }
  auto many = nlohmann::json::array();
  for (int i = 0; i < 100; ++i)
    many.push_back({{"reason", "DisruptionBudget"}, {"message", "m"}});
  EXPECT_EQ(evict_answer(429, status("no", {{"causes", many}}), {}).why, "429: no (m; m; m; m)");
}

TEST(EvictionRequests, NameThePodByItsUidAndLeaveItsGracePeriodToIt) {
  const k8s::ObjectKey pod{"batch", "job-1", "0b0c-1", "7"};
  EXPECT_EQ(eviction_path(pod), "/api/v1/namespaces/batch/pods/job-1/eviction");
  EXPECT_EQ(nlohmann::json::parse(eviction_body(pod, "policy/v1beta1")), nlohmann::json::parse(R"({
    "apiVersion": "policy/v1beta1",
    "kind": "Eviction",
    "metadata": {"name": "job-1", "namespace": "batch"},
    "deleteOptions": {"preconditions": {"uid": "0b0c-1"}}
  })"));
}

TEST(EvictionRequests, NobodysNameChoosesThePath) {
  EXPECT_EQ(eviction_path({"..", "a/../b?x=1 \xc3\xa4", "u", ""}),
            "/api/v1/namespaces/%2E%2E/pods/a%2F..%2Fb%3Fx%3D1%20%C3%A4/eviction");
}

}  // namespace
}  // namespace tideline::evict
