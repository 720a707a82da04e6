#pragma once
// A reply that is given, whatever becomes of the question.

#include <utility>

#include "k8s-bridge/api/client.h"
#include "messages/link/reply.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// Dropped without an answer, it says that the client was stopped.
class OpenReply {
 public:
  explicit OpenReply(link::Reply<Answer> reply) : reply_(std::move(reply)) {}
  ~OpenReply() { give(model::Error(model::ErrorCode::kUnavailable, "the client of the API server is stopped")); }
  OpenReply(const OpenReply&) = delete;
  OpenReply& operator=(const OpenReply&) = delete;

  /// The first time counts.
  void give(model::Result<Answer> answer) {
    if (const auto reply = std::exchange(reply_, nullptr)) reply(std::move(answer));
  }

 private:
  link::Reply<Answer> reply_;
};

}  // namespace tideline::k8s_api
