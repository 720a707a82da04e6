#include "messages/http/channel.h"

#include <utility>

#include <kj/debug.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "messages/codec/kj_text.h"
#include "messages/http/kj_time.h"
#include "messages/link/kj_accept.h"

namespace tideline::http {
namespace {

/// A server whose host vanished without a word is noticed by the kernel within a minute.
void keep_alive(int fd) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

kj::HttpClientSettings settings_of(const ChannelOptions& options) {
  kj::HttpClientSettings settings;
  settings.idleTimeout = to_kj(options.kept);
  return settings;
}

}  // namespace

/// Where HTTP connects to: with TLS to whoever proves the name, whatever the address is.
class Channel::Address final : public kj::NetworkAddress {
 public:
  Address(link::KjContext& context, const ChannelOptions& options, TlsPtr tls)
      : network_(context.network), timer_(context.timer), options_(options), tls_(std::move(tls)) {}

  const TlsPtr& tls() const { return tls_; }
  std::uint64_t connects() const { return connects_; }

  Connecting connect() override {
    ++connects_;
    auto connected = network_.parseAddress(codec::ptr(options_.address))
                         .then([](kj::Own<kj::NetworkAddress> parsed) {
                           auto promise = parsed->connect();
                           return promise.attach(kj::mv(parsed));
                         })
                         .then([this](kj::Own<kj::AsyncIoStream> raw) -> Connecting {
                           keep_alive(link::fd_of(*raw));
                           if (tls_ == nullptr) return kj::mv(raw);
                           return tls_->wrapClient(kj::mv(raw), codec::ptr(options_.server_name));
                         });
    auto in_time = within(timer_, options_.connect_deadline, kj::mv(connected), "no connection");
    if (options_.judged) return options_.judged(kj::mv(in_time));
    return in_time;
  }
  kj::Own<kj::ConnectionReceiver> listen() override { KJ_FAIL_REQUIRE("this address is only connected to"); }
  kj::Own<kj::NetworkAddress> clone() override { KJ_FAIL_REQUIRE("this address has one user"); }
  kj::String toString() override { return kj::heapString(options_.address.c_str(), options_.address.size()); }

 private:
  kj::Network& network_;
  kj::Timer& timer_;
  const ChannelOptions options_;
  const TlsPtr tls_;
  std::uint64_t connects_ = 0;
};

Channel::Channel(link::KjContext& context, const kj::HttpHeaderTable& headers, const ChannelOptions& options,
                 TlsPtr tls)
    : address_(kj::heap<Address>(context, options, std::move(tls))),
      http_(kj::newHttpClient(context.timer, headers, *address_, settings_of(options))) {}

Channel::~Channel() noexcept(false) = default;

std::uint64_t Channel::connects() const {
  return address_->connects();
}

const TlsPtr& Channel::tls() const {
  return address_->tls();
}

}  // namespace tideline::http
