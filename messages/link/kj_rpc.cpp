#include "messages/link/kj_rpc.h"

#include <array>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <capnp/rpc-twoparty.h>
#include <fmt/format.h>

#include "messages/link/answer_watch.h"
#include "messages/link/clocks.h"
#include "messages/link/loop_lag.h"
#include "messages/log/log.h"

namespace tideline::link {
namespace {

using model::ErrorCode;

constexpr std::array kCodes{ErrorCode::kInvalidArgument, ErrorCode::kNotFound,  ErrorCode::kPermissionDenied,
                            ErrorCode::kUnsupported,     ErrorCode::kMalformed, ErrorCode::kUnavailable,
                            ErrorCode::kOverloaded,      ErrorCode::kFenced,    ErrorCode::kInternal};

kj::Exception::Type type_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOverloaded:
      return kj::Exception::Type::OVERLOADED;
    case ErrorCode::kUnsupported:
      return kj::Exception::Type::UNIMPLEMENTED;
    default:
      // DISCONNECTED would tell the peer that the connection is gone, which no single error means.
      return kj::Exception::Type::FAILED;
  }
}

// So many connections are taken down at once. The next ones follow when the loop has been round, or soon in any case.
constexpr std::size_t kTakenDownAtOnce = 8;
constexpr kj::Duration kTakeDownAtLeastEvery = 20 * kj::MILLISECONDS;

capnp::ReaderOptions options_of(const RpcLimits& limits) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = limits.traversal_words;
  options.nestingLimit = limits.nesting;
  return options;
}

/// The peer's stream, with four things the RPC system lacks. Nothing more is read from a peer that does not read
/// itself. Nothing is written for which the term is over, however long it had been waiting in a queue. Its end is told
/// to whoever takes the connection down, and not to the system, which would let go of all it has on the spot. And they
/// hear of it when the system has given the connection up: it then shuts its side down, but lets go of the connection
/// only when all it had to say was taken, for which a peer may make it wait.
class WatchedStream final : public kj::AsyncIoStream {
 public:
  struct Watch {
    kj::Function<bool()> may_read;
    kj::Function<bool()> may_write;
    kj::Function<void(std::string why)> ended;
    kj::Function<void()> given_up;
  };
  WatchedStream(kj::Own<kj::AsyncIoStream> inner, Watch watch) : inner_(kj::mv(inner)), watch_(kj::mv(watch)) {}
  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t least, std::size_t most) override {
    if (!watch_.may_read()) return kj::NEVER_DONE;
    // TLS throws where a bad record lies in its buffer already.
    return kj::evalNow([&]() { return inner_->tryRead(buffer, least, most); })
        .then(
            [this, least](std::size_t size) -> kj::Promise<std::size_t> {
              if (size >= least) return size;
              watch_.ended("the peer closed the connection");
              return kj::NEVER_DONE;
            },
            [this](kj::Exception&& exception) -> kj::Promise<std::size_t> {
              watch_.ended(error_from(exception).message());
              return kj::NEVER_DONE;
            });
  }
  kj::Promise<void> write(const void* buffer, std::size_t size) override {
    return watch_.may_write() ? inner_->write(buffer, size) : refuse_to_write();
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return watch_.may_write() ? inner_->write(pieces) : refuse_to_write();
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override {
    inner_->shutdownWrite();
    watch_.given_up();
  }
  void abortRead() override { inner_->abortRead(); }

 private:
  kj::Promise<void> refuse_to_write() {
    watch_.ended("the term of this coordinator is over");
    return kj::NEVER_DONE;
  }

  kj::Own<kj::AsyncIoStream> inner_;
  Watch watch_;
};

struct Connection {
  Connection(kj::Own<kj::AsyncIoStream> own, capnp::Capability::Client bootstrap, const RpcLimits& limits,
             kj::Function<void(std::size_t)> too_many_held)
      : stream(kj::mv(own)),
        network(*stream, capnp::rpc::twoparty::Side::SERVER, options_of(limits)),
        watch(network, limits.max_held_answers, kj::mv(too_many_held)),
        rpc(capnp::makeRpcServer(watch, kj::mv(bootstrap))) {
    rpc.setFlowLimit(limits.traversal_words);
  }

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  AnswerWatch watch;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
};

class RpcConnectionsImpl final : public RpcConnections, private kj::TaskSet::ErrorHandler {
 public:
  RpcConnectionsImpl(KjContext& context, const RpcLimits& limits, clock::TermPtr term)
      : timer_(context.timer), limits_(limits), term_(std::move(term)), lag_(context), tasks_(*this) {}

  Id add(kj::Own<kj::AsyncIoStream> stream, capnp::Capability::Client bootstrap, Closed closed) override {
    const Id id = ++last_id_;
    // The entry comes first: making the connection may read at once.
    entries_.emplace(id, Entry{{}, kj::mv(closed), false, 0, kj::origin<kj::TimePoint>()});
    auto watched = kj::heap<WatchedStream>(
        kj::mv(stream),
        WatchedStream::Watch{.may_read = [this, id]() { return !drop_if_clogged(id); },
                             .may_write = [this]() { return clock::holds(term_); },
                             .ended = [this, id](std::string why) { take_down(id, std::move(why)); },
                             .given_up = [this, id]() { close(id, "the peer left or broke the protocol"); }});
    auto connection = kj::heap<Connection>(kj::mv(watched), kj::mv(bootstrap), limits_, [this, id](std::size_t count) {
      // Of those that are on their way it is not known whether they were read.
      close_after(id,
                  fmt::format("{} answers lie unread or are held by the peer, the limit is {}", count,
                              limits_.max_held_answers),
                  0 * kj::MILLISECONDS);
    });
    tasks_.add(connection->network.onDisconnect()
                   .then([]() { return std::string("the peer closed the connection"); },
                         [](kj::Exception&& exception) { return error_from(exception).message(); })
                   .then([this, id](std::string&& why) { take_down(id, std::move(why)); }));
    entries_.at(id).connection = kj::mv(connection);
    if (!sweeping_) sweep();
    return id;
  }

  void close(Id id, const std::string& why) override {
    // Time for the answer of the call that led here to leave.
    close_after(id, why, 10 * kj::MILLISECONDS);
  }

  bool drop_if_clogged(Id id) override {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.closing) return true;
    if (found->second.connection.get() == nullptr) return false;
    auto& network = found->second.connection->network;
    const std::size_t bytes = network.getCurrentQueueSize();
    const std::size_t count = network.getCurrentQueueCount();
    const bool is_allowed_more = timer_.now() < found->second.allowed_until;
    const std::size_t most = limits_.max_queued_bytes + (is_allowed_more ? found->second.allowed : 0);
    if (bytes <= most && count <= limits_.max_queued_messages) return false;
    close_after(id,
                fmt::format("{} messages of {} bytes lie unread, the limits are {} and {}", count, bytes,
                            limits_.max_queued_messages, most),
                0 * kj::MILLISECONDS);
    return true;
  }

  void allow_unread(Id id, std::size_t bytes, model::Duration duration) override {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    found->second.allowed = bytes;
    found->second.allowed_until = timer_.now() + to_kj(duration);
  }

  std::size_t unread_bytes(Id id) override {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.connection.get() == nullptr) return 0;
    return found->second.connection->network.getCurrentQueueSize();
  }

  std::size_t size() const override { return entries_.size(); }

 private:
  struct Entry {
    kj::Own<Connection> connection;
    Closed closed;
    bool closing = false;
    std::size_t allowed = 0;  // bytes beyond the limit
    kj::TimePoint allowed_until = kj::origin<kj::TimePoint>();
  };

  void close_after(Id id, const std::string& why, kj::Duration delay) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.closing) return;
    found->second.closing = true;
    tasks_.add(timer_.afterDelay(delay).then([this, id, why]() { take_down(id, why); }));
  }

  /// Soon, and in parts: to free what thousands of peers leave behind when they end at once takes seconds.
  void take_down(Id id, std::string why) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    found->second.closing = true;
    ending_.emplace_back(id, std::move(why));
    if (std::exchange(taking_down_, true)) return;
    tasks_.add(kj::evalLater([this]() { take_down_some(); }));
  }

  void take_down_some() {
    for (std::size_t count = 0; count < kTakenDownAtOnce && !ending_.empty(); ++count) {
      const auto next = std::move(ending_.front());
      ending_.pop_front();
      KJ_IF_MAYBE (exception, kj::runCatchingExceptions([&]() { finish(next.first, next.second); })) {
        taskFailed(kj::mv(*exception));
      }
    }
    taking_down_ = !ending_.empty();
    if (!taking_down_) return;
    tasks_.add(
        lag_.round().exclusiveJoin(timer_.afterDelay(kTakeDownAtLeastEvery)).then([this]() { take_down_some(); }));
  }

  void finish(Id id, const std::string& why) {
    auto node = entries_.extract(id);
    if (node.empty()) return;
    Entry entry = kj::mv(node.mapped());
    entry.connection = nullptr;
    entry.closed(why);
  }

  /// A peer that stopped calling does not ask drop_if_clogged any more.
  void sweep() {
    sweeping_ = true;
    tasks_.add(timer_.afterDelay(1 * kj::SECONDS).then([this]() {
      std::vector<Id> ids;
      ids.reserve(entries_.size());
      for (const auto& [id, entry] : entries_)
        ids.push_back(id);
      for (const Id id : ids)
        drop_if_clogged(id);
      sweeping_ = false;
      if (!entries_.empty()) sweep();
    }));
  }

  void taskFailed(kj::Exception&& exception) override {
    log::error("rpc-task-failed", "{}", exception.getDescription().cStr());
  }

  kj::Timer& timer_;
  const RpcLimits limits_;
  const clock::TermPtr term_;
  Id last_id_ = 0;
  bool sweeping_ = false;
  std::unordered_map<Id, Entry> entries_;
  std::deque<std::pair<Id, std::string>> ending_;  // an id may be there twice
  bool taking_down_ = false;
  LoopLag lag_;
  kj::TaskSet tasks_;
};

class RpcClientImpl final : public RpcClient {
 public:
  RpcClientImpl(kj::Own<kj::AsyncIoStream> stream, const RpcLimits& limits)
      : stream_(kj::mv(stream)),
        network_(*stream_, capnp::rpc::twoparty::Side::CLIENT, options_of(limits)),
        rpc_(capnp::makeRpcClient(network_)) {}

  capnp::Capability::Client bootstrap() override {
    capnp::MallocMessageBuilder message(8);
    auto vat = message.initRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    return rpc_.bootstrap(vat);
  }
  kj::Promise<void> on_disconnect() override { return network_.onDisconnect(); }
  std::size_t queued_bytes() override { return network_.getCurrentQueueSize(); }

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
};

}  // namespace

kj::Exception to_exception(const model::Error& error) {
  const std::string text = fmt::format("{}: {}", model::name_of(error.code()), error.message());
  return {type_of(error.code()), __FILE__, __LINE__, kj::heapString(text.c_str(), text.size())};
}

model::Error error_from(const kj::Exception& exception) {
  std::string_view text(exception.getDescription().cStr(), exception.getDescription().size());
  constexpr std::string_view kRemote = "remote exception: ";
  while (text.starts_with(kRemote))
    text.remove_prefix(kRemote.size());
  for (const ErrorCode code : kCodes) {
    const std::string_view name = model::name_of(code);
    if (text.size() > name.size() + 2 && text.starts_with(name) && text.substr(name.size(), 2) == ": ") {
      return {code, std::string(text.substr(name.size() + 2))};
    }
  }
  switch (exception.getType()) {
    case kj::Exception::Type::OVERLOADED:
      return {ErrorCode::kOverloaded, std::string(text)};
    case kj::Exception::Type::DISCONNECTED:
      return {ErrorCode::kUnavailable, std::string(text)};
    case kj::Exception::Type::UNIMPLEMENTED:
      return {ErrorCode::kUnsupported, std::string(text)};
    case kj::Exception::Type::FAILED:
      break;
  }
  // Of a peer that names no code nothing is known, least of all that the same call would fail again.
  return {ErrorCode::kInternal, std::string(text)};
}

kj::Own<RpcConnections> RpcConnections::create(KjContext& context, const RpcLimits& limits, clock::TermPtr term) {
  return kj::heap<RpcConnectionsImpl>(context, limits, std::move(term));
}

kj::Own<RpcClient> RpcClient::create(kj::Own<kj::AsyncIoStream> stream, const RpcLimits& limits) {
  return kj::heap<RpcClientImpl>(kj::mv(stream), limits);
}

}  // namespace tideline::link
