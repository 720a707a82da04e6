#pragma once
// Certificates made on the spot: a private P-256 authority and whatever it is asked to sign.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace tideline::test {

/// Paths of PEM files.
struct CertFiles {
  std::string certificate;
  std::string key;
  std::string ca;
};

struct CertSpec {
  std::string common_name = {};
  std::vector<std::string> dns_names = {};
  std::vector<std::string> ip_addresses = {};
  bool client_auth = false;
  bool server_auth = false;
  std::chrono::seconds valid_from{-3600};  // from now
  std::chrono::seconds valid_to{24 * 3600};
};

class CertAuthority {
 public:
  /// Keeps its files in `directory`, which must exist; `name` tells authorities apart.
  CertAuthority(std::string directory, const std::string& name);
  ~CertAuthority();
  CertAuthority(const CertAuthority&) = delete;
  CertAuthority& operator=(const CertAuthority&) = delete;

  /// Signs a certificate with a key of its own; files are <directory>/<file>.{crt,key}.
  CertFiles issue(const std::string& file, const CertSpec& spec) const;

  /// DNS SAN `<node>.node.tideline`, clientAuth.
  CertFiles node(const std::string& node) const;
  /// DNS SAN `name`, serverAuth.
  CertFiles coordinator(const std::string& name = "coordinator.tideline") const;
  /// CN `<role>:<name>`, clientAuth.
  CertFiles person(const std::string& role, const std::string& name) const;

  const std::string& ca_file() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::test
