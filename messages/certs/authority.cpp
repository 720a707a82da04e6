#include "messages/certs/authority.h"

#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/certs/x509.h"

namespace tideline::certs {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

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

Result<void> write(const std::string& stem, const Pair& pair) {
  constexpr mode_t kOwnerOnly = 0600;
  constexpr mode_t kPublic = 0644;
  auto key = replace(stem + ".key", kOwnerOnly, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, pair.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  if (!key) return key;
  return replace(stem + ".crt", kPublic, [&](std::FILE* file) { return PEM_write_X509(file, pair.certificate.get()); });
}

/// A new key, and a certificate for it that nobody signed yet.
Result<Pair> new_pair(const CertSpec& spec) {
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return refused("a new key");
  auto certificate = unsigned_certificate(key.get(), spec);
  if (!certificate) return certificate.error();
  return Pair{std::move(key), *std::move(certificate)};
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
  auto own = new_pair({.common_name = name, .valid_to = valid_to});
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
  auto opened = open_authority(stem + ".crt", stem + ".key", stem + ".crt, .key");
  if (!opened) return opened.error();
  return Authority(std::make_unique<Impl>(Impl{std::move(directory), stem + ".crt", std::move(opened->own)}));
}

Result<CertFiles> Authority::issue(const std::string& file, const CertSpec& spec) const {
  auto pair = new_pair(spec);
  if (!pair) return pair.error();
  if (!sign_with(impl_->own, spec, pair->certificate.get())) {
    return refused(fmt::format("a certificate for '{}'", file));
  }
  const std::string stem = impl_->directory + "/" + file;
  if (auto kept = write(stem, *pair); !kept) return kept.error();
  return CertFiles{.certificate = stem + ".crt", .key = stem + ".key", .ca = impl_->file};
}

CertSpec node_spec(const std::string& node) {
  // X.520's bound of a common name, which a node's name may exceed; it is for readers only.
  constexpr std::size_t kMaxCommonName = 64;
  return {.common_name = node.size() <= kMaxCommonName ? node : std::string(),
          .dns_names = {node + ".node.tideline"},
          .client_auth = true};
}

CertSpec coordinator_spec(const std::string& name) {
  return {.common_name = name, .dns_names = {name}, .server_auth = true};
}

CertSpec person_spec(const std::string& role, const std::string& name) {
  return {.common_name = role + ":" + name, .client_auth = true};
}

}  // namespace tideline::certs
