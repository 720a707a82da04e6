#pragma once
// OpenSSL's certificates, for this room's sources only.

#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "messages/link/identity.h"
#include "messages/model/result.h"

namespace tideline::link {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;

/// All certificates of a PEM text, in order. kMalformed when there is none or one does not parse.
model::Result<std::vector<X509Ptr>> certificates_from_pem(const std::string& pem);
model::Result<KeyPtr> key_from_pem(const std::string& pem);

/// The certificate's part that identities are made of. A name that holds a NUL, or one of several CNs, counts as
/// absent: such names exist only to be read differently by different readers.
Certificate certificate_of(X509& x509);

/// kMalformed for what is no time.
model::Result<model::WallTime> wall_time_of(const ASN1_TIME* time);

/// DER bytes.
std::string der_of(X509& x509);

/// Text of the oldest error OpenSSL has queued on this thread; the queue is emptied.
std::string openssl_error();

}  // namespace tideline::link
