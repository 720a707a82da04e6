#include "k8s-bridge/api/transport.h"

#include <cstddef>
#include <string>

#include <fmt/format.h>
#include <kj/compat/http.h>

#include "k8s-bridge/api/address.h"
#include "k8s-bridge/api/credentials.h"
#include "messages/clock/term.h"
#include "messages/http/address.h"
#include "messages/link/kj_rpc.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::size_t kMaxPeerTextBytes = 200;

Error term_over() {
  return {ErrorCode::kFenced, "not sent: the term of this coordinator is over"};
}

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

[[noreturn]] void fail(const Error& error) {
  kj::throwFatalException(link::to_exception(error));
}

/// kj-tls and OpenSSL say it in words only.
bool is_about_trust(std::string_view text) {
  return text.find("certificate") != std::string_view::npos || text.find("unknown ca") != std::string_view::npos;
}

/// Says where it was connected to, and whose certificate was asked for.
http::Connecting judged(http::Connecting connecting, const std::string& address, const std::string& server_name,
                        const clock::TermPtr& term) {
  return connecting
      .catch_([address, server_name](kj::Exception&& exception) -> http::Connecting {
        const Error error = error_of(exception);
        if (error.code() == ErrorCode::kPermissionDenied) {
          return link::to_exception(error.in(fmt::format("{}, which must prove the name {}", address, server_name)));
        }
        return link::to_exception(Error(ErrorCode::kUnavailable, error.message()).in(address));
      })
      .then([term](kj::Own<kj::AsyncIoStream> stream) -> http::Connecting {
        // A request waits for it, and was let go when the connection was begun.
        if (!clock::holds(term)) return link::to_exception(term_over());
        return kj::mv(stream);
      });
}

http::TransportConfig transport_config(const ClientConfig& config, const std::string& server_name, Counters& counters) {
  const Access& access = config.access;
  http::TransportConfig made;
  made.what = access.source;
  made.to.address = http::host_and_port(access.host, access.port);
  made.to.server_name = server_name;
  made.to.connect_deadline = config.connect_deadline;
  made.to.judged = [address = made.to.address, server_name, term = config.term](http::Connecting connecting) {
    return judged(kj::mv(connecting), address, server_name, term);
  };
  made.user_agent = config.user_agent;
  made.files = {access.token_file, access.ca_file, access.certificate_file, access.key_file};
  made.read = [&access] { return read_credentials(access); };
  made.before = [&counters, term = config.term](const http::Request& request) -> Result<void> {
    counters.update([](ClientCounts& counts) { ++counts.requests; });
    if (request.method != kj::HttpMethod::GET && !clock::holds(term)) return term_over();
    return {};
  };
  made.told = [&access](const std::string& problem) {
    if (problem.empty()) {
      log::info("kubernetes-credentials", "{}: changed, and read again", access.source);
    } else {
      log::warn("kubernetes-credentials-bad", "{}; those of before stay in use", problem);
    }
  };
  return made;
}

void check_answer(const http::Head& head) {
  if (head.status < 200 || head.status > 599) {
    fail(Error(ErrorCode::kMalformed, fmt::format("answered {}, which no request asks for", head.status)));
  }
  if (head.status >= 300 && head.status < 400) {
    const std::string to = head.location.empty() ? "nowhere" : model::printable(head.location, kMaxPeerTextBytes);
    fail(Error(ErrorCode::kUnsupported,
               fmt::format("answered {}, a redirect to {}: none is followed", head.status, to)));
  }
  if (!head.content_encoding.empty() && head.content_encoding != "identity") {
    fail(Error(ErrorCode::kUnsupported, fmt::format("answered in the encoding {}, which was not asked for",
                                                    model::printable(head.content_encoding, kMaxPeerTextBytes))));
  }
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
  const auto code = http::is_gone(exception)          ? ErrorCode::kUnavailable
                    : is_about_trust(error.message()) ? ErrorCode::kPermissionDenied
                                                      : ErrorCode::kMalformed;
  return {code, model::printable(error.message(), kMaxPeerTextBytes)};
}

Result<std::unique_ptr<Transport>> Transport::create(link::KjContext& context, const ClientConfig& config,
                                                     Counters& counters) {
  const auto server_name = name_to_prove(config.access);
  if (!server_name) return server_name.error();
  auto made = http::Transport::create(context, transport_config(config, *server_name, counters));
  if (!made) return made.error();
  return std::unique_ptr<Transport>(new Transport(config, *std::move(made)));
}

kj::Promise<http::Head> Transport::open(Method method, const std::string& path, const std::string& body) {
  http::Request request;
  request.method = http_method(method);
  request.target = config_.access.path_prefix + path;
  request.headers.emplace_back("Accept", "application/json");
  if (!body.empty()) {
    request.headers.emplace_back("Content-Type",
                                 method == Method::kMergePatch ? "application/merge-patch+json" : "application/json");
  }
  if (method != Method::kGet) request.body = std::make_shared<const std::string>(body);
  request.again = method == Method::kGet;
  return http_->open(std::move(request)).then([](http::Head&& head) -> http::Head {
    check_answer(head);
    return kj::mv(head);
  });
}

}  // namespace tideline::k8s_api
