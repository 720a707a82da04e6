#pragma once
// What the API server's answer to a write of a Node's status means. A plain function.

#include <chrono>
#include <string>

#include "k8s-bridge/api/client.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::bridge {

struct WriteOutcome {
  enum class Kind {
    kWritten,
    kGone,       // there is no such Node
    kFailed,     // tried again after `retry_in`
    kForbidden,  // likewise; the role lacks the verb
  };
  Kind kind = Kind::kFailed;
  std::string resource_version = {};  // of the Node as it was written; "" = not told
  model::Duration retry_in{0};
  std::string why = {};  // "" = kWritten

  static constexpr model::Duration kFirstRetry = std::chrono::seconds(1);
  /// Short: what is above the offer must not wait for long once the API server is back, or lets us again.
  static constexpr model::Duration kLongestRetry = std::chrono::seconds(5);
  /// Of a write that the API server will not take as it is.
  static constexpr model::Duration kRefusedRetry = std::chrono::minutes(1);
  friend bool operator==(const WriteOutcome&, const WriteOutcome&) = default;
};

/// `failures`: how many writes of this Node failed before it, one after the other. Retry-After counts where it is
/// longer, up to kRefusedRetry.
WriteOutcome outcome_of(const model::Result<k8s_api::Answer>& answer, unsigned failures);

}  // namespace tideline::bridge
