#pragma once
// Requests of remote write, to one server.

#include <memory>
#include <optional>
#include <string>

#include <kj/async.h>
#include <kj/exception.h>

#include "coordinator/remote_write/writer.h"
#include "messages/http/transport.h"
#include "messages/link/kj_thread.h"
#include "messages/model/result.h"

namespace tideline::remote_write {

struct Answer {
  unsigned status = 0;
  std::optional<model::Duration> retry_after;
  std::string text;  // the begin of what it says, on one line
};

/// What a promise of this room failed with, on one line and bounded.
std::string reason_of(const kj::Exception& exception);

/// On the loop's thread only. Must outlive its promises.
class Transport {
 public:
  /// Reads and checks the credentials; connects to nobody yet. `config` must outlive it.
  static model::Result<std::unique_ptr<Transport>> create(link::KjContext& context, const RemoteWriteConfig& config);

  /// One request, within the deadline for it. Sent once more when the answer is 401 and the files hold other
  /// credentials, and when the server closed the kept connection that was taken for it. One at a time.
  kj::Promise<Answer> post(std::shared_ptr<const std::string> body);

 private:
  Transport(link::KjContext& context, const RemoteWriteConfig& config, std::string target,
            std::unique_ptr<http::Transport> inner);

  kj::Timer& timer_;
  const RemoteWriteConfig& config_;
  const std::string target_;
  const std::unique_ptr<http::Transport> http_;
};

}  // namespace tideline::remote_write
