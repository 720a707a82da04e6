#include "coordinator/web/server.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <kj/compat/http.h>

#include "messages/codec/kj_text.h"
#include "messages/link/kj_accept.h"
#include "messages/link/kj_thread.h"
#include "messages/link/pending.h"

namespace tideline::web {
namespace {

using codec::ptr;
using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kExposition = "text/plain; version=0.0.4; charset=utf-8";

struct Page {
  unsigned status = 200;
  std::string_view type = kPlain;
  std::string body;
};

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
  }
  return "Internal Server Error";
}

kj::Duration to_kj(model::Duration duration) {
  return duration.count() * kj::NANOSECONDS;
}

class Service final : public kj::HttpService, public kj::HttpServerErrorHandler, public kj::HttpServerCallbacks {
 public:
  Service(WebBackend& backend, std::shared_ptr<link::Pending> pending, const kj::HttpHeaderTable& table,
          kj::Timer& timer, kj::Duration deadline)
      : backend_(backend), pending_(std::move(pending)), table_(table), timer_(timer), deadline_(deadline) {}

  /// One request a connection: a peer that only waits must not keep its place.
  bool shouldClose() override { return true; }

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url, const kj::HttpHeaders&, kj::AsyncInputStream&,
                            Response& response) override {
    if (method != kj::HttpMethod::GET && method != kj::HttpMethod::HEAD) {
      return send(response, {405, kPlain, "GET and HEAD only\n"});
    }
    const std::string_view whole(url.cStr(), url.size());
    const std::string_view path = whole.substr(0, whole.find('?'));
    if (path == "/healthz") return send(response, {200, kPlain, "alive\n"});
    if (path == "/readyz") {
      return pending_->ask<void>([this](link::Reply<void> reply) { backend_.ready(std::move(reply)); })
          .then([this, &response](const Result<void>& ready) {
            return send(response, ready ? Page{200, kPlain, "ready\n"}
                                        : Page{503, kPlain, "not ready: " + ready.error().message() + "\n"});
          });
    }
    if (path == "/metrics") {
      return pending_
          ->ask<WebBackend::Text>([this](link::Reply<WebBackend::Text> reply) { backend_.metrics(std::move(reply)); })
          .then([this, &response](const Result<WebBackend::Text>& text) {
            return send(response,
                        text ? Page{200, kExposition, (*text)()} : Page{503, kPlain, text.error().message() + "\n"});
          });
    }
    return send(response, {404, kPlain, "there are /healthz, /readyz and /metrics\n"});
  }

  // The defaults write to stderr: whoever reaches the port must not fill the disk with log.
  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError error, Response& response) override {
    return send(response, {400, kPlain, fmt::format("{}\n", error.description.cStr())});
  }
  kj::Promise<void> handleApplicationError(kj::Exception, kj::Maybe<Response&> response) override {
    KJ_IF_MAYBE (open, response) {
      return send(*open, {500, kPlain, "failed\n"});
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> handleNoResponse(Response& response) override { return send(response, {500, kPlain, "failed\n"}); }

 private:
  kj::Promise<void> send(Response& response, Page page) const {
    kj::HttpHeaders headers(table_);
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, kj::heapString(page.type.data(), page.type.size()));
    auto body = kj::heap<std::string>(std::move(page.body));
    auto stream = response.send(page.status, kj::StringPtr(reason_of(page.status).data()), headers, body->size());
    auto written = timer_.timeoutAfter(deadline_, stream->write(body->data(), body->size()));
    return written.attach(kj::mv(stream), kj::mv(body));
  }

  WebBackend& backend_;
  std::shared_ptr<link::Pending> pending_;
  const kj::HttpHeaderTable& table_;
  kj::Timer& timer_;
  const kj::Duration deadline_;
};

/// Everything that lives on the loop.
class Loop final : private kj::TaskSet::ErrorHandler {
 public:
  Loop(link::KjContext& context, const WebServerConfig& config, WebBackend& backend, std::shared_ptr<link::Gate> gate,
       int fd)
      : max_connections_(config.max_connections),
        pending_(std::make_shared<link::Pending>(context.timer, std::move(gate), config.backend_deadline)),
        table_(kj::HttpHeaderTable::Builder().build()),
        service_(backend, pending_, *table_, context.timer, to_kj(config.request_deadline)),
        http_(context.timer, *table_, service_, settings(config)),
        tasks_(*this),
        loop_(context, fd, "web " + config.listen,
              [this](kj::Own<kj::AsyncIoStream> stream) { serve(kj::mv(stream)); }) {}

 private:
  kj::HttpServerSettings settings(const WebServerConfig& config) {
    kj::HttpServerSettings settings;
    settings.headerTimeout = to_kj(config.request_deadline);
    // This KJ says that it closes and then waits for one more request all the same.
    settings.pipelineTimeout = 1 * kj::MILLISECONDS;
    settings.errorHandler = service_;
    settings.callbacks = service_;
    return settings;
  }

  void serve(kj::Own<kj::AsyncIoStream> stream) {
    if (open_.count() >= max_connections_) return;
    tasks_.add(http_.listenHttp(open_.counted(kj::mv(stream))));
  }

  // A peer that hung up in the middle: nothing that anybody has to know.
  void taskFailed(kj::Exception&&) override {}

  const std::size_t max_connections_;
  std::shared_ptr<link::Pending> pending_;
  kj::Own<kj::HttpHeaderTable> table_;
  Service service_;
  kj::HttpServer http_;
  link::OpenCount open_;
  kj::TaskSet tasks_;
  link::AcceptLoop loop_;
};

}  // namespace

class WebServer::Impl {
 public:
  explicit Impl(WebServerConfig config)
      : config_(std::move(config)), thread_("tl-web"), gate_(std::make_shared<link::Gate>(thread_)) {}
  ~Impl() { stop(); }

  Result<void> start(WebBackend& backend) {
    const auto socket = link::bind_to(config_.listen);
    if (!socket) return socket.error();
    port_ = socket->port;
    return thread_.call([this, &backend, fd = socket->fd](link::KjContext& context) -> Result<void> {
      loop_ = std::make_unique<Loop>(context, config_, backend, gate_, fd);
      return {};
    });
  }

  void stop() {
    gate_->shut();
    thread_.stop([this](link::KjContext&) { loop_.reset(); });
  }

  std::uint16_t port() const { return port_; }

 private:
  const WebServerConfig config_;
  std::uint16_t port_ = 0;
  link::KjThread thread_;
  std::shared_ptr<link::Gate> gate_;
  std::unique_ptr<Loop> loop_;
};

WebServer::WebServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebServer::~WebServer() = default;

Result<std::unique_ptr<WebServer>> WebServer::start(WebServerConfig config, WebBackend& backend) {
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto started = impl->start(backend); !started) return started.error().in("web server");
  return std::unique_ptr<WebServer>(new WebServer(std::move(impl)));
}

std::uint16_t WebServer::port() const {
  return impl_->port();
}

void WebServer::stop() {
  impl_->stop();
}

}  // namespace tideline::web
