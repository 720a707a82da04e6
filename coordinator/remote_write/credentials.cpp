#include "coordinator/remote_write/credentials.h"

#include <utility>

#include <fmt/format.h>
#include <kj/encoding.h>

#include "messages/http/address.h"
#include "messages/http/secret.h"
#include "messages/link/pem.h"
#include "messages/link/small_file.h"
#include "messages/link/tls_files.h"

namespace tideline::remote_write {
namespace {

using model::invalid;
using model::Result;

/// "token /etc/…/token", and what is in it.
template <class Read>
Result<std::string> from_file(const std::string& what, const std::string& path, Read read) {
  const auto text = link::read_small_file(what, path);
  if (!text) return text.error();
  return read(what + " " + path, *text);
}

/// RFC 7617.
Result<std::string> basic(const std::string& path) {
  const auto line = from_file("basic auth", path, http::secret_line);
  if (!line) return line.error();
  const auto colon = line->find(':');
  if (colon == std::string::npos || colon == 0) return invalid(fmt::format("basic auth {}: want USER:PASSWORD", path));
  const auto* bytes = reinterpret_cast<const kj::byte*>(line->data());
  const auto encoded = kj::encodeBase64(kj::arrayPtr(bytes, line->size()));
  return "Basic " + std::string(encoded.cStr(), encoded.size());
}

}  // namespace

Result<void> check_together(const RemoteWriteConfig& config, const Endpoint& endpoint) {
  const bool has_certificate = !config.certificate_file.empty();
  if (has_certificate != !config.key_file.empty()) return invalid("want a client certificate and its key, or neither");
  if (!endpoint.tls && (has_certificate || !config.ca_file.empty())) {
    return invalid(shown(endpoint) + ": certificates are for https");
  }
  const bool has_token = !config.token_file.empty();
  const bool has_password = !config.basic_auth_file.empty();
  if (has_token && has_password) return invalid("want a token or a password, not both");
  if ((has_token || has_password) && !endpoint.tls && !is_loopback(endpoint)) {
    return invalid(fmt::format("{}: a token or a password would go there in clear: want https", shown(endpoint)));
  }
  if (endpoint.tls && http::is_ip(name_to_prove(config, endpoint))) {
    return invalid(shown(endpoint) + ": want the name that the server's certificate holds, not an address");
  }
  return {};
}

std::string name_to_prove(const RemoteWriteConfig& config, const Endpoint& endpoint) {
  return config.server_name.empty() ? endpoint.host : config.server_name;
}

Result<http::Credentials> read_credentials(const RemoteWriteConfig& config) {
  http::Credentials credentials;
  if (!config.ca_file.empty()) {
    auto ca = link::read_small_file("ca", config.ca_file);
    if (!ca) return ca.error();
    if (link::certificates_in(*ca).empty()) return invalid(fmt::format("ca {}: no certificate in PEM", config.ca_file));
    credentials.tls.ca = *std::move(ca);
  }
  if (!config.certificate_file.empty()) {
    auto certificate = link::read_small_file("client certificate", config.certificate_file);
    if (!certificate) return certificate.error();
    auto key = link::read_small_file("client key", config.key_file);
    if (!key) return key.error();
    // OpenSSL drops a key that is another certificate's without a word, and shows no certificate then.
    if (const auto good = link::check_pair(*certificate, *key); !good) {
      return good.error().in(fmt::format("client certificate {}, key {}", config.certificate_file, config.key_file));
    }
    credentials.tls.certificate = *std::move(certificate);
    credentials.tls.key = *std::move(key);
  }
  if (!config.token_file.empty() || !config.basic_auth_file.empty()) {
    auto authorization =
        config.token_file.empty() ? basic(config.basic_auth_file) : from_file("token", config.token_file, http::bearer);
    if (!authorization) return authorization.error();
    credentials.authorization = *std::move(authorization);
  }
  return credentials;
}

}  // namespace tideline::remote_write
