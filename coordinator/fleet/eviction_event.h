#pragma once
// What history has of the coordinator's word on an eviction.

#include <string>
#include <utility>

#include <fmt/format.h>

#include "messages/model/action.h"
#include "messages/model/eviction.h"
#include "messages/model/units.h"

namespace tideline::fleet {

inline model::Event eviction_event(const model::EvictionRequest& request, model::Reason reason, std::string why,
                                   model::WallTime at) {
  return {at,
          model::Controller::kCoordinator,
          reason,
          model::pod_subject(request.name_space, request.name, request.uid),
          fmt::format("{}, for {}", model::name_of(request.reason), model::name_of(request.urgency)),
          std::move(why)};
}

/// To a request under an id by which another pod is known.
inline model::EvictionVerdict another_pods(const model::EvictionRequest& request) {
  return {.id = request.id,
          .answer = model::EvictionVerdict::Answer::kRefused,
          .reason = model::Reason::kNotEvictable,
          .why = "refused: this id is another pod's eviction",
          .retry_after = model::kZeroDuration};
}

}  // namespace tideline::fleet
