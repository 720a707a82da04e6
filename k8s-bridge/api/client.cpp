#include "k8s-bridge/api/client.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "k8s-bridge/api/core.h"
#include "k8s-bridge/api/counters.h"
#include "k8s-bridge/api/open_reply.h"
#include "k8s-bridge/api/wire.h"
#include "messages/link/kj_thread.h"
#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

using model::invalid;
using model::Result;

constexpr std::size_t kMaxStatusBytes = 64 * 1024;
constexpr std::size_t kMaxTextBytes = 200;

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return " OK";
    case 201:
      return " Created";
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 405:
      return " Method Not Allowed";
    case 409:
      return " Conflict";
    case 410:
      return " Gone";
    case 413:
      return " Request Entity Too Large";
    case 415:
      return " Unsupported Media Type";
    case 422:
      return " Unprocessable Entity";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    case 504:
      return " Gateway Timeout";
    default:
      return "";
  }
}

Result<void> check(const ClientConfig& config) {
  if (!std::isfinite(config.requests_a_second) || config.requests_a_second <= 0) {
    return invalid(fmt::format("requests a second {}: want more than 0", config.requests_a_second));
  }
  if (!std::isfinite(config.burst) || config.burst < 1) {
    return invalid(fmt::format("burst {}: want at least one request", config.burst));
  }
  if (config.max_in_flight == 0) return invalid("no request in flight: want at least one");
  if (!std::all_of(config.user_agent.begin(), config.user_agent.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return invalid("user agent: want printable ASCII");
  }
  if (config.access.port == 0) return invalid(config.access.source + ": port 0");
  return {};
}

}  // namespace

std::size_t places_for(double requests_a_second) {
  constexpr double kAnswersASecond = 5;
  return static_cast<std::size_t>(std::ceil(std::clamp(requests_a_second / kAnswersASecond, 8.0, 64.0)));
}

std::string describe(const Answer& answer) {
  std::string text = fmt::format("{}{}", answer.status, reason_of(answer.status));
  const auto body = model::parse_json(answer.body, {.max_bytes = kMaxStatusBytes, .max_depth = WireLimits::kMaxDepth});
  if (body) {
    const auto status = api_status(*body);
    if (status && !status->message.empty()) text += ": " + status->message;
    return text;
  }
  // What a proxy in between says is no JSON.
  const auto end = answer.body.find_first_of("\r\n");
  const std::string line = model::printable(answer.body.substr(0, std::min(end, kMaxTextBytes + 1)), kMaxTextBytes);
  if (!line.empty()) text += ": " + line;
  return text;
}

class ApiClient::Impl {
 public:
  explicit Impl(ClientConfig config) : config_(std::move(config)), thread_("tl-k8s-api") {}
  ~Impl() { stop(); }

  Result<void> start() {
    return thread_.call([this](link::KjContext& context) -> Result<void> {
      auto core = Core::create(context, config_, counters_);
      if (!core) return core.error();
      core_ = *std::move(core);
      return {};
    });
  }

  void send(Request request, link::Reply<Answer> reply) {
    // A task that is not run any more is dropped, and with it the reply.
    thread_.post([this, request = std::move(request), open = std::make_shared<OpenReply>(std::move(reply))](
                     link::KjContext&) { core_->send(request, open); });
  }

  void watch(WatchedResource resource, WatchSink& sink) {
    thread_.post([this, resource = std::move(resource), &sink](link::KjContext&) mutable {
      core_->watch(std::move(resource), sink);
    });
  }

  ClientCounts counts() const { return counters_.get(); }

  void stop() {
    thread_.stop([this](link::KjContext&) { core_.reset(); });
  }

 private:
  const ClientConfig config_;
  Counters counters_;
  std::unique_ptr<Core> core_;  // on the loop only
  link::KjThread thread_;
};

ApiClient::ApiClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ApiClient::~ApiClient() = default;

Result<std::unique_ptr<ApiClient>> ApiClient::start(ClientConfig config) {
  if (auto good = check(config); !good) return good.error().in("client of the API server");
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<ApiClient>(new ApiClient(std::move(impl)));
}

void ApiClient::send(Request request, link::Reply<Answer> reply) {
  impl_->send(std::move(request), std::move(reply));
}

void ApiClient::watch(WatchedResource resource, WatchSink& sink) {
  impl_->watch(std::move(resource), sink);
}

ClientCounts ApiClient::counts() const {
  return impl_->counts();
}

void ApiClient::stop() {
  impl_->stop();
}

}  // namespace tideline::k8s_api
