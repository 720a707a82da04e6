// Of NodeLoop: the memory part of a fast round.
#include <functional>

#include "node-actor/actor/node_loop.h"

namespace tideline::node {

model::Result<void> NodeLoop::relieve(model::MonoTime now) {
  const auto held = [&](const std::string& group) { return decide::covering(holds_, group, now) != nullptr; };
  for (auto& [write, why] : slow_writes_.step(now, held)) {
    note_trouble(why);
    // Relief tries again in the next round, ten times a second.
    if (write.controller == model::Controller::kMemoryRelief) continue;
    note(write.controller, model::Reason::kReclaimFailed, write.group + "/" + write.file, "",
         "not " + write.value + ": " + why.message());
  }
  const std::function<std::vector<model::PodUid>()> leaving = [this] { return cpu_side_->leaving(); };
  auto done = memory_side_->fast_round(
      {.now = now, .pods = pods_, .policy = policy_, .holds = holds_, .leaving = leaving, .recorder = recorder_});
  for (const auto& error : memory_side_->take_troubles())
    note_trouble(error);
  return done;
}

}  // namespace tideline::node
