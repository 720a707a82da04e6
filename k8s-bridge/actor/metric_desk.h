#pragma once
// Writes NodeMetric objects: asks the fleet's actor what nodes use, sends what is due and sees to the answers.

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "coordinator/actor/bridge.h"
#include "coordinator/actor/messages.h"
#include "k8s-bridge/actor/told_once.h"
#include "k8s-bridge/api/client.h"
#include "k8s-bridge/measure/metric_book.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/log/log.h"

namespace tideline::bridge {

class MetricDesk {
 public:
  /// Of one question to the fleet's actor.
  static constexpr std::size_t kMostAsked = 50;
  /// Where the resource is not installed, and where the role lacks a verb: one more request then.
  static constexpr model::Duration kMissingHold = std::chrono::minutes(3);
  static constexpr model::Duration kForbiddenHold = std::chrono::minutes(1);
  /// Where the API server does not answer or is busy; Retry-After counts where it is longer, up to kForbiddenHold.
  static constexpr model::Duration kBusyHold = std::chrono::seconds(5);

  struct Out {
    /// The answer goes to measured().
    std::function<void(std::vector<model::NodeName> nodes)> ask;
    /// The answer goes to answered().
    std::function<void(const model::NodeName& node, k8s_api::Request request)> send;
  };
  MetricDesk(Out out, measure::MetricOptions options) : out_(std::move(out)), book_(options) {}

  void node(const k8s::ObjectKey& key, model::MonoTime now);
  void gone(const model::NodeName& node) { book_.gone(node); }
  /// Asks and sends what is due.
  void run(model::MonoTime now);
  void measured(const coordinator::NodesMeasured& measured, model::MonoTime now);
  void answered(const model::NodeName& node, const model::Result<k8s_api::Answer>& answer, model::MonoTime now);

  void show(coordinator::BridgeNumbers& numbers) const;

 private:
  void send_due(model::MonoTime now);
  k8s_api::Request request_for(const measure::MetricBook::Flight& flight);
  void note_trouble(const measure::MetricBook::Flight& flight, const model::Result<k8s_api::Answer>& answer,
                    model::MonoTime now);

  Out out_;
  measure::MetricBook book_;
  bool has_asked_ = false;
  std::uint64_t written_ = 0;
  std::uint64_t failed_ = 0;
  bool told_written_ = false;
  bool told_missing_ = false;
  bool told_forbidden_ = false;
  ToldOnce told_cut_{1024};
  log::RateLimit told_failed_{10'000'000'000};
};

}  // namespace tideline::bridge
