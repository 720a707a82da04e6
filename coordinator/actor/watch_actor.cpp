#include "coordinator/actor/watch_actor.h"

namespace tideline::coordinator {

WatchActor::WatchActor(caf::actor_config& config, std::vector<std::pair<std::string, caf::actor>> watched, Ended ended)
    : caf::event_based_actor(config), ended_(std::move(ended)) {
  for (auto& [name, actor] : watched) {
    monitor(actor);
    names_.emplace(actor.address(), std::move(name));
  }
}

caf::behavior WatchActor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    const auto found = names_.find(down.source);
    if (found == names_.end() || down.reason == caf::exit_reason::user_shutdown) return;
    ended_(found->second, system().render(down.reason));
  });
  // Without a handler for messages it would end at once.
  return {[](caf::unit_t) {}};
}

}  // namespace tideline::coordinator
