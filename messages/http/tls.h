#pragma once
// TLS of a client that verifies who answers.

#include <memory>
#include <string>

#include <kj/compat/tls.h>

#include "messages/http/credentials.h"
#include "messages/model/result.h"

namespace tideline::http {

using TlsPtr = std::shared_ptr<kj::TlsContext>;

/// TLS 1.2 or newer. kInvalidArgument, "certificates: …", for texts that OpenSSL cannot use. It drops a key that is
/// another certificate's without a word, and shows no certificate then: link::check_pair is the caller's.
model::Result<TlsPtr> make_tls(const TlsTexts& texts);

}  // namespace tideline::http
