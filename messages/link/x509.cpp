#include "messages/link/x509.h"

#include <array>
#include <ctime>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace tideline::link {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;

BioPtr bio_of(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int refuse_password(char*, int, int, void*) {
  return -1;
}

std::string text_of(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, string);
  if (length < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  if (text.find('\0') != std::string::npos) return {};
  return text;
}

std::string common_name_of(const X509& x509) {
  const X509_NAME* subject = X509_get_subject_name(&x509);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
}

std::string serial_of(X509& x509) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get_serialNumber(&x509), nullptr);
  if (number == nullptr) return "?";
  char* hex = BN_bn2hex(number);
  std::string text = hex == nullptr ? "?" : hex;
  OPENSSL_free(hex);
  BN_free(number);
  return text;
}

}  // namespace

model::Result<std::vector<X509Ptr>> certificates_from_pem(const std::string& pem) {
  ERR_clear_error();
  const BioPtr bio = bio_of(pem);
  std::vector<X509Ptr> certificates;
  while (X509Ptr next{PEM_read_bio_X509(bio.get(), nullptr, &refuse_password, nullptr)}) {
    certificates.push_back(std::move(next));
  }
  const unsigned long why = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
  const std::string text = openssl_error();
  if (certificates.empty()) return model::Error(model::ErrorCode::kMalformed, "holds no PEM certificate");
  if (!at_end) {
    return model::Error(model::ErrorCode::kMalformed,
                        "certificate " + std::to_string(certificates.size() + 1) + " does not parse: " + text);
  }
  return certificates;
}

model::Result<KeyPtr> key_from_pem(const std::string& pem) {
  ERR_clear_error();
  const BioPtr bio = bio_of(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &refuse_password, nullptr));
  const std::string text = openssl_error();
  if (!key) {
    if (pem.find("ENCRYPTED") != std::string::npos) {
      return model::Error(model::ErrorCode::kMalformed, "the private key is encrypted; an unencrypted one is needed");
    }
    return model::Error(model::ErrorCode::kMalformed, "holds no PEM private key (" + text + ")");
  }
  return key;
}

Certificate certificate_of(X509& x509) {
  Certificate certificate;
  certificate.common_name = common_name_of(x509);
  certificate.serial = serial_of(x509);
  const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    std::string text = text_of(name->d.dNSName);
    if (!text.empty()) certificate.dns_names.push_back(std::move(text));
  }
  // Absent usage answers UINT32_MAX, "good for anything", which is not good enough here.
  const bool has_usage = (X509_get_extension_flags(&x509) & EXFLAG_XKUSAGE) != 0;
  const std::uint32_t usage = X509_get_extended_key_usage(&x509);
  certificate.for_client = has_usage && (usage & XKU_SSL_CLIENT) != 0;
  certificate.for_server = has_usage && (usage & XKU_SSL_SERVER) != 0;
  if (const auto until = wall_time_of(X509_get0_notAfter(&x509))) certificate.not_after = *until;
  ERR_clear_error();
  return certificate;
}

model::Result<model::WallTime> wall_time_of(const ASN1_TIME* time) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(time, &broken_down) == 1) {
    return model::WallTime{static_cast<std::int64_t>(timegm(&broken_down)) * 1000};
  }
  ERR_clear_error();
  return model::Error(model::ErrorCode::kMalformed, "holds no time that can be read");
}

std::string der_of(X509& x509) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(&x509, &der);
  if (length <= 0) return {};
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return bytes;
}

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

}  // namespace tideline::link
