#pragma once
// Connections to one server that may be used for each other.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <kj/async-io.h>
#include <kj/compat/http.h>

#include "messages/http/tls.h"
#include "messages/link/kj_thread.h"
#include "messages/model/units.h"

namespace tideline::http {

using Connecting = kj::Promise<kj::Own<kj::AsyncIoStream>>;

struct ChannelOptions {
  std::string address;      // as host_and_port writes it
  std::string server_name;  // that the server's certificate must hold; of no use without TLS
  model::Duration connect_deadline = std::chrono::seconds(10);
  model::Duration kept = std::chrono::seconds(5);  // a connection that nobody uses
  /// What becomes of an attempt to connect: errors in its user's words, a connection that came too late. Null: as it
  /// is.
  std::function<Connecting(Connecting)> judged = nullptr;
};

/// On the loop's thread only. Whoever uses a connection of it holds on to it, answers' bodies included.
class Channel {
 public:
  /// `tls`: null = plain. Connects to nobody yet. `headers` must outlive it.
  Channel(link::KjContext& context, const kj::HttpHeaderTable& headers, const ChannelOptions& options, TlsPtr tls);
  ~Channel() noexcept(false);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  kj::HttpClient& http() { return *http_; }
  /// Attempts to connect, from the first on.
  std::uint64_t connects() const;
  const TlsPtr& tls() const;

 private:
  class Address;
  kj::Own<Address> address_;
  kj::Own<kj::HttpClient> http_;
};

}  // namespace tideline::http
