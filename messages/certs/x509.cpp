#include "messages/certs/x509.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace tideline::certs {
namespace {

using model::Error;
using model::ErrorCode;
using model::invalid;
using model::Result;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, OpensslFree<GENERAL_NAME_free>>;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, Close>;

Result<FilePtr> readable(const std::string& path) {
  FilePtr file(std::fopen(path.c_str(), "rbe"));
  if (!file) return no_file("read", path);
  return file;
}

/// Takes `value`.
bool add_name(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  if (value == nullptr) return false;
  NamePtr name(GENERAL_NAME_new());
  if (!name) {
    ASN1_STRING_free(value);
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), type, value);
  if (sk_GENERAL_NAME_push(names, name.get()) <= 0) return false;
  static_cast<void>(name.release());
  return true;
}

ASN1_STRING* ia5_of(const std::string& text) {
  ASN1_STRING* value = ASN1_STRING_type_new(V_ASN1_IA5STRING);
  if (value != nullptr && ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1) return value;
  ASN1_STRING_free(value);
  return nullptr;
}

/// As values and not as OpenSSL's text, in which a comma in one name begins another.
bool add_alternative_names(X509* certificate, const CertSpec& spec) {
  if (spec.dns_names.empty() && spec.ip_addresses.empty()) return true;
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  bool good = names != nullptr;
  for (const auto& name : spec.dns_names)
    good = good && add_name(names.get(), GEN_DNS, ia5_of(name));
  for (const auto& address : spec.ip_addresses)
    good = good && add_name(names.get(), GEN_IPADD, a2i_IPADDRESS(address.c_str()));
  const int critical = spec.common_name.empty() ? 1 : 0;
  return good && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), critical, 0) == 1;
}

const char* usages(const CertSpec& spec) {
  if (spec.client_auth && spec.server_auth) return "clientAuth,serverAuth";
  return spec.client_auth ? "clientAuth" : "serverAuth";
}

/// EdDSA has its digest built in.
const EVP_MD* digest_for(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

}  // namespace

Error refused(const std::string& what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return {ErrorCode::kInternal,
          fmt::format("OpenSSL: {}{}{}", what, reason == nullptr ? "" : ": ", reason == nullptr ? "" : reason)};
}

Error no_file(const char* verb, const std::string& path) {
  const bool not_there = errno == ENOENT && std::string_view(verb) == "read";
  return {not_there ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          fmt::format("{}: cannot be {}: {}", path, verb, std::strerror(errno))};
}

int refuse_passphrase(char*, int, int, void*) {
  return -1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Result<CertPtr> unsigned_certificate(EVP_PKEY* key, const CertSpec& spec) {
  CertPtr made(X509_new());
  if (!made) return refused("a new certificate");
  X509* certificate = made.get();
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return refused("a serial number");
  std::time_t now = std::time(nullptr);
  bool good = X509_set_version(certificate, X509_VERSION_3) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
              X509_time_adj_ex(X509_getm_notBefore(certificate), 0, spec.valid_from.count(), &now) != nullptr &&
              X509_time_adj_ex(X509_getm_notAfter(certificate), 0, spec.valid_to.count(), &now) != nullptr &&
              X509_set_pubkey(certificate, key) == 1;
  if (good && !spec.common_name.empty()) {
    good = X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1, -1, 0) == 1;
  }
  if (!good) return refused(fmt::format("a certificate for '{}'", spec.common_name));
  return made;
}

bool sign_with(const Pair& authority, const CertSpec& spec, X509* certificate) {
  X509* issuer = authority.certificate.get();
  bool good = X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature");
  // Authorities of one name, the old and the new one in a bundle, are told apart by their keys.
  if (good && X509_get0_subject_key_id(issuer) != nullptr) {
    good = add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
  }
  if (good && (spec.client_auth || spec.server_auth)) {
    good = add_extension(certificate, issuer, NID_ext_key_usage, usages(spec));
  }
  return good && add_alternative_names(certificate, spec) &&
         X509_sign(certificate, authority.key.get(), digest_for(authority.key.get())) > 0;
}

Result<OpenedAuthority> open_authority(const std::string& certificate_file, const std::string& key_file,
                                       const std::string& both) {
  const auto key = readable(key_file);
  const auto certificate = readable(certificate_file);
  if (!key && !certificate) return certificate.error();
  if (!key) return invalid(key.error().message() + ", and its certificate is there");
  if (!certificate) return invalid(certificate.error().message() + ", and its key is there");
  OpenedAuthority opened;
  opened.own.key.reset(PEM_read_PrivateKey(key->get(), nullptr, &refuse_passphrase, nullptr));
  opened.own.certificate.reset(PEM_read_X509(certificate->get(), nullptr, &refuse_passphrase, nullptr));
  X509* own = opened.own.certificate.get();
  const bool pair = opened.own.key && own != nullptr && X509_check_private_key(own, opened.own.key.get()) == 1;
  ERR_clear_error();
  if (!pair) return invalid(fmt::format("{}: no certificate with its own key", both));
  if (X509_check_ca(own) < 1) return invalid(certificate_file + ": no certificate of an authority");
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) return invalid(certificate_file + ": has expired");
  while (CertPtr next{PEM_read_X509(certificate->get(), nullptr, &refuse_passphrase, nullptr)})
    opened.more.push_back(std::move(next));
  const unsigned long why = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_LIB(why) != ERR_LIB_PEM || ERR_GET_REASON(why) != PEM_R_NO_START_LINE) {
    return invalid(fmt::format("{}: certificate {} does not parse", certificate_file, opened.more.size() + 2));
  }
  return opened;
}

}  // namespace tideline::certs
