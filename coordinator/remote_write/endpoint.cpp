#include "coordinator/remote_write/endpoint.h"

#include <algorithm>

#include <fmt/format.h>

#include "messages/http/address.h"
#include "messages/model/json_text.h"

namespace tideline::remote_write {
namespace {

using model::invalid;
using model::Result;

constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::size_t kMaxShownUrlBytes = 200;
constexpr std::string_view kPlainScheme = "http://";
constexpr std::string_view kTlsScheme = "https://";

bool is_host_name(std::string_view text) {
  constexpr std::string_view kOthers = "-._";
  const auto is_in_names = [&](char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || kOthers.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), is_in_names);
}

}  // namespace

Result<Endpoint> endpoint_from(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return invalid(fmt::format("{} bytes, limit {}", url.size(), kMaxUrlBytes));
  // Anything else would end the request's first line, and begin another.
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return invalid("want printable ASCII without blanks");
  }
  Endpoint endpoint;
  std::string_view rest = url;
  if (rest.starts_with(kTlsScheme)) {
    endpoint.tls = true;
    rest.remove_prefix(kTlsScheme.size());
  } else if (rest.starts_with(kPlainScheme)) {
    rest.remove_prefix(kPlainScheme.size());
  } else {
    return invalid("want http:// or https:// at its begin");
  }
  const auto path = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, path);
  if (authority.find('@') != std::string_view::npos) {
    return invalid("there is a user in it: a password's place is in a file");
  }
  // A password with one of /?# in it would end what comes before the path, and its @ would lie behind that.
  const bool may_hold_secret = rest.find('@') != std::string_view::npos;
  const std::string where = may_hold_secret ? "a URL that may hold a password"
                                            : model::printable(url.substr(0, url.find('?')), kMaxShownUrlBytes);
  if (rest.find('#') != std::string_view::npos) return invalid(where + ": want no # in it");
  if (path == std::string_view::npos || rest[path] != '/' || rest.substr(path) == "/") {
    return invalid(where + ": want a path, as /api/v1/write is Prometheus' one");
  }
  endpoint.target = rest.substr(path);
  endpoint.port = endpoint.tls ? 443 : 80;
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return invalid(where + ": want ] behind the address");
    endpoint.host = authority.substr(1, end - 1);
    if (!http::is_ip6(endpoint.host)) return invalid(where + ": want an IPv6 address within [ ]");
    authority.remove_prefix(end + 1);
    has_port = authority.starts_with(':');
    if (!has_port && !authority.empty()) return invalid(where + ": want a port behind ]");
    if (has_port) port = authority.substr(1);
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
    endpoint.host = authority.substr(0, colon);
    if (!is_host_name(endpoint.host)) return invalid(where + ": want a host's name or address");
  }
  if (has_port) {
    const auto number = http::port_from(port);
    if (!number) return invalid(where + ": want a port of 1 to 65535");
    endpoint.port = *number;
  }
  return endpoint;
}

std::string address_of(const Endpoint& endpoint) {
  return http::host_and_port(endpoint.host, endpoint.port);
}

std::string shown(const Endpoint& endpoint) {
  const std::string_view path = std::string_view(endpoint.target).substr(0, endpoint.target.find('?'));
  return fmt::format("{}{}{}", endpoint.tls ? kTlsScheme : kPlainScheme, address_of(endpoint), path);
}

bool is_loopback(const Endpoint& endpoint) {
  if (endpoint.host == "localhost" || endpoint.host == "::1") return true;
  return http::is_ip(endpoint.host) && endpoint.host.starts_with("127.");
}

}  // namespace tideline::remote_write
