#include "admin-client/query_out.h"

#include <limits>

#include <gmock/gmock.h>

#include "messages/model/metric.h"
#include "test/admin-client/fake_connection.h"

namespace tideline::tidectl::query_out_test {
namespace {

using series::Field;
using series::SubjectKind;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kFrom = 1'772'352'000;  // 2026-03-01T08:00:00Z
const Field kNodeCpu = series::field_of(model::Metric::kNodeCpu);
const Field kNodeMemory = series::field_of(model::Metric::kNodeMemory);

HeldSeries held(Field field, const std::string& node, const std::string& subject, std::vector<double> values) {
  HeldSeries out{field, node, subject, {}};
  for (std::size_t i = 0; i < values.size(); ++i)
    out.points.push_back({{(kFrom + static_cast<std::int64_t>(i) * 60) * 1000}, values[i]});
  return out;
}

QueryAnswer answer(std::vector<HeldSeries> all, SubjectKind kind = SubjectKind::kNode) {
  QueryAnswer out;
  out.question.kind = kind;
  out.question.fields = {kNodeCpu};
  out.question.from_s = kFrom;
  out.question.to_s = kFrom + 120;
  out.question.step_s = 60;
  out.tier = series::Tier::kMinute;
  out.series = std::move(all);
  return out;
}

/// Of uid-1 on web-1.
PodNames names_with(const std::string& name) {
  FakeConnection connection;
  connection.pods_of["web-1"] = {pod_info("uid-1", name)};
  SeriesPage page;
  page.series = {{Field::kPodCpu, "web-1", "uid-1", {}}};
  PodNames names;
  EXPECT_TRUE(names.learn(connection, {}, page));
  return names;
}

PlotOptions plain_plot() {
  PlotOptions options;
  options.utf8 = false;
  options.from.ms = kFrom * 1000;
  options.to.ms = (kFrom + 120) * 1000;
  return options;
}

TEST(RenderQuery, PutsAFewSeriesBesideEachOther) {
  EXPECT_EQ(
      render_query(
          answer({held(kNodeCpu, "web-1", "", {1'000, 1'500}), held(kNodeMemory, "web-1", "", {3'221'225'472.0})}), {}),
      "web-1: mean of each 1m00s, of the 1m tier\n"
      "TIME                  node.cpu (cores)  node.memory\n"
      "2026-03-01T08:00:00Z             1.000      3.0 GiB\n"
      "2026-03-01T08:01:00Z             1.500            -\n");
}

TEST(RenderQuery, NamesTheOwnersWhereThereAreMany) {
  const auto text = render_query(
      answer({held(Field::kPodCpu, "web-1", "uid-1", {1'000}), held(Field::kPodCpu, "web-1", "uid-2", {2'000})},
             SubjectKind::kPod),
      names_with("nginx-0"));
  EXPECT_THAT(text,
              AllOf(HasSubstr("pod.cpu web-1 shop/nginx-0 (uid-1) (cores)"), HasSubstr("pod.cpu web-1 uid-2 (cores)")));
}

TEST(RenderQuery, SumsUpManySeriesALineEach) {
  std::vector<HeldSeries> all;
  for (std::size_t i = 0; i <= kMaxQueryColumns; ++i)
    all.push_back(held(kNodeCpu, "n" + std::to_string(i), "", {1'000, 3'000, 2'000}));
  all.push_back(held(kNodeCpu, "silent", "", {}));
  const auto text = render_query(answer(std::move(all)), {});
  EXPECT_THAT(text, AllOf(HasSubstr("8 series, mean of each 1m00s"),
                          HasSubstr("node.cpu  n0           3  1.000  2.000  3.000  2.000  cores\n"),
                          HasSubstr("node.cpu  silent       0      -      -      -      -  cores\n"),
                          HasSubstr("--csv and --json have their points")));
}

TEST(RenderQuery, SaysWhatWasDoneAcrossSubjects) {
  auto summed = answer({held(kNodeCpu, "", "", {1})});
  summed.question.across = series::Across::kSum;
  summed.question.aggregate = series::Aggregate::kQuantile;
  summed.question.quantile = 0.999;
  EXPECT_THAT(render_query(summed, {}), HasSubstr("sum over nodes of the p99.9 of each 1m00s"));
  summed.question.across = series::Across::kAll;
  EXPECT_THAT(render_query(summed, {}), HasSubstr("p99.9 of each 1m00s, all nodes together"));
}

TEST(RenderQuery, SaysSoWhenNothingIsKnown) {
  EXPECT_EQ(render_query(answer({}), {}), "no points in this range\n");
  EXPECT_EQ(render_query(answer({held(kNodeCpu, "a", "", {})}), {}), "no points in this range\n");
}

TEST(RenderQuery, LetsNothingThroughThatSteersTheTerminal) {
  const auto hostile = answer(
      {held(Field::kPodCpu, "\x1b[2J", "uid-1", {1}), held(Field::kPodCpu, "web-1", "uid-1", {1})}, SubjectKind::kPod);
  const auto names = names_with("a\x1b[31m\nb");
  EXPECT_THAT(render_query(hostile, names), AllOf(Not(HasSubstr("\x1b")), HasSubstr("a?[31m?b")));
  EXPECT_THAT(plot_query(hostile, names, plain_plot()), Not(HasSubstr("\x1b")));
}

TEST(RenderQuery, TakesNumbersThatAreNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto odd = answer({held(kNodeMemory, "a", "", {nan, infinity, 1e300})});
  EXPECT_THAT(render_query(odd, {}), HasSubstr("?"));
  EXPECT_TRUE(query_json(odd, {})["series"][0]["points"][0][1].is_number());
  EXPECT_THAT(query_json(odd, {}).dump(), HasSubstr("[1772352000000,null]"));
  EXPECT_THAT(plot_query(odd, {}, plain_plot()), HasSubstr("node.memory"));
}

TEST(QueryCsv, QuotesWhatWouldBreakARow) {
  SeriesPage page;
  page.series = {{Field::kPodCpu, "web-1", "uid-1", {{kFrom, 1.5}}}};
  SeriesQuestion question;
  question.kind = SubjectKind::kPod;
  EXPECT_EQ(query_csv(question, page, names_with("a,\"b\"\n")),
            "2026-03-01T08:00:00Z,1772352000000,pod.cpu,millicores,web-1,uid-1,\"shop/a,\"\"b\"\"?\",1.5\n");
}

TEST(QueryCsv, HasEveryPointOfEverySeries) {
  SeriesPage page;
  page.series = {{kNodeCpu, "a", "", {{kFrom, 1}, {kFrom + 60, 2}}},
                 {kNodeCpu, "b", "", {}},
                 {kNodeMemory, "a", "", {{kFrom, 3}}}};
  EXPECT_EQ(query_csv({}, page, {}),
            "2026-03-01T08:00:00Z,1772352000000,node.cpu,millicores,a,,,1\n"
            "2026-03-01T08:01:00Z,1772352060000,node.cpu,millicores,a,,,2\n"
            "2026-03-01T08:00:00Z,1772352000000,node.memory,bytes,a,,,3\n");
}

TEST(QueryPlot, DrawsTheLargestOfEachUnitAndSaysHowManyItLeavesOut) {
  std::vector<HeldSeries> all;
  for (int i = 0; i < 9; ++i)
    all.push_back(held(kNodeCpu, "n" + std::to_string(i), "", {100.0 * i, 100.0 * i}));
  all.push_back(held(kNodeMemory, "n0", "", {1, 1}));
  const auto text = plot_query(answer(std::move(all)), {}, plain_plot());
  EXPECT_THAT(text, AllOf(HasSubstr("* node.cpu n8"), HasSubstr("@ node.cpu n3"), Not(HasSubstr("node.cpu n2")),
                          HasSubstr("node.memory n0"), HasSubstr("3 series of lower means are not drawn\n")));
  EXPECT_EQ(plot_query(answer({}), {}, plain_plot()), "no points in this range\n");
}

}  // namespace
}  // namespace tideline::tidectl::query_out_test
