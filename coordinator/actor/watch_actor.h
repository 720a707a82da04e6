#pragma once
// Notices that an actor of the coordinator ended by itself, which none may: what it owned is not done any more.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>

namespace tideline::coordinator {

class WatchActor : public caf::event_based_actor {
 public:
  /// Called on an actor's thread, once for each actor that ended otherwise than by an exit message of a stop.
  using Ended = std::function<void(const std::string& actor, const std::string& why)>;
  WatchActor(caf::actor_config& config, std::vector<std::pair<std::string, caf::actor>> watched, Ended ended);
  caf::behavior make_behavior() override;

 private:
  std::map<caf::actor_addr, std::string> names_;
  Ended ended_;
};

}  // namespace tideline::coordinator
