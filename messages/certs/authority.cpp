#include "messages/certs/authority.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tideline::certs {
namespace {

using model::Error;
using model::ErrorCode;
using model::invalid;
using model::Result;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Deleter<X509_free>>;
struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, Close>;

struct Pair {
  KeyPtr key;
  CertPtr certificate;
};

Error refused(const std::string& what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return {ErrorCode::kInternal,
          fmt::format("OpenSSL: {}{}{}", what, reason == nullptr ? "" : ": ", reason == nullptr ? "" : reason)};
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// A new key, and a certificate for it that nobody signed yet.
Result<Pair> unsigned_pair(const CertSpec& spec) {
  Pair pair{KeyPtr(EVP_EC_gen("P-256")), CertPtr(X509_new())};
  if (!pair.key || !pair.certificate) return refused("a new key");
  X509* certificate = pair.certificate.get();
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return refused("a serial number");
  std::time_t now = std::time(nullptr);
  bool good = X509_set_version(certificate, X509_VERSION_3) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
              X509_time_adj_ex(X509_getm_notBefore(certificate), 0, spec.valid_from.count(), &now) != nullptr &&
              X509_time_adj_ex(X509_getm_notAfter(certificate), 0, spec.valid_to.count(), &now) != nullptr &&
              X509_set_pubkey(certificate, pair.key.get()) == 1;
  if (good && !spec.common_name.empty()) {
    good = X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1, -1, 0) == 1;
  }
  if (!good) return refused(fmt::format("a certificate for '{}'", spec.common_name));
  return pair;
}

Error no_file(const char* verb, const std::string& path) {
  const bool not_there = errno == ENOENT && std::string_view(verb) == "read";
  return {not_there ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          fmt::format("{}: cannot be {}: {}", path, verb, std::strerror(errno))};
}

/// A reader sees the file of before or the new one. `put`: 1 = written.
template <class Put>
Result<void> replace(const std::string& path, mode_t mode, Put put) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return no_file("written", path);
  std::FILE* file = ::fdopen(fd, "wb");
  if (file == nullptr) {
    const Error why = no_file("written", path);
    ::close(fd);
    return why;
  }
  const bool good = ::fchmod(fd, mode) == 0 && put(file) == 1;
  if (std::fclose(file) != 0 || !good || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", path));
  }
  return {};
}

Result<FilePtr> readable(const std::string& path) {
  FilePtr file(std::fopen(path.c_str(), "rbe"));
  if (!file) return no_file("read", path);
  return file;
}

Result<void> write(const std::string& stem, const Pair& pair) {
  constexpr mode_t kOwnerOnly = 0600;
  constexpr mode_t kPublic = 0644;
  auto key = replace(stem + ".key", kOwnerOnly, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, pair.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  if (!key) return key;
  return replace(stem + ".crt", kPublic, [&](std::FILE* file) { return PEM_write_X509(file, pair.certificate.get()); });
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

struct Authority::Impl {
  std::string directory;
  std::string file;  // of its certificate
  Pair own;
};

Authority::Authority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Authority::Authority(Authority&&) noexcept = default;
Authority& Authority::operator=(Authority&&) noexcept = default;
Authority::~Authority() = default;

const std::string& Authority::ca_file() const {
  return impl_->file;
}

Result<Authority> Authority::create(std::string directory, const std::string& name, std::chrono::seconds valid_to) {
  auto own = unsigned_pair({.common_name = name, .valid_to = valid_to});
  if (!own) return own.error();
  X509* certificate = own->certificate.get();
  const bool good = X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
                    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") &&
                    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
                    X509_sign(certificate, own->key.get(), EVP_sha256()) > 0;
  if (!good) return refused(fmt::format("the authority '{}'", name));
  const std::string stem = directory + "/" + name;
  if (auto kept = write(stem, *own); !kept) return kept.error();
  return Authority(std::make_unique<Impl>(Impl{std::move(directory), stem + ".crt", *std::move(own)}));
}

Result<Authority> Authority::open(std::string directory, const std::string& name) {
  const std::string stem = directory + "/" + name;
  const auto key = readable(stem + ".key");
  const auto certificate = readable(stem + ".crt");
  if (!key && !certificate) return certificate.error();
  if (!key) return invalid(key.error().message() + ", and its certificate is there");
  if (!certificate) return invalid(certificate.error().message() + ", and its key is there");
  Pair own{KeyPtr(PEM_read_PrivateKey(key->get(), nullptr, nullptr, nullptr)),
           CertPtr(PEM_read_X509(certificate->get(), nullptr, nullptr, nullptr))};
  const bool pair = own.key && own.certificate && X509_check_private_key(own.certificate.get(), own.key.get()) == 1;
  ERR_clear_error();
  if (!pair) return invalid(fmt::format("{}.crt, .key: no certificate with its own key", stem));
  if (X509_check_ca(own.certificate.get()) < 1) return invalid(stem + ".crt: no certificate of an authority");
  if (X509_cmp_current_time(X509_get0_notAfter(own.certificate.get())) < 0) return invalid(stem + ".crt: has expired");
  return Authority(std::make_unique<Impl>(Impl{std::move(directory), stem + ".crt", std::move(own)}));
}

Result<CertFiles> Authority::issue(const std::string& file, const CertSpec& spec) const {
  auto pair = unsigned_pair(spec);
  if (!pair) return pair.error();
  X509* certificate = pair->certificate.get();
  X509* issuer = impl_->own.certificate.get();
  bool good = X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
              // Authorities of one name, the old and the new one in a bundle, are told apart by their keys.
              add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
  if (good && (spec.client_auth || spec.server_auth)) {
    const char* usage = spec.client_auth && spec.server_auth ? "clientAuth,serverAuth"
                        : spec.client_auth                   ? "clientAuth"
                                                             : "serverAuth";
    good = add_extension(certificate, issuer, NID_ext_key_usage, usage);
  }
  if (const std::string names = alternative_names(spec); good && !names.empty()) {
    good = add_extension(certificate, issuer, NID_subject_alt_name, names);
  }
  good = good && X509_sign(certificate, impl_->own.key.get(), EVP_sha256()) > 0;
  if (!good) return refused(fmt::format("a certificate for '{}'", file));
  const std::string stem = impl_->directory + "/" + file;
  if (auto kept = write(stem, *pair); !kept) return kept.error();
  return CertFiles{.certificate = stem + ".crt", .key = stem + ".key", .ca = impl_->file};
}

CertSpec node_spec(const std::string& node) {
  return {.common_name = node, .dns_names = {node + ".node.tideline"}, .client_auth = true};
}

CertSpec coordinator_spec(const std::string& name) {
  return {.common_name = name, .dns_names = {name}, .server_auth = true};
}

CertSpec person_spec(const std::string& role, const std::string& name) {
  return {.common_name = role + ":" + name, .client_auth = true};
}

}  // namespace tideline::certs
