#include "messages/link/kj_tls.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <kj/compat/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "messages/codec/kj_text.h"
#include "messages/link/clocks.h"
#include "messages/link/handshake_pace.h"
#include "messages/link/kj_accept.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/loop_lag.h"
#include "messages/link/x509.h"
#include "messages/log/log.h"

namespace tideline::link {
namespace {

using codec::ptr;

// kj-tls knows neither TLS 1.3 as a minimum nor a way to its SSL objects. OpenSSL calls this for each new SSL while it
// is being made, before its first byte; only the ones made under a Capture are ours.
thread_local SSL** t_capture = nullptr;

void on_new_ssl(void* parent, void*, CRYPTO_EX_DATA*, int, long, void*) {
  if (t_capture == nullptr) return;
  auto* ssl = static_cast<SSL*>(parent);
  SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
  SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);  // ~31 KB a session
  SSL_set_num_tickets(ssl, 0);                  // kj-tls never resumes
  *t_capture = ssl;
}

class Capture {
 public:
  Capture() {
    static std::once_flag registered;
    std::call_once(registered, []() { SSL_get_ex_new_index(0, nullptr, &on_new_ssl, nullptr, nullptr); });
    t_capture = &ssl_;
  }
  ~Capture() { t_capture = nullptr; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  SSL* ssl() const { return ssl_; }

 private:
  SSL* ssl_ = nullptr;
};

kj::Exception failure(kj::Exception::Type type, const std::string& text) {
  return {type, __FILE__, __LINE__, kj::heapString(text.c_str(), text.size())};
}

model::Result<kj::Own<kj::TlsContext>> make_context(const TlsMaterial& material, bool asks_for_certificates) {
  const auto authorities = certificates_from_pem(material.ca_pem);
  if (!authorities) return authorities.error().in("ca");
  kj::Maybe<kj::Own<kj::TlsContext>> made;
  const auto make = [&]() {
    kj::Vector<kj::TlsCertificate> trusted;
    for (const auto& authority : *authorities) {
      const std::string der = der_of(*authority);
      trusted.add(kj::arrayPtr(reinterpret_cast<const kj::byte*>(der.data()), der.size()));
    }
    if (material.certificate_pem.empty()) {
      kj::TlsContext::Options nobody;
      nobody.useSystemTrustStore = false;
      nobody.trustedCertificates = trusted;
      made = kj::heap<kj::TlsContext>(kj::mv(nobody));
      return;
    }
    const kj::TlsKeypair own{kj::TlsPrivateKey(ptr(material.key_pem)),
                             kj::TlsCertificate(ptr(material.certificate_pem))};
    kj::TlsContext::Options options;
    options.useSystemTrustStore = false;
    options.verifyClients = asks_for_certificates;
    options.trustedCertificates = trusted;
    options.defaultKeypair = own;
    made = kj::heap<kj::TlsContext>(kj::mv(options));
  };
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions(make)) {
    return model::Error(model::ErrorCode::kInvalidArgument, exception->getDescription().cStr()).in("TLS");
  }
  return kj::mv(KJ_ASSERT_NONNULL(made));
}

/// What the finished handshake proved. The SSL lives as long as its stream.
model::Result<Certificate> verified_peer(SSL* ssl) {
  const X509Ptr peer(SSL_get1_peer_certificate(ssl));
  if (!peer) return model::Error(model::ErrorCode::kPermissionDenied, "the peer showed no certificate");
  if (SSL_get_verify_result(ssl) != X509_V_OK) {
    return model::Error(model::ErrorCode::kPermissionDenied, "the peer's certificate was not verified");
  }
  return certificate_of(*peer);
}

/// Small messages go out at once, a host that vanished without a word is noticed by the kernel within a minute, and
/// what a peer does not read piles up here, where it is counted, and not as megabytes in the kernel.
void tune(int fd) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 64 * 1024);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

class TlsListenerImpl final : public TlsListener, private kj::TaskSet::ErrorHandler {
 public:
  TlsListenerImpl(KjContext& context, const BoundSocket& socket, kj::Own<kj::TlsContext> tls,
                  const AcceptLimits& limits, Accepted accepted, Refused refused)
      : timer_(context.timer),
        port_(socket.port),
        tls_(kj::mv(tls)),
        limits_(limits),
        accepted_(kj::mv(accepted)),
        refused_(kj::mv(refused)),
        lag_(context),
        pace_(limits.most_lag, limits.handshake_at_least_every),
        tasks_(*this),
        loop_(
            context, socket.fd, fmt::format("port {}", socket.port),
            [this](kj::Own<kj::AsyncIoStream> stream) { handshake(kj::mv(stream)); },
            [this]() { return handshakes_ < limits_.max_handshakes && may_begin(); }) {}

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return open_.count(); }

  model::Result<void> reload(const TlsMaterial& material) override {
    auto fresh = make_context(material, true);
    if (!fresh) return fresh.error();
    // Handshakes under way hold the old one's SSL_CTX by OpenSSL's own count, not the TlsContext.
    tls_ = *std::move(fresh);
    return {};
  }

 private:
  void handshake(kj::Own<kj::AsyncIoStream> raw) {
    const int fd = fd_of(*raw);
    const std::string peer = address_of_peer(fd);
    if (open_.count() + handshakes_ >= limits_.max_connections) {
      refused_(peer, model::Error(model::ErrorCode::kOverloaded,
                                  fmt::format("{} connections are open, the limit", limits_.max_connections)));
      return;
    }
    // In a storm those who gave up in the backlog would take the handshakes of those who still wait.
    if (peer_has_left(fd)) {
      refused_(peer, model::Error(model::ErrorCode::kUnavailable, "it left before its handshake began"));
      return;
    }
    tune(fd);
    ++handshakes_;
    pace_.began(mono_now());
    watch_lag();
    const auto deadline = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.handshake_deadline).count();
    auto timeout =
        timer_.afterDelay(deadline * kj::MILLISECONDS).then([deadline]() -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
          return failure(kj::Exception::Type::OVERLOADED,
                         fmt::format("TLS handshake not finished within {} ms", deadline));
        });
    SSL* ssl = nullptr;
    auto wrapped = kj::evalNow([&]() {
      const Capture capture;
      auto promise = tls_->wrapServer(kj::mv(raw));
      ssl = capture.ssl();
      return promise;
    });
    tasks_.add(wrapped.exclusiveJoin(kj::mv(timeout))
                   .then(
                       [this, peer, ssl](kj::Own<kj::AsyncIoStream> stream) {
                         --handshakes_;
                         finish(kj::mv(stream), ssl, peer);
                       },
                       [this, peer](kj::Exception&& exception) {
                         --handshakes_;
                         refused_(peer, error_from(exception).in("TLS handshake"));
                       })
                   .then([this]() { loop_.poke(); },
                         [this](kj::Exception&& exception) {
                           taskFailed(kj::mv(exception));
                           loop_.poke();
                         }));
  }

  /// Who hears no is asked again: nobody else may be left to do that.
  bool may_begin() {
    if (pace_.admits(lag_.lag(), mono_now())) return true;
    watch_lag();
    return false;
  }

  /// The loop comes round, or it is time in any case: whoever waits is asked again. The backlog does not tell whether
  /// anybody does.
  void watch_lag() {
    if (std::exchange(watching_lag_, true)) return;
    const kj::Duration in_any_case = std::max(to_kj(pace_.wait(mono_now())), 1 * kj::MILLISECONDS);
    tasks_.add(lag_.round().exclusiveJoin(timer_.afterDelay(in_any_case)).then([this]() {
      watching_lag_ = false;
      loop_.poke();
    }));
  }

  void finish(kj::Own<kj::AsyncIoStream> stream, SSL* ssl, const std::string& peer) {
    if (ssl == nullptr) {
      refused_(peer, model::Error(model::ErrorCode::kInternal, "no SSL object seen for the connection"));
      return;
    }
    auto certificate = verified_peer(ssl);
    if (!certificate) {
      refused_(peer, certificate.error());
      return;
    }
    accepted_(TlsStream{open_.counted(kj::mv(stream)), *std::move(certificate), peer});
  }

  void taskFailed(kj::Exception&& exception) override {
    log::error("handshake-task-failed", "port {}: {}", port_, exception.getDescription().cStr());
  }

  kj::Timer& timer_;
  const std::uint16_t port_;
  kj::Own<kj::TlsContext> tls_;
  const AcceptLimits limits_;
  Accepted accepted_;
  Refused refused_;
  std::size_t handshakes_ = 0;
  OpenCount open_;
  LoopLag lag_;
  HandshakePace pace_;
  bool watching_lag_ = false;
  kj::TaskSet tasks_;
  AcceptLoop loop_;
};

class OpenTlsServerImpl final : public OpenTlsServer {
 public:
  explicit OpenTlsServerImpl(kj::Own<kj::TlsContext> tls) : tls_(kj::mv(tls)) {}

  model::Result<void> reload(const TlsMaterial& material) override {
    auto fresh = make_context(material, false);
    if (!fresh) return fresh.error();
    tls_ = *std::move(fresh);
    return {};
  }

  kj::Promise<kj::Own<kj::AsyncIoStream>> handshake(kj::Own<kj::AsyncIoStream> raw) override {
    tune(fd_of(*raw));
    return kj::evalNow([&]() {
      const Capture capture;
      auto promise = tls_->wrapServer(kj::mv(raw));
      // Without it the least version is not what it should be.
      KJ_REQUIRE(capture.ssl() != nullptr, "no SSL object seen for the connection");
      return promise;
    });
  }

 private:
  kj::Own<kj::TlsContext> tls_;
};

/// Tells of the first byte that its peer sends.
class FirstByteStream final : public kj::AsyncIoStream {
 public:
  FirstByteStream(kj::Own<kj::AsyncIoStream> inner, kj::Own<kj::PromiseFulfiller<void>> answered)
      : inner_(kj::mv(inner)), answered_(kj::mv(answered)) {}
  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t least, std::size_t most) override {
    if (answered_.get() == nullptr) return inner_->tryRead(buffer, least, most);
    return inner_->tryRead(buffer, least, most).then([this](std::size_t size) {
      if (size > 0 && answered_.get() != nullptr) {
        answered_->fulfill();
        answered_ = nullptr;
      }
      return size;
    });
  }
  kj::Promise<void> write(const void* buffer, std::size_t size) override { return inner_->write(buffer, size); }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }
  kj::Maybe<int> getFd() const override { return inner_->getFd(); }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
  kj::Own<kj::PromiseFulfiller<void>> answered_;
};

class TlsConnectorImpl final : public TlsConnector {
 public:
  TlsConnectorImpl(KjContext& context, kj::Own<kj::TlsContext> tls, std::string server_name)
      : network_(context.network), tls_(kj::mv(tls)), server_name_(std::move(server_name)) {}

  kj::Promise<TlsStream> connect(const std::string& address, Stages stages) override {
    return network_.parseAddress(ptr(address))
        .then([](kj::Own<kj::NetworkAddress> parsed) {
          auto promise = parsed->connect();
          return promise.attach(kj::mv(parsed));
        })
        .then([this, address, stages = kj::mv(stages)](kj::Own<kj::AsyncIoStream> raw) mutable {
          tune(fd_of(*raw));
          if (stages.reached.get() != nullptr) stages.reached->fulfill();
          if (stages.answered.get() != nullptr) {
            raw = kj::heap<FirstByteStream>(kj::mv(raw), kj::mv(stages.answered));
          }
          const Capture capture;
          auto promise = tls_->wrapClient(kj::mv(raw), ptr(server_name_));
          return promise.then([this, address, ssl = capture.ssl()](kj::Own<kj::AsyncIoStream> stream) {
            return checked(kj::mv(stream), ssl, address);
          });
        })
        .catch_([address](kj::Exception&& exception) -> kj::Promise<TlsStream> {
          const model::Error error = error_from(exception);
          const auto code =
              error.code() == model::ErrorCode::kPermissionDenied ? error.code() : model::ErrorCode::kUnavailable;
          return to_exception(model::Error(code, error.message()).in(address));
        });
  }

 private:
  TlsStream checked(kj::Own<kj::AsyncIoStream> stream, SSL* ssl, const std::string& address) const {
    KJ_REQUIRE(ssl != nullptr, "no SSL object seen for the connection");
    auto certificate = verified_peer(ssl);
    if (!certificate) kj::throwFatalException(to_exception(certificate.error()));
    const auto& names = certificate->dns_names;
    if (std::find(names.begin(), names.end(), server_name_) == names.end()) {
      kj::throwFatalException(to_exception(model::Error(
          model::ErrorCode::kPermissionDenied,
          fmt::format("the server's certificate is for {}, not for '{}'",
                      names.empty() ? "no DNS name" : fmt::format("{}", fmt::join(names, ", ")), server_name_))));
    }
    if (!certificate->for_server) {
      kj::throwFatalException(to_exception(model::Error(
          model::ErrorCode::kPermissionDenied, "the server's certificate lacks the extended key usage serverAuth")));
    }
    return TlsStream{kj::mv(stream), *std::move(certificate), address};
  }

  kj::Network& network_;
  kj::Own<kj::TlsContext> tls_;
  const std::string server_name_;
};

}  // namespace

model::Result<kj::Own<TlsListener>> TlsListener::listen(KjContext& context, const std::string& address,
                                                        const TlsMaterial& material, const AcceptLimits& limits,
                                                        Accepted accepted, Refused refused) {
  auto tls = make_context(material, true);
  if (!tls) return tls.error();
  const auto socket = bind_to(address);
  if (!socket) return socket.error();
  kj::Own<TlsListener> listener =
      kj::heap<TlsListenerImpl>(context, *socket, *std::move(tls), limits, kj::mv(accepted), kj::mv(refused));
  return listener;
}

model::Result<kj::Own<OpenTlsServer>> OpenTlsServer::create(const TlsMaterial& material) {
  auto tls = make_context(material, false);
  if (!tls) return tls.error();
  kj::Own<OpenTlsServer> server = kj::heap<OpenTlsServerImpl>(*std::move(tls));
  return server;
}

model::Result<kj::Own<TlsConnector>> TlsConnector::create(KjContext& context, const TlsMaterial& material,
                                                          const std::string& server_name) {
  if (server_name.empty() || server_name.find('*') != std::string::npos) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("server name '{}': want the DNS name in the server's certificate", server_name));
  }
  auto tls = make_context(material, false);
  if (!tls) return tls.error();
  kj::Own<TlsConnector> connector = kj::heap<TlsConnectorImpl>(context, *std::move(tls), server_name);
  return connector;
}

}  // namespace tideline::link
