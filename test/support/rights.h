#pragma once
// What an account asked of the API server, by the audit log, against what its roles allow.

#include <compare>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/support/kube.h"

namespace tideline::test {

/// A verb on a resource, as RBAC counts it.
struct Right {
  std::string verb;
  std::string group;       // "" = the core group
  std::string resource;    // "nodes/status"
  std::string name_space;  // "" = in all, or of none
  std::string name;        // "" = any
  friend auto operator<=>(const Right&, const Right&) = default;
};
/// "patch nodes/status", "get leases.coordination.k8s.io in tideline-system named tideline-coordinator".
std::string text_of(const Right& right);

struct Account {
  std::string name_space;
  std::string name;
};

/// What it asked for and was given.
std::set<Right> used_rights(const std::vector<nlohmann::json>& audited, const Account& account);
/// What it asked for and was forbidden.
std::set<Right> refused_rights(const std::vector<nlohmann::json>& audited, const Account& account);
/// What roles that are bound to it by name allow, as the API server has them: one for each verb of each resource and
/// name. What every account may do is not among them.
std::set<Right> granted_rights(const KubeControlPlane& plane, const Account& account);
bool covers(const Right& granted, const Right& used);

/// A right that no test of a program uses.
struct UnusedRight {
  std::string verb;
  std::string resource;  // with its subresource
  std::string why;
};
/// What is wrong, a line each: a right that was used or asked for and no role of its own grants, and one that is
/// granted, was never used and is not in `unused`.
std::vector<std::string> misfits(const KubeControlPlane& plane, const Account& account,
                                 const std::vector<UnusedRight>& unused);

}  // namespace tideline::test
