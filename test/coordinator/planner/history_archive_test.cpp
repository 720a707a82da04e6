#include "coordinator/planner/history_archive.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/history_about.h"
#include "test/coordinator/planner/history.h"

namespace tideline::planner::history_archive_test {
namespace {

using columns::kMissing;
using columns::SeriesKind;
using model::QosClass;
using test::history_of;
using test::host_chunk;
using test::kHistoryBegin;
using test::pod_chunk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Two hosts for three minutes: one with a service and a batch pod, one with none.
std::vector<columns::Chunk> two_hosts() {
  return {host_chunk("alpha", 8, 16'384, {.cpu = {3'000, 3'100, 3'200}, .memory = {4'096}}),
          pod_chunk("alpha", "web", 2'000, {.cpu = {1'000, 1'500, 1'200}, .memory = {1'024}}),
          pod_chunk("alpha", "job", 4'000, {.first = 1, .cpu = {900, 800}, .memory = {512}}, QosClass::kBe),
          host_chunk("beta", 16, 65'536, {.cpu = {200, 200, 200}, .memory = {2'048}})};
}

TEST(HistoryAbout, IsOfExportsAlone) {
  const auto other = history_about(R"({"program":"tideline-planner","tier":"1m"})");
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other);
  const auto quarter = history_about(R"({"tideline":"history","version":1,"tier":"15m","pods":[{"tier":"1m"}]})");
  ASSERT_TRUE(quarter && *quarter);
  EXPECT_EQ((*quarter)->tier_s, 900);
  // What follows is not read, and so may be of any length.
  const auto cut = history_about(R"({"tideline":"history","version":1,"tier":"10s","pods":[{"node":)");
  ASSERT_TRUE(cut && *cut);
  EXPECT_EQ((*cut)->tier_s, 10);
}

TEST(HistoryAbout, NamesWhatItLacks) {
  const auto fault = [](const char* about) {
    const auto read = history_about(about);
    EXPECT_FALSE(read);
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(fault(R"({"tideline":"history","tier":"1m"})"), HasSubstr("version is missing"));
  EXPECT_THAT(fault(R"({"tideline":"history","version":1})"), HasSubstr("tier is missing"));
  EXPECT_THAT(fault(R"({"tideline":"history","version":1,"tier":"2m"})"), HasSubstr("tier \"2m\" is none"));
  const auto later = history_about(R"({"tideline":"history","version":2,"tier":"1m"})");
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code(), model::ErrorCode::kUnsupported);
}

TEST(HistoryArchive, HostsHaveTheirCapacityAndWhatTheirPodsLeaveIsTheSystems) {
  const auto data = history_of(two_hosts());
  EXPECT_EQ(data.begin_s, kHistoryBegin) << "a row counts for the step that ends at its time";
  EXPECT_EQ(data.step_s, 60);
  EXPECT_EQ(data.steps, 3u);
  ASSERT_EQ(data.hosts.size(), 2u);
  EXPECT_EQ(data.all_hosts, 2u);
  EXPECT_EQ(data.all_pods, 2u);
  const auto& alpha = data.hosts[0];
  EXPECT_EQ(alpha.name, "alpha");
  EXPECT_THAT(alpha.cpu_capacity, ElementsAre(8'000, 8'000, 8'000));
  EXPECT_THAT(alpha.memory_capacity_mib, ElementsAre(16'384, 16'384, 16'384));
  EXPECT_THAT(alpha.cpu_system, ElementsAre(2'000, 700, 1'200)) << "without the batch pod's, too";
  EXPECT_THAT(alpha.memory_system_mib, ElementsAre(3'072, 2'560, 2'560));
  EXPECT_THAT(data.hosts[1].cpu_system, ElementsAre(200, 200, 200));
}

TEST(HistoryArchive, PodsAreWorkloadsOfTheirHostForAsLongAsTheyLived) {
  auto chunks = two_hosts();
  chunks.push_back(pod_chunk("beta", "late", 500, {.first = 2, .cpu = {70}, .memory = {64}}));
  const auto data = history_of(chunks);
  ASSERT_EQ(data.workloads.size(), 2u);
  EXPECT_EQ(data.workloads[0].name, "alpha/pod/web");
  EXPECT_EQ(data.workloads[0].host, 0u);
  EXPECT_EQ(data.workloads[0].first, 0u);
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(1'000, 1'500, 1'200));
  EXPECT_THAT(data.workloads[0].cpu_request, ElementsAre(2'000, 2'000, 2'000));
  EXPECT_EQ(data.workloads[1].name, "beta/pod/late");
  EXPECT_EQ(data.workloads[1].host, 1u);
  EXPECT_EQ(data.workloads[1].first, 2u);
  EXPECT_THAT(data.workloads[1].cpu_used, ElementsAre(70));
  EXPECT_FALSE(data.workloads[1].is_there(1));
  EXPECT_TRUE(data.workloads[1].is_there(2));
}

TEST(HistoryArchive, BatchPodsAreTasksFromTheirFirstRowToTheirLast) {
  const auto data = history_of(two_hosts());
  ASSERT_EQ(data.tasks.size(), 1u);
  EXPECT_EQ(data.tasks[0].begin_s, kHistoryBegin + 60);
  EXPECT_EQ(data.tasks[0].end_s, kHistoryBegin + 180);
  EXPECT_EQ(data.tasks[0].instances, 1u);
  EXPECT_EQ(data.tasks[0].cpu_millicores, 4'000);
  EXPECT_EQ(data.tasks[0].memory_mib, 2'048);
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 pods are of QoS BE, which is batch work as it was recorded")));
}

TEST(HistoryArchive, ABatchPodThatRequestsNothingAsksForTheMostThatItUsed) {
  const auto data = history_of({host_chunk("a", 4, 8'192, {.cpu = {900, 900}, .memory = {1'024}}),
                                pod_chunk("a", "one", 0, {.cpu = {300, 700}, .memory = {64}}, QosClass::kBe),
                                pod_chunk("a", "none", 0, {.cpu = {0, 0}, .memory = {64}}, QosClass::kBe)});
  ASSERT_EQ(data.tasks.size(), 1u);
  EXPECT_EQ(data.tasks[0].cpu_millicores, 700);
  EXPECT_EQ(data.counts.batch_unasked, 1u);
}

TEST(HistoryArchive, WorkloadsWouldCountPodsTwiceAndStandInWhereThereAreNone) {
  // As storage/series writes them: 1024 + 8 * field, of pod.cpu and pod.cpu.request.
  const auto owner = [](const std::string& host) {
    auto chunk = test::history_chunk(SeriesKind::kWorkload, host + "/workload/shop/Deployment/web", {.cpu = {0, 0}});
    chunk.columns = {test::history_column(static_cast<columns::ColumnId>(5'120), {400, 600}),
                     test::history_column(static_cast<columns::ColumnId>(5'152), {1'000, 1'000})};
    return chunk;
  };
  const test::HistoryRows rows{.cpu = {900, 900}, .memory = {1'024}};
  const auto both = history_of({host_chunk("a", 4, 8'192, rows), pod_chunk("a", "p", 500, rows), owner("a")});
  EXPECT_EQ(both.workloads.size(), 1u);
  EXPECT_THAT(both.notes, ElementsAre(HasSubstr("1 series of workloads are passed over")));
  const auto alone = history_of({host_chunk("a", 4, 8'192, rows), owner("a")});
  ASSERT_EQ(alone.workloads.size(), 1u);
  EXPECT_THAT(alone.workloads[0].cpu_used, ElementsAre(400, 600));
  EXPECT_THAT(alone.workloads[0].cpu_request, ElementsAre(1'000, 1'000));
  EXPECT_THAT(alone.hosts[0].cpu_system, ElementsAre(500, 300));
  EXPECT_THAT(alone.notes, testing::Contains(HasSubstr("1 series are of a workload's pods on a host together")));
}

TEST(HistoryArchive, ALongerStepTakesMeansAndAShorterOneIsRefused) {
  const auto data = history_of(two_hosts(), {.step_s = 180});
  EXPECT_EQ(data.steps, 1u);
  EXPECT_THAT(data.hosts[0].cpu_system, ElementsAre(testing::FloatNear(3'100 - 3'700.0F / 3 - 850, 0.01F)));
  const auto odd = test::read_history(two_hosts(), {.step_s = 90});
  ASSERT_FALSE(odd);
  EXPECT_THAT(odd.error().message(), HasSubstr("90 s is no multiple of the 60 s"));
}

TEST(HistoryArchive, TheRangeIsOfTheStepsAndNotOfTheirEnds) {
  const auto data = history_of(two_hosts(), {.from_s = kHistoryBegin + 60, .until_s = kHistoryBegin + 120});
  EXPECT_EQ(data.begin_s, kHistoryBegin + 60);
  EXPECT_EQ(data.steps, 1u);
  EXPECT_THAT(data.workloads.at(0).cpu_used, ElementsAre(1'500));
}

TEST(HistoryArchive, AHostIsNotThereWhereNothingIsKnownOfIt) {
  const auto data = history_of(
      {host_chunk("a", 4, 8'192, {.cpu = {900, kMissing, kMissing, kMissing, kMissing, 800}, .memory = {kMissing}}),
       host_chunk("b", 4, 8'192, {.cpu = {1, 1, 1, 1, 1, 1}, .memory = {512}})});
  const auto& host = data.hosts[0];
  EXPECT_TRUE(host.is_there(0));
  EXPECT_FALSE(host.is_there(2)) << "a gap of four";
  EXPECT_TRUE(host.is_there(5));
  EXPECT_EQ(host.memory_system_mib[0], kAbsent) << "not known";
  EXPECT_EQ(data.counts.memory_unknown, 2u);
}

TEST(HistoryArchive, AHostThatDoesNotTellItsCapacityHasTheMostThatItUsedAndThatIsSaid) {
  auto untold = host_chunk("alpha", 8, 16'384, {.cpu = {1'000, 3'000}, .memory = {512}});
  untold.columns.resize(2);
  const auto data = history_of({untold, host_chunk("beta", 8, 16'384, {.cpu = {1'000, 1'000}, .memory = {512}})});
  ASSERT_EQ(data.hosts.size(), 2u);
  EXPECT_THAT(data.hosts[0].cpu_capacity, ElementsAre(3'000, 3'000));
  EXPECT_THAT(data.hosts[0].memory_capacity_mib, ElementsAre(512, 512));
  EXPECT_TRUE(data.hosts[0].is_cpu_assumed);
  EXPECT_TRUE(data.hosts[0].is_memory_assumed);
  EXPECT_FALSE(data.hosts[1].is_cpu_assumed);
  EXPECT_FALSE(data.hosts[1].is_memory_assumed);
  EXPECT_EQ(data.counts.cpu_assumed, 1u);
  EXPECT_EQ(data.counts.memory_assumed, 1u);
  EXPECT_EQ(data.counts.without_request, 0u) << "a host requests nothing";
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 hosts do not tell how much CPU they have"),
                                      HasSubstr("1 hosts do not tell how much memory they have")));
}

TEST(HistoryArchive, SeriesThatAreNobodysAreCounted) {
  const test::HistoryRows rows{.cpu = {900, 900}, .memory = {1'024}};
  auto odd = test::history_chunk(SeriesKind::kWorkload, "a/other/x", rows);
  const auto data = history_of({host_chunk("a", 4, 8'192, rows), odd, pod_chunk("gone", "p", 500, rows)});
  EXPECT_EQ(data.counts.foreign, 1u);
  EXPECT_EQ(data.counts.hostless, 1u);
  EXPECT_THAT(data.workloads, IsEmpty());
}

TEST(HistoryArchive, NamesARangeWithoutAHost) {
  const auto none = test::read_history(two_hosts(), {.from_s = kHistoryBegin + 86'400});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("no host has a row in the range from 2013-07-02"));
}

TEST(HistoryArchive, SomeOfItsHostsAreAsAmongAll) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  const std::string bytes = test::history_archive_of(test::random_history(below, 9, 40));
  const auto archive = columns::ArchiveReader::open(bytes);
  ASSERT_TRUE(archive);
  const auto history = HistoryArchive::open(*archive, {});
  ASSERT_TRUE(history) << history.error().message();
  const auto all = history->read({0, history->hosts()});
  ASSERT_TRUE(all) << all.error().message();
  DataCounts counts;
  std::size_t hosts = 0;
  std::size_t workloads = 0;
  for (const auto& stretch : history->stretches({0, history->hosts()}, 100)) {
    EXPECT_EQ(stretch.first, hosts) << "one after another";
    const auto some = history->read(stretch);
    ASSERT_TRUE(some);
    EXPECT_EQ(some->begin_s, all->begin_s);
    EXPECT_EQ(some->steps, all->steps);
    EXPECT_EQ(some->first_host, hosts);
    EXPECT_EQ(some->all_hosts, all->all_hosts);
    for (const auto& host : some->hosts) {
      EXPECT_EQ(host.name, all->hosts[hosts].name);
      EXPECT_EQ(host.name, history->host_name(hosts));
      EXPECT_EQ(host.cpu_system, all->hosts[hosts].cpu_system);
      EXPECT_EQ(host.cpu_capacity, all->hosts[hosts++].cpu_capacity);
    }
    for (const auto& workload : some->workloads) {
      EXPECT_EQ(workload.name, all->workloads[workloads].name);
      EXPECT_EQ(workload.first, all->workloads[workloads].first);
      EXPECT_EQ(workload.cpu_used, all->workloads[workloads].cpu_used);
      EXPECT_EQ(workload.host + some->first_host, all->workloads[workloads++].host);
    }
    counts.add(some->counts);
  }
  EXPECT_EQ(hosts, all->hosts.size());
  EXPECT_EQ(workloads, all->workloads.size());
  EXPECT_EQ(counts, all->counts) << "what the index says is told once";
}

TEST(HistoryArchive, OfNoHostThereIsOneEmptyStretch) {
  const std::string bytes = test::history_archive_of(two_hosts());
  const auto archive = columns::ArchiveReader::open(bytes);
  const auto history = HistoryArchive::open(*archive, {});
  ASSERT_TRUE(history);
  EXPECT_THAT(history->stretches({2, 2}, 100), ElementsAre(HostSlice{2, 2}));
  EXPECT_THAT(history->stretches({0, 2}, 1), ElementsAre(HostSlice{0, 1}, HostSlice{1, 2})) << "one at least";
  const auto none = history->read({2, 2});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->steps, 3u);
  EXPECT_EQ(none->all_pods, 2u);
}

}  // namespace
}  // namespace tideline::planner::history_archive_test
