#include "coordinator/prometheus/report_stream.h"

#include <algorithm>
#include <map>
#include <random>

#include <gmock/gmock.h>

#include "coordinator/prometheus/series.h"
#include "test/coordinator/prometheus/decoded.h"

namespace tideline::prometheus {
namespace {

using model::MilliCpu;
using model::NodeName;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr std::uint64_t kStale = 0x7ff0000000000002;

StreamOptions options(const std::string& series, const std::string& labels = "") {
  StreamOptions wanted;
  const auto choice = SeriesChoice::from(series);
  const auto names = node_labels_from(labels);
  EXPECT_TRUE(choice.ok() && names.ok());
  if (choice) wanted.series = *choice;
  if (names) wanted.labels = *names;
  return wanted;
}

model::Report report(const std::string& node, std::int64_t milli = 1'000) {
  model::Report made;
  made.node = NodeName(node);
  made.samples.resize(1);
  made.samples[0].node_cpu = MilliCpu(milli);
  return made;
}

model::PodSummary pod(const std::string& name_space, const std::string& name, std::int64_t milli) {
  model::Pod made;
  made.uid = model::PodUid("uid-" + name);
  made.name_space = name_space;
  made.name = name;
  model::PodSummary summary;
  summary.pod = made;
  summary.cpu_milli = model::Spread{.min = milli, .mean = milli, .max = milli};
  return summary;
}

/// What one report gives.
std::vector<DecodedSeries> given(ReportStream& stream, const model::Report& of, std::int64_t ms,
                                 Appended* done = nullptr) {
  std::string request;
  const auto appended = stream.append(of, {ms}, request);
  if (done != nullptr) *done = appended;
  const auto series = decoded_plain(request);
  EXPECT_TRUE(series.has_value());
  if (!series) return {};
  EXPECT_EQ(series->size(), appended.samples);
  return *series;
}

TEST(ReportStream, GivesOneSampleOfEachChosenSeriesAtTheReportsTime) {
  ReportStream stream(options("tideline_node_cpu_used_cores,tideline_node_pods"));
  const auto series = given(stream, report("n1", 1'500), 1'700'000'000'123);
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_THAT(series[0].labels, ElementsAre(Pair("__name__", "tideline_node_cpu_used_cores"), Pair("node", "n1")));
  ASSERT_THAT(series[0].samples, SizeIs(1));
  EXPECT_EQ(series[0].samples[0].value(), 1.5);
  EXPECT_EQ(series[0].samples[0].ms, 1'700'000'000'123);
  EXPECT_EQ(series[1].name(), "tideline_node_pods");
}

TEST(ReportStream, ChosenLabelsOfTheNodeAreOnAllItsSeries) {
  ReportStream stream(options("tideline_node_pods,tideline_pod_cpu_used_cores", "zone=Zone,none,pool"));
  auto of = report("n1");
  of.status.labels = {{"zone", "eu\xff"}, {"pool", "a"}, {"other", "x"}};
  of.pods = {pod("shop", "web", 1'000)};
  const auto series = given(stream, of, 1);
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_THAT(series[0].labels, ElementsAre(Pair("Zone", "eu\xef\xbf\xbd"), Pair("__name__", "tideline_node_pods"),
                                            Pair("label_pool", "a"), Pair("node", "n1")));
  EXPECT_THAT(series[1].labels,
              ElementsAre(Pair("Zone", "eu\xef\xbf\xbd"), Pair("__name__", "tideline_pod_cpu_used_cores"),
                          Pair("label_pool", "a"), Pair("namespace", "shop"), Pair("node", "n1"), Pair("pod", "web"),
                          Pair("qos", "LS")));
}

TEST(ReportStream, PodsHaveTheirNameOrTheirUidAndTheirOwner) {
  ReportStream stream(options("tideline_pod_cpu_used_cores"));
  auto of = report("n1");
  of.pods = {pod("", "", 250), pod("shop", "web-1", 2'000)};
  of.pods[1].pod.change([](model::Pod& each) {
    each.workload = "ReplicaSet/web";
    each.qos = model::QosClass::kBe;
  });
  const auto series = given(stream, of, 1);
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_EQ(series[0].label("pod"), "uid-");
  EXPECT_EQ(series[0].label("namespace"), "");
  EXPECT_EQ(series[0].samples[0].value(), 0.25);
  EXPECT_EQ(series[1].label("workload"), "ReplicaSet/web");
  EXPECT_EQ(series[1].label("qos"), "BE");
}

TEST(ReportStream, WithoutPodsAmongTheSeriesNothingIsSaidOfPods) {
  ReportStream stream(options("tideline_node_cpu_used_cores"));
  auto of = report("n1");
  of.pods = {pod("shop", "web", 1'000)};
  EXPECT_THAT(given(stream, of, 1), SizeIs(1));
  EXPECT_EQ(stream.samples_of(of), 1u);
}

TEST(ReportStream, OfTwoPodsOfOneNameTheFirstIsGiven) {
  ReportStream stream(options("tideline_pod_*"));
  auto of = report("n1");
  of.pods = {pod("shop", "web", 1'000), pod("shop", "web", 2'000), pod("other", "web", 3'000)};
  Appended done;
  const auto series = given(stream, of, 1, &done);
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_EQ(series[0].samples[0].value(), 1.0);
  EXPECT_EQ(series[1].samples[0].value(), 3.0);
  EXPECT_EQ(done.left_out, 1u);
}

TEST(ReportStream, NamesThatDifferOnlyBehindTheCutAreOneName) {
  ReportStream stream(options("tideline_pod_cpu_used_cores"));
  auto of = report("n1");
  of.pods = {pod("a", std::string(300, 'x') + "1", 1), pod("a", std::string(300, 'x') + "2", 1)};
  Appended done;
  EXPECT_THAT(given(stream, of, 1, &done), SizeIs(1));
  EXPECT_EQ(done.left_out, 1u);
}

TEST(ReportStream, ANodesTimeGoesForwardsOnly) {
  ReportStream stream(options("tideline_node_cpu_used_cores"));
  Appended done;
  EXPECT_THAT(given(stream, report("n1"), 1'000, &done), SizeIs(1));
  EXPECT_THAT(given(stream, report("n1"), 1'000, &done), IsEmpty());
  EXPECT_EQ(done.late, 1u);
  EXPECT_THAT(given(stream, report("n1"), 999, &done), IsEmpty());
  EXPECT_EQ(done.late, 1u);
  EXPECT_THAT(given(stream, report("n2"), 999), SizeIs(1)) << "another node";
  EXPECT_THAT(given(stream, report("n1"), 1'001), SizeIs(1));
}

TEST(ReportStream, WhatIsLateIsCountedWithAllThatItHas) {
  ReportStream stream(options("tideline_node_cpu_used_cores,tideline_pod_cpu_used_cores"));
  auto of = report("n1");
  of.pods = {pod("shop", "web", 1), pod("shop", "job", 1)};
  given(stream, of, 10);
  Appended done;
  EXPECT_THAT(given(stream, of, 9, &done), IsEmpty());
  EXPECT_EQ(done.late, 3u);
  EXPECT_EQ(done.samples, 0u);
}

TEST(ReportStream, NothingIsGivenOfBeforeItsBegin) {
  auto wanted = options("tideline_node_cpu_used_cores");
  wanted.after = {5'000};
  ReportStream stream(wanted);
  Appended done;
  EXPECT_THAT(given(stream, report("n1"), 5'000, &done), IsEmpty());
  EXPECT_EQ(done.late, 1u);
  EXPECT_THAT(given(stream, report("n1"), 5'001), SizeIs(1));
}

TEST(ReportStream, ASeriesThatANodeHasNoLongerIsEndedOnce) {
  ReportStream stream(options("tideline_node_cpu_used_cores,tideline_node_be_cpu_limit_cores"));
  auto limited = report("n1");
  limited.samples[0].be_limit = MilliCpu(2'000);
  EXPECT_EQ(only(given(stream, limited, 1), "tideline_node_be_cpu_limit_cores").samples[0].value(), 2.0);
  const auto ended = only(given(stream, report("n1"), 2), "tideline_node_be_cpu_limit_cores");
  EXPECT_EQ(ended.samples, (std::vector<DecodedSample>{{kStale, 2}}));
  EXPECT_EQ(ended.label("node"), "n1");
  EXPECT_THAT(given(stream, report("n1"), 3), SizeIs(1)) << "it is ended already";
  EXPECT_THAT(given(stream, report("n2"), 3), SizeIs(1)) << "this one never had it";
}

TEST(ReportStream, ALateReportEndsNothing) {
  ReportStream stream(options("tideline_node_be_cpu_limit_cores"));
  auto limited = report("n1");
  limited.samples[0].be_limit = MilliCpu(2'000);
  given(stream, limited, 10);
  given(stream, report("n1"), 5);
  EXPECT_THAT(given(stream, report("n1"), 11), SizeIs(1)) << "the end is still to be told";
}

TEST(ReportStream, WithAnotherLabelOfTheNodeItsSeriesAreOthersAndThoseOfBeforeEnd) {
  ReportStream stream(options("tideline_node_cpu_used_cores,tideline_node_be_cpu_limit_cores", "zone=zone"));
  auto of = report("n1");
  of.status.labels["zone"] = "a";
  EXPECT_THAT(given(stream, of, 1), SizeIs(1));
  of.status.labels["zone"] = "b";
  const auto moved = given(stream, of, 2);
  ASSERT_THAT(moved, SizeIs(2)) << "and nothing of the limit, which it never had";
  EXPECT_EQ(moved[0].label("zone"), "a");
  EXPECT_EQ(moved[0].samples, (std::vector<DecodedSample>{{kStale, 2}}));
  EXPECT_EQ(moved[1].label("zone"), "b");
  EXPECT_EQ(moved[1].samples[0].value(), 1.0);
  EXPECT_THAT(given(stream, of, 3), SizeIs(1));
  of.status.labels["zone"] = "";
  EXPECT_THAT(given(stream, of, 4), SizeIs(2));
  of.status.labels.clear();
  EXPECT_THAT(given(stream, of, 5), SizeIs(1)) << "an empty label is none";
}

TEST(ReportStream, AReportGivesNoMoreBytesThanItsBound) {
  ReportStream stream(options("tideline_pod_*"));
  auto of = report("n1");
  for (int i = 0; i < 20'000; ++i)
    of.pods.push_back(pod(std::string(200, 'n'), "pod-" + std::to_string(i), 1));
  std::string request = "before";
  const auto done = stream.append(of, {1}, request);
  EXPECT_GT(done.left_out, 0u);
  EXPECT_EQ(done.left_out + done.samples, 20'000u);
  EXPECT_GE(request.size(), ReportStream::kMaxReportBytes);
  EXPECT_LE(request.size(), ReportStream::kMaxReportBytes + 1'000);
}

TEST(ReportStream, ForgetsTheNodesThatItHeardOfLongestAgo) {
  auto wanted = options("tideline_node_cpu_used_cores");
  wanted.max_nodes = 8;
  ReportStream stream(wanted);
  for (int i = 0; i < 8; ++i)
    given(stream, report("n" + std::to_string(i)), 100 + i);
  given(stream, report("new"), 200);
  EXPECT_THAT(given(stream, report("n7"), 50), IsEmpty()) << "it is known still";
  EXPECT_THAT(given(stream, report("n0"), 50), SizeIs(1)) << "it was forgotten";
}

// Whatever comes in whatever order: a receiver that takes series forwards only takes all of it.
TEST(ReportStream, NoSeriesEverGoesBackOrComesTwiceAtOneTime) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    ReportStream stream(options("*", "zone"));
    std::map<std::vector<std::pair<std::string, std::string>>, std::int64_t> newest;
    std::size_t offered = 0;
    std::size_t accounted = 0;
    for (int round = 0; round < 2'000; ++round) {
      auto of = report("n" + std::to_string(random() % 5), static_cast<std::int64_t>(random() % 10'000));
      if (random() % 2 == 0) of.samples[0].be_limit = MilliCpu(1'000);
      if (random() % 4 == 0) of.samples.clear();
      of.status.labels["zone"] = random() % 3 == 0 ? "a" : "b";
      for (auto left = random() % 4; left > 0; --left)
        of.pods.push_back(pod("s" + std::to_string(random() % 2), "p" + std::to_string(random() % 3), 5));
      offered += stream.samples_of(of);
      Appended done;
      const auto series = given(stream, of, 1'000 + round + static_cast<std::int64_t>(random() % 20), &done);
      std::size_t ends = 0;
      for (const auto& each : series) {
        ASSERT_THAT(each.samples, SizeIs(1));
        ASSERT_TRUE(std::is_sorted(each.labels.begin(), each.labels.end()));
        if (each.samples[0].bits == kStale) ++ends;
        const auto [place, is_new] = newest.try_emplace(each.labels, each.samples[0].ms);
        if (is_new) continue;
        ASSERT_LT(place->second, each.samples[0].ms) << each.name();
        place->second = each.samples[0].ms;
      }
      accounted += done.samples - ends + done.late + done.left_out;
    }
    EXPECT_EQ(accounted, offered);
  }
}

}  // namespace
}  // namespace tideline::prometheus
