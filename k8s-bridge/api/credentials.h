#pragma once
// What an Access names, read and checked.

#include <string>

#include "k8s-bridge/api/access.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// PEM texts for TLS.
struct TlsTexts {
  std::string ca;
  std::string certificate;  // "" = a token says who we are
  std::string key;
  friend bool operator==(const TlsTexts&, const TlsTexts&) = default;
};

struct Credentials {
  TlsTexts tls;
  std::string token;  // "" = the certificate says who we are
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// kInvalidArgument where not exactly one thing says who we are, a token could not be a header's, or there is no
/// certificate of an authority; the errors of read_small_file for files. No error shows a token or a key.
model::Result<Credentials> read_credentials(const Access& access);

}  // namespace tideline::k8s_api
