#include "node-actor/actor/tick_actor.h"

#include <thread>

#include "messages/clock/clock.h"

namespace tideline::node {
namespace {

/// As long as this the thread, which is this actor's own, sleeps by itself: the actor clock's would be woken for each
/// tick, too, a tenth of what the agent costs. Other messages wait meanwhile, and only a tick acts on them anyway.
constexpr model::Duration kSleepAtMost = std::chrono::milliseconds(100);

}  // namespace

TickActor::TickActor(caf::actor_config& config, NodeLoop& loop, guard::Lease& lease, TickOptions options,
                     caf::actor link, std::function<void(model::Error)> fatal)
    : caf::event_based_actor(config),
      loop_(loop),
      lease_(lease),
      options_(options),
      link_(std::move(link)),
      fatal_(std::move(fatal)),
      pods_(loop.awaits_pods() ? nullptr : std::make_shared<const std::vector<model::Pod>>(loop.pods())) {}

caf::behavior TickActor::make_behavior() {
  next_tick_ = next_pod_round_ = clock::mono_now();
  // The first round writes already: one that hangs in it is to be missed after a lease, not after the patience for a
  // start.
  lease_.beat(next_tick_);
  send(this, Tick{});
  return {
      [this](const Tick&) { run_rounds(); },
      [this](const PodsChanged& changed) {
        pods_ = changed.pods;
        loop_.set_pods(*changed.pods);
      },
      [this](const ObjectsWanted& wanted) {
        const bool changed = loop_.set_objects(*wanted.objects);
        pods_ = std::shared_ptr<const std::vector<model::Pod>>(wanted.objects, &wanted.objects->pods);
        send(link_, ObjectsInForce{wanted.objects->number, changed});
      },
      [this](const PolicyWanted& wanted) {
        loop_.set_policy(wanted.policy);
        // The next tick acts on it; it is at most one fast interval away.
        send(link_, PolicyInForce{wanted.policy.version});
      },
      [this](const EvictionVerdicts& verdicts) { loop_.evictions_answered(verdicts.answer); },
      [this](const BatchKnown& batch) { loop_.set_batch_allocatable(batch.cpu, batch.memory, batch.as_of); },
      [this](const HandsOffWanted& wanted) {
        const auto obeyed = loop_.set_hands_off(wanted.holds);
        if (!obeyed && obeyed.error().code() == model::ErrorCode::kFenced) {
          fatal_(obeyed.error());
          quit();
          return;
        }
        send(link_, HandsOffInForce{wanted.number, obeyed ? std::string() : obeyed.error().message()});
      },
  };
}

void TickActor::on_exit() {
  if (auto left = loop_.take_events(); !left.empty()) caf::anon_send(link_, EventsLeft{std::move(left)});
  link_ = nullptr;
}

void TickActor::run_rounds() {
  // A message for each tick costs more than the rest of what a quiet fast round does. Whoever sends one, also to end
  // this actor, finds it answered where it was before: after the sleep, and ahead of the next round.
  while (tick()) {
    const auto pause = next_tick_ - clock::mono_now();
    if (pause > kSleepAtMost) {
      delayed_send(this, pause, Tick{});
      return;
    }
    std::this_thread::sleep_for(pause);
    if (!mailbox().empty()) {
      send(this, Tick{});
      return;
    }
  }
}

bool TickActor::tick() {
  if (const auto round = loop_.fast_round(); !round) {
    fatal_(round.error());
    quit();
    return false;
  }
  const auto now = clock::mono_now();
  if (now >= next_pod_round_) {
    SampleReady ready{loop_.pod_round(), pods_, loop_.status(), loop_.take_events()};
    send(link_, std::move(ready));
    if (auto requests = loop_.take_eviction_requests(); !requests.empty()) {
      send(link_, EvictionsWanted{loop_.evicts_through_api(), std::move(requests)});
    }
    next_pod_round_ = std::max(next_pod_round_ + options_.pod_interval, now);
  }
  lease_.beat(clock::mono_now());
  // Missed ticks are not made up for: the newest reading is all that counts.
  const auto pause = loop_.wants_round_soon() ? options_.fast_interval / 2 : options_.fast_interval;
  next_tick_ = std::max(next_tick_ + pause, now);
  return true;
}

}  // namespace tideline::node
