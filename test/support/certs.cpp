#include "test/support/certs.h"

#include <cstdio>
#include <ctime>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace tideline::test {
namespace {

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error("certs: " + what);
}

struct Pair {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  Pair() = default;
  ~Pair() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
};

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, "extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void fill(Pair& pair, const CertSpec& spec) {
  pair.key = EVP_EC_gen("P-256");
  require(pair.key != nullptr, "key");
  pair.certificate = X509_new();
  X509_set_version(pair.certificate, X509_VERSION_3);
  std::uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "serial");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(pair.certificate), serial >> 1);
  std::time_t now = std::time(nullptr);
  X509_time_adj_ex(X509_getm_notBefore(pair.certificate), 0, static_cast<long>(spec.valid_from.count()), &now);
  X509_time_adj_ex(X509_getm_notAfter(pair.certificate), 0, static_cast<long>(spec.valid_to.count()), &now);
  X509_set_pubkey(pair.certificate, pair.key);
  if (!spec.common_name.empty()) {
    X509_NAME_add_entry_by_NID(X509_get_subject_name(pair.certificate), NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1, -1, 0);
  }
}

void write_key(const std::string& path, EVP_PKEY* key) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr, path);
  const bool written = PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  std::fclose(file);
  require(written, path);
}

void write_certificate(const std::string& path, X509* certificate) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr, path);
  const bool written = PEM_write_X509(file, certificate) == 1;
  std::fclose(file);
  require(written, path);
}

std::string alternative_names(const CertSpec& spec) {
  std::string text;
  for (const auto& name : spec.dns_names)
    text += (text.empty() ? "DNS:" : ",DNS:") + name;
  for (const auto& address : spec.ip_addresses)
    text += (text.empty() ? "IP:" : ",IP:") + address;
  return text;
}

}  // namespace

struct CertAuthority::Impl {
  std::string directory;
  std::string file;
  Pair own;
};

CertAuthority::CertAuthority(std::string directory, const std::string& name) : impl_(std::make_unique<Impl>()) {
  impl_->directory = std::move(directory);
  impl_->file = impl_->directory + "/" + name + ".crt";
  Pair& own = impl_->own;
  fill(own, {.common_name = name});
  X509_set_issuer_name(own.certificate, X509_get_subject_name(own.certificate));
  add_extension(own.certificate, own.certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(own.certificate, own.certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(own.certificate, own.certificate, NID_subject_key_identifier, "hash");
  require(X509_sign(own.certificate, own.key, EVP_sha256()) > 0, "sign " + name);
  write_certificate(impl_->file, own.certificate);
}

CertAuthority::~CertAuthority() = default;

CertFiles CertAuthority::issue(const std::string& file, const CertSpec& spec) const {
  Pair pair;
  fill(pair, spec);
  X509* issuer = impl_->own.certificate;
  X509_set_issuer_name(pair.certificate, X509_get_subject_name(issuer));
  add_extension(pair.certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(pair.certificate, issuer, NID_key_usage, "critical,digitalSignature");
  if (spec.client_auth || spec.server_auth) {
    add_extension(pair.certificate, issuer, NID_ext_key_usage,
                  spec.client_auth && spec.server_auth ? "clientAuth,serverAuth"
                  : spec.client_auth                   ? "clientAuth"
                                                       : "serverAuth");
  }
  if (const std::string names = alternative_names(spec); !names.empty()) {
    add_extension(pair.certificate, issuer, NID_subject_alt_name, names);
  }
  require(X509_sign(pair.certificate, impl_->own.key, EVP_sha256()) > 0, "sign " + file);
  CertFiles files{.certificate = impl_->directory + "/" + file + ".crt",
                  .key = impl_->directory + "/" + file + ".key",
                  .ca = impl_->file};
  write_certificate(files.certificate, pair.certificate);
  write_key(files.key, pair.key);
  return files;
}

CertFiles CertAuthority::node(const std::string& node) const {
  return issue("node-" + node, {.common_name = node, .dns_names = {node + ".node.tideline"}, .client_auth = true});
}

CertFiles CertAuthority::coordinator(const std::string& name) const {
  return issue("server-" + name, {.common_name = name, .dns_names = {name}, .server_auth = true});
}

CertFiles CertAuthority::person(const std::string& role, const std::string& name) const {
  return issue(role + "-" + name, {.common_name = role + ":" + name, .client_auth = true});
}

const std::string& CertAuthority::ca_file() const {
  return impl_->file;
}

}  // namespace tideline::test
