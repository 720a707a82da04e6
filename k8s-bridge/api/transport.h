#pragma once
// HTTP over TLS to one API server, as whom Access says, and what of its answers is none.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <kj/async.h>
#include <kj/exception.h>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/api/counters.h"
#include "messages/http/head.h"
#include "messages/http/transport.h"
#include "messages/link/kj_thread.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

std::string_view name_of(Method method);
/// What a promise of this room failed with, as ApiClient says it.
model::Error error_of(const kj::Exception& exception);

/// On the loop's thread only. Must outlive its promises, not its bodies.
class Transport {
 public:
  /// Reads and checks the credentials; connects to nobody yet. `config` and `counters` must outlive it.
  static model::Result<std::unique_ptr<Transport>> create(link::KjContext& context, const ClientConfig& config,
                                                          Counters& counters);

  /// One request; `path` without the prefix. Without a deadline but the one for connecting. Sent once more when the
  /// answer is 401 and the credentials' files hold others, and, a GET, when the server closed the kept connection that
  /// was taken for it.
  kj::Promise<http::Head> open(Method method, const std::string& path, const std::string& body);

 private:
  Transport(const ClientConfig& config, std::unique_ptr<http::Transport> inner)
      : config_(config), http_(std::move(inner)) {}

  const ClientConfig& config_;
  const std::unique_ptr<http::Transport> http_;
};

}  // namespace tideline::k8s_api
