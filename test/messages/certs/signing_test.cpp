#include "messages/certs/signing.h"

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/bio.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "messages/link/tls_files.h"
#include "test/support/temp_dir.h"

namespace tideline::certs {
namespace {

using model::ErrorCode;
using testing::HasSubstr;
using testing::StartsWith;
using KeyHandle = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertHandle = std::unique_ptr<X509, decltype(&X509_free)>;
using RequestHandle = std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)>;
using BioHandle = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

/// Files of an authority, its signer, and what the signed are looked at with.
class Signing : public testing::Test {
 protected:
  void SetUp() override {
    const auto made = Authority::create(dir_.str(), "ca");
    ASSERT_TRUE(made) << made.error().message();
  }
  Signer open(const std::string& name = "ca") const {
    auto opened = Signer::open(file(name + ".crt"), file(name + ".key"));
    if (!opened) throw std::runtime_error(opened.error().message());
    return *std::move(opened);
  }
  std::string file(const std::string& name) const { return dir_.str() + "/" + name; }

  test::TempDir dir_;
};

SigningRequest a_request() {
  auto made = make_signing_request();
  if (!made) throw std::runtime_error(made.error().message());
  return *std::move(made);
}

CertHandle parsed(const std::string& pem) {
  const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free};
}

std::string name_text(const X509_NAME* name) {
  char text[512] = "";
  X509_NAME_oneline(name, text, sizeof text);
  return text;
}

KeyHandle rsa_key(unsigned bits) {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{bits}), &EVP_PKEY_free};
}
KeyHandle ec_key(const char* curve) {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve), &EVP_PKEY_free};
}
KeyHandle ed25519_key() {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free};
}

KeyHandle dsa_key() {
  using ContextHandle = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
  EVP_PKEY* parameters = nullptr;
  const ContextHandle for_parameters(EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY_paramgen_init(for_parameters.get());
  EVP_PKEY_CTX_set_dsa_paramgen_bits(for_parameters.get(), 1024);
  EVP_PKEY_paramgen(for_parameters.get(), &parameters);
  const KeyHandle kept(parameters, &EVP_PKEY_free);
  EVP_PKEY* key = nullptr;
  const ContextHandle for_key(EVP_PKEY_CTX_new(parameters, nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY_keygen_init(for_key.get());
  EVP_PKEY_keygen(for_key.get(), &key);
  return {key, &EVP_PKEY_free};
}

/// A request for `shown`, signed with `signs`. `shape` adds to it before.
std::string request_of(
    EVP_PKEY* shown, EVP_PKEY* signs, const std::function<void(X509_REQ*)>& shape = [](X509_REQ*) {}) {
  const RequestHandle request(X509_REQ_new(), &X509_REQ_free);
  X509_REQ_set_pubkey(request.get(), shown);
  shape(request.get());
  const EVP_MD* digest = EVP_PKEY_get_base_id(signs) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  if (X509_REQ_sign(request.get(), signs, digest) <= 0) throw std::runtime_error("the request cannot be signed");
  const BioHandle bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

X509_EXTENSION* extension_of(int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, nullptr, nullptr, nullptr, nullptr, 0);
  return X509V3_EXT_conf_nid(nullptr, &context, nid, value);
}

void ask_for(X509_REQ* request, const std::vector<std::pair<int, const char*>>& wanted) {
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  for (const auto& [nid, value] : wanted)
    sk_X509_EXTENSION_push(extensions, extension_of(nid, value));
  X509_REQ_add_extensions(request, extensions);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

TEST_F(Signing, WhatItSignsIsWhatTheLinkAsksOfANode) {
  const auto request = a_request();
  const auto signer = open();
  const auto certificate = signer.sign(request.request, node_spec("n1"));
  ASSERT_TRUE(certificate) << certificate.error().message();
  const link::TlsFiles files{dir_.write("n1.crt", *certificate), dir_.write("n1.key", request.key),
                             dir_.write("trusted.crt", signer.ca_pem())};
  const auto material = link::load(files, link::TlsUse::kClient);
  ASSERT_TRUE(material) << material.error().message();
  EXPECT_TRUE(link::speaks_for(*material, model::NodeName("n1")));
  EXPECT_FALSE(link::speaks_for(*material, model::NodeName("n2")));
  EXPECT_FALSE(link::load(files, link::TlsUse::kServer));
}

TEST_F(Signing, ANodeWithALongNameGetsOneAsWell) {
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.org";
  const auto certificate = open().sign(a_request().request, node_spec(name));
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_TRUE(link::speaks_for({*certificate, {}, {}}, model::NodeName(name)));
}

TEST_F(Signing, NothingThatTheRequestAsksForIsTakenOver) {
  const auto key = ec_key("P-256");
  const auto greedy = request_of(key.get(), key.get(), [](X509_REQ* request) {
    X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("admin:me"), -1, -1, 0);
    ask_for(request, {{NID_basic_constraints, "critical,CA:TRUE"},
                      {NID_subject_alt_name, "DNS:n2.node.tideline,DNS:coordinator.tideline"},
                      {NID_ext_key_usage, "serverAuth"},
                      {NID_key_usage, "keyCertSign"}});
  });
  const auto certificate = open().sign(greedy, node_spec("n1"));
  ASSERT_TRUE(certificate) << certificate.error().message();
  const auto read = parsed(*certificate);
  ASSERT_TRUE(read);
  EXPECT_EQ(name_text(X509_get_subject_name(read.get())), "/CN=n1");
  EXPECT_EQ(X509_check_ca(read.get()), 0);
  EXPECT_EQ(X509_get_extended_key_usage(read.get()), std::uint32_t{XKU_SSL_CLIENT});
  EXPECT_EQ(X509_get_key_usage(read.get()), std::uint32_t{KU_DIGITAL_SIGNATURE});
  EXPECT_EQ(X509_check_host(read.get(), "n1.node.tideline", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(read.get(), "n2.node.tideline", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_host(read.get(), "coordinator.tideline", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_get_ext_count(read.get()), 5) << "constraints, two usages, authority, names";
}

TEST_F(Signing, ANameWithACommaIsOneName) {
  const auto certificate = open().sign(a_request().request, node_spec("n1,DNS:n2"));
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_EQ(X509_check_host(parsed(*certificate).get(), "n2.node.tideline", 0, 0, nullptr), 0);
  EXPECT_FALSE(link::speaks_for({*certificate, {}, {}}, model::NodeName("n2")));
}

TEST_F(Signing, TheCertificateIsForTheRequestsKey) {
  const auto request = a_request();
  const auto certificate = open().sign(request.request, node_spec("n1"));
  ASSERT_TRUE(certificate);
  EXPECT_TRUE(link::check_pair(*certificate, request.key));
  EXPECT_FALSE(link::check_pair(*certificate, a_request().key));
}

TEST_F(Signing, SerialNumbersDiffer) {
  const auto signer = open();
  const auto request = a_request();
  std::vector<std::string> serials;
  for (int i = 0; i < 2; ++i) {
    const auto certificate = signer.sign(request.request, node_spec("n1"));
    ASSERT_TRUE(certificate);
    const auto summary = summary_of(*certificate);
    ASSERT_TRUE(summary);
    EXPECT_GT(summary->serial.size(), 8u);
    serials.push_back(summary->serial);
  }
  EXPECT_NE(serials[0], serials[1]);
}

TEST_F(Signing, EndsWithTheAuthorityWhereThatIsSooner) {
  ASSERT_TRUE(Authority::create(dir_.str(), "short", std::chrono::minutes(30)));
  const auto authority_ends = summary_of(dir_.read("short.crt"));
  ASSERT_TRUE(authority_ends);
  auto spec = node_spec("n1");
  spec.valid_to = std::chrono::hours(12);
  const auto cut = open("short").sign(a_request().request, spec);
  ASSERT_TRUE(cut);
  EXPECT_EQ(summary_of(*cut)->not_after, authority_ends->not_after);
  const std::int64_t before_ms = std::int64_t{std::time(nullptr)} * 1000;
  const auto whole = open().sign(a_request().request, spec);
  ASSERT_TRUE(whole);
  const std::int64_t left_ms = summary_of(*whole)->not_after.ms - before_ms;
  EXPECT_GE(left_ms, std::int64_t{12 * 3'600'000});
  EXPECT_LE(left_ms, std::int64_t{12 * 3'600'000 + 60'000});
}

TEST_F(Signing, TakesTheKeysThatItNames) {
  const auto signer = open();
  std::vector<KeyHandle> keys;
  keys.push_back(ec_key("P-256"));
  keys.push_back(ec_key("P-384"));
  keys.push_back(ed25519_key());
  keys.push_back(rsa_key(2048));
  for (const auto& key : keys) {
    const auto certificate = signer.sign(request_of(key.get(), key.get()), node_spec("n1"));
    EXPECT_TRUE(certificate) << EVP_PKEY_get0_type_name(key.get()) << ": " << certificate.error().message();
  }
}

TEST_F(Signing, TakesNoOthers) {
  const auto signer = open();
  std::vector<KeyHandle> keys;
  keys.push_back(rsa_key(1024));
  keys.push_back(ec_key("P-521"));
  keys.push_back(ec_key("secp256k1"));
  keys.push_back(dsa_key());
  for (const auto& key : keys) {
    ASSERT_TRUE(key);
    const auto refused = signer.sign(request_of(key.get(), key.get()), node_spec("n1"));
    ASSERT_FALSE(refused) << EVP_PKEY_get0_type_name(key.get());
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), HasSubstr("none of P-256, P-384, Ed25519 and RSA of 2048 to 4096 bits"));
  }
}

TEST_F(Signing, ARequestThatAnotherKeySignedIsRefused) {
  const auto shown = ec_key("P-256");
  const auto signs = ec_key("P-256");
  const auto refused = open().sign(request_of(shown.get(), signs.get()), node_spec("n1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("not signed with its own key"));
}

TEST_F(Signing, WhatIsNoRequestIsMalformed) {
  const auto signer = open();
  const auto made = a_request();
  const std::string& sound = made.request;
  std::string relabelled = sound;
  for (std::size_t at = 0; (at = relabelled.find("CERTIFICATE REQUEST", at)) != std::string::npos;)
    relabelled.replace(at, std::string("CERTIFICATE REQUEST").size(), "CERTIFICATE");
  std::string encrypted = sound;
  encrypted.insert(encrypted.find('\n') + 1,
                   "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  const std::vector<std::string> rows{"",
                                      "nothing",
                                      std::string(100, '\0'),
                                      made.key,
                                      dir_.read("ca.crt"),
                                      relabelled,
                                      encrypted,
                                      sound.substr(0, sound.size() / 2),
                                      sound.substr(sound.find('\n')),
                                      "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
                                      "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
                                      sound + std::string(kMaxSigningRequestBytes, '\n')};
  for (const auto& row : rows) {
    const auto refused = signer.sign(row, node_spec("n1"));
    ASSERT_FALSE(refused) << row;
    EXPECT_EQ(refused.error().code(), ErrorCode::kMalformed) << row;
    EXPECT_LT(refused.error().message().size(), 200u) << row;
  }
}

TEST_F(Signing, ARequestWithAnyOfItsBytesChangedIsRefused) {
  const auto signer = open();
  const std::string sound = a_request().request;
  for (std::size_t at = 0; at < sound.size(); ++at) {
    std::string damaged = sound;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    const auto answer = signer.sign(damaged, node_spec("n1"));
    if (!answer) continue;
    // Bits after the last byte are no part of it.
    EXPECT_TRUE(link::speaks_for({*answer, {}, {}}, model::NodeName("n1"))) << at;
  }
}

TEST_F(Signing, AnAuthorityWithoutAKeyIdentifierSignsAsWell) {
  const auto key = rsa_key(2048);
  const CertHandle own(X509_new(), &X509_free);
  X509_set_version(own.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(own.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(own.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(own.get()), 3600);
  X509_set_pubkey(own.get(), key.get());
  X509_NAME_add_entry_by_NID(X509_get_subject_name(own.get()), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("plain"), -1, -1, 0);
  X509_set_issuer_name(own.get(), X509_get_subject_name(own.get()));
  X509_EXTENSION* constraints = extension_of(NID_basic_constraints, "critical,CA:TRUE");
  X509_add_ext(own.get(), constraints, -1);
  X509_EXTENSION_free(constraints);
  ASSERT_GT(X509_sign(own.get(), key.get(), EVP_sha256()), 0);
  const std::string stem = file("plain");
  const BioHandle certificate_file(BIO_new_file((stem + ".crt").c_str(), "w"), &BIO_free_all);
  const BioHandle key_file(BIO_new_file((stem + ".key").c_str(), "w"), &BIO_free_all);
  PEM_write_bio_X509(certificate_file.get(), own.get());
  PEM_write_bio_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  BIO_flush(certificate_file.get());
  BIO_flush(key_file.get());
  const auto signer = open("plain");
  const auto certificate = signer.sign(a_request().request, node_spec("n1"));
  ASSERT_TRUE(certificate) << certificate.error().message();
  EXPECT_TRUE(link::check_trusted(*certificate, signer.ca_pem(), link::TlsUse::kClient));
}

TEST_F(Signing, OtherAuthoritiesInTheFileAreHandedOutToo) {
  ASSERT_TRUE(Authority::create(dir_.str(), "old"));
  dir_.write("both.crt", dir_.read("ca.crt") + dir_.read("old.crt"));
  const auto signer = Signer::open(file("both.crt"), file("ca.key"));
  ASSERT_TRUE(signer) << signer.error().message();
  EXPECT_EQ(signer->ca_pem(), dir_.read("ca.crt") + dir_.read("old.crt"));
  dir_.write("torn.crt", dir_.read("ca.crt") + dir_.read("old.crt").substr(0, 200));
  EXPECT_THAT(Signer::open(file("torn.crt"), file("ca.key")).error().message(),
              HasSubstr("torn.crt: certificate 2 does not parse"));
}

TEST_F(Signing, SaysWhatIsWrongWithItsFiles) {
  EXPECT_EQ(Signer::open(file("no.crt"), file("no.key")).error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(Signer::open(file("ca.crt"), file("no.key")).error().message(), HasSubstr("no.key: cannot be read"));
  ASSERT_TRUE(Authority::create(dir_.str(), "other"));
  const auto mixed = Signer::open(file("ca.crt"), file("other.key"));
  EXPECT_EQ(mixed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(mixed.error().message(), HasSubstr("other.key: no certificate with its own key"));
  ASSERT_TRUE(Authority::create(dir_.str(), "old", std::chrono::seconds(-10)));
  EXPECT_THAT(Signer::open(file("old.crt"), file("old.key")).error().message(), HasSubstr("old.crt: has expired"));
  const auto authority = Authority::open(dir_.str(), "ca");
  ASSERT_TRUE(authority && authority->issue("leaf", node_spec("leaf")));
  EXPECT_THAT(Signer::open(file("leaf.crt"), file("leaf.key")).error().message(),
              HasSubstr("no certificate of an authority"));
}

TEST(SigningRequests, NameNobodyAndHaveAKeyOfTheirOwn) {
  const auto one = a_request();
  EXPECT_THAT(one.key, StartsWith("-----BEGIN PRIVATE KEY-----"));
  EXPECT_THAT(one.request, StartsWith("-----BEGIN CERTIFICATE REQUEST-----"));
  EXPECT_LT(one.request.size(), kMaxSigningRequestBytes);
  const BioHandle bio(BIO_new_mem_buf(one.request.data(), static_cast<int>(one.request.size())), &BIO_free_all);
  const RequestHandle read(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr), &X509_REQ_free);
  ASSERT_TRUE(read);
  EXPECT_EQ(name_text(X509_REQ_get_subject_name(read.get())), "");
  EXPECT_NE(one.key, a_request().key);
}

TEST(Summaries, OfWhatIsNoCertificateAreErrors) {
  EXPECT_EQ(summary_of("").error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(summary_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").error().code(),
            ErrorCode::kMalformed);
}

}  // namespace
}  // namespace tideline::certs
