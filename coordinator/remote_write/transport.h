#pragma once
// Requests over HTTP/1.1, plain or through TLS, to one server. What files hold is read again when they change.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <kj/async-io.h>
#include <kj/exception.h>

#include "coordinator/remote_write/credentials.h"
#include "coordinator/remote_write/endpoint.h"
#include "coordinator/remote_write/writer.h"
#include "messages/link/file_watch.h"
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
  ~Transport() noexcept(false);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// One request, within the deadline for it. Sent once more when the answer is 401 and the files hold other
  /// credentials, and when the server closed the kept connection that was taken for it. One at a time.
  kj::Promise<Answer> post(std::shared_ptr<const std::string> body);

 private:
  struct Headers;
  struct Channel;

  Transport(link::KjContext& context, const RemoteWriteConfig& config, Endpoint endpoint);
  model::Result<bool> renew();
  bool refresh(bool anyway);
  void renew_channel();
  kj::Promise<Answer> attempt(const std::shared_ptr<const std::string>& body);
  kj::Promise<Answer> once(const std::shared_ptr<const std::string>& body);

  link::KjContext& context_;
  const RemoteWriteConfig& config_;
  const Endpoint endpoint_;
  const std::unique_ptr<const Headers> headers_;
  link::FileWatch files_;
  Credentials credentials_;
  std::uint64_t generation_ = 0;  // of the credentials
  std::string trouble_;           // with the files, told last
  std::shared_ptr<Channel> channel_;
};

}  // namespace tideline::remote_write
