#pragma once
// Watches the API server, translates on the client's thread, and keeps what came until the actor takes it.

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "k8s-bridge/actor/api_port.h"
#include "k8s-bridge/actor/change.h"
#include "k8s-bridge/actor/config_choice.h"

namespace tideline::bridge {

/// Outlives the client's stop(). Thread-safe.
class Feed {
 public:
  explicit Feed(const std::vector<ConfigMapName>& config_maps);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  /// For logs and counts, by ResourceIndex.
  const std::vector<std::string>& resources() const { return names_; }

  /// Begins to watch. `wake` is called when something came and nothing waited, on the client's thread: whoever is woken
  /// takes all that came by then with take(), so that a list of thousands is a few messages.
  void begin(ApiPort& api, std::function<void()> wake);
  /// In the order in which it came.
  std::vector<Change> take();
  /// wake is not called any more.
  void end();

 private:
  class Sink;
  void put(Change change);

  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::mutex mutex_;
  std::function<void()> wake_;
  std::vector<Change> waiting_;
};

}  // namespace tideline::bridge
