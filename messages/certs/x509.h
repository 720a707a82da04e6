#pragma once
// Keys and certificates as OpenSSL has them, for this room's sources only.

#include <memory>
#include <string>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "messages/certs/authority.h"
#include "messages/model/result.h"

namespace tideline::certs {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, OpensslFree<X509_REQ_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;

struct Pair {
  KeyPtr key;
  CertPtr certificate;
};

/// kInternal, with what OpenSSL says; its queue of errors is emptied.
model::Error refused(const std::string& what);
/// `verb` "read" or "written"; the reason is in errno. kNotFound for a file to be read that is not there.
model::Error no_file(const char* verb, const std::string& path);
/// A passphrase for OpenSSL, which would ask the terminal for one.
int refuse_passphrase(char* buffer, int size, int writing, void* user);

/// False: OpenSSL refused, as its queue says.
bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value);

/// For `key`, with the common name and the times of `spec` and a random serial number; nobody has signed it.
model::Result<CertPtr> unsigned_certificate(EVP_PKEY* key, const CertSpec& spec);
/// Adds the alternative names and the uses of `spec`, the issuer and its signature. False: OpenSSL refused.
bool sign_with(const Pair& authority, const CertSpec& spec, X509* certificate);

struct OpenedAuthority {
  Pair own;
  std::vector<CertPtr> more;  // that follow in the certificate's file
};
/// As Authority::open; `both` names the two files in errors about both.
model::Result<OpenedAuthority> open_authority(const std::string& certificate_file, const std::string& key_file,
                                              const std::string& both);

}  // namespace tideline::certs
