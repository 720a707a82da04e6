#pragma once
// HTTP over TLS to one API server, as whom Access says. What files hold is read again when they change.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <kj/async-io.h>
#include <kj/exception.h>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/api/counters.h"
#include "k8s-bridge/api/credentials.h"
#include "messages/link/file_watch.h"
#include "messages/link/kj_thread.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// The beginning of an answer. `body` is to be read or dropped; it keeps what it needs.
struct Head {
  unsigned status = 0;
  std::optional<model::Duration> retry_after;
  kj::Own<kj::AsyncInputStream> body;
};

std::string_view name_of(Method method);
/// What a promise of this room failed with, as ApiClient says it.
model::Error error_of(const kj::Exception& exception);

/// On the loop's thread only. Must outlive its promises, not its bodies.
class Transport {
 public:
  /// Reads and checks the credentials; connects to nobody yet.
  static model::Result<std::unique_ptr<Transport>> create(link::KjContext& context, const ClientConfig& config,
                                                          Counters& counters);
  ~Transport() noexcept(false);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// One request; `path` without the prefix. Without a deadline but the one for connecting. Sent once more when the
  /// answer is 401 and the credentials' files hold others, and, a GET, when the server closed the kept connection that
  /// was taken for it.
  kj::Promise<Head> open(Method method, const std::string& path, const std::string& body);

 private:
  struct Headers;
  struct Channel;
  struct Attempt;

  Transport(link::KjContext& context, const ClientConfig& config, std::string server_name, Counters& counters);
  model::Result<bool> renew();
  bool refresh(bool anyway);
  void renew_channel();
  kj::Promise<Head> attempt(Method method, const std::string& path, const std::string& body);
  Attempt once(Method method, const std::string& path, const std::string& body);

  link::KjContext& context_;
  const ClientConfig& config_;
  const std::string server_name_;
  Counters& counters_;
  const std::unique_ptr<const Headers> headers_;
  link::FileWatch files_;
  Credentials credentials_;
  std::uint64_t generation_ = 0;  // of the credentials
  std::string trouble_;           // with the files, told last
  std::shared_ptr<Channel> channel_;
};

}  // namespace tideline::k8s_api
