#pragma once
// What the worker's actors tell each other.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/all.hpp>

#include "messages/link/session.h"
#include "messages/model/eviction.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "node-actor/actor/event_queue.h"
#include "node-actor/decide/hands_off.h"

namespace tideline::node {

// -- pods -> tick
struct PodsChanged {
  std::shared_ptr<const std::vector<model::Pod>> pods;
};

// -- tick -> link
struct SampleReady {
  model::NodeSample sample;
  std::shared_ptr<const std::vector<model::Pod>> pods;  // null: not known yet, see NodeLoop::awaits_pods
  model::NodeStatus status;
  std::vector<NotedEvent> events;
};
/// What the last rounds noted, when there will be no sample to go with it.
struct EventsLeft {
  std::vector<NotedEvent> events;
};
struct PolicyInForce {
  model::PolicyVersion version;
};

struct HandsOffInForce {
  std::uint64_t number = 0;
  std::string problem;  // "" = obeyed, and what was to be put back is
};

struct ObjectsInForce {
  std::uint64_t number = 0;
  bool changed = false;  // something of the set is another than before
};

struct EvictionsWanted {
  bool through_api = false;  // see model::EvictionAsk
  std::vector<model::EvictionRequest> requests;
};

// -- link's thread -> link
struct EvictionsAnswered {
  model::Result<model::EvictionAnswer> answer;
};
struct BatchArrived {
  model::BatchAllocatable allocatable;
};
struct HandsOffArrived {
  model::HandsOffOrder order;
};
struct ObjectsArrived {
  std::shared_ptr<const model::NodeObjects> objects;
};
struct LinkUp {
  link::Welcome welcome;
};
struct LinkDown {
  std::string why;
  unsigned attempt = 0;
};
struct ReportAcked {
  model::Seq seq;
};
struct ReportRefused {
  model::Seq seq;
  model::Error why;
};
struct PolicyArrived {
  model::NodePolicy policy;
};
struct ReportPace {
  model::Duration interval;
  model::Duration duration;
};

// -- link -> tick
struct PolicyWanted {
  model::NodePolicy policy;
};

struct HandsOffWanted {
  std::uint64_t number = 0;
  std::vector<decide::Hold> holds;
};

struct ObjectsWanted {
  std::shared_ptr<const model::NodeObjects> objects;
};

struct EvictionVerdicts {
  model::EvictionAnswer answer;
};
struct BatchKnown {
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
  model::MonoTime as_of;
};

// -- timers
struct Tick {};
struct PodsTick {};
struct SendAgain {};

}  // namespace tideline::node

// These messages never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::PodsChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::SampleReady)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::EventsLeft)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::PolicyInForce)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::LinkUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::LinkDown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::ReportAcked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::ReportRefused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::PolicyArrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::ReportPace)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::PolicyWanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::Tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::PodsTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::SendAgain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::EvictionsWanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::EvictionsAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::EvictionVerdicts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::BatchArrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::BatchKnown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::HandsOffInForce)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::HandsOffArrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::HandsOffWanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::ObjectsInForce)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::ObjectsArrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::node::ObjectsWanted)
