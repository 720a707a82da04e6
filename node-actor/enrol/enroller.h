#pragma once
// Keeps the agent's certificate: asks the coordinator's bootstrap port for one (coordinator/bootstrap/server.h) with
// the pod's service-account token, and for the next in good time.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "messages/link/tls_files.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::enrol {

struct EnrolConfig {
  std::string address;      // "host:port" of the bootstrap port
  std::string server_name;  // that its certificate must speak for, as for the link
  std::string server_ca;    // PEM file: by it the server is known; there is no first use on trust
  std::string token_file;   // read anew for each request: kubelet rotates it
  link::TlsFiles files;     // where certificate, key and authorities go: 0600, each replaced whole, key and certificate
                            // together as the link reads them (see write order in the source)
  model::NodeName node;     // a certificate for another is refused
  model::Duration request_deadline = std::chrono::seconds(20);
  model::Duration retry_min = std::chrono::seconds(1);
  model::Duration retry_max = std::chrono::minutes(1);
  std::uint64_t seed = 0;  // of the jitter; 0 = from the system's entropy
};

/// When to ask, as a plain function: at once without a usable certificate; else when two thirds of its validity are
/// over, spread over a tenth of it by `share` in 0..1 so that a fleet does not come at once.
model::WallTime renew_at(model::WallTime not_before, model::WallTime not_after, double share);

class Enroller {
 public:
  /// Starts a thread. Nothing is asked while the files hold a certificate of this node with enough time left.
  /// kInvalidArgument: an option is missing or no address.
  static model::Result<std::unique_ptr<Enroller>> start(EnrolConfig config);
  ~Enroller();  // stop()
  Enroller(const Enroller&) = delete;
  Enroller& operator=(const Enroller&) = delete;

  /// Waits until the files are good for the link, at most so long. kUnavailable with the newest reason.
  model::Result<void> wait(model::Duration at_most) const;
  void stop();

 private:
  class Impl;
  explicit Enroller(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::enrol
