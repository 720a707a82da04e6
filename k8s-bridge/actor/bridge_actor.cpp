#include "k8s-bridge/actor/bridge_actor.h"

#include <chrono>
#include <variant>

#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::bridge {
namespace {

/// What comes within it is taken together.
constexpr auto kGather = std::chrono::milliseconds(10);
/// Falls and changed pods wait for so long at most.
constexpr auto kTick = std::chrono::milliseconds(200);
constexpr auto kShowEvery = std::chrono::seconds(1);
constexpr auto kEventAgain = std::chrono::seconds(5);
/// Others have their turn in between.
constexpr std::size_t kPushSlice = 200;

publish::PublishOptions publish_options(const BridgeParts& parts) {
  publish::PublishOptions options;
  options.older_names = parts.older_names;
  return options;
}

}  // namespace

BridgeActor::BridgeActor(caf::actor_config& config, model::Epoch epoch, BridgeParts parts)
    : caf::event_based_actor(config),
      epoch_(epoch),
      parts_(std::move(parts)),
      mirror_(parts_.mirror_limits),
      events_(event_out()),
      writes_(write_out(), publish_options(parts_)),
      configs_(parts_.config_maps, config_out()),
      evictions_(evict_out()) {
  if (parts_.node_metrics) metrics_.emplace(metric_out(), *parts_.node_metrics);
  const auto now = clock::mono_now();
  for (const auto& name : parts_.feed->resources())
    watches_.push_back({name, false, now});
}

caf::behavior BridgeActor::make_behavior() {
  return {
      [this](const coordinator::BridgeBegins& begins) { begin(begins); },
      [this](const coordinator::Enrolled& enrolled) {
        pushes_.opened(enrolled.session.hello.node, enrolled.session.id);
      },
      [this](const coordinator::Closed& closed) { pushes_.closed(closed.node, closed.session); },
      [this](const coordinator::ObjectsAnswered& answer) { answered(answer); },
      [this](const coordinator::AccountsComputed& computed) {
        const auto now = clock::mono_now();
        for (const auto& account : *computed.accounts)
          writes_.offer(account, now);
      },
      [this](const coordinator::PolicyJudged& verdict) { configs_.judged(verdict); },
      [this](const coordinator::EvictThroughApi& order) {
        const auto now = clock::mono_now();
        evictions_.wanted(order, mirror_, now);
        evictions_.run(mirror_, now);
      },
      [this](const coordinator::EvictNoMore& order) { evictions_.withdrawn(order, clock::mono_now()); },
      [this](const FeedTick&) { take(); },
      [this](const BridgeTick&) {
        push_sets();
        writes_.run(clock::mono_now());
        evictions_.run(mirror_, clock::mono_now());
        configs_.look(clock::mono_now());
        if (metrics_) metrics_->run(clock::mono_now());
        show();
        delayed_send(this, kTick, BridgeTick{});
      },
      [this](const PushRest&) { push_sets(); },
      [this](const WriteAnswered& written) {
        const auto now = clock::mono_now();
        writes_.answered(written.node, written.answer, now);
        writes_.run(now);
      },
      [this](const EvictAnswered& answered) {
        const auto now = clock::mono_now();
        evictions_.answered(answered.node, answered.id, answered.answer, now);
        evictions_.run(mirror_, now);
      },
      [this](const EvictionsDiscovered& discovered) { evictions_.discovered(discovered.answer, clock::mono_now()); },
      [this](const coordinator::NodesMeasured& measured) {
        if (metrics_) metrics_->measured(measured, clock::mono_now());
      },
      [this](const MetricAnswered& written) {
        if (metrics_) metrics_->answered(written.node, written.answer, clock::mono_now());
      },
      [this](const EventToWrite& event) { events_.again(event, clock::wall_now()); },
      [this](const EventAnswered& answered) { events_.answered(answered.event, answered.answer, clock::mono_now()); },
  };
}

void BridgeActor::on_exit() {
  parts_.feed->end();
  policy_ = nullptr;
  fleet_ = nullptr;
}

void BridgeActor::begin(const coordinator::BridgeBegins& begins) {
  policy_ = begins.policy;
  fleet_ = begins.fleet;
  parts_.feed->begin(*parts_.api,
                     [self = caf::actor_cast<caf::actor>(this)] { caf::delayed_anon_send(self, kGather, FeedTick{}); });
  show();
  delayed_send(this, kTick, BridgeTick{});
}

void BridgeActor::take() {
  for (auto& change : parts_.feed->take())
    std::visit([this](auto& one) { apply(std::move(one)); }, change);
  configs_.look(clock::mono_now());
}

void BridgeActor::apply(ListBegan began) {
  if (began.resource == kNodes) {
    mirror_.begin_nodes();
  } else if (began.resource == kPods) {
    mirror_.begin_pods();
  } else {
    configs_.maps().begin(began.resource - kFirstConfigMap);
  }
}

void BridgeActor::apply(ListEnded ended) {
  if (ended.resource == kPods) {
    mirror_.end_pods();
  } else if (ended.resource == kNodes) {
    mirror_.end_nodes();
    for (auto it = nodes_.begin(); it != nodes_.end();) {
      const auto node = it++;
      if (mirror_.node(*node) == nullptr) node_gone(model::NodeName(*node));
    }
  } else {
    configs_.maps().listed(ended.resource - kFirstConfigMap);
  }
}

void BridgeActor::apply(k8s::NodeObject node) {
  const model::NodeName name(node.key.name);
  if (!mirror_.take(std::move(node))) {
    tell_left_out();
    node_gone(name);
    return;
  }
  const auto& taken = *mirror_.node(name);
  nodes_.insert(name);
  writes_.observed(taken, clock::mono_now());
  if (metrics_) metrics_->node(taken.key, clock::mono_now());
}

void BridgeActor::apply(k8s::PodObject pod) {
  if (!mirror_.take(std::move(pod))) tell_left_out();
}

void BridgeActor::apply(ConfigMapCame came) {
  configs_.maps().take(came.resource - kFirstConfigMap, std::move(came.object));
}

void BridgeActor::apply(const ObjectGone& gone) {
  if (gone.resource == kNodes) {
    mirror_.node_gone(gone.name, gone.uid);
    // Another one of that name may be there already.
    if (const model::NodeName name(gone.name); mirror_.node(name) == nullptr) node_gone(name);
  } else if (gone.resource == kPods) {
    mirror_.pod_gone(gone.uid);
  } else {
    configs_.maps().gone(gone.resource - kFirstConfigMap);
  }
}

void BridgeActor::apply(const WatchState& state) {
  auto& watch = watches_.at(state.resource);
  const bool is_up = state.problem.empty();
  if (watch.is_up != is_up) watch.since = clock::mono_now();
  watch.is_up = is_up;
}

void BridgeActor::apply(const ObjectUnreadable& unreadable) {
  tell(unreadable.why);
  if (unreadable.resource >= kFirstConfigMap) {
    configs_.unreadable(unreadable.resource - kFirstConfigMap, unreadable.why);
  }
}

void BridgeActor::node_gone(const model::NodeName& node) {
  nodes_.erase(node);
  pushes_.gone(node);
  writes_.gone(node);
  if (metrics_) metrics_->gone(node);
}

void BridgeActor::tell(const std::string& problem) {
  if (told_.admit(problem)) log::warn("kubernetes-object", "{}", problem);
}

void BridgeActor::tell_left_out() {
  tell(
      "there are more Nodes or pods than are kept here: some are left out, and count as not there; "
      "tideline_kubernetes_left_out_total counts them");
}

void BridgeActor::push_sets() {
  for (const auto& node : mirror_.changed()) {
    pushes_.changed(node);
    writes_.requested(node, mirror_.batch_requests(node), clock::mono_now());
    for (const auto& problem : mirror_.problems(node))
      tell(fmt::format("node {}: {}", node.str(), problem));
  }
  const auto due = pushes_.due(clock::mono_now(), kPushSlice);
  if (due.empty()) return;
  Sets sets;
  sets.reserve(due.size());
  for (const auto& push : due) {
    auto objects = std::make_shared<model::NodeObjects>(mirror_.objects(push.node));
    objects->number = push.number;
    objects->epoch = epoch_;
    sets.emplace_back(push.session, std::move(objects));
  }
  parts_.push(std::move(sets));
  if (due.size() == kPushSlice) send(this, PushRest{});
}

void BridgeActor::answered(const coordinator::ObjectsAnswered& answer) {
  const auto problem = pushes_.answered(answer.node, answer.session, answer.number, answer.problem, clock::mono_now());
  if (problem) log::warn("pods-push", "{}: {}", answer.node.str(), *problem);
}

void BridgeActor::show() {
  const auto now = clock::mono_now();
  if (shown_ != model::MonoTime() && now - shown_ < kShowEvery) return;
  shown_ = now;
  coordinator::BridgeNumbers numbers;
  numbers.watches = watches_;
  const auto counts = parts_.api->counts();
  numbers.requests = {{"2xx", counts.answers_2xx},
                      {"4xx", counts.answers_4xx},
                      {"429", counts.answers_429},
                      {"5xx", counts.answers_5xx},
                      {"none", counts.no_answer}};
  numbers.requests_waiting = counts.waiting;
  numbers.lists = counts.lists;
  numbers.relists = counts.relists_410;
  numbers.nodes = mirror_.nodes();
  numbers.pods = mirror_.pods();
  numbers.left_out = mirror_.left_out();
  numbers.sets_pushed = pushes_.pushed();
  numbers.sets_unacked = pushes_.unacked();
  writes_.show(numbers, now);
  evictions_.show(numbers);
  if (metrics_) metrics_->show(numbers);
  parts_.board->put(std::move(numbers));
}

WriteDesk::Out BridgeActor::write_out() {
  WriteDesk::Out out;
  out.send = [this](const model::NodeName& node, k8s_api::Request request) {
    parts_.api->send(std::move(request),
                     [self = caf::actor_cast<caf::actor>(this), node](model::Result<k8s_api::Answer> answer) {
                       caf::anon_send(self, WriteAnswered{node, std::move(answer)});
                     });
  };
  out.event = [this](k8s::EventNote note) { events_.write(std::move(note), clock::mono_now(), clock::wall_now()); };
  return out;
}

ConfigDesk::Out BridgeActor::config_out() {
  ConfigDesk::Out out;
  out.input = [this](model::Result<std::vector<policy::Document>> documents, std::string subject,
                     std::string resource_version) {
    send(policy_, coordinator::PolicyInput{std::move(documents), std::move(subject), std::move(resource_version),
                                           caf::actor_cast<caf::actor>(this)});
  };
  out.event = [this](k8s::EventNote note) { events_.write(std::move(note), clock::mono_now(), clock::wall_now()); };
  return out;
}

MetricDesk::Out BridgeActor::metric_out() {
  MetricDesk::Out out;
  out.ask = [this](std::vector<model::NodeName> nodes) { send(fleet_, coordinator::MeasureNodes{std::move(nodes)}); };
  out.send = [this](const model::NodeName& node, k8s_api::Request request) {
    parts_.api->send(std::move(request),
                     [self = caf::actor_cast<caf::actor>(this), node](model::Result<k8s_api::Answer> answer) {
                       caf::anon_send(self, MetricAnswered{node, std::move(answer)});
                     });
  };
  return out;
}

EventDesk::Out BridgeActor::event_out() {
  EventDesk::Out out;
  out.send = [this](const EventToWrite& event, k8s_api::Request request) {
    parts_.api->send(std::move(request),
                     [self = caf::actor_cast<caf::actor>(this), event](model::Result<k8s_api::Answer> answer) {
                       caf::anon_send(self, EventAnswered{event, std::move(answer)});
                     });
  };
  out.later = [this](const EventToWrite& event) { delayed_send(this, kEventAgain, event); };
  return out;
}

EvictDesk::Out BridgeActor::evict_out() {
  EvictDesk::Out out;
  out.send = [this](const model::NodeName& node, const std::string& id, k8s_api::Request request) {
    parts_.api->send(std::move(request),
                     [self = caf::actor_cast<caf::actor>(this), node, id](model::Result<k8s_api::Answer> answer) {
                       caf::anon_send(self, EvictAnswered{node, id, std::move(answer)});
                     });
  };
  out.discover = [this](k8s_api::Request request) {
    parts_.api->send(std::move(request),
                     [self = caf::actor_cast<caf::actor>(this)](model::Result<k8s_api::Answer> answer) {
                       caf::anon_send(self, EvictionsDiscovered{std::move(answer)});
                     });
  };
  // One that is told before there is anybody to tell is asked for again.
  out.changed = [this](const model::NodeName& node, model::EvictionVerdict verdict) {
    if (fleet_) send(fleet_, coordinator::ApiEvictionChanged{node, std::move(verdict)});
  };
  out.event = [this](k8s::EventNote note) { events_.write(std::move(note), clock::mono_now(), clock::wall_now()); };
  return out;
}

}  // namespace tideline::bridge
