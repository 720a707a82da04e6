#pragma once
// Who a client is to its server, and whom it trusts.

#include <string>

namespace tideline::http {

/// PEM texts.
struct TlsTexts {
  std::string ca;           // "" = the system's authorities
  std::string certificate;  // "" = none of our own
  std::string key;
  friend bool operator==(const TlsTexts&, const TlsTexts&) = default;
};

struct Credentials {
  TlsTexts tls;               // of no use where there is no TLS
  std::string authorization;  // the header's value; "" = none
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

}  // namespace tideline::http
