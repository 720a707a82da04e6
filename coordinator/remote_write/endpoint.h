#pragma once
// Where requests go.

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::remote_write {

struct Endpoint {
  bool tls = false;
  std::string host;  // a name or an IP, without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// http or https, host, maybe a port (else 80 or 443), and a path. kInvalidArgument where it is anything else, or has a
/// user in it; that error does not show the URL.
model::Result<Endpoint> endpoint_from(std::string_view url);

/// "host:9090", "[fd00::1]:9090": to connect to, and for the header Host.
std::string address_of(const Endpoint& endpoint);
/// For people: without the query, in which some servers want a secret.
std::string shown(const Endpoint& endpoint);
/// What is sent there does not leave this machine.
bool is_loopback(const Endpoint& endpoint);

}  // namespace tideline::remote_write
