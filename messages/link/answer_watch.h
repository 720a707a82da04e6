#pragma once
// Answers that a peer has asked for and not released. For this room's sources only.

#include <cstddef>
#include <memory>

#include <capnp/rpc-twoparty.h>
#include <kj/async.h>
#include <kj/function.h>

namespace tideline::link {

/// The network of one connection, whose incoming messages are looked at on their way. Of each answer the RPC system
/// keeps something until the peer says that it is done with it ("Finish"), and has no bound of its own for that: a peer
/// that reads all it gets and never says so would make it grow.
class AnswerWatch final : public capnp::TwoPartyVatNetworkBase {
 public:
  /// `too_many` is called once: when there are more than `most`, with how many. From within the RPC system, which it
  /// must not take down on the spot. `inner` must outlive it.
  AnswerWatch(capnp::TwoPartyVatNetworkBase& inner, std::size_t most, kj::Function<void(std::size_t)> too_many);
  ~AnswerWatch() noexcept(false);

  kj::Maybe<kj::Own<Connection>> connect(capnp::rpc::twoparty::VatId::Reader host) override;
  kj::Promise<kj::Own<Connection>> accept() override;

 private:
  struct Held;
  class Watched;
  capnp::TwoPartyVatNetworkBase& inner_;
  const std::shared_ptr<Held> held_;
};

}  // namespace tideline::link
