#pragma once
// What the bridge's actor is told by its own timers and by the client's thread. What its neighbours tell it is in
// coordinator/actor/messages.h.

#include <memory>
#include <string>

#include <caf/all.hpp>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/translate/event.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::bridge {

// -- timers
struct FeedTick {};
struct BridgeTick {};
struct PushRest {};

// -- client's thread -> bridge
struct WriteAnswered {
  model::NodeName node;
  model::Result<k8s_api::Answer> answer;
};
struct MetricAnswered {
  model::NodeName node;
  model::Result<k8s_api::Answer> answer;
};
struct EventToWrite {
  std::shared_ptr<const k8s::EventNote> note;
  unsigned attempt = 0;  // so many were made
};
struct EventAnswered {
  EventToWrite event;
  model::Result<k8s_api::Answer> answer;
};
struct EvictAnswered {
  model::NodeName node;
  std::string id;
  model::Result<k8s_api::Answer> answer;
};
/// To the question which version evictions are written in.
struct EvictionsDiscovered {
  model::Result<k8s_api::Answer> answer;
};

}  // namespace tideline::bridge

// These messages never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::FeedTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::BridgeTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::PushRest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::WriteAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::MetricAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::EventToWrite)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::EventAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::EvictAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::EvictionsDiscovered)
