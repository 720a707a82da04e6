#include "k8s-bridge/api/transport.h"

#include <charconv>
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

#include "k8s-bridge/api/address.h"
#include "k8s-bridge/api/kj_time.h"
#include "messages/clock/term.h"
#include "messages/codec/kj_text.h"
#include "messages/link/kj_accept.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/pem.h"
#include "messages/link/tls_files.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

using codec::ptr;
using model::Error;
using model::ErrorCode;
using model::Result;
using TlsPtr = std::shared_ptr<kj::TlsContext>;

constexpr std::uint64_t kMaxRetryAfterSeconds = 24 * 3600;
constexpr std::size_t kMaxPeerTextBytes = 200;

Result<TlsPtr> make_tls(const TlsTexts& texts) {
  if (!texts.certificate.empty()) {
    // OpenSSL drops a key that is another certificate's without a word, and shows no certificate then.
    if (auto good = link::check_pair(texts.certificate, texts.key); !good) return good.error().in("client certificate");
  }
  TlsPtr made;
  const auto make = [&]() {
    kj::Vector<kj::TlsCertificate> trusted;
    for (const auto& authority : link::certificates_in(texts.ca))
      trusted.add(ptr(authority));
    kj::TlsContext::Options options;
    options.useSystemTrustStore = false;
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

kj::Exception term_over() {
  return link::to_exception(Error(ErrorCode::kFenced, "not sent: the term of this coordinator is over"));
}

/// A server whose host vanished without a word is noticed by the kernel within a minute.
void keep_alive(int fd) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

/// Where HTTP connects to: through TLS, and to whoever proves the name, whatever the address is.
class TlsAddress final : public kj::NetworkAddress {
 public:
  TlsAddress(link::KjContext& context, TlsPtr tls, std::string address, std::string server_name,
             model::Duration deadline, clock::TermPtr term)
      : network_(context.network),
        timer_(context.timer),
        tls_(std::move(tls)),
        address_(std::move(address)),
        server_name_(std::move(server_name)),
        deadline_(deadline),
        term_(std::move(term)) {}

  const TlsPtr& tls() const { return tls_; }
  std::uint64_t connects() const { return connects_; }

  kj::Promise<kj::Own<kj::AsyncIoStream>> connect() override {
    ++connects_;
    auto connected = network_.parseAddress(ptr(address_))
                         .then([](kj::Own<kj::NetworkAddress> parsed) {
                           auto promise = parsed->connect();
                           return promise.attach(kj::mv(parsed));
                         })
                         .then([this](kj::Own<kj::AsyncIoStream> raw) {
                           keep_alive(link::fd_of(*raw));
                           return tls_->wrapClient(kj::mv(raw), ptr(server_name_));
                         });
    return within(timer_, deadline_, kj::mv(connected), "no connection")
        .catch_([this](kj::Exception&& exception) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
          const Error error = error_of(exception);
          if (error.code() == ErrorCode::kPermissionDenied) {
            return link::to_exception(
                error.in(fmt::format("{}, which must prove the name {}", address_, server_name_)));
          }
          return link::to_exception(Error(ErrorCode::kUnavailable, error.message()).in(address_));
        })
        .then([this](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
          // A request waits for it, and was let go when the connection was begun.
          if (!clock::holds(term_)) return term_over();
          return kj::mv(stream);
        });
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
  const clock::TermPtr term_;
  std::uint64_t connects_ = 0;
};

kj::HttpMethod http_method(Method method) {
  switch (method) {
    case Method::kGet:
      return kj::HttpMethod::GET;
    case Method::kPost:
      return kj::HttpMethod::POST;
    case Method::kPut:
      return kj::HttpMethod::PUT;
    case Method::kMergePatch:
      return kj::HttpMethod::PATCH;
    case Method::kDelete:
      return kj::HttpMethod::DELETE;
  }
  return kj::HttpMethod::GET;
}

/// Retry-After in seconds; its other form, a date, counts as absent.
std::optional<model::Duration> seconds_of(std::string_view text) {
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds > kMaxRetryAfterSeconds) return std::nullopt;
  return std::chrono::seconds(seconds);
}

std::string_view view(kj::StringPtr text) {
  return {text.cStr(), text.size()};
}

[[noreturn]] void fail(const Error& error) {
  kj::throwFatalException(link::to_exception(error));
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// kj-tls and OpenSSL say it in words only.
bool is_about_trust(std::string_view text) {
  return has(text, "certificate") || has(text, "unknown ca");
}

/// The other end is gone: to TLS, one that did not say goodbye is a failure.
bool is_end(const kj::Exception& exception) {
  return exception.getType() == kj::Exception::Type::DISCONNECTED ||
         has(view(exception.getDescription()), "unexpected eof");
}

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kMergePatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
  }
  return "?";
}

Error error_of(const kj::Exception& exception) {
  Error error = link::error_from(exception);
  if (error.code() != ErrorCode::kInternal) return error;
  // What else KJ calls a failure is what the server's bytes were found to be.
  const auto code = is_end(exception)                 ? ErrorCode::kUnavailable
                    : is_about_trust(error.message()) ? ErrorCode::kPermissionDenied
                                                      : ErrorCode::kMalformed;
  return {code, model::printable(error.message(), kMaxPeerTextBytes)};
}

struct Transport::Headers {
  Headers() : Headers(kj::HttpHeaderTable::Builder()) {}

  kj::HttpHeaderId authorization;
  kj::HttpHeaderId user_agent;
  kj::HttpHeaderId accept;
  kj::HttpHeaderId retry_after;
  kj::HttpHeaderId content_encoding;
  kj::Own<kj::HttpHeaderTable> table;

 private:
  explicit Headers(kj::HttpHeaderTable::Builder builder)
      : authorization(builder.add("Authorization")),
        user_agent(builder.add("User-Agent")),
        accept(builder.add("Accept")),
        retry_after(builder.add("Retry-After")),
        content_encoding(builder.add("Content-Encoding")),
        table(builder.build()) {}
};

/// Connections that may be used for each other. Bodies hold on to theirs, so that a new one does not end them.
struct Transport::Channel {
  Channel(link::KjContext& context, const Headers& headers, const ClientConfig& config, const std::string& server_name,
          TlsPtr tls)
      : address(context, std::move(tls), host_and_port(config.access.host, config.access.port), server_name,
                config.connect_deadline, config.term),
        http(kj::newHttpClient(context.timer, *headers.table, address)) {}

  TlsAddress address;
  kj::Own<kj::HttpClient> http;
};

struct Transport::Attempt {
  kj::Promise<Head> head;
  bool reused;  // a connection that had been used before
};

Transport::Transport(link::KjContext& context, const ClientConfig& config, std::string server_name, Counters& counters)
    : context_(context),
      config_(config),
      server_name_(std::move(server_name)),
      counters_(counters),
      headers_(std::make_unique<const Headers>()),
      files_(
          {config.access.token_file, config.access.ca_file, config.access.certificate_file, config.access.key_file}) {}

Transport::~Transport() noexcept(false) = default;

Result<std::unique_ptr<Transport>> Transport::create(link::KjContext& context, const ClientConfig& config,
                                                     Counters& counters) {
  const auto server_name = name_to_prove(config.access);
  if (!server_name) return server_name.error();
  std::unique_ptr<Transport> transport(new Transport(context, config, *server_name, counters));
  if (const auto read = transport->renew(); !read) return read.error();
  return transport;
}

/// True: the credentials are others than before.
Result<bool> Transport::renew() {
  auto fresh = read_credentials(config_.access);
  if (!fresh) return fresh.error();
  const bool first = channel_ == nullptr;
  if (!first && *fresh == credentials_) {
    files_.taken();
    return false;
  }
  if (first || fresh->tls != credentials_.tls) {
    auto tls = make_tls(fresh->tls);
    if (!tls) return tls.error().in(config_.access.source);
    channel_ = std::make_shared<Channel>(context_, *headers_, config_, server_name_, *std::move(tls));
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
    if (!problem.empty()) log::warn("kubernetes-credentials-bad", "{}; those of before stay in use", problem);
  }
  if (!renewed || !*renewed) return false;
  log::info("kubernetes-credentials", "{}: changed, and read again", config_.access.source);
  return true;
}

void Transport::renew_channel() {
  channel_ = std::make_shared<Channel>(context_, *headers_, config_, server_name_, channel_->address.tls());
}

kj::Promise<Head> Transport::open(Method method, const std::string& path, const std::string& body) {
  static_cast<void>(refresh(false));
  return attempt(method, path, body)
      .then([this, method, path, body, used = generation_](Head&& head) -> kj::Promise<Head> {
        if (head.status != 401 || !(refresh(true) || generation_ != used)) return kj::mv(head);
        head.body = nullptr;
        return attempt(method, path, body);
      });
}

kj::Promise<Head> Transport::attempt(Method method, const std::string& path, const std::string& body) {
  auto first = once(method, path, body);
  if (method != Method::kGet || !first.reused) return kj::mv(first.head);
  return first.head.catch_([this, path](kj::Exception&& exception) -> kj::Promise<Head> {
    if (!is_end(exception)) return kj::mv(exception);
    // A server that ends closes all of them, and KJ does not notice each time.
    renew_channel();
    return once(Method::kGet, path, "").head;
  });
}

Transport::Attempt Transport::once(Method method, const std::string& path, const std::string& body) {
  counters_.update([](ClientCounts& counts) { ++counts.requests; });
  const std::shared_ptr<Channel> channel = channel_;
  const std::uint64_t connects = channel->address.connects();
  auto head = kj::evalNow([&]() -> kj::Promise<Head> {
    if (method != Method::kGet && !clock::holds(config_.term)) return term_over();
    const std::string url = config_.access.path_prefix + path;
    const std::string host = host_and_port(config_.access.host, config_.access.port);
    const std::string authorization = "Bearer " + credentials_.token;
    kj::HttpHeaders headers(*headers_->table);
    headers.set(kj::HttpHeaderId::HOST, ptr(host));
    headers.set(headers_->user_agent, ptr(config_.user_agent));
    headers.set(headers_->accept, kj::StringPtr("application/json"));
    if (!credentials_.token.empty()) headers.set(headers_->authorization, ptr(authorization));
    if (!body.empty()) {
      headers.set(kj::HttpHeaderId::CONTENT_TYPE, method == Method::kMergePatch
                                                      ? kj::StringPtr("application/merge-patch+json")
                                                      : kj::StringPtr("application/json"));
    }
    kj::Maybe<std::uint64_t> size = nullptr;
    if (method != Method::kGet) size = std::uint64_t{body.size()};
    auto request = channel->http->request(http_method(method), ptr(url), headers, size);
    kj::Promise<void> written = kj::READY_NOW;
    if (method != Method::kGet && !body.empty()) {
      auto text = kj::heap<std::string>(body);
      auto writing = request.body->write(text->data(), text->size());
      // Where it fails the answer does, too, or is there already. The stream must not outlive the writing.
      written = writing.attach(kj::mv(request.body), kj::mv(text)).eagerlyEvaluate([](kj::Exception&&) {});
    }
    return request.response.attach(kj::mv(written)).then([this, channel](kj::HttpClient::Response&& response) -> Head {
      Head answered;
      answered.status = response.statusCode;
      if (answered.status < 200 || answered.status > 599) {
        fail(Error(ErrorCode::kMalformed, fmt::format("answered {}, which no request asks for", answered.status)));
      }
      if (answered.status >= 300 && answered.status < 400) {
        std::string to = "nowhere";
        KJ_IF_MAYBE (location, response.headers->get(kj::HttpHeaderId::LOCATION)) {
          to = model::printable(view(*location), kMaxPeerTextBytes);
        }
        fail(Error(ErrorCode::kUnsupported,
                   fmt::format("answered {}, a redirect to {}: none is followed", answered.status, to)));
      }
      KJ_IF_MAYBE (encoding, response.headers->get(headers_->content_encoding)) {
        if (view(*encoding) != "identity") {
          fail(Error(ErrorCode::kUnsupported, fmt::format("answered in the encoding {}, which was not asked for",
                                                          model::printable(view(*encoding), kMaxPeerTextBytes))));
        }
      }
      KJ_IF_MAYBE (after, response.headers->get(headers_->retry_after)) {
        answered.retry_after = seconds_of(view(*after));
      }
      answered.body = response.body.attach(std::shared_ptr<Channel>(channel));
      return answered;
    });
  });
  return {kj::mv(head), channel->address.connects() == connects};
}

}  // namespace tideline::k8s_api
