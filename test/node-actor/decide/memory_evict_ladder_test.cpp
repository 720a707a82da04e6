// Memory eviction under the real relief ladder: ten fast rounds to each pod round, victims that are granted late and
// take their time to end. Whatever relief makes of what leaves already, the loop must neither flap nor evict too much.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/eviction_requests.h"
#include "node-actor/decide/memory_evict.h"
#include "node-actor/decide/memory_relief.h"
#include "test/node-actor/decide/memory_evict_host.h"

namespace tideline::decide::memory_evict_ladder_test {
namespace {

using namespace std::chrono_literals;
using model::Bytes;
using model::Reason;
using testing::IsEmpty;

constexpr std::int64_t kMiB = 1 << 20;

/// 10 GiB; ten batch pods of 2 % each, nothing of which is page cache; the rest is services'.
struct Ladder {
  static constexpr Bytes kCapacity{10'000 * kMiB};
  static constexpr Bytes kPod{200 * kMiB};
  model::MonoTime now{1'000'000'000'000};
  model::NodePolicy policy = test::MemoryHost::use_policy(70);
  Bytes services;
  std::vector<model::Pod> pods;
  std::vector<EvictState::Asked> asked;
  ReliefState relief;
  ReliefDecision seen;
  MemoryEvictState evict;
  EvictionRequests requests;
  Bytes pending;
  std::vector<std::pair<model::PodUid, model::MonoTime>> leaving;
  std::size_t evicted = 0;
  std::vector<RequestsDecision::Dropped> dropped;

  explicit Ladder(int used_percent) : services(kCapacity.percent(used_percent) - Bytes(10 * kPod.value())) {
    for (int i = 0; i < 10; ++i)
      pods.push_back(test::memory_pod(std::to_string(i), kPod.value()));
  }
  Bytes be() const { return Bytes(static_cast<std::int64_t>(pods.size()) * kPod.value()); }
  Bytes used() const { return services + be(); }

  void fast() {
    now = now + 100ms;
    ReliefInput input;
    input.now = now;
    input.bound = MemoryBound{.kind = MemoryBound::Kind::kHost, .capacity = kCapacity, .available = kCapacity - used()};
    input.low_watermark = Bytes(64 * kMiB);
    input.be_usage = be();
    input.be_reclaimable = Bytes(0);
    input.pending_release = pending;
    auto step = memory_relief(std::move(relief), input, policy);
    relief = std::move(step.state);
    seen = std::move(step.decision);
  }
  /// `answers_after`: of each ask, by which time the coordinator grants it; `ends_after`: what a pod takes to end.
  void second(model::Duration answers_after, model::Duration ends_after) {
    for (int i = 0; i < 10; ++i)
      fast();
    std::erase_if(leaving, [&](const auto& each) {
      if (now - each.second < ends_after) return false;
      std::erase_if(pods, [&](const model::Pod& pod) { return pod.uid == each.first; });
      return true;
    });
    std::vector<PodMemory> readings;
    for (const auto& pod : pods)
      readings.push_back({&pod, kPod});
    auto step = memory_evict(std::move(evict), asked,
                             {.now = now,
                              .boot_id = "boot",
                              .memory_allocatable = {},
                              .allocatable_batch_memory = {},
                              .pods = pods,
                              .used = readings,
                              .relief = &seen,
                              .work = {},
                              .held = {}},
                             policy);
    evict = std::move(step.state);
    pending = pending_release(readings, asked);
    std::vector<model::EvictionVerdict> verdicts;
    for (const auto& each : requests.waiting) {
      if (each.unanswered_since && now - *each.unanswered_since >= answers_after) {
        verdicts.push_back(
            {each.victim.id, model::EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted, "ok", 0s});
      }
    }
    std::vector<model::PodUid> gone;
    for (const auto& [uid, since] : leaving)
      gone.push_back(uid);
    auto asks = eviction_requests(std::move(requests), {.now = now,
                                                        .cpu = {},
                                                        .memory = {step.decision.victims, step.decision.outcomes},
                                                        .pods = pods,
                                                        .verdicts = verdicts,
                                                        .held = {},
                                                        .leaving = gone});
    requests = std::move(asks.state);
    EvictState books;
    books.asked = std::move(asked);
    for (const auto& each : asks.decision.dropped) {
      if (each.reason != Reason::kNone) dropped.push_back(each);
      forget(books, each.victim.uid);
    }
    for (const auto& go : asks.decision.go) {
      leaving.emplace_back(go.victim.uid, now);
      ++evicted;
    }
    for (const auto& [uid, since] : leaving)
      credit(books, uid, now);
    for (const auto& waiting : requests.waiting)
      credit(books, waiting.victim.uid, now);
    asked = std::move(books.asked);
  }
};

TEST(MemoryEvictLadder, AFullHostLosesTheFewestPodsThatAreEnoughHoweverLongThatTakes) {
  for (const auto& [answers, ends] :
       std::vector<std::pair<model::Duration, model::Duration>>{{1s, 1s}, {1s, 30s}, {8s, 2s}, {8s, 30s}}) {
    SCOPED_TRACE(testing::Message() << model::to_ms(answers) << " ms, " << model::to_ms(ends) << " ms");
    Ladder host(75);
    for (int second = 0; second < 180; ++second)
      host.second(answers, ends);
    EXPECT_EQ(host.evicted, 4U) << "7 % of capacity to be had, by pods of 2 %";
    EXPECT_THAT(host.dropped, IsEmpty()) << "nobody was picked and let off";
    EXPECT_LE(host.used(), Ladder::kCapacity.percent(68));
  }
}

TEST(MemoryEvictLadder, BelowTheThresholdNobodyGoes) {
  Ladder host(69);
  for (int second = 0; second < 60; ++second)
    host.second(1s, 1s);
  EXPECT_EQ(host.evicted, 0U);
  EXPECT_THAT(host.requests.waiting, IsEmpty());
}

}  // namespace
}  // namespace tideline::decide::memory_evict_ladder_test
