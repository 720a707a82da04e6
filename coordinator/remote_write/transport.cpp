#include "coordinator/remote_write/transport.h"

#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include <kj/compat/http.h>

#include "coordinator/remote_write/credentials.h"
#include "coordinator/remote_write/endpoint.h"
#include "messages/http/body.h"
#include "messages/http/kj_time.h"
#include "messages/link/kj_rpc.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"

namespace tideline::remote_write {
namespace {

constexpr std::size_t kMaxReasonBytes = 200;
constexpr std::size_t kMaxAnswerBytes = 16 * 1024;

std::string first_line(const std::string& text) {
  return model::printable(std::string_view(text).substr(0, text.find_first_of("\r\n")), kMaxReasonBytes);
}

http::TransportConfig transport_config(const RemoteWriteConfig& config, const Endpoint& endpoint) {
  http::TransportConfig made;
  made.what = shown(endpoint);
  made.to.address = address_of(endpoint);
  made.to.server_name = name_to_prove(config, endpoint);
  made.to.connect_deadline = config.connect_deadline;
  // The same connection from one request to the next.
  made.to.kept = 2 * config.interval + std::chrono::seconds(10);
  made.tls = endpoint.tls;
  made.user_agent = config.user_agent;
  made.files = {config.ca_file, config.certificate_file, config.key_file, config.token_file, config.basic_auth_file};
  made.read = [&config] { return read_credentials(config); };
  made.told = [where = made.what](const std::string& problem) {
    if (problem.empty()) {
      log::info("remote-write-credentials", "{}: files changed, and were read again", where);
    } else {
      log::warn("remote-write-credentials-bad", "{}; those of before stay in use", problem);
    }
  };
  return made;
}

}  // namespace

std::string reason_of(const kj::Exception& exception) {
  return model::printable(link::error_from(exception).message(), kMaxReasonBytes);
}

Transport::Transport(link::KjContext& context, const RemoteWriteConfig& config, std::string target,
                     std::unique_ptr<http::Transport> inner)
    : timer_(context.timer), config_(config), target_(std::move(target)), http_(std::move(inner)) {}

model::Result<std::unique_ptr<Transport>> Transport::create(link::KjContext& context, const RemoteWriteConfig& config) {
  const auto endpoint = endpoint_from(config.url);
  if (!endpoint) return endpoint.error();
  auto made = http::Transport::create(context, transport_config(config, *endpoint));
  if (!made) return made.error();
  return std::unique_ptr<Transport>(new Transport(context, config, endpoint->target, *std::move(made)));
}

kj::Promise<Answer> Transport::post(std::shared_ptr<const std::string> body) {
  http::Request request;
  request.method = kj::HttpMethod::POST;
  request.target = target_;
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  request.body = std::move(body);
  request.again = true;  // samples that came twice are the same samples
  auto answered = http_->open(std::move(request)).then([](http::Head&& head) -> kj::Promise<Answer> {
    return http::read_begin(kj::mv(head.body), kMaxAnswerBytes)
        .then([status = head.status, retry_after = head.retry_after](std::string&& text) -> Answer {
          return {status, retry_after, first_line(text)};
        });
  });
  return http::within(timer_, config_.request_deadline, kj::mv(answered), "no answer")
      .catch_([this](kj::Exception&& exception) -> kj::Promise<Answer> {
        // Whatever is wrong with it, the next request does not meet it again.
        http_->connect_anew();
        return kj::mv(exception);
      });
}

}  // namespace tideline::remote_write
