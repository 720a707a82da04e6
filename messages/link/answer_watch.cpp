#include "messages/link/answer_watch.h"

#include <cstdint>
#include <unordered_set>
#include <utility>

#include <capnp/rpc.capnp.h>

namespace tideline::link {

struct AnswerWatch::Held {
  std::size_t most;
  kj::Function<void(std::size_t)> too_many;
  std::unordered_set<std::uint32_t> open = {};
  bool told = false;

  void note(capnp::rpc::Message::Reader message) {
    switch (message.which()) {
      case capnp::rpc::Message::BOOTSTRAP:
        open.insert(message.getBootstrap().getQuestionId());
        break;
      case capnp::rpc::Message::CALL:
        open.insert(message.getCall().getQuestionId());
        break;
      case capnp::rpc::Message::FINISH:
        open.erase(message.getFinish().getQuestionId());
        return;
      default:
        return;
    }
    if (open.size() <= most || std::exchange(told, true)) return;
    too_many(open.size());
  }
};

class AnswerWatch::Watched final : public capnp::TwoPartyVatNetworkBase::Connection {
 public:
  Watched(kj::Own<capnp::TwoPartyVatNetworkBase::Connection> inner, std::shared_ptr<Held> held)
      : inner_(kj::mv(inner)), held_(std::move(held)) {}

  kj::Own<capnp::RpcFlowController> newStream() override { return inner_->newStream(); }
  capnp::rpc::twoparty::VatId::Reader getPeerVatId() override { return inner_->getPeerVatId(); }
  kj::Own<capnp::OutgoingRpcMessage> newOutgoingMessage(unsigned first_segment_words) override {
    return inner_->newOutgoingMessage(first_segment_words);
  }
  kj::Promise<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>> receiveIncomingMessage() override {
    using Incoming = kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>;
    // The RPC system may wait for it longer than it has the connection.
    return inner_->receiveIncomingMessage().then([held = held_](Incoming&& incoming) -> Incoming {
      KJ_IF_MAYBE (message, incoming) {
        held->note((*message)->getBody().getAs<capnp::rpc::Message>());
      }
      return kj::mv(incoming);
    });
  }
  kj::Promise<void> shutdown() override { return inner_->shutdown(); }

 private:
  kj::Own<capnp::TwoPartyVatNetworkBase::Connection> inner_;
  const std::shared_ptr<Held> held_;
};

AnswerWatch::AnswerWatch(capnp::TwoPartyVatNetworkBase& inner, std::size_t most,
                         kj::Function<void(std::size_t)> too_many)
    : inner_(inner), held_(std::make_shared<Held>(Held{most, kj::mv(too_many)})) {}

AnswerWatch::~AnswerWatch() noexcept(false) = default;

kj::Maybe<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>> AnswerWatch::connect(
    capnp::rpc::twoparty::VatId::Reader host) {
  return inner_.connect(host);
}

kj::Promise<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>> AnswerWatch::accept() {
  return inner_.accept().then([held = held_](kj::Own<Connection>&& made) -> kj::Own<Connection> {
    return kj::heap<Watched>(kj::mv(made), held);
  });
}

}  // namespace tideline::link
