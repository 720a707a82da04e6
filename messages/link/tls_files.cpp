#include "messages/link/tls_files.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "messages/link/identity.h"
#include "messages/link/small_file.h"
#include "messages/link/x509.h"

namespace tideline::link {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

model::Result<void> check_dates(const std::string& file, X509& certificate) {
  if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) > 0) {
    return model::invalid(fmt::format("certificate {}: not yet valid", file));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(&certificate)) < 0) {
    return model::invalid(fmt::format("certificate {}: expired", file));
  }
  return {};
}

/// "" = the first of the chain holds for that use by these authorities; else why not.
std::string why_not_issued(const std::vector<X509Ptr>& chain, const std::vector<X509Ptr>& authorities, TlsUse use) {
  const StorePtr store(X509_STORE_new());
  for (const auto& authority : authorities)
    X509_STORE_add_cert(store.get(), authority.get());
  STACK_OF(X509)* between = sk_X509_new_null();
  for (std::size_t i = 1; i < chain.size(); ++i)
    sk_X509_push(between, chain[i].get());
  const StoreContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), between);
  X509_STORE_CTX_set_purpose(context.get(), use == TlsUse::kServer ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
  const bool good = X509_verify_cert(context.get()) == 1;
  const int why = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(between);
  static_cast<void>(openssl_error());
  return good ? std::string() : std::string(X509_verify_cert_error_string(why));
}

}  // namespace

model::Result<void> check_configured(const TlsFiles& files) {
  struct Named {
    const char* what;
    const std::string& path;
  };
  for (const auto& [what, path] :
       {Named{"certificate", files.certificate}, Named{"key", files.key}, Named{"ca", files.ca}}) {
    if (path.empty()) {
      return model::invalid(
          fmt::format("mutual TLS needs three files, certificate, key and ca: no {} file is configured", what));
    }
  }
  return {};
}

model::Result<TlsMaterial> load(const TlsFiles& files, TlsUse use) {
  if (auto configured = check_configured(files); !configured) return configured.error();
  auto certificate_pem = read_small_file("certificate", files.certificate);
  if (!certificate_pem) return certificate_pem.error();
  auto key_pem = read_small_file("key", files.key);
  if (!key_pem) return key_pem.error();
  auto ca_pem = read_small_file("ca", files.ca);
  if (!ca_pem) return ca_pem.error();

  const auto chain = certificates_from_pem(*certificate_pem);
  if (!chain) return model::invalid(fmt::format("certificate {}: {}", files.certificate, chain.error().message()));
  const auto key = key_from_pem(*key_pem);
  if (!key) return model::invalid(fmt::format("key {}: {}", files.key, key.error().message()));
  const auto authorities = certificates_from_pem(*ca_pem);
  if (!authorities) return model::invalid(fmt::format("ca {}: {}", files.ca, authorities.error().message()));

  X509& own = *chain->front();
  if (X509_check_private_key(&own, key->get()) != 1) {
    static_cast<void>(openssl_error());
    return model::invalid(fmt::format("key {} does not belong to certificate {}", files.key, files.certificate));
  }
  if (auto dates = check_dates(files.certificate, own); !dates) return dates.error();
  const Certificate parsed = certificate_of(own);
  if (use == TlsUse::kServer ? !parsed.for_server : !parsed.for_client) {
    return model::invalid(fmt::format("certificate {} lacks the extended key usage {}", files.certificate,
                                      use == TlsUse::kServer ? "serverAuth" : "clientAuth"));
  }
  if (const auto why = why_not_issued(*chain, *authorities, use); !why.empty()) {
    return model::invalid(fmt::format("certificate {} does not verify against the authorities in {}: {}",
                                      files.certificate, files.ca, why));
  }
  return TlsMaterial{*std::move(certificate_pem), *std::move(key_pem), *std::move(ca_pem)};
}

model::Result<void> check_pair(const std::string& certificate_pem, const std::string& key_pem) {
  const auto chain = certificates_from_pem(certificate_pem);
  if (!chain) return chain.error();
  const auto key = key_from_pem(key_pem);
  if (!key) return key.error();
  if (X509_check_private_key(chain->front().get(), key->get()) == 1) return {};
  static_cast<void>(openssl_error());
  return model::invalid("the key does not belong to the certificate");
}

model::Result<void> check_trusted(const std::string& certificate_pem, const std::string& ca_pem, TlsUse use) {
  const auto chain = certificates_from_pem(certificate_pem);
  if (!chain) return chain.error().in("certificate");
  const auto authorities = certificates_from_pem(ca_pem);
  if (!authorities) return authorities.error().in("ca");
  if (const auto why = why_not_issued(*chain, *authorities, use); !why.empty()) return model::invalid(why);
  return {};
}

model::Result<model::WallTime> speaks_for(const TlsMaterial& material, const model::NodeName& name) {
  const auto certificates = certificates_from_pem(material.certificate_pem);
  if (!certificates) return certificates.error();
  const Certificate own = certificate_of(*certificates->front());
  const auto proved = node_of(own);
  if (!proved) return proved.error();
  if (*proved == name) return own.not_after;
  return model::Error(model::ErrorCode::kPermissionDenied,
                      "the certificate is node \"" + proved->str() + "\"'s, not \"" + name.str() + "\"'s");
}

model::Result<Validity> validity_of(const std::string& certificate_pem) {
  const auto chain = certificates_from_pem(certificate_pem);
  if (!chain) return chain.error();
  const auto from = wall_time_of(X509_get0_notBefore(chain->front().get()));
  if (!from) return from.error().in("the beginning of its validity");
  const auto until = wall_time_of(X509_get0_notAfter(chain->front().get()));
  if (!until) return until.error().in("the end of its validity");
  return Validity{*from, *until};
}

}  // namespace tideline::link
