#pragma once
// Keeps the agent's certificate: asks the coordinator's bootstrap port for one (coordinator/bootstrap/server.h) with
// the pod's service-account token, and for the next in good time.

#include <cstdint>
#include <memory>
#include <string>

#include "messages/link/tls_files.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::enrol {

inline constexpr const char* kDefaultTokenFile = "/var/run/secrets/tideline/token";

struct EnrolConfig {
  std::string address;      // "host:port" of the bootstrap port
  std::string server_name;  // that its certificate must speak for, as for the link
  std::string server_ca;    // PEM file: by it the server is known; there is no first use on trust
  std::string token_file;   // read anew for each request: kubelet rotates it
  link::TlsFiles files;  // where certificate, key and authorities go: files of one directory, which is the agent's own
                         // (identity_files.h). The authorities are those of server_ca and the certificate's own
  model::NodeName node;  // a certificate for another is refused
  model::Duration request_deadline = std::chrono::seconds(20);
  model::Duration retry_min = std::chrono::seconds(1);
  model::Duration retry_max = std::chrono::minutes(1);  // also the least time from one certificate to the next request
  model::Duration look_every = std::chrono::seconds(10);  // at the clock, the files and server_ca
  std::uint64_t seed = 0;                                 // of the jitter; 0 = from the system's entropy
};

/// What can be said before anything is asked. kInvalidArgument: an option is missing or is not what it should be, or
/// the three files are not in one directory. Reads nothing.
model::Result<void> check_config(const EnrolConfig& config);
/// Whether a request could be made now: besides, server_ca holds authorities, the token can be read, and the directory
/// of the files is there and can be written.
model::Result<void> check_ready(const EnrolConfig& config);

/// When to ask, as a plain function: when two thirds of its validity are over, spread over a tenth of it by `share` in
/// 0..1 so that a fleet does not come at once. At once where not_after does not lie behind not_before.
model::WallTime renew_at(model::WallTime not_before, model::WallTime not_after, double share);

class Enroller {
 public:
  /// Starts a thread. Nothing is asked while the files hold a certificate of this node with enough time left.
  /// kInvalidArgument: see check_config.
  static model::Result<std::unique_ptr<Enroller>> start(EnrolConfig config);
  ~Enroller();  // stop()
  Enroller(const Enroller&) = delete;
  Enroller& operator=(const Enroller&) = delete;

  /// Waits until the files are good for the link, at most so long. kUnavailable with the newest reason.
  model::Result<void> wait(model::Duration at_most) const;
  /// Ends the thread, and a request under way. Again: no effect.
  void stop();

 private:
  class Impl;
  explicit Enroller(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::enrol
