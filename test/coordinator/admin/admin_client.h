#pragma once
// A client of the admin API that can say anything, on the calling thread's own loop.

#include <optional>
#include <string>

#include <kj/async-io.h>

#include "messages/link/kj_rpc.h"
#include "messages/link/kj_tls.h"
#include "messages/link/kj_unix.h"
#include "messages/schema/admin.capnp.h"

namespace tideline::test {

class AdminTestClient {
 public:
  static constexpr link::RpcLimits kLimits{.traversal_words = 8 << 20, .nesting = 32, .max_queued_bytes = 1 << 20};

  AdminTestClient(std::uint16_t port, const link::TlsMaterial& material) : io_(kj::setupAsyncIo()) {
    auto context = link::KjContext::of(io_);
    auto connector = link::TlsConnector::create(context, material, "coordinator.tideline");
    KJ_REQUIRE(connector.ok());
    auto stream = (*connector)->connect("127.0.0.1:" + std::to_string(port)).wait(io_.waitScope);
    client_ = link::RpcClient::create(kj::mv(stream.stream), kLimits);
  }
  explicit AdminTestClient(const std::string& socket) : io_(kj::setupAsyncIo()) {
    auto context = link::KjContext::of(io_);
    client_ = link::RpcClient::create(link::connect_unix(context, socket).wait(io_.waitScope), kLimits);
  }

  schema::Admin::Client admin() { return client_->bootstrap().castAs<schema::Admin>(); }
  kj::WaitScope& scope() { return io_.waitScope; }
  kj::Timer& timer() { return io_.provider->getTimer(); }
  kj::Promise<void> gone() { return client_->on_disconnect(); }

  /// Runs `f`; the error a call ended with, nullopt = none.
  template <class F>
  std::optional<model::Error> error_of(F&& f) {
    auto run = [&]() { f(); };
    KJ_IF_MAYBE (exception, kj::runCatchingExceptions(run)) {
      return link::error_from(*exception);
    }
    return std::nullopt;
  }

 private:
  kj::AsyncIoContext io_;
  kj::Own<link::RpcClient> client_;
};

}  // namespace tideline::test
