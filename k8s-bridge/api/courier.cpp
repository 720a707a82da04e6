#include "k8s-bridge/api/courier.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "messages/http/body.h"
#include "messages/http/kj_time.h"

namespace tideline::k8s_api {
namespace {

// However long the server asks for: it may be another server by then.
constexpr model::Duration kLongestHold = std::chrono::seconds(60);

}  // namespace

kj::Promise<http::Head> Courier::open(Method method, const std::string& path, const std::string& body,
                                      bool holds_others) {
  return transport_.open(method, path, body).then([this, holds_others](http::Head&& head) -> http::Head {
    note(head, holds_others);
    return kj::mv(head);
  });
}

kj::Promise<Answer> Courier::ask(Method method, const std::string& path, const std::string& body, std::size_t most,
                                 bool holds_others) {
  return open(method, path, body, holds_others).then([this, most](http::Head&& head) {
    return finish(kj::mv(head), most);
  });
}

kj::Promise<Answer> Courier::finish(http::Head head, std::size_t most) {
  return http::read_body(kj::mv(head.body), most)
      .then([status = head.status, retry_after = head.retry_after, most](std::optional<std::string>&& text) -> Answer {
        if (!text) {
          kj::throwFatalException(link::to_exception(
              model::Error(model::ErrorCode::kOverloaded, fmt::format("the answer is longer than {} bytes", most))));
        }
        return {status, *std::move(text), retry_after};
      });
}

void Courier::note(const http::Head& head, bool holds_others) {
  counters_.update([status = head.status](ClientCounts& counts) {
    if (status < 300) {
      ++counts.answers_2xx;
    } else if (status == 429) {
      ++counts.answers_429;
    } else if (status < 500) {
      ++counts.answers_4xx;
    } else {
      ++counts.answers_5xx;
    }
  });
  if ((head.status != 429 && head.status != 503) || !head.retry_after) return;
  if (head.status == 429 && !holds_others) return;
  turnstile_.hold(std::min(*head.retry_after, kLongestHold));
  if (const auto held = noise_.admit(http::now_of(timer_).ns)) {
    log::warn("kubernetes-held-back",
              "the API server answers {} and wants to be asked in {} ms ({} more since the last line)", head.status,
              model::to_ms(*head.retry_after), *held);
  }
}

}  // namespace tideline::k8s_api
