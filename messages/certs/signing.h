#pragma once
// Certificates for keys that never leave their host: a signing request (PKCS #10), and what an authority makes of it.

#include <cstddef>
#include <memory>
#include <string>

#include "messages/certs/authority.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::certs {

/// PEM texts.
struct SigningRequest {
  std::string key;      // a new P-256 key, unencrypted
  std::string request;  // signed with it; names nobody
};
model::Result<SigningRequest> make_signing_request();

inline constexpr std::size_t kMaxSigningRequestBytes = 8 << 10;

/// An authority that signs what others have keys for. Errors of opening name the file.
class Signer {
 public:
  /// PEM files: the authority's certificate and its key. Other authorities may follow the certificate: that above it,
  /// or the one that it replaces. kNotFound, kInvalidArgument as Authority::open.
  static model::Result<Signer> open(const std::string& certificate_file, const std::string& key_file);
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;
  ~Signer();

  /// A certificate (PEM) for the request's key with the names and uses of `spec` and nothing that the request asks for
  /// (its subject and extensions are not read). It ends no later than the authority's own. kMalformed: no request, or
  /// longer than kMaxSigningRequestBytes; kInvalidArgument: its own signature is not its key's, or the key is none of
  /// P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits; kUnavailable: the authority has expired.
  model::Result<std::string> sign(const std::string& request_pem, const CertSpec& spec) const;
  /// All certificates of the authority's file, PEM: what whoever is signed for trusts its peers by.
  const std::string& ca_pem() const;

 private:
  struct Impl;
  explicit Signer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What log lines and metrics say of a certificate.
struct CertificateSummary {
  std::string serial;         // hex
  model::WallTime not_after;  // end of validity
};
/// Of the first one in a PEM text. kMalformed: there is none.
model::Result<CertificateSummary> summary_of(const std::string& certificate_pem);

}  // namespace tideline::certs
