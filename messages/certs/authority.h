#pragma once
// A private certificate authority whose files lie in one directory: for rehearsals, demos and tests. A fleet that
// matters has its certificates from the operator's own PKI.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::certs {

/// Paths of PEM files.
struct CertFiles {
  std::string certificate;
  std::string key;  // unencrypted, mode 0600
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

/// P-256 keys, SHA-256 signatures. Errors: kUnavailable names the file that cannot be written, kInternal what OpenSSL
/// refused.
class Authority {
 public:
  /// A new one: <directory>/<name>.crt and .key, over what was there. The directory must exist.
  static model::Result<Authority> create(std::string directory, const std::string& name,
                                         std::chrono::seconds valid_to = std::chrono::hours(24));
  /// The one that `create` left there. kNotFound: neither file is there. kInvalidArgument: one is missing, is no PEM of
  /// its kind, or the key is another certificate's, it is no
  /// authority's, or has expired.
  static model::Result<Authority> open(std::string directory, const std::string& name);

  Authority(Authority&&) noexcept;
  Authority& operator=(Authority&&) noexcept;
  ~Authority();

  /// Signs a certificate with a key of its own; files are <directory>/<file>.{crt,key}, over what was there.
  model::Result<CertFiles> issue(const std::string& file, const CertSpec& spec) const;

  const std::string& ca_file() const;

 private:
  struct Impl;
  explicit Authority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What the link asks of a node's certificate: DNS SAN `<node>.node.tideline`, clientAuth.
CertSpec node_spec(const std::string& node);
/// Of the coordinator's: DNS SAN `name`, serverAuth.
CertSpec coordinator_spec(const std::string& name = "coordinator.tideline");
/// Of a person's: CN `<role>:<name>`, clientAuth.
CertSpec person_spec(const std::string& role, const std::string& name);

}  // namespace tideline::certs
