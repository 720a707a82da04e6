#include "messages/http/tls.h"

#include <utility>

#include <fmt/format.h>
#include <kj/exception.h>
#include <kj/vector.h>

#include "messages/codec/kj_text.h"
#include "messages/link/pem.h"

namespace tideline::http {

model::Result<TlsPtr> make_tls(const TlsTexts& texts) {
  TlsPtr made;
  const auto make = [&]() {
    kj::Vector<kj::TlsCertificate> trusted;
    for (const auto& authority : link::certificates_in(texts.ca))
      trusted.add(codec::ptr(authority));
    kj::TlsContext::Options options;
    options.useSystemTrustStore = texts.ca.empty();
    options.trustedCertificates = trusted;
    options.minVersion = kj::TlsVersion::TLS_1_2;
    if (texts.certificate.empty()) {
      made = std::make_shared<kj::TlsContext>(kj::mv(options));
      return;
    }
    const kj::TlsKeypair own{kj::TlsPrivateKey(codec::ptr(texts.key)),
                             kj::TlsCertificate(codec::ptr(texts.certificate))};
    options.defaultKeypair = own;
    made = std::make_shared<kj::TlsContext>(kj::mv(options));
  };
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions(make)) {
    return model::invalid(fmt::format("certificates: {}", exception->getDescription().cStr()));
  }
  return made;
}

}  // namespace tideline::http
