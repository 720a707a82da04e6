#include "node-actor/enrol/exchange.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/compat/http.h>

#include "messages/codec/kj_text.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_tls.h"
#include "node-actor/enrol/wire.h"

namespace tideline::enrol {
namespace {

using codec::ptr;
using model::Error;
using model::ErrorCode;

/// Over a connection whose server is verified.
class Exchange {
 public:
  Exchange(kj::Own<kj::AsyncIoStream> stream, Question question)
      : Exchange(kj::mv(stream), std::move(question), kj::HttpHeaderTable::Builder()) {}

  kj::Promise<Answer> run() {
    const std::string bearer = "Bearer " + question_.token;
    kj::HttpHeaders headers(*table_);
    headers.set(kj::HttpHeaderId::HOST, ptr(question_.address));
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, kj::StringPtr("application/x-pem-file"));
    headers.set(authorization_, ptr(bearer));
    const std::uint64_t size = question_.request.size();
    auto request = http_->request(kj::HttpMethod::POST, kCertificatePath, headers, size);
    auto writing = request.body->write(question_.request.data(), question_.request.size());
    // Where it fails the answer does, too, or is there already. The stream must not outlive the writing.
    kj::Promise<void> written = writing.attach(kj::mv(request.body)).eagerlyEvaluate([](kj::Exception&&) {});
    return request.response.attach(kj::mv(written))
        .then([this](kj::HttpClient::Response&& response) -> kj::Promise<Answer> {
          answer_.status = response.statusCode;
          body_ = kj::mv(response.body);
          return read_on();
        });
  }

 private:
  Exchange(kj::Own<kj::AsyncIoStream> stream, Question question, kj::HttpHeaderTable::Builder builder)
      : question_(std::move(question)),
        authorization_(builder.add("Authorization")),
        table_(builder.build()),
        stream_(kj::mv(stream)),
        http_(kj::newHttpClient(*table_, *stream_)) {}

  kj::Promise<Answer> read_on() {
    return body_->tryRead(buffer_, 1, sizeof buffer_).then([this](std::size_t size) -> kj::Promise<Answer> {
      if (size == 0) return kj::mv(answer_);
      if (answer_.body.size() + size > kMaxAnswerBytes) {
        return link::to_exception(
            Error(ErrorCode::kMalformed, fmt::format("answered more than {} bytes", kMaxAnswerBytes)));
      }
      answer_.body.append(buffer_, size);
      return read_on();
    });
  }

  const Question question_;
  const kj::HttpHeaderId authorization_;
  const kj::Own<kj::HttpHeaderTable> table_;
  kj::Own<kj::AsyncIoStream> stream_;
  kj::Own<kj::HttpClient> http_;
  kj::Own<kj::AsyncInputStream> body_;  // of the answer, null before it
  Answer answer_;
  char buffer_[8 * 1024];
};

}  // namespace

kj::Promise<Answer> ask(link::KjContext& context, Question question) {
  const link::TlsMaterial nobody{{}, {}, question.authorities};
  auto connector = link::TlsConnector::create(context, nobody, question.server_name);
  if (!connector) return link::to_exception(connector.error());
  const std::string address = question.address;
  const model::Duration deadline = question.deadline;
  auto late =
      context.timer.afterDelay(std::max<std::int64_t>(deadline.count(), 0) * kj::NANOSECONDS)
          .then([address, deadline]() -> kj::Promise<Answer> {
            return link::to_exception(Error(
                ErrorCode::kUnavailable, fmt::format("{}: no answer within {} ms", address, model::to_ms(deadline))));
          });
  kj::Own<link::TlsConnector> dialler = *std::move(connector);
  auto connected = dialler->connect(question.address);
  auto answer =
      connected.attach(kj::mv(dialler)).then([address, asked = std::move(question)](link::TlsStream tls) mutable {
        auto exchange = kj::heap<Exchange>(kj::mv(tls.stream), std::move(asked));
        auto run = exchange->run();
        return run.attach(kj::mv(exchange)).catch_([address](kj::Exception&& exception) -> kj::Promise<Answer> {
          return link::to_exception(link::error_from(exception).in(address));
        });
      });
  return answer.exclusiveJoin(kj::mv(late));
}

}  // namespace tideline::enrol
