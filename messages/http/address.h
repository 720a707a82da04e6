#pragma once
// Hosts and ports as texts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tideline::http {

/// 10.0.0.1 or fd00::1, without brackets.
bool is_ip(const std::string& host);
/// The latter.
bool is_ip6(const std::string& host);
/// 1..65535.
std::optional<std::uint16_t> port_from(std::string_view text);
/// "api.example.com:443", "10.0.0.1:443", "[fd00::1]:443": to connect to, and for the header Host.
std::string host_and_port(const std::string& host, std::uint16_t port);

}  // namespace tideline::http
