#include "messages/http/transport.h"

#include <optional>

#include "messages/codec/kj_text.h"
#include "messages/http/retry_after.h"
#include "messages/http/tls.h"
#include "messages/link/kj_rpc.h"

namespace tideline::http {

using codec::ptr;
using model::Result;

bool is_gone(const kj::Exception& exception) {
  return exception.getType() == kj::Exception::Type::DISCONNECTED ||
         view(exception.getDescription()).find("unexpected eof") != std::string_view::npos;
}

std::string_view view(kj::StringPtr text) {
  return {text.cStr(), text.size()};
}

struct Transport::Headers {
  Headers() : Headers(kj::HttpHeaderTable::Builder()) {}

  kj::HttpHeaderId authorization;
  kj::HttpHeaderId user_agent;
  kj::HttpHeaderId retry_after;
  kj::HttpHeaderId content_encoding;
  kj::Own<kj::HttpHeaderTable> table;

 private:
  explicit Headers(kj::HttpHeaderTable::Builder builder)
      : authorization(builder.add("Authorization")),
        user_agent(builder.add("User-Agent")),
        retry_after(builder.add("Retry-After")),
        content_encoding(builder.add("Content-Encoding")),
        table(builder.build()) {}
};

Transport::Transport(link::KjContext& context, TransportConfig config)
    : context_(context),
      config_(std::move(config)),
      headers_(std::make_unique<const Headers>()),
      files_(config_.files) {}

Transport::~Transport() noexcept(false) = default;

Result<std::unique_ptr<Transport>> Transport::create(link::KjContext& context, TransportConfig config) {
  std::unique_ptr<Transport> transport(new Transport(context, std::move(config)));
  if (const auto read = transport->renew(); !read) return read.error();
  return transport;
}

/// True: the credentials are others than before.
Result<bool> Transport::renew() {
  auto fresh = config_.read();
  if (!fresh) return fresh.error();
  const bool first = channel_ == nullptr;
  if (!first && *fresh == credentials_) {
    files_.taken();
    return false;
  }
  if (first || fresh->tls != credentials_.tls) {
    TlsPtr tls;
    if (config_.tls) {
      auto made = make_tls(fresh->tls);
      if (!made) return made.error().in(config_.what);
      tls = *std::move(made);
    }
    channel_ = std::make_shared<Channel>(context_, *headers_->table, config_.to, std::move(tls));
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
    if (!problem.empty()) config_.told(problem);
  }
  if (!renewed || !*renewed) return false;
  config_.told({});
  return true;
}

void Transport::connect_anew() {
  channel_ = std::make_shared<Channel>(context_, *headers_->table, config_.to, channel_->tls());
}

kj::Promise<Head> Transport::open(Request request) {
  static_cast<void>(refresh(false));
  const auto shared = std::make_shared<const Request>(std::move(request));
  return attempt(shared).then([this, shared, used = generation_](Head&& head) -> kj::Promise<Head> {
    if (head.status != 401 || !(refresh(true) || generation_ != used)) return kj::mv(head);
    head.body = nullptr;
    return attempt(shared);
  });
}

kj::Promise<Head> Transport::attempt(const RequestPtr& request) {
  const std::shared_ptr<Channel> channel = channel_;
  const std::uint64_t connects = channel->connects();
  auto first = once(request);
  if (!request->again || channel->connects() != connects) return first;
  return first.catch_([this, request](kj::Exception&& exception) -> kj::Promise<Head> {
    if (!is_gone(exception)) return kj::mv(exception);
    // A server that ends closes all of them, and KJ does not notice each time.
    connect_anew();
    return once(request);
  });
}

kj::Promise<Head> Transport::once(const RequestPtr& request) {
  const std::shared_ptr<Channel> channel = channel_;
  return kj::evalNow([&]() -> kj::Promise<Head> {
    if (config_.before) {
      if (const auto good = config_.before(*request); !good) return link::to_exception(good.error());
    }
    kj::HttpHeaders headers(*headers_->table);
    headers.set(kj::HttpHeaderId::HOST, ptr(config_.to.address));
    headers.set(headers_->user_agent, ptr(config_.user_agent));
    if (!credentials_.authorization.empty()) headers.set(headers_->authorization, ptr(credentials_.authorization));
    for (const auto& [name, value] : request->headers)
      headers.add(ptr(name), ptr(value));
    kj::Maybe<std::uint64_t> size = nullptr;
    if (request->body != nullptr) size = std::uint64_t{request->body->size()};
    auto sent = channel->http().request(request->method, ptr(request->target), headers, size);
    kj::Promise<void> written = kj::READY_NOW;
    if (request->body != nullptr && !request->body->empty()) {
      auto writing = sent.body->write(request->body->data(), request->body->size());
      // Where it fails the answer does, too, or is there already. The stream must not outlive the writing.
      written = writing.attach(kj::mv(sent.body), RequestPtr(request)).eagerlyEvaluate([](kj::Exception&&) {});
    }
    return sent.response.attach(kj::mv(written)).then([this, channel](kj::HttpClient::Response&& response) -> Head {
      const auto text_of = [&response](kj::HttpHeaderId id) -> std::string {
        KJ_IF_MAYBE (text, response.headers->get(id)) {
          return std::string(view(*text));
        }
        return {};
      };
      Head head;
      head.status = response.statusCode;
      head.retry_after = retry_after_from(text_of(headers_->retry_after));
      head.location = text_of(kj::HttpHeaderId::LOCATION);
      head.content_encoding = text_of(headers_->content_encoding);
      head.body = response.body.attach(std::shared_ptr<Channel>(channel));
      return head;
    });
  });
}

}  // namespace tideline::http
