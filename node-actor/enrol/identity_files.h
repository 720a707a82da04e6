#pragma once
// Certificate, key and authorities on disk, replaced in one step: a reader has all of the old ones or all of the new.
//
// In the directory of the three, which is the agent's own:
//   ..tideline-Ab12Cd/   one generation: the three files, and .issuer, the authorities that the certificate came with
//   ..data               link to the newest generation; its replacement is the step, as kubelet does it
//   tls.crt              link to ..data/tls.crt; so the other two
// Readers open the three one after the other and may meet the step in between. What they then have fits not together,
// as the link notices when it checks them; it looks again.

#include <string>

#include "messages/link/tls_files.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::enrol {

/// PEM texts.
struct Identity {
  std::string certificate;
  std::string key;
  std::string issuer;  // authorities that it came with
};

class IdentityFiles {
 public:
  /// kInvalidArgument: a path is missing, they are not in one directory, or they are not files of three names, none of
  /// which begins with a dot. Reads nothing.
  static model::Result<IdentityFiles> at(const link::TlsFiles& files, model::NodeName node);

  const std::string& directory() const { return directory_; }
  /// Of a certificate that the link would take now; else what it would say (link::load, speaks_for).
  model::Result<link::Validity> read() const;
  /// What replace() wrote last, in whatever process. kNotFound: nothing.
  model::Result<Identity> kept() const;
  /// Replaces all three, if the link would take them: mode 0600, `authorities` as they are. After an error those of
  /// before are there: kUnavailable of a disk that refuses, else what is wrong with the identity.
  model::Result<link::Validity> replace(const Identity& identity, const std::string& authorities);

 private:
  struct Names {
    std::string certificate;
    std::string key;
    std::string ca;
  };
  IdentityFiles(std::string directory, Names names, model::NodeName node);

  link::TlsFiles files_in(const std::string& directory) const;
  model::Result<link::Validity> inspect(const link::TlsFiles& files) const;
  model::Result<link::Validity> write(const std::string& generation, const Identity& identity,
                                      const std::string& authorities) const;
  model::Result<void> show(const std::string& generation) const;
  void remove_generations_but(const std::string& kept) const;

  std::string directory_;
  Names names_;
  model::NodeName node_;
};

}  // namespace tideline::enrol
