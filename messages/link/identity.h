#pragma once
// Who a peer is, from what its certificate or its socket proves; never from what it says.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::link {

/// The part of a verified peer certificate that identities are made of.
struct Certificate {
  std::string common_name;             // "" = none
  std::vector<std::string> dns_names;  // subjectAltName dNSName entries, as written
  std::string serial;                  // hex
  model::WallTime not_after;           // end of validity
  bool for_client = false;             // extended key usage present and holds clientAuth
  bool for_server = false;             // extended key usage present and holds serverAuth
};

/// Suffix of a node's DNS SAN.
inline constexpr std::string_view kNodeDomain = ".node.tideline";

/// The one node this certificate speaks for: its only DNS SAN below kNodeDomain, `<node>.node.tideline`, compared
/// byte for byte (node names are lower case DNS names and may hold dots). kPermissionDenied when there is none, more
/// than one, any wildcard among the DNS SANs, or no clientAuth.
model::Result<model::NodeName> node_of(const Certificate& certificate);

/// What an operator may do; each role includes the ones before it.
enum class Role { kViewer = 0, kOperator = 1, kAdmin = 2 };
std::string_view name_of(Role role);  // "viewer", "operator", "admin"

struct Operator {
  Role role = Role::kViewer;
  std::string name;
  friend bool operator==(const Operator&, const Operator&) = default;
};

/// From CN `viewer|operator|admin:<name>`. kPermissionDenied when the CN is anything else or clientAuth is missing.
model::Result<Operator> operator_of(const Certificate& certificate);

/// What SO_PEERCRED and SO_PEERGROUPS say of the process at the other end of a Unix socket.
struct UnixPeer {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int32_t pid = 0;
  std::vector<std::uint32_t> groups;  // supplementary
};

/// uid 0 is admin; primary or supplementary group `group_id` is viewer; anyone else is kPermissionDenied. The name is
/// "uid:<n>". `group_id` nullopt = the group does not exist here: only uid 0 gets in.
model::Result<Operator> operator_of(const UnixPeer& peer, std::optional<std::uint32_t> group_id);

}  // namespace tideline::link
