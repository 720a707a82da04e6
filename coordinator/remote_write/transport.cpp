#include "coordinator/remote_write/transport.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <kj/compat/http.h>
#include <kj/compat/tls.h>
#include <kj/debug.h>
#include <kj/vector.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "coordinator/remote_write/kj_time.h"
#include "coordinator/remote_write/retry.h"
#include "messages/link/kj_accept.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/pem.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"

namespace tideline::remote_write {
namespace {

using model::Result;
using TlsPtr = std::shared_ptr<kj::TlsContext>;
using Body = std::shared_ptr<const std::string>;

constexpr std::size_t kMaxReasonBytes = 200;
constexpr std::size_t kMaxAnswerBytes = 16 * 1024;

kj::StringPtr ptr(const std::string& text) {
  return {text.c_str(), text.size()};
}

std::string_view view(kj::StringPtr text) {
  return {text.cStr(), text.size()};
}

Result<TlsPtr> make_tls(const TlsTexts& texts) {
  TlsPtr made;
  const auto make = [&]() {
    kj::Vector<kj::TlsCertificate> trusted;
    for (const auto& authority : link::certificates_in(texts.ca))
      trusted.add(ptr(authority));
    kj::TlsContext::Options options;
    options.useSystemTrustStore = texts.ca.empty();
    options.trustedCertificates = trusted;
    options.minVersion = kj::TlsVersion::TLS_1_2;
    if (texts.certificate.empty()) {
      made = std::make_shared<kj::TlsContext>(kj::mv(options));
      return;
    }
    const kj::TlsKeypair own{kj::TlsPrivateKey(ptr(texts.key)), kj::TlsCertificate(ptr(texts.certificate))};
    options.defaultKeypair = own;
    made = std::make_shared<kj::TlsContext>(kj::mv(options));
  };
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions(make)) {
    return model::invalid(fmt::format("certificates: {}", exception->getDescription().cStr()));
  }
  return made;
}

/// A server whose host vanished without a word is noticed by the deadline of a request at the latest.
void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// The other end is gone: to TLS, one that did not say goodbye is a failure.
bool is_gone(const kj::Exception& exception) {
  return exception.getType() == kj::Exception::Type::DISCONNECTED ||
         view(exception.getDescription()).find("unexpected eof") != std::string_view::npos;
}

/// Where HTTP connects to.
class Destination final : public kj::NetworkAddress {
 public:
  /// `tls`: null = plain.
  Destination(link::KjContext& context, TlsPtr tls, std::string address, std::string server_name,
              model::Duration deadline)
      : network_(context.network),
        timer_(context.timer),
        tls_(std::move(tls)),
        address_(std::move(address)),
        server_name_(std::move(server_name)),
        deadline_(deadline) {}

  const TlsPtr& tls() const { return tls_; }
  std::uint64_t connects() const { return connects_; }

  kj::Promise<kj::Own<kj::AsyncIoStream>> connect() override {
    ++connects_;
    auto connected = network_.parseAddress(ptr(address_))
                         .then([](kj::Own<kj::NetworkAddress> parsed) {
                           auto promise = parsed->connect();
                           return promise.attach(kj::mv(parsed));
                         })
                         .then([this](kj::Own<kj::AsyncIoStream> raw) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
                           no_delay(link::fd_of(*raw));
                           if (tls_ == nullptr) return kj::mv(raw);
                           return tls_->wrapClient(kj::mv(raw), ptr(server_name_));
                         });
    return within(timer_, deadline_, kj::mv(connected), "no connection");
  }
  kj::Own<kj::ConnectionReceiver> listen() override { KJ_FAIL_REQUIRE("this address is only connected to"); }
  kj::Own<kj::NetworkAddress> clone() override { KJ_FAIL_REQUIRE("this address has one user"); }
  kj::String toString() override { return kj::heapString(address_.c_str(), address_.size()); }

 private:
  kj::Network& network_;
  kj::Timer& timer_;
  const TlsPtr tls_;
  const std::string address_;
  const std::string server_name_;
  const model::Duration deadline_;
  std::uint64_t connects_ = 0;
};

/// The begin of a body; of a longer one the rest is left unread.
class BodyReader {
 public:
  explicit BodyReader(kj::Own<kj::AsyncInputStream> body) : body_(kj::mv(body)) {}

  kj::Promise<std::string> run() {
    return body_->tryRead(buffer_, 1, sizeof buffer_).then([this](std::size_t size) -> kj::Promise<std::string> {
      text_.append(buffer_, size);
      if (size == 0 || text_.size() >= kMaxAnswerBytes) return std::move(text_);
      return run();
    });
  }

 private:
  kj::Own<kj::AsyncInputStream> body_;
  std::string text_;
  char buffer_[4096];
};

kj::Promise<std::string> begin_of(kj::Own<kj::AsyncInputStream> body) {
  auto reader = kj::heap<BodyReader>(kj::mv(body));
  auto text = reader->run();
  return text.attach(kj::mv(reader));
}

std::string first_line(const std::string& text) {
  return model::printable(std::string_view(text).substr(0, text.find_first_of("\r\n")), kMaxReasonBytes);
}

}  // namespace

std::string reason_of(const kj::Exception& exception) {
  return model::printable(link::error_from(exception).message(), kMaxReasonBytes);
}

struct Transport::Headers {
  Headers() : Headers(kj::HttpHeaderTable::Builder()) {}

  kj::HttpHeaderId authorization;
  kj::HttpHeaderId user_agent;
  kj::HttpHeaderId content_encoding;
  kj::HttpHeaderId version;
  kj::HttpHeaderId retry_after;
  kj::Own<kj::HttpHeaderTable> table;

 private:
  explicit Headers(kj::HttpHeaderTable::Builder builder)
      : authorization(builder.add("Authorization")),
        user_agent(builder.add("User-Agent")),
        content_encoding(builder.add("Content-Encoding")),
        version(builder.add("X-Prometheus-Remote-Write-Version")),
        retry_after(builder.add("Retry-After")),
        table(builder.build()) {}
};

/// Connections that may be used for each other.
struct Transport::Channel {
  Channel(link::KjContext& context, const Headers& headers, const RemoteWriteConfig& config, const Endpoint& endpoint,
          TlsPtr tls)
      : address(context, std::move(tls), address_of(endpoint), name_to_prove(config, endpoint),
                config.connect_deadline),
        http(kj::newHttpClient(context.timer, *headers.table, address, settings(config))) {}

  static kj::HttpClientSettings settings(const RemoteWriteConfig& config) {
    kj::HttpClientSettings settings;
    // The same connection from one request to the next.
    settings.idleTimeout = to_kj(2 * config.interval + std::chrono::seconds(10));
    return settings;
  }

  Destination address;
  kj::Own<kj::HttpClient> http;
};

Transport::Transport(link::KjContext& context, const RemoteWriteConfig& config, Endpoint endpoint)
    : context_(context),
      config_(config),
      endpoint_(std::move(endpoint)),
      headers_(std::make_unique<const Headers>()),
      files_({config.ca_file, config.certificate_file, config.key_file, config.token_file, config.basic_auth_file}) {}

Transport::~Transport() noexcept(false) = default;

Result<std::unique_ptr<Transport>> Transport::create(link::KjContext& context, const RemoteWriteConfig& config) {
  auto endpoint = endpoint_from(config.url);
  if (!endpoint) return endpoint.error();
  std::unique_ptr<Transport> transport(new Transport(context, config, *std::move(endpoint)));
  if (const auto read = transport->renew(); !read) return read.error();
  return transport;
}

/// True: the credentials are others than before.
Result<bool> Transport::renew() {
  auto fresh = read_credentials(config_);
  if (!fresh) return fresh.error();
  const bool first = channel_ == nullptr;
  if (!first && *fresh == credentials_) {
    files_.taken();
    return false;
  }
  if (first || fresh->tls != credentials_.tls) {
    TlsPtr tls;
    if (endpoint_.tls) {
      auto made = make_tls(fresh->tls);
      if (!made) return made.error();
      tls = *std::move(made);
    }
    channel_ = std::make_shared<Channel>(context_, *headers_, config_, endpoint_, std::move(tls));
  }
  credentials_ = *std::move(fresh);
  ++generation_;
  files_.taken();
  return true;
}

bool Transport::refresh(bool anyway) {
  if (!files_.changed() && !anyway) return false;
  const auto renewed = renew();
  const std::string problem = renewed ? "" : renewed.error().message();
  if (problem != trouble_) {
    trouble_ = problem;
    if (!problem.empty()) log::warn("remote-write-credentials-bad", "{}; those of before stay in use", problem);
  }
  if (!renewed || !*renewed) return false;
  log::info("remote-write-credentials", "{}: files changed, and were read again", shown(endpoint_));
  return true;
}

void Transport::renew_channel() {
  channel_ = std::make_shared<Channel>(context_, *headers_, config_, endpoint_, channel_->address.tls());
}

kj::Promise<Answer> Transport::post(Body body) {
  static_cast<void>(refresh(false));
  auto answered = attempt(body).then([this, body, used = generation_](Answer&& answer) -> kj::Promise<Answer> {
    if (answer.status != 401 || !(refresh(true) || generation_ != used)) return kj::mv(answer);
    return attempt(body);
  });
  return within(context_.timer, config_.request_deadline, kj::mv(answered), "no answer")
      .catch_([this](kj::Exception&& exception) -> kj::Promise<Answer> {
        // Whatever is wrong with it, the next request does not meet it again.
        renew_channel();
        return kj::mv(exception);
      });
}

kj::Promise<Answer> Transport::attempt(const Body& body) {
  const std::shared_ptr<Channel> channel = channel_;
  const std::uint64_t connects = channel->address.connects();
  auto first = once(body);
  if (channel->address.connects() != connects) return first;
  return first.catch_([this, body](kj::Exception&& exception) -> kj::Promise<Answer> {
    if (!is_gone(exception)) return kj::mv(exception);
    // A server that ends closes all of them, and KJ does not notice each time.
    renew_channel();
    return once(body);
  });
}

kj::Promise<Answer> Transport::once(const Body& body) {
  const std::shared_ptr<Channel> channel = channel_;
  return kj::evalNow([&]() -> kj::Promise<Answer> {
    const std::string host = address_of(endpoint_);
    kj::HttpHeaders headers(*headers_->table);
    headers.set(kj::HttpHeaderId::HOST, ptr(host));
    headers.set(headers_->user_agent, ptr(config_.user_agent));
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, kj::StringPtr("application/x-protobuf"));
    headers.set(headers_->content_encoding, kj::StringPtr("snappy"));
    headers.set(headers_->version, kj::StringPtr("0.1.0"));
    if (!credentials_.authorization.empty()) headers.set(headers_->authorization, ptr(credentials_.authorization));
    auto request = channel->http->request(kj::HttpMethod::POST, ptr(endpoint_.target), headers, body->size());
    auto writing = request.body->write(body->data(), body->size());
    // Where it fails the answer does, too, or is there already. The stream must not outlive the writing.
    auto written = writing.attach(kj::mv(request.body), Body(body)).eagerlyEvaluate([](kj::Exception&&) {});
    return request.response.attach(kj::mv(written))
        .then([this, channel](kj::HttpClient::Response&& response) -> kj::Promise<Answer> {
          Answer answer;
          answer.status = response.statusCode;
          KJ_IF_MAYBE (after, response.headers->get(headers_->retry_after)) {
            answer.retry_after = retry_after_from(view(*after));
          }
          auto text = begin_of(response.body.attach(std::shared_ptr<Channel>(channel)));
          return text.then([answer = std::move(answer)](std::string&& said) mutable -> Answer {
            answer.text = first_line(said);
            return answer;
          });
        });
  });
}

}  // namespace tideline::remote_write
