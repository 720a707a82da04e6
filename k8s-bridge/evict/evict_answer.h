#pragma once
// What the API server says to an eviction. Plain functions; what it says is anyone's, bounded and checked.

#include <optional>
#include <string>
#include <string_view>

#include "k8s-bridge/evict/evictor.h"
#include "messages/model/units.h"

namespace tideline::evict {

/// By its status, and where that says too little by the message and the causes of its metav1.Status: a 429 may be a
/// disruption budget's or mean that the server is busy, a 409 the precondition's, a 404 the pod's. `why` is short and
/// on one line.
EvictAnswer evict_answer(unsigned status, std::string_view body, std::optional<model::Duration> retry_after);
/// There was none: kNone.
EvictAnswer no_evict_answer(std::string_view why);
/// 400 or 404 because the server does not know the version that the eviction was written in: that has to be discovered
/// again.
bool is_unknown_version(unsigned status, std::string_view body);

}  // namespace tideline::evict
