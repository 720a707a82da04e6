#pragma once
// Who asks for a certificate, as somebody else proves it.

#include <string>

#include "messages/link/reply.h"
#include "messages/model/ids.h"

namespace tideline::bootstrap {

/// Thread-safe.
class BootstrapBackend {
 public:
  virtual ~BootstrapBackend() = default;
  /// Gives the node that the bearer of the token runs on. kPermissionDenied: it is nobody's who may have one;
  /// kUnavailable: cannot be told now. The token appears in no log and no error. `reply` from any thread.
  virtual void identify(std::string token, link::Reply<model::NodeName> reply) = 0;
};

}  // namespace tideline::bootstrap
