#include "coordinator/bootstrap/visit.h"

#include <optional>
#include <string_view>
#include <utility>

#include "messages/link/kj_accept.h"
#include "messages/link/kj_rpc.h"

namespace tideline::bootstrap {
namespace {

// What of a request that was turned away is still on its way: were it left unread, the kernel would answer it with a
// reset, which takes the answer away from a peer that has not read it yet.
constexpr std::size_t kMostDiscarded = 64 << 10;
constexpr kj::Duration kLongestDiscard = 1 * kj::SECONDS;

std::optional<std::string_view> value_of(const kj::HttpHeaders& headers, kj::HttpHeaderId id) {
  KJ_IF_MAYBE (value, headers.get(id)) {
    return std::string_view(value->cStr(), value->size());
  }
  return std::nullopt;
}

/// To TLS, a peer that leaves without saying goodbye is a failure.
bool is_end(const kj::Exception& exception) {
  const std::string_view text(exception.getDescription().cStr(), exception.getDescription().size());
  return exception.getType() == kj::Exception::Type::DISCONNECTED ||
         text.find("unexpected eof") != std::string_view::npos;
}

}  // namespace

Head HeaderTable::head_of(const kj::HttpInputStream::Request& request) const {
  Head head;
  head.is_post = request.method == kj::HttpMethod::POST;
  head.target = std::string_view(request.url.cStr(), request.url.size());
  head.authorization = value_of(request.headers, authorization_);
  head.content_length = value_of(request.headers, kj::HttpHeaderId::CONTENT_LENGTH);
  head.transfer_encoding = value_of(request.headers, kj::HttpHeaderId::TRANSFER_ENCODING);
  return head;
}

Visit::Visit(kj::Timer& timer, const HeaderTable& headers, Desk& desk, kj::Duration deadline, std::string peer)
    : timer_(timer), headers_(headers), desk_(desk), deadline_(deadline), peer_(std::move(peer)) {}

kj::Promise<void> Visit::serve(kj::Own<kj::AsyncIoStream> raw) {
  fd_ = link::fd_of(*raw);
  return timer_.timeoutAfter(deadline_, desk_.handshake(kj::mv(raw)))
      .then([this](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<void> { return converse(kj::mv(stream)); },
            [this](kj::Exception&& exception) -> kj::Promise<void> {
              // Probes of the port connect and leave.
              if (!is_end(exception)) desk_.no_handshake(peer_, link::error_from(exception).in("TLS handshake"));
              return kj::READY_NOW;
            });
}

kj::Promise<void> Visit::converse(kj::Own<kj::AsyncIoStream> stream) {
  stream_ = kj::mv(stream);
  input_ = kj::newHttpInputStream(*stream_, headers_.table());
  return hear()
      .then([this](Heard&& heard) { return answer(std::move(heard)); })
      .then([this](const Answer& made) -> kj::Promise<void> { return send(made); },
            [this](kj::Exception&&) -> kj::Promise<void> {
              desk_.broken_off();
              return kj::READY_NOW;
            });
}

kj::Promise<Visit::Heard> Visit::hear() {
  auto late =
      timer_.afterDelay(deadline_).then([]() -> Heard { return refusal(408, "the request did not come in time"); });
  return read()
      .catch_([](kj::Exception&& exception) -> kj::Promise<Heard> {
        if (is_end(exception)) return kj::mv(exception);
        // What KJ says of it may hold the peer's bytes, and so a token.
        return Heard(refusal(400, "this is no request"));
      })
      .exclusiveJoin(kj::mv(late));
}

kj::Promise<Visit::Heard> Visit::read() {
  return input_->readRequest().then([this](kj::HttpInputStream::Request&& request) -> kj::Promise<Heard> {
    auto judged = judge(headers_.head_of(request));
    if (auto* turned_away = std::get_if<Answer>(&judged)) return Heard(std::move(*turned_away));
    auto& wanted = std::get<Wanted>(judged);
    question_.token = std::move(wanted.token);
    question_.request.resize(wanted.body_bytes);
    // What the head says is gone with the first read of the body.
    body_ = kj::mv(request.body);
    return body_->read(question_.request.data(), question_.request.size()).then([this]() -> Heard {
      is_all_read_ = true;
      return std::move(question_);
    });
  });
}

kj::Promise<Answer> Visit::answer(Heard heard) {
  if (auto* turned_away = std::get_if<Answer>(&heard)) {
    desk_.turned_away(*turned_away, peer_);
    return std::move(*turned_away);
  }
  return desk_.answer(std::get<Question>(std::move(heard)), peer_, [this]() { return link::peer_has_left(fd_); });
}

kj::Promise<void> Visit::send(const Answer& answer) {
  bytes_ = bytes_of(answer);
  auto written = timer_.timeoutAfter(deadline_, stream_->write(bytes_.data(), bytes_.size()));
  if (is_all_read_) return written;
  return written.then([this]() { return discard(0).exclusiveJoin(timer_.afterDelay(kLongestDiscard)); });
}

kj::Promise<void> Visit::discard(std::size_t so_far) {
  if (so_far >= kMostDiscarded) return kj::READY_NOW;
  return stream_->tryRead(waste_, 1, sizeof waste_).then([this, so_far](std::size_t size) -> kj::Promise<void> {
    if (size == 0) return kj::READY_NOW;
    return discard(so_far + size);
  });
}

}  // namespace tideline::bootstrap
