#pragma once
// Certificates of a whole fleet at once.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::rehearsal {

struct CertsRequest {
  std::string directory;  // made where it is missing
  std::string prefix = "sim-";
  std::size_t first = 0;
  std::size_t nodes = 0;
  std::vector<std::string> people;  // "viewer:ann"
  std::string coordinator = "coordinator.tideline";
  std::chrono::hours valid{24 * 30};
};

/// Writes ca.{crt,key} where there is none, server-<coordinator>.{crt,key}, <role>-<name>.{crt,key} and
/// node-<name>.{crt,key}; a certificate that is there is replaced. `progress` is called after each thousand nodes.
/// kInvalidArgument: a person without a known role, an authority that is none, a name that no certificate can have.
model::Result<void> issue_certs(const CertsRequest& request, void (*progress)(std::size_t done, std::size_t of));

}  // namespace tideline::rehearsal
