#pragma once
// What the web server asks of the coordinator.

#include <functional>
#include <string>

#include "messages/link/reply.h"

namespace tideline::web {

/// Called on the web server's thread: must return at once and must not throw.
class WebBackend {
 public:
  virtual ~WebBackend() = default;
  /// The text of /metrics; called once, on the web server's thread.
  using Text = std::function<std::string()>;
  virtual void metrics(link::Reply<Text> reply) = 0;
  /// An error says why the coordinator cannot do its work now.
  virtual void ready(link::Reply<void> reply) = 0;
};

}  // namespace tideline::web
