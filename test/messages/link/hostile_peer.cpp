#include "test/messages/link/hostile_peer.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "messages/codec/wire.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_thread.h"
#include "messages/link/kj_tls.h"
#include "messages/schema/link.capnp.h"

namespace tideline::link {
namespace {

std::string read_file(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Passes everything on until told to be deaf; then reads never end.
class DeafenableStream final : public kj::AsyncIoStream {
 public:
  DeafenableStream(kj::Own<kj::AsyncIoStream> inner, const bool& deaf) : inner_(kj::mv(inner)), deaf_(deaf) {}
  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t least, std::size_t most) override {
    if (deaf_) return kj::NEVER_DONE;
    return inner_->tryRead(buffer, least, most).then([this](std::size_t got) -> kj::Promise<std::size_t> {
      if (deaf_) return kj::NEVER_DONE;
      return got;
    });
  }
  kj::Promise<void> write(const void* buffer, std::size_t size) override { return inner_->write(buffer, size); }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
  const bool& deaf_;
};

class QuietAgent final : public schema::NodeAgent::Server {
 public:
  kj::Promise<void> setPolicy(SetPolicyContext) override { return kj::NEVER_DONE; }
  kj::Promise<void> setReportInterval(SetReportIntervalContext) override { return kj::READY_NOW; }
};

}  // namespace

struct HostilePeer::Impl final : kj::TaskSet::ErrorHandler {
  Impl(const TlsFiles& files, std::uint16_t tcp_port)
      : material{read_file(files.certificate), read_file(files.key), read_file(files.ca)}, port(tcp_port) {}
  void taskFailed(kj::Exception&&) override {}

  /// Runs `make`, which gives a promise of nothing, on the loop and waits for its outcome.
  template <class F>
  model::Result<void> run(F make) {
    auto done = std::make_shared<std::promise<model::Result<void>>>();
    auto future = done->get_future();
    thread.post([this, done, make = std::move(make)](KjContext& context) mutable {
      tasks->add(kj::evalNow([&]() { return make(context); })
                     .then([done]() { done->set_value({}); },
                           [done](kj::Exception&& exception) { done->set_value(error_from(exception)); }));
    });
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      return model::Error(model::ErrorCode::kUnavailable, "the test gave up waiting");
    }
    return future.get();
  }

  const TlsMaterial material;
  const std::uint16_t port;
  bool deaf = false;  // on the loop only
  std::atomic<bool> closed = false;
  kj::Own<TlsConnector> connector;
  kj::Own<RpcClient> rpc;
  kj::Maybe<schema::Coordinator::Client> coordinator;
  kj::Maybe<schema::NodeSession::Client> session;
  std::vector<capnp::Response<schema::NodeSession::HeartbeatResults>> hoard;
  kj::Own<kj::TaskSet> tasks;
  KjThread thread{"hostile"};
};

HostilePeer::HostilePeer(const TlsFiles& files, std::uint16_t port) : impl_(std::make_unique<Impl>(files, port)) {
  impl_->thread.post([this](KjContext&) { impl_->tasks = kj::heap<kj::TaskSet>(*impl_); });
}

HostilePeer::~HostilePeer() {
  impl_->thread.stop([this](KjContext&) {
    impl_->tasks = nullptr;
    impl_->hoard.clear();
    impl_->session = nullptr;
    impl_->coordinator = nullptr;
    impl_->rpc = nullptr;
    impl_->connector = nullptr;
  });
}

model::Result<void> HostilePeer::connect() {
  return impl_->run([this](KjContext& context) -> kj::Promise<void> {
    auto connector = TlsConnector::create(context, impl_->material, "coordinator.tideline");
    if (!connector) return to_exception(connector.error());
    impl_->connector = *std::move(connector);
    return impl_->connector->connect("127.0.0.1:" + std::to_string(impl_->port)).then([this](TlsStream stream) {
      // Cap'n Proto does not send what its own limit would not receive.
      RpcLimits limits;
      limits.traversal_words = 1 << 26;
      impl_->rpc = RpcClient::create(kj::heap<DeafenableStream>(kj::mv(stream.stream), impl_->deaf), limits);
      // Only who asks for something reads, and so notices the end.
      impl_->coordinator = impl_->rpc->bootstrap().castAs<schema::Coordinator>();
      impl_->tasks->add(impl_->rpc->on_disconnect().then([this]() { impl_->closed = true; },
                                                         [this](kj::Exception&&) { impl_->closed = true; }));
    });
  });
}

model::Result<void> HostilePeer::enroll(const std::string& node, std::uint64_t incarnation, std::uint32_t protocol) {
  return impl_->run([=, this](KjContext&) -> kj::Promise<void> {
    auto request = KJ_ASSERT_NONNULL(impl_->coordinator).enrollRequest();
    auto hello = request.initHello();
    hello.setNode({node.c_str(), node.size()});
    hello.setIncarnation(incarnation);
    hello.setProtocol(protocol);
    request.setAgent(kj::heap<QuietAgent>());
    return request.send().then([this](capnp::Response<schema::Coordinator::EnrollResults> response) {
      impl_->session = response.getWelcome().getSession();
    });
  });
}

model::Result<void> HostilePeer::report(const model::Report& report) {
  return impl_->run([=, this](KjContext&) -> kj::Promise<void> {
    auto request = KJ_ASSERT_NONNULL(impl_->session).reportRequest();
    codec::write(report, request.initReport());
    return request.send().ignoreResult();
  });
}

model::Result<void> HostilePeer::report_without_pods(const model::Report& report, std::uint64_t list) {
  return impl_->run([=, this](KjContext&) -> kj::Promise<void> {
    capnp::MallocMessageBuilder whole;
    codec::write(report, whole.initRoot<schema::Report>());
    auto request = KJ_ASSERT_NONNULL(impl_->session).reportRequest();
    codec::write_without_pods(whole.getRoot<schema::Report>().asReader(), list, request.initReport());
    return request.send().ignoreResult();
  });
}

std::size_t HostilePeer::flood(const model::Report& report, std::size_t count) {
  auto refused = std::make_shared<std::atomic<std::size_t>>(0);
  static_cast<void>(impl_->run([=, this](KjContext&) -> kj::Promise<void> {
    kj::Vector<kj::Promise<void>> answers;
    for (std::size_t i = 0; i < count; ++i) {
      auto request = KJ_ASSERT_NONNULL(impl_->session).reportRequest();
      codec::write(report, request.initReport());
      answers.add(request.send().ignoreResult().catch_([refused](kj::Exception&&) { ++*refused; }));
    }
    return kj::joinPromises(answers.releaseAsArray());
  }));
  return *refused;
}

model::Result<void> HostilePeer::ask_evictions(const model::EvictionAsk& ask) {
  return impl_->run([=, this](KjContext&) -> kj::Promise<void> {
    auto request = KJ_ASSERT_NONNULL(impl_->session).evictRequest();
    codec::write(ask, request.initAsk());
    return request.send().ignoreResult();
  });
}

void HostilePeer::go_deaf() {
  static_cast<void>(impl_->run([this](KjContext&) -> kj::Promise<void> {
    impl_->deaf = true;
    return kj::READY_NOW;
  }));
}

void HostilePeer::send_heartbeats() {
  static_cast<void>(impl_->run([this](KjContext&) -> kj::Promise<void> {
    // Its own queue stays short: it is the server's that is to grow. On a link that has broken nothing is queued, and
    // that it has is only heard once this turn of the loop is over: so the calls are counted, too.
    for (int i = 0; i < 1000 && !impl_->closed && impl_->rpc->queued_bytes() < 16 * 1024; ++i)
      impl_->tasks->add(KJ_ASSERT_NONNULL(impl_->session).heartbeatRequest().send().ignoreResult());
    return kj::READY_NOW;
  }));
}

model::Result<void> HostilePeer::heartbeats(std::size_t count, bool hoards) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto answered = impl_->run([=, this](KjContext&) -> kj::Promise<void> {
      return KJ_ASSERT_NONNULL(impl_->session)
          .heartbeatRequest()
          .send()
          .then([=, this](capnp::Response<schema::NodeSession::HeartbeatResults>&& response) {
            if (hoards) impl_->hoard.push_back(kj::mv(response));
          });
    });
    if (!answered) return answered;
  }
  return {};
}

bool HostilePeer::wait_closed() {
  for (int i = 0; i < 2000 && !impl_->closed; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return impl_->closed;
}

RawSocket::RawSocket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

RawSocket::~RawSocket() {
  if (fd_ >= 0) ::close(fd_);
}

void RawSocket::send(const std::string& bytes) const {
  static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

bool RawSocket::wait_closed() const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < until) {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 1000) <= 0) continue;
    char buffer[4096];
    if (::recv(fd_, buffer, sizeof buffer, 0) <= 0) return true;
  }
  return false;
}

std::string raw_tls(std::uint16_t port, const std::optional<TlsFiles>& files, int max_version) {
  const auto failure = []() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return std::string(reason == nullptr ? "connection closed" : reason);
  };
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, max_version);
  if (files) {
    SSL_CTX_use_certificate_file(context, files->certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, files->key.c_str(), SSL_FILETYPE_PEM);
  }
  ERR_clear_error();
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  SSL* ssl = SSL_new(context);
  std::string outcome;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    outcome = "no TCP connection";
  } else {
    SSL_set_fd(ssl, fd);
    char byte = 0;
    if (SSL_connect(ssl) != 1) {
      outcome = failure();
    } else if (const int got = SSL_read(ssl, &byte, 1); got <= 0 && SSL_get_error(ssl, got) != SSL_ERROR_WANT_READ) {
      outcome = failure();
    }
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  ::close(fd);
  return outcome;
}

}  // namespace tideline::link
