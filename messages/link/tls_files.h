#pragma once
// The three files without which no link exists. It has no plaintext and no anonymous mode.

#include <cstdint>
#include <string>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::link {

/// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  // own certificate, then its intermediates
  std::string key;          // own private key, unencrypted
  std::string ca;           // the authorities whose peers are trusted; nothing else is
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

/// What the certificate will be used for; decides the extended key usage asked of it.
enum class TlsUse { kServer, kClient };

/// The files' contents, checked.
struct TlsMaterial {
  std::string certificate_pem;
  std::string key_pem;
  std::string ca_pem;
};

/// kInvalidArgument when a path is empty: half-configured TLS names the missing one. Reads nothing.
model::Result<void> check_configured(const TlsFiles& files);

/// Of a certificate, from when until when.
struct Validity {
  model::WallTime not_before;
  model::WallTime not_after;
  friend bool operator==(const Validity&, const Validity&) = default;
};

/// Reads and checks all three: kInvalidArgument when a path is empty, the
/// file holds no PEM of its kind, the key does not belong to the certificate, the certificate is expired or not yet
/// valid, lacks the extended key usage (serverAuth / clientAuth), or is not issued by the authorities in `ca`;
/// kNotFound / kPermissionDenied when a file cannot be read. The error names file and what is wrong.
model::Result<TlsMaterial> load(const TlsFiles& files, TlsUse use);

/// Of PEM texts: the key is the (first) certificate's. kMalformed for what is none, kInvalidArgument for another's key.
model::Result<void> check_pair(const std::string& certificate_pem, const std::string& key_pem);

/// Of PEM texts: the (first) certificate, with its intermediates after it, holds for that use by the authorities.
/// kMalformed for what is none, kInvalidArgument says why it does not.
model::Result<void> check_trusted(const std::string& certificate_pem, const std::string& ca_pem, TlsUse use);

/// Until when a loaded client certificate speaks for the node `name` (identity.h); kPermissionDenied when it speaks for
/// another, naming both.
model::Result<model::WallTime> speaks_for(const TlsMaterial& material, const model::NodeName& name);

/// Of the (first) certificate of a PEM text. kMalformed for what is none.
model::Result<Validity> validity_of(const std::string& certificate_pem);

}  // namespace tideline::link
