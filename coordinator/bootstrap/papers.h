#pragma once
// What the port shows of itself and signs with, as its files have it.

#include "coordinator/bootstrap/server.h"
#include "messages/certs/signing.h"
#include "messages/link/tls_files.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::bootstrap {

struct Papers {
  link::TlsMaterial tls;
  certs::Signer signer;
  model::WallTime authority_until;
};

/// Errors as check() has them.
model::Result<Papers> load_papers(const BootstrapConfig& config);

}  // namespace tideline::bootstrap
