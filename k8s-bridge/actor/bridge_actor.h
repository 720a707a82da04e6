#pragma once
// Ties the coordinator to Kubernetes: its objects to nodes and policy, the ledger's accounts to Nodes, trouble to
// events.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/actor/bridge.h"
#include "coordinator/actor/messages.h"
#include "k8s-bridge/actor/api_port.h"
#include "k8s-bridge/actor/config_desk.h"
#include "k8s-bridge/actor/event_desk.h"
#include "k8s-bridge/actor/evict_desk.h"
#include "k8s-bridge/actor/feed.h"
#include "k8s-bridge/actor/messages.h"
#include "k8s-bridge/actor/metric_desk.h"
#include "k8s-bridge/actor/push_book.h"
#include "k8s-bridge/actor/told_once.h"
#include "k8s-bridge/actor/write_desk.h"
#include "k8s-bridge/translate/batch_names.h"
#include "k8s-bridge/translate/mirror.h"
#include "messages/model/node_objects.h"

namespace tideline::bridge {

using Sets = std::vector<std::pair<link::SessionId, std::shared_ptr<const model::NodeObjects>>>;

struct BridgeParts {
  ApiPortPtr api;
  std::shared_ptr<Feed> feed;
  std::vector<ConfigMapName> config_maps;  // as the feed has them
  k8s::OlderNames older_names = {};        // of batch's, that are published as well
  std::function<void(Sets)> push;          // to the nodes' sessions
  std::shared_ptr<coordinator::BridgeBoard> board;
  k8s::MirrorLimits mirror_limits = {};
  std::optional<measure::MetricOptions> node_metrics = {};  // nullopt: none are written
};

/// After a list it is at work for long: spawn it detached.
class BridgeActor : public caf::event_based_actor {
 public:
  BridgeActor(caf::actor_config& config, model::Epoch epoch, BridgeParts parts);
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  void begin(const coordinator::BridgeBegins& begins);

  // Of what the API server tells.
  void take();
  void apply(ListBegan began);
  void apply(ListEnded ended);
  void apply(k8s::NodeObject node);
  void apply(k8s::PodObject pod);
  void apply(ConfigMapCame came);
  void apply(const ObjectGone& gone);
  void apply(const WatchState& state);
  void apply(const ObjectUnreadable& unreadable);
  void node_gone(const model::NodeName& node);
  /// What others wrote and cannot be used, each text once.
  void tell(const std::string& problem);
  void tell_left_out();

  void push_sets();
  void answered(const coordinator::ObjectsAnswered& answer);
  void show();

  WriteDesk::Out write_out();
  ConfigDesk::Out config_out();
  EventDesk::Out event_out();
  EvictDesk::Out evict_out();
  MetricDesk::Out metric_out();

  model::Epoch epoch_;
  BridgeParts parts_;
  caf::actor policy_;
  caf::actor fleet_;
  k8s::Mirror mirror_;
  std::set<model::NodeName> nodes_;  // that the mirror has
  PushBook pushes_;
  EventDesk events_;
  WriteDesk writes_;
  ConfigDesk configs_;
  EvictDesk evictions_;
  std::optional<MetricDesk> metrics_;
  std::vector<coordinator::BridgeNumbers::Watch> watches_;  // by ResourceIndex
  model::MonoTime shown_;
  ToldOnce told_{1024};
};

}  // namespace tideline::bridge
