#pragma once
// Certificates made on the spot, by an authority that throws where a test could not go on.

#include <string>

#include "messages/certs/authority.h"

namespace tideline::test {

using certs::CertFiles;
using certs::CertSpec;

class CertAuthority {
 public:
  /// Keeps its files in `directory`, which must exist; `name` tells authorities apart.
  CertAuthority(std::string directory, const std::string& name);

  /// Signs a certificate with a key of its own; files are <directory>/<file>.{crt,key}.
  CertFiles issue(const std::string& file, const CertSpec& spec) const;

  CertFiles node(const std::string& node) const;
  CertFiles coordinator(const std::string& name = "coordinator.tideline") const;
  CertFiles person(const std::string& role, const std::string& name) const;

  const std::string& ca_file() const { return authority_.ca_file(); }

 private:
  certs::Authority authority_;
};

}  // namespace tideline::test
