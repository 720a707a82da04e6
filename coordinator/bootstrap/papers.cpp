#include "coordinator/bootstrap/papers.h"

#include <utility>

#include <fmt/format.h>

#include "messages/link/deny_list.h"

namespace tideline::bootstrap {
namespace {

using model::Result;

/// What a node would be given.
Result<std::string> specimen_of(const certs::Signer& signer) {
  const auto request = certs::make_signing_request();
  if (!request) return request.error();
  return signer.sign(request->request, certs::node_spec("specimen"));
}

}  // namespace

Result<Papers> load_papers(const BootstrapConfig& config) {
  auto tls = link::load(config.tls, link::TlsUse::kServer);
  if (!tls) return tls.error();
  auto signer = certs::Signer::open(config.signing_certificate, config.signing_key);
  if (!signer) return signer.error();
  const auto summary = certs::summary_of(signer->ca_pem());
  if (!summary) return summary.error().in(config.signing_certificate);
  // Else every node would get a certificate with which it connects to nobody.
  if (const auto trusted = link::check_trusted(tls->certificate_pem, signer->ca_pem(), link::TlsUse::kServer);
      !trusted) {
    return model::invalid(fmt::format(
        "nodes, which are given the authorities in {}, would not trust the coordinator's certificate {}: {}",
        config.signing_certificate, config.tls.certificate, trusted.error().message()));
  }
  const auto specimen = specimen_of(*signer);
  if (!specimen) return specimen.error().in(config.signing_certificate);
  if (const auto trusted = link::check_trusted(*specimen, tls->ca_pem, link::TlsUse::kClient); !trusted) {
    return model::invalid(
        fmt::format("the coordinator, which trusts the authorities in {}, would not trust what {} signs: {}",
                    config.tls.ca, config.signing_certificate, trusted.error().message()));
  }
  return Papers{*std::move(tls), *std::move(signer), summary->not_after};
}

Result<void> check(const BootstrapConfig& config) {
  if (config.validity <= model::kZeroDuration || config.validity > BootstrapConfig::kLongestValidity) {
    return model::invalid("certificates are valid for up to 24 hours");
  }
  if (const auto papers = load_papers(config); !papers) return papers.error();
  if (const auto denied = link::DenyList::load(config.denied_names_file); !denied) return denied.error();
  return {};
}

}  // namespace tideline::bootstrap
