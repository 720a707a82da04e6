#pragma once
// Hosts and ports as texts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "k8s-bridge/api/access.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// In the certificate of every API server that a cluster's own tools set up.
inline constexpr const char* kServerNameInCluster = "kubernetes.default.svc";

/// 10.0.0.1 or fd00::1, without brackets.
bool is_ip(const std::string& host);
/// 1..65535.
std::optional<std::uint16_t> port_of(std::string_view text);
/// "api.example.com:443", "10.0.0.1:443", "[fd00::1]:443".
std::string host_and_port(const std::string& host, std::uint16_t port);
/// The name that the server's certificate must hold. kInvalidArgument where there is none to ask for.
model::Result<std::string> name_to_prove(const Access& access);

}  // namespace tideline::k8s_api
