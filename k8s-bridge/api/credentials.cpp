#include "k8s-bridge/api/credentials.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "messages/http/secret.h"
#include "messages/link/pem.h"
#include "messages/link/small_file.h"
#include "messages/link/tls_files.h"

namespace tideline::k8s_api {
namespace {

using model::invalid;
using model::Result;

Result<std::string> file_or_text(const std::string& what, const std::string& file, const std::string& text) {
  if (!file.empty() && !text.empty()) return invalid(fmt::format("{}: want a file or a text, not both", what));
  if (file.empty()) return text;
  return link::read_small_file(what, file);
}

}  // namespace

Result<http::Credentials> read_credentials(const Access& access) {
  const bool by_certificate = !access.certificate_file.empty() || !access.certificate_pem.empty();
  const int ways = (access.token_file.empty() ? 0 : 1) + (access.token.empty() ? 0 : 1) + (by_certificate ? 1 : 0);
  if (ways != 1) {
    return invalid(
        fmt::format("{}: want one of token file, token and client certificate, there are {}", access.source, ways));
  }
  http::Credentials credentials;
  auto ca = file_or_text("ca", access.ca_file, access.ca_pem);
  if (!ca) return ca.error().in(access.source);
  if (link::certificates_in(*ca).empty()) {
    return invalid(fmt::format("{}: ca {}: no certificate in PEM", access.source, access.ca_file));
  }
  credentials.tls.ca = *std::move(ca);
  if (!by_certificate) {
    auto text = file_or_text("token", access.token_file, access.token);
    if (!text) return text.error().in(access.source);
    auto authorization = http::bearer(access.token_file.empty() ? "token" : "token " + access.token_file, *text);
    if (!authorization) return authorization.error().in(access.source);
    credentials.authorization = *std::move(authorization);
    return credentials;
  }
  auto certificate = file_or_text("client certificate", access.certificate_file, access.certificate_pem);
  if (!certificate) return certificate.error().in(access.source);
  auto key = file_or_text("client key", access.key_file, access.key_pem);
  if (!key) return key.error().in(access.source);
  if (link::certificates_in(*certificate).empty() || key->find("PRIVATE KEY-----") == std::string::npos) {
    return invalid(fmt::format("{}: client certificate {}, key {}: want both in PEM", access.source,
                               access.certificate_file, access.key_file));
  }
  // OpenSSL drops a key that is another certificate's without a word, and shows no certificate then.
  if (const auto good = link::check_pair(*certificate, *key); !good) {
    return good.error().in("client certificate").in(access.source);
  }
  credentials.tls.certificate = *std::move(certificate);
  credentials.tls.key = *std::move(key);
  return credentials;
}

}  // namespace tideline::k8s_api
