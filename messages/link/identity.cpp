#include "messages/link/identity.h"

#include <algorithm>

#include <fmt/format.h>

namespace tideline::link {
namespace {

constexpr std::size_t kMaxNameBytes = 253;

model::Error denied(std::string text) {
  return {model::ErrorCode::kPermissionDenied, std::move(text)};
}

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' && name.back() != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string joined(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

model::Result<model::NodeName> node_of(const Certificate& certificate) {
  if (!certificate.for_client) {
    return denied(fmt::format("certificate {} lacks the extended key usage clientAuth", certificate.serial));
  }
  std::string_view node;
  for (const auto& name : certificate.dns_names) {
    if (name.find('*') != std::string::npos) {
      return denied(fmt::format("certificate {} holds the wildcard DNS SAN '{}'", certificate.serial, name));
    }
    if (!name.ends_with(kNodeDomain)) continue;
    if (!node.empty()) {
      return denied(fmt::format("certificate {} speaks for more than one node: DNS SANs {}", certificate.serial,
                                joined(certificate.dns_names)));
    }
    node = std::string_view(name).substr(0, name.size() - kNodeDomain.size());
    if (!is_node_name(node)) {
      return denied(fmt::format("certificate {}: '{}' in DNS SAN '{}' is not a node name (a-z, 0-9, '-', '.')",
                                certificate.serial, node, name));
    }
  }
  if (node.empty()) {
    return denied(fmt::format("certificate {} has no DNS SAN <node>{}; it has: {}", certificate.serial, kNodeDomain,
                              joined(certificate.dns_names)));
  }
  return model::NodeName(std::string(node));
}

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

model::Result<Operator> operator_of(const Certificate& certificate) {
  if (!certificate.for_client) {
    return denied(fmt::format("certificate {} lacks the extended key usage clientAuth", certificate.serial));
  }
  const std::string_view name = certificate.common_name;
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    const std::string prefix = std::string(name_of(role)) + ":";
    if (!name.starts_with(prefix)) continue;
    const std::string_view person = name.substr(prefix.size());
    if (person.empty() || !is_printable(person)) break;
    return Operator{role, std::string(person)};
  }
  return denied(fmt::format("certificate {} has CN '{}'; operators have viewer:<name>, operator:<name> or admin:<name>",
                            certificate.serial, certificate.common_name));
}

model::Result<Operator> operator_of(const UnixPeer& peer, std::optional<std::uint32_t> group_id) {
  std::string name = fmt::format("uid:{}", peer.uid);
  if (peer.uid == 0) return Operator{Role::kAdmin, std::move(name)};
  if (group_id &&
      (peer.gid == *group_id || std::find(peer.groups.begin(), peer.groups.end(), *group_id) != peer.groups.end())) {
    return Operator{Role::kViewer, std::move(name)};
  }
  return denied(fmt::format("uid {} (gid {}) is neither root nor in the socket's group", peer.uid, peer.gid));
}

}  // namespace tideline::link
