#include "messages/certs/signing.h"

#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "messages/certs/x509.h"

namespace tideline::certs {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 4096;

BioPtr reader_of(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// What `put` writes; "" where it cannot. `put`: 1 = written.
template <class Put>
std::string pem_text(Put put) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || put(bio.get()) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

std::string pem_text_of(X509* certificate) {
  return pem_text([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

/// Bounded before anything is computed with it: what a large key costs is the peer's choice.
bool is_key_taken(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return true;
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key);
      return bits >= kLeastRsaBits && bits <= kMostRsaBits;
    }
    case EVP_PKEY_EC: {
      char group[64] = "";
      std::size_t length = 0;
      if (EVP_PKEY_get_group_name(key, group, sizeof group, &length) != 1) return false;
      const std::string_view name(group);
      return name == "prime256v1" || name == "P-256" || name == "secp384r1" || name == "P-384";
    }
    default:
      return false;
  }
}

/// The request's key, whose holder made the request.
Result<KeyPtr> proved_key(const std::string& request_pem) {
  if (request_pem.size() > kMaxSigningRequestBytes) {
    return Error(ErrorCode::kMalformed, fmt::format("a certificate request of {} bytes, limit {}", request_pem.size(),
                                                    kMaxSigningRequestBytes));
  }
  ERR_clear_error();
  const BioPtr bio = reader_of(request_pem);
  if (!bio) return refused("a request's text");
  const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, &refuse_passphrase, nullptr));
  KeyPtr key(request ? X509_REQ_get_pubkey(request.get()) : nullptr);
  const bool is_taken = key && is_key_taken(key.get());
  const bool is_proved = is_taken && X509_REQ_verify(request.get(), key.get()) == 1;
  ERR_clear_error();
  if (!request) return Error(ErrorCode::kMalformed, "no PKCS #10 certificate request in PEM");
  if (!is_taken) {
    return model::invalid(fmt::format("the request's key is none of P-256, P-384, Ed25519 and RSA of {} to {} bits",
                                      kLeastRsaBits, kMostRsaBits));
  }
  if (!is_proved) return model::invalid("the request is not signed with its own key");
  return key;
}

/// Hex; "?" where OpenSSL has no memory for it.
std::string serial_text(X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), nullptr);
  char* hex = number == nullptr ? nullptr : BN_bn2hex(number);
  std::string text = hex == nullptr ? "?" : hex;
  OPENSSL_free(hex);
  BN_free(number);
  return text;
}

}  // namespace

Result<SigningRequest> make_signing_request() {
  ERR_clear_error();
  const KeyPtr key(EVP_EC_gen("P-256"));
  const RequestPtr request(X509_REQ_new());
  if (!key || !request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return refused("a certificate request");
  }
  SigningRequest made;
  made.key = pem_text(
      [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  made.request = pem_text([&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, request.get()); });
  if (made.key.empty() || made.request.empty()) return refused("a certificate request's text");
  return made;
}

struct Signer::Impl {
  Pair own;
  std::string ca_pem;
};

Signer::Signer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;
Signer::~Signer() = default;

const std::string& Signer::ca_pem() const {
  return impl_->ca_pem;
}

Result<Signer> Signer::open(const std::string& certificate_file, const std::string& key_file) {
  auto opened = open_authority(certificate_file, key_file, certificate_file + ", " + key_file);
  if (!opened) return opened.error();
  std::string ca_pem = pem_text_of(opened->own.certificate.get());
  for (const auto& more : opened->more)
    ca_pem += pem_text_of(more.get());
  return Signer(std::make_unique<Impl>(Impl{std::move(opened->own), std::move(ca_pem)}));
}

Result<std::string> Signer::sign(const std::string& request_pem, const CertSpec& spec) const {
  const auto key = proved_key(request_pem);
  if (!key) return key.error();
  const ASN1_TIME* authority_ends = X509_get0_notAfter(impl_->own.certificate.get());
  if (X509_cmp_current_time(authority_ends) < 0) {
    return Error(ErrorCode::kUnavailable, "the authority that signs certificates has expired");
  }
  const auto made = unsigned_certificate(key->get(), spec);
  if (!made) return made.error();
  X509* certificate = made->get();
  const bool is_longer = ASN1_TIME_compare(X509_get0_notAfter(certificate), authority_ends) > 0;
  if ((is_longer && X509_set1_notAfter(certificate, authority_ends) != 1) ||
      !sign_with(impl_->own, spec, certificate)) {
    return refused(fmt::format("a certificate for '{}'", spec.common_name));
  }
  std::string text = pem_text_of(certificate);
  if (text.empty()) return refused("a certificate's text");
  return text;
}

Result<CertificateSummary> summary_of(const std::string& certificate_pem) {
  ERR_clear_error();
  const BioPtr bio = reader_of(certificate_pem);
  const CertPtr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, &refuse_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  std::tm until{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &until) != 1) {
    return Error(ErrorCode::kMalformed, "no certificate in PEM");
  }
  CertificateSummary summary;
  summary.serial = serial_text(certificate.get());
  summary.not_after = model::WallTime{static_cast<std::int64_t>(timegm(&until)) * 1000};
  return summary;
}

}  // namespace tideline::certs
