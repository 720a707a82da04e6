#include "node-actor/decide/be_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::be_work_test {
namespace {

using namespace std::chrono_literals;
using model::PodPhase;
using model::PodUid;
using test::batch_pod;
using testing::IsEmpty;
using testing::SizeIs;

/// Two batch pods that use a CPU each, second by second, and a service.
struct Host {
  struct Row {
    model::Pod pod;
    bool has_group = true;
    bool listed = true;
  };
  std::vector<Row> rows = {{batch_pod("a", 1000)}, {batch_pod("b", 1000)}, {test::service_pod("ls", 1000)}};
  BeWorkState state;
  std::vector<PodUid> leaving;
  model::MonoTime now{1'000'000'000'000};
  model::Duration used = 0s;

  std::vector<BePodEnd> next() {
    now = now + 1s;
    used += 1s;
    std::vector<BePodReading> readings;
    for (const auto& row : rows) {
      if (!row.listed) continue;
      readings.push_back({&row.pod, row.has_group, row.has_group ? std::optional(used) : std::nullopt});
      if (is_unwatched(state, readings.back())) begin_watching(state, readings.back(), now + -10s);
    }
    return be_work(state, readings, leaving, now);
  }
};

TEST(BeWork, APodThatSucceedsGivesItsTimeFromStartToEndAndItsCpu) {
  Host host;
  host.next();
  host.next();
  host.rows[0].pod.phase = PodPhase::kSucceeded;
  const auto ends = host.next();
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].uid.str(), "a");
  EXPECT_EQ(ends[0].name, "job-a");
  EXPECT_FALSE(ends[0].failed);
  EXPECT_EQ(ends[0].ran, 12s);
  EXPECT_EQ(ends[0].cpu_time, 3s);
  EXPECT_EQ(host.state.sums.completed, (model::BeWork::Sum{1, 3s}));
  EXPECT_THAT(host.next(), IsEmpty()) << "told once";
}

TEST(BeWork, AFailedPodIsNoCompletedWork) {
  Host host;
  host.next();
  host.rows[1].pod.phase = PodPhase::kFailed;
  const auto ends = host.next();
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_TRUE(ends[0].failed);
  EXPECT_EQ(host.state.sums.failed.pods, 1u);
  EXPECT_EQ(host.state.sums.completed.pods, 0u);
}

TEST(BeWork, APodWhoseCgroupGoesHasEndedWithWhatWasLastRead) {
  Host host;
  host.next();
  host.rows[0].has_group = false;
  const auto ends = host.next();
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].cpu_time, 1s);
  EXPECT_EQ(ends[0].how, "its cgroup is gone");
  host.rows[0].has_group = true;
  EXPECT_THAT(host.next(), IsEmpty());
}

TEST(BeWork, APodThatIsNotListedAnyMoreHasEndedAndIsForgotten) {
  Host host;
  host.next();
  host.rows[0].listed = false;
  EXPECT_THAT(host.next(), SizeIs(1));
  EXPECT_EQ(host.state.pods.size(), 1u);
  EXPECT_EQ(host.state.sums.completed.pods, 1u);
}

TEST(BeWork, WhatEndedBeforeAnybodyLookedAndWhatNeverRanIsNotCounted) {
  Host host;
  host.rows[0].pod.phase = PodPhase::kSucceeded;
  host.rows[1].pod.phase = PodPhase::kPending;
  host.next();
  host.rows[1].listed = false;
  EXPECT_THAT(host.next(), IsEmpty());
  EXPECT_EQ(host.state.sums, model::BeWork{});
}

TEST(BeWork, ServicesAreNotBatch) {
  Host host;
  host.next();
  host.rows[2].pod.phase = PodPhase::kSucceeded;
  EXPECT_THAT(host.next(), IsEmpty());
}

TEST(BeWork, AnEvictedPodsWorkIsLostAndNeverCountsAsCompleted) {
  Host host;
  host.next();
  host.leaving = {PodUid("a"), PodUid("b")};
  host.rows[0].pod.phase = PodPhase::kFailed;
  host.rows[1].listed = false;
  EXPECT_THAT(host.next(), IsEmpty());
  EXPECT_EQ(evicted(host.state, PodUid("a"), std::nullopt), 2s);
  EXPECT_EQ(evicted(host.state, PodUid("b"), std::nullopt), 1s) << "as last read";
  host.leaving.clear();
  EXPECT_THAT(host.next(), IsEmpty());
  EXPECT_EQ(host.state.sums.evicted, (model::BeWork::Sum{2, 3s}));
  EXPECT_EQ(host.state.sums.completed, model::BeWork::Sum{});
}

TEST(BeWork, AnEvictionOfAnEarlierWorkerCountsWithWhatThatOneKnew) {
  BeWorkState state;
  EXPECT_EQ(evicted(state, PodUid("x"), 7s), 7s);
  EXPECT_EQ(state.sums.evicted, (model::BeWork::Sum{1, 7s}));
}

}  // namespace
}  // namespace tideline::decide::be_work_test
