#include "k8s-bridge/actor/token_reviewer.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/actor/config_choice.h"
#include "k8s-bridge/translate/token_review.h"
#include "messages/model/json_text.h"

namespace tideline::bridge {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

/// Of each of the two, which come one after the other: in all less than BootstrapConfig::backend_deadline.
constexpr model::Duration kDeadline = std::chrono::seconds(7);
/// By so much of its beginning a token is known in a text that was cut; no more than a JWT's header, as all have it.
constexpr std::size_t kTellingBytes = 32;
constexpr double kBudgetShare = 1.0 / 3;
constexpr double kRequestsOfAQuestion = 2;
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;
constexpr model::JsonLimits kReviewLimits{.max_bytes = kMaxAnswerBytes, .max_depth = 64};

Error unavailable(std::string why) {
  return {ErrorCode::kUnavailable, std::move(why)};
}

/// The object of an answer that is one; `verb` is what our role needs for it.
Result<json> object_of(const Result<k8s_api::Answer>& answer, std::string_view what, std::string_view verb) {
  if (!answer) return unavailable(answer.error().message());
  if (answer->status == 401 || answer->status == 403) {
    return unavailable(fmt::format("{}: {}; the coordinator's role needs {}", what, k8s_api::describe(*answer), verb));
  }
  if (answer->status < 200 || answer->status > 299) {
    return unavailable(fmt::format("{}: {}", what, k8s_api::describe(*answer)));
  }
  auto object = model::parse_json(answer->body, kReviewLimits);
  if (!object) return unavailable(fmt::format("{}: {}", what, object.error().message()));
  return object;
}

/// What cannot be read says nothing of whoever asks.
Error verdict(const Error& error) {
  return error.code() == ErrorCode::kPermissionDenied ? error : unavailable(error.message());
}

/// On its way from one answer to the next.
struct TokenQuestion : std::enable_shared_from_this<TokenQuestion> {
  ApiPortPtr api;
  std::string audience;
  ServiceAccountName account;
  std::string token;
  link::Reply<model::NodeName> reply;

  void begin() {
    k8s_api::Request request;
    request.method = k8s_api::Method::kPost;
    request.path = k8s::kTokenReviewPath;
    request.body = k8s::token_review_body(token, audience);
    request.priority = k8s_api::Priority::kLow;
    request.deadline = kDeadline;
    request.max_answer_bytes = kMaxAnswerBytes;
    api->send(std::move(request),
              [self = shared_from_this()](const Result<k8s_api::Answer>& answer) { self->reviewed(answer); });
  }

  void reviewed(const Result<k8s_api::Answer>& answer) {
    const auto review = object_of(answer, "token review", "the verb create on tokenreviews.authentication.k8s.io");
    if (!review) return fail(review.error());
    auto owner = k8s::token_owner(*review, audience);
    if (!owner) return fail(verdict(owner.error()));
    if (owner->name_space != account.name_space || owner->service_account != account.name) {
      return fail(
          {ErrorCode::kPermissionDenied, fmt::format("the token is of {}/{}, not of {}/{}", owner->name_space,
                                                     owner->service_account, account.name_space, account.name)});
    }
    k8s_api::Request request;
    request.path = fmt::format("/api/v1/namespaces/{}/pods/{}", owner->name_space, owner->pod_name);
    // Whoever asks has proved to be one of ours, and may ask for ever all the same.
    request.priority = k8s_api::Priority::kLow;
    request.deadline = kDeadline;
    api->send(std::move(request), [self = shared_from_this(), owner = *std::move(owner)](
                                      const Result<k8s_api::Answer>& told) { self->found(told, owner); });
  }

  void found(const Result<k8s_api::Answer>& answer, const k8s::TokenOwner& owner) {
    const std::string which = fmt::format("pod {}/{}", owner.name_space, owner.pod_name);
    if (answer && answer->status == 404) {
      return fail({ErrorCode::kPermissionDenied, which + " is there no more"});
    }
    const auto pod = object_of(answer, which, "the verb get on pods");
    if (!pod) return fail(pod.error());
    auto node = k8s::node_of_pod(*pod, owner);
    if (!node) return fail(verdict(node.error()));
    reply(*std::move(node));
  }

  /// What the API server says of a token may repeat it.
  void fail(const Error& why) {
    if (why.message().find(token.substr(0, kTellingBytes)) == std::string::npos) {
      reply(why);
    } else {
      reply(Error(why.code(), "the API server's answer holds the token, and is not repeated"));
    }
  }
};

}  // namespace

Result<ServiceAccountName> service_account_name(const std::string& text) {
  const auto named = config_map_name(text);
  if (named) return ServiceAccountName{named->name_space, named->name};
  return model::invalid(fmt::format("\"{}\" names no service account; want NAMESPACE/NAME", text));
}

double token_questions_a_second(double requests_a_second) {
  return requests_a_second * kBudgetShare / kRequestsOfAQuestion;
}

TokenReviewer::TokenReviewer(ApiPortPtr api, std::string audience, ServiceAccountName account)
    : api_(std::move(api)), audience_(std::move(audience)), account_(std::move(account)) {}

void TokenReviewer::identify(std::string token, link::Reply<model::NodeName> reply) {
  if (token.empty() || token.size() > k8s::kMaxTokenBytes) {
    reply(Error(ErrorCode::kPermissionDenied, "no token of a length that one has"));
    return;
  }
  auto question = std::make_shared<TokenQuestion>();
  question->api = api_;
  question->audience = audience_;
  question->account = account_;
  question->token = std::move(token);
  question->reply = std::move(reply);
  question->begin();
}

}  // namespace tideline::bridge
