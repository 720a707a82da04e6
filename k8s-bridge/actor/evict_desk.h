#pragma once
// Evicts through the API server: posts what nodes want and may, and tells what became of it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/actor/bridge.h"
#include "coordinator/actor/messages.h"
#include "k8s-bridge/api/client.h"
#include "k8s-bridge/evict/evictor.h"
#include "k8s-bridge/translate/event.h"
#include "k8s-bridge/translate/mirror.h"

namespace tideline::bridge {

class EvictDesk {
 public:
  struct Out {
    /// The answer goes to answered().
    std::function<void(const model::NodeName& node, const std::string& id, k8s_api::Request request)> send;
    /// The answer goes to discovered().
    std::function<void(k8s_api::Request request)> discover;
    std::function<void(const model::NodeName& node, model::EvictionVerdict verdict)> changed;
    std::function<void(k8s::EventNote note)> event;
  };
  explicit EvictDesk(Out out, evict::EvictOptions options = {});

  void wanted(const coordinator::EvictThroughApi& order, const k8s::Mirror& pods, model::MonoTime now);
  void withdrawn(const coordinator::EvictNoMore& order, model::MonoTime now);
  /// Posts what is due. The version that evictions are written in is asked for before the first, and again when the
  /// server does not know it any more.
  void run(const k8s::Mirror& pods, model::MonoTime now);
  void answered(const model::NodeName& node, const std::string& id, const model::Result<k8s_api::Answer>& answer,
                model::MonoTime now);
  void discovered(const model::Result<k8s_api::Answer>& answer, model::MonoTime now);

  void show(coordinator::BridgeNumbers& numbers) const;

 private:
  enum class Outcome : std::uint8_t { kEvicted, kGone, kBudget, kRefused, kFailed, kNotEvictable };
  static constexpr std::size_t kOutcomes = 6;
  static std::string_view name_of(Outcome outcome);

  void send(const evict::Evictor::Post& post);
  void take(const model::NodeName& node, const std::string& id, const evict::EvictAnswer& answer, model::MonoTime now);
  void tell();
  void count(Outcome outcome) { ++counts_[static_cast<std::size_t>(outcome)]; }

  Out out_;
  evict::Evictor evictor_;
  std::string version_;  // "" = not known
  bool discovers_ = false;
  std::vector<evict::Evictor::Post> held_;  // until the version is known
  std::array<std::uint64_t, kOutcomes> counts_{};
  bool told_forbidden_ = false;
};

}  // namespace tideline::bridge
