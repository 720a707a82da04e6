#pragma once
// What is served before there is a coordinator to ask, and which of several this one is.

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/web/backend.h"

namespace tideline::web {

struct Election {
  bool leads = false;
  std::int64_t transitions = 0;  // of the Lease
};
/// The families tideline_leader and tideline_lease_transitions.
std::string election_text(const Election& election);

/// Thread-safe. Answers by itself until it is given a backend.
class SwitchedBackend final : public WebBackend {
 public:
  /// `why` it is not ready.
  explicit SwitchedBackend(std::string why) : why_(std::move(why)) {}

  void not_ready(std::string why);
  /// Metrics have it from now on.
  void elected(const Election& election);
  /// All is asked of it from now on. It must outlive the web server.
  void show(WebBackend& backend);
  /// Metrics have this behind all else from now on, and behind what was added before. Made as WebBackend::Text is.
  void add(Text text);

  void metrics(link::Reply<Text> reply) override;
  void ready(link::Reply<void> reply) override;

 private:
  mutable std::mutex mutex_;
  std::string why_;
  std::string election_;  // "" = there is none
  WebBackend* shown_ = nullptr;
  std::vector<Text> added_;
};

}  // namespace tideline::web
