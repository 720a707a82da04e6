#include "test/support/rights.h"

#include <algorithm>
#include <stdexcept>

namespace tideline::test {
namespace {

using nlohmann::json;

constexpr const char* kRbac = "/apis/rbac.authorization.k8s.io/v1/";

/// "" where it is absent.
std::string text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// {""} where there is none, which means any.
std::vector<std::string> texts_or_any(const json& rule, const char* name) {
  const auto found = rule.find(name);
  if (found == rule.end() || found->empty()) return {""};
  return found->get<std::vector<std::string>>();
}

template <class Counts>
std::set<Right> rights_of(const std::vector<json>& audited, const Account& account, Counts counts) {
  const std::string user = "system:serviceaccount:" + account.name_space + ":" + account.name;
  std::set<Right> found;
  for (const auto& event : audited) {
    const auto object = event.find("objectRef");
    const auto status = event.find("responseStatus");
    // Without an object it is discovery, which is everybody's.
    if (object == event.end() || status == event.end() || text(event.value("user", json::object()), "username") != user)
      continue;
    if (!counts(status->value("code", 0))) continue;
    Right right{.verb = text(event, "verb"),
                .group = text(*object, "apiGroup"),
                .resource = text(*object, "resource"),
                .name_space = text(*object, "namespace"),
                .name = text(*object, "name")};
    if (const auto sub = text(*object, "subresource"); !sub.empty()) right.resource += "/" + sub;
    found.insert(std::move(right));
  }
  return found;
}

json items_of(const KubeControlPlane& plane, const std::string& path) {
  const auto list = plane.get(path);
  if (!list.is_object()) throw std::runtime_error(path + " cannot be read");
  const auto items = list.find("items");
  return items == list.end() || items->is_null() ? json::array() : *items;
}

bool is_bound(const json& binding, const Account& account) {
  const auto subjects = binding.find("subjects");
  if (subjects == binding.end() || subjects->is_null()) return false;
  return std::any_of(subjects->begin(), subjects->end(), [&](const json& subject) {
    return text(subject, "kind") == "ServiceAccount" && text(subject, "name") == account.name &&
           text(subject, "namespace") == account.name_space;
  });
}

void add_rules(const json& role, const std::string& name_space, std::set<Right>& rights) {
  for (const auto& rule : role.value("rules", json::array())) {
    for (const auto& verb : texts_or_any(rule, "verbs")) {
      for (const auto& group : texts_or_any(rule, "apiGroups")) {
        for (const auto& resource : texts_or_any(rule, "resources")) {
          for (const auto& name : texts_or_any(rule, "resourceNames"))
            rights.insert(
                Right{.verb = verb, .group = group, .resource = resource, .name_space = name_space, .name = name});
        }
      }
    }
  }
}

}  // namespace

std::string text_of(const Right& right) {
  std::string out = right.verb + " " + right.resource;
  if (!right.group.empty()) out += "." + right.group;
  if (!right.name_space.empty()) out += " in " + right.name_space;
  if (!right.name.empty()) out += " named " + right.name;
  return out;
}

std::set<Right> used_rights(const std::vector<json>& audited, const Account& account) {
  return rights_of(audited, account, [](int code) { return code >= 200 && code < 300; });
}

std::set<Right> refused_rights(const std::vector<json>& audited, const Account& account) {
  return rights_of(audited, account, [](int code) { return code == 403; });
}

std::set<Right> granted_rights(const KubeControlPlane& plane, const Account& account) {
  std::set<Right> rights;
  const std::string rbac = kRbac;
  for (const auto& binding : items_of(plane, rbac + "clusterrolebindings")) {
    if (!is_bound(binding, account)) continue;
    add_rules(plane.get(rbac + "clusterroles/" + text(binding.at("roleRef"), "name")), "", rights);
  }
  for (const auto& binding : items_of(plane, rbac + "rolebindings")) {
    if (!is_bound(binding, account)) continue;
    const auto name_space = text(binding.at("metadata"), "namespace");
    const auto& role = binding.at("roleRef");
    const std::string where =
        text(role, "kind") == "ClusterRole" ? std::string("clusterroles/") : "namespaces/" + name_space + "/roles/";
    add_rules(plane.get(rbac + where + text(role, "name")), name_space, rights);
  }
  return rights;
}

bool covers(const Right& granted, const Right& used) {
  return granted.verb == used.verb && granted.group == used.group && granted.resource == used.resource &&
         (granted.name_space.empty() || granted.name_space == used.name_space) &&
         (granted.name.empty() || granted.name == used.name);
}

std::vector<std::string> misfits(const KubeControlPlane& plane, const Account& account,
                                 const std::vector<UnusedRight>& unused) {
  const auto audited = plane.audited();
  const auto used = used_rights(audited, account);
  const auto granted = granted_rights(plane, account);
  std::vector<std::string> wrong;
  if (used.empty()) wrong.emplace_back("the audit log has nothing of the account");
  const auto is_granted = [&](const Right& one) {
    return std::any_of(granted.begin(), granted.end(), [&](const Right& right) { return covers(right, one); });
  };
  for (const auto& one : used) {
    if (!is_granted(one)) wrong.push_back("used, and not granted by a role of its own: " + text_of(one));
  }
  // An API server that has just started may refuse for a moment what it will grant.
  for (const auto& one : refused_rights(audited, account)) {
    if (!is_granted(one)) wrong.push_back("asked for, and forbidden: " + text_of(one));
  }
  for (const auto& right : granted) {
    const bool is_used = std::any_of(used.begin(), used.end(), [&](const Right& one) { return covers(right, one); }) ||
                         std::any_of(unused.begin(), unused.end(), [&](const UnusedRight& one) {
                           return one.verb == right.verb && one.resource == right.resource && !one.why.empty();
                         });
    if (!is_used) wrong.push_back("granted, and never used: " + text_of(right));
  }
  return wrong;
}

}  // namespace tideline::test
