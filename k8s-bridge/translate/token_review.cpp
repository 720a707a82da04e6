#include "k8s-bridge/translate/token_review.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/fields.h"
#include "messages/model/json_text.h"

namespace tideline::k8s {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

constexpr std::string_view kAccountPrefix = "system:serviceaccount:";
constexpr std::string_view kPodNameKey = "authentication.kubernetes.io/pod-name";
constexpr std::string_view kPodUidKey = "authentication.kubernetes.io/pod-uid";
constexpr std::size_t kMaxToldBytes = 200;

Error denied(std::string why) {
  return {ErrorCode::kPermissionDenied, std::move(why)};
}

/// Of an object's name, which becomes a part of a path.
bool is_object_name(std::string_view text) {
  const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return !text.empty() && text.size() <= kMaxNameBytes && std::all_of(text.begin(), text.end(), is_inner) &&
         text.front() != '.' && text.front() != '-' && text.back() != '.' && text.back() != '-';
}

const json* member(const json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

/// "" where there is none.
std::string text_in(const json& object, std::string_view name) {
  const json* value = member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

/// Each value of `extra` is a list of texts; this one has exactly one.
std::optional<std::string> only_text(const json* extra, std::string_view key) {
  const json* values = extra == nullptr ? nullptr : member(*extra, key);
  if (values == nullptr || !values->is_array() || values->size() != 1 || !values->front().is_string()) {
    return std::nullopt;
  }
  return values->front().get<std::string>();
}

bool holds_text(const json* list, const std::string& text) {
  return list != nullptr && list->is_array() && std::any_of(list->begin(), list->end(), [&](const json& each) {
           return each.is_string() && each.get_ref<const std::string&>() == text;
         });
}

/// Namespace and name.
std::optional<std::pair<std::string, std::string>> account_in(std::string_view user) {
  if (!user.starts_with(kAccountPrefix)) return std::nullopt;
  user.remove_prefix(kAccountPrefix.size());
  const auto colon = user.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto name_space = user.substr(0, colon);
  const auto name = user.substr(colon + 1);
  if (!is_object_name(name_space) || !is_object_name(name)) return std::nullopt;
  return std::pair(std::string(name_space), std::string(name));
}

}  // namespace

std::string token_review_body(const std::string& token, const std::string& audience) {
  const json review{{"apiVersion", "authentication.k8s.io/v1"},
                    {"kind", "TokenReview"},
                    {"spec", {{"token", token}, {"audiences", json::array({audience})}}}};
  return review.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<TokenOwner> token_owner(const json& review, const std::string& audience) {
  const json* status = member(review, "status");
  if (text_in(review, "kind") != "TokenReview" || status == nullptr || !status->is_object()) {
    return Error(ErrorCode::kMalformed, "no TokenReview with a status");
  }
  const json* authenticated = member(*status, "authenticated");
  if (authenticated == nullptr || !authenticated->is_boolean() || !authenticated->get<bool>()) {
    const std::string why = text_in(*status, "error");
    return denied(why.empty() ? "the token is not authenticated"
                              : "the token is not authenticated: " + model::printable(why, kMaxToldBytes));
  }
  // An API server that knows of no audiences names none: the token may be for anybody.
  if (!holds_text(member(*status, "audiences"), audience)) {
    return denied(fmt::format("the token is not for the audience {}", audience));
  }
  const json* user = member(*status, "user");
  const std::string name = user == nullptr ? std::string() : text_in(*user, "username");
  auto account = account_in(name);
  if (!account) {
    return denied(fmt::format("\"{}\" is no service account", model::printable(name, kMaxToldBytes)));
  }
  const json* extra = member(*user, "extra");
  auto pod_name = only_text(extra, kPodNameKey);
  auto pod_uid = only_text(extra, kPodUidKey);
  const bool is_bound =
      pod_name && is_object_name(*pod_name) && pod_uid && !pod_uid->empty() && pod_uid->size() <= kMaxNameBytes;
  if (!is_bound) return denied(fmt::format("the token of {} is bound to no pod", name));
  TokenOwner owner;
  owner.name_space = std::move(account->first);
  owner.service_account = std::move(account->second);
  owner.pod_name = *std::move(pod_name);
  owner.pod_uid = *std::move(pod_uid);
  return owner;
}

Result<model::NodeName> node_of_pod(const json& pod, const TokenOwner& owner) {
  const auto key = key_from(pod, true);
  if (!key) return key.error();
  const std::string kind = text_in(pod, "kind");
  if (!kind.empty() && kind != "Pod") return Error(ErrorCode::kMalformed, "no Pod");
  const std::string which = fmt::format("pod {}/{}", owner.name_space, owner.pod_name);
  if (key->name_space != owner.name_space || key->name != owner.pod_name || key->uid != owner.pod_uid) {
    return denied(which + " is not the one that the token was made for");
  }
  if (member(pod.at("metadata"), "deletionTimestamp") != nullptr) return denied(which + " is being deleted");
  const json* status = member(pod, "status");
  const std::string phase = status == nullptr ? std::string() : text_in(*status, "phase");
  if (phase == "Succeeded" || phase == "Failed") return denied(which + " has ended");
  const json* spec = member(pod, "spec");
  if (spec == nullptr || text_in(*spec, "serviceAccountName") != owner.service_account) {
    return denied(fmt::format("{} does not run as {}", which, owner.service_account));
  }
  const std::string node = text_in(*spec, "nodeName");
  if (node.empty()) return denied(which + " is bound to no node");
  if (!is_object_name(node)) return Error(ErrorCode::kMalformed, which + ": spec.nodeName is no node's name");
  return model::NodeName(node);
}

}  // namespace tideline::k8s
