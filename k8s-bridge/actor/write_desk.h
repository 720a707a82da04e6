#pragma once
// Publishes what the ledger offers: sends the writes that are due and sees to their answers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "coordinator/actor/bridge.h"
#include "coordinator/actor/messages.h"
#include "k8s-bridge/api/client.h"
#include "k8s-bridge/publish/publisher.h"
#include "k8s-bridge/translate/batch_names.h"
#include "k8s-bridge/translate/event.h"
#include "messages/log/log.h"

namespace tideline::bridge {

class WriteDesk {
 public:
  /// Requests that are not answered, of the client's budget.
  static constexpr std::size_t kMostInFlight = 32;
  /// Of those, of writes that are no falls or withdrawals.
  static constexpr std::size_t kMostOthersInFlight = 24;

  struct Out {
    /// The answer goes to answered().
    std::function<void(const model::NodeName& node, k8s_api::Request request)> send;
    std::function<void(k8s::EventNote note)> event;
  };
  explicit WriteDesk(Out out, publish::PublishOptions options = {});

  void offer(const coordinator::ComputedAccount& computed, model::MonoTime now);
  void observed(const k8s::NodeObject& node, model::MonoTime now);
  /// Of batch by its names, where older ones are published.
  void requested(const model::NodeName& node, const k8s::BatchRequests& requests, model::MonoTime now);
  void gone(const model::NodeName& node);

  /// Sends what is due.
  void run(model::MonoTime now);
  void answered(const model::NodeName& node, const model::Result<k8s_api::Answer>& answer, model::MonoTime now);

  void show(coordinator::BridgeNumbers& numbers, model::MonoTime now) const;

 private:
  static constexpr std::size_t kReasons = 5;

  Out out_;
  publish::Publisher publisher_;
  std::map<model::NodeName, publish::WriteReason> in_flight_;
  std::map<model::NodeName, unsigned> failures_;  // one after the other, of nodes that have any
  bool touched_ = false;                          // something may be due that next_due() did not know of
  std::optional<model::MonoTime> again_;
  std::array<std::uint64_t, kReasons> written_{};
  std::uint64_t failed_ = 0;
  bool told_forbidden_ = false;
  log::RateLimit told_failed_{10'000'000'000};
};

}  // namespace tideline::bridge
