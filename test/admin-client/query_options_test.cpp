#include "admin-client/query_options.h"

#include <set>

#include <gmock/gmock.h>

#include "admin-client/options.h"
#include "messages/model/metric.h"

namespace tideline::tidectl::query_options_test {
namespace {

using series::Across;
using series::Aggregate;
using series::Field;
using series::SubjectKind;
using series::Tier;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr model::WallTime kNow{1'772'366'400'000};  // 2026-03-01T12:00:00Z
constexpr std::int64_t kNowS = kNow.ms / 1000;
const Field kNodeCpu = series::field_of(model::Metric::kNodeCpu);
const Field kLsCpu = series::field_of(model::Metric::kLsCpu);

QueryOptions good(const RawQuery& raw) {
  auto checked = check_query(raw, kNow);
  if (!checked) {
    ADD_FAILURE() << checked.error().message();
    return {};
  }
  return *std::move(checked);
}
RawQuery of_field(const std::string& field) {
  RawQuery raw;
  raw.fields = {field};
  return raw;
}
RawQuery since(const std::string& begin, const std::string& until = "now") {
  RawQuery raw = of_field("node.cpu");
  raw.since = begin;
  raw.until = until;
  return raw;
}
SeriesQuestion asked(const RawQuery& raw, const TierReach& reach = {}) {
  return question_of(good(raw), reach, kNow);
}

TEST(QueryOptions, AskOfAllNodesForTheMeanOfTheLastHour) {
  const auto options = good(of_field("node.cpu"));
  EXPECT_EQ(options.question.kind, SubjectKind::kNode);
  EXPECT_THAT(options.question.nodes, IsEmpty());
  EXPECT_THAT(options.question.fields, ElementsAre(kNodeCpu));
  EXPECT_EQ(options.question.aggregate, Aggregate::kMean);
  EXPECT_EQ(options.question.across, Across::kEach);
  EXPECT_FALSE(options.question.tier);
  EXPECT_EQ(options.from.ms, kNow.ms - 3'600'000);
  EXPECT_EQ(options.to, kNow);
}

TEST(QueryOptions, FieldsAndNodesCountOnceEach) {
  RawQuery raw;
  raw.fields = {"node.cpu,ls.cpu", "node.cpu"};
  raw.nodes = {"b", "a", "b"};
  const auto options = good(raw);
  EXPECT_THAT(options.question.fields, ElementsAre(kNodeCpu, kLsCpu));
  EXPECT_THAT(options.question.nodes, ElementsAre("a", "b"));
}

TEST(QueryOptions, SinceIsHowLongAgoOrATime) {
  EXPECT_EQ(good(since("2d")).from.ms, kNow.ms - 2 * 86'400'000LL);
  EXPECT_EQ(good(since("-2d")).from.ms, kNow.ms - 2 * 86'400'000LL);
  EXPECT_EQ(good(since("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z")).from.ms, 1'769'904'000'000);
  EXPECT_EQ(good(since("1769904000000", "-1d")).to.ms, kNow.ms - 86'400'000);
}

TEST(QueryOptions, PercentilesAreOfAnyNumber) {
  const std::pair<const char*, double> cases[] = {
      {"p95", 0.95}, {"p99.9", 0.999}, {"p0", 0.0}, {"p100", 1.0}, {"p5", 0.05}};
  for (const auto& [word, quantile] : cases) {
    RawQuery raw = of_field("node.cpu");
    raw.aggregate = word;
    const auto options = good(raw);
    EXPECT_EQ(options.question.aggregate, Aggregate::kQuantile) << word;
    EXPECT_DOUBLE_EQ(options.question.quantile, quantile) << word;
    EXPECT_EQ(aggregate_text(options.question), word);
  }
}

TEST(QueryOptions, SayWhoseSeriesTheyAre) {
  RawQuery pod = of_field("pod.cpu");
  pod.pod = "0f1e";
  EXPECT_EQ(good(pod).question.kind, SubjectKind::kPod);
  EXPECT_EQ(good(pod).question.subject, "0f1e");
  RawQuery pods = of_field("pod.cpu");
  pods.pods = true;
  EXPECT_EQ(good(pods).question.kind, SubjectKind::kPod);
  EXPECT_EQ(good(pods).question.subject, "");
  RawQuery workload = of_field("workload.pods");
  workload.workload = "shop/Deployment/web";
  EXPECT_EQ(good(workload).question.kind, SubjectKind::kWorkload);
  EXPECT_EQ(good(workload).question.subject, "shop/Deployment/web");
}

TEST(QueryOptions, NameWhatIsWrong) {
  const auto with = [](void (*change)(RawQuery&)) {
    RawQuery raw = of_field("node.cpu");
    change(raw);
    return raw;
  };
  const struct {
    RawQuery raw;
    std::vector<const char*> named;
  } cases[] = {
      {of_field("node.cpo"), {"FIELD node.cpo", "did you mean \"node.cpu\"", "ls.cpu", "pod.memory"}},
      {of_field(""), {"FIELD is empty"}},
      {of_field("pod.cpu"), {"FIELD pod.cpu", "--pods"}},
      {with([](RawQuery& raw) { raw.pods = true; }), {"FIELD node.cpu is one of nodes"}},
      {with([](RawQuery& raw) { raw.pod = "a", raw.workloads = true; }), {"exclude each other"}},
      {with([](RawQuery& raw) { raw.workload = "shop/web"; }), {"--workload shop/web", "NAMESPACE/KIND/NAME"}},
      {with([](RawQuery& raw) { raw.workload = "shop//web"; }), {"--workload shop//web"}},
      {with([](RawQuery& raw) { raw.label = "zone"; }), {"--label zone", "KEY=VALUE"}},
      {with([](RawQuery& raw) { raw.label = "zone=a", raw.nodes = {"n"}; }), {"--label and --node"}},
      {with([](RawQuery& raw) { raw.nodes = {""}; }), {"--node is empty"}},
      {with([](RawQuery& raw) { raw.aggregate = "p101"; }), {"--agg p101", "p99.9"}},
      {with([](RawQuery& raw) { raw.aggregate = "p"; }), {"--agg p:"}},
      {with([](RawQuery& raw) { raw.aggregate = "p9e1"; }), {"--agg p9e1"}},
      {with([](RawQuery& raw) { raw.aggregate = "p-5"; }), {"--agg p-5"}},
      {with([](RawQuery& raw) { raw.aggregate = "median"; }), {"--agg median"}},
      {with([](RawQuery& raw) { raw.across = "summ"; }), {"--across summ", "did you mean \"sum\""}},
      {with([](RawQuery& raw) { raw.tier = "5m"; }), {"--tier 5m", "10s, 1m or 15m"}},
      {with([](RawQuery& raw) { raw.tier = "10s", raw.aggregate = "p95"; }), {"--tier 10s has no quantiles", "1m"}},
      {with([](RawQuery& raw) { raw.fields = {"be.memory"}, raw.aggregate = "p95"; }), {"--agg p95", "node.cpu"}},
      {with([](RawQuery& raw) { raw.step = "15s"; }), {"--step 15s", "multiple of 10s"}},
      {with([](RawQuery& raw) { raw.step = "0s"; }), {"--step 0s"}},
      {with([](RawQuery& raw) { raw.step = "90s", raw.tier = "1m"; }),
       {"--step 90s", "multiple of 1m, the step of --tier"}},
      {with([](RawQuery& raw) { raw.step = "30s", raw.aggregate = "p95"; }), {"--step 30s", "multiple of 1m"}},
      {with([](RawQuery& raw) { raw.step = "10s", raw.since = "365d"; }), {"--step 10s", "at most 200000"}},
      {with([](RawQuery& raw) { raw.step = "soon"; }), {"--step: \"soon\""}},
      {since("soon"), {"--since soon", "2d"}},
      {since("1h", "soon"), {"--until: \"soon\""}},
      {since("1h", "-2h"), {"is not before"}},
      {since("1969-12-31T00:00:00Z"), {"before 1970"}},
  };
  for (const auto& c : cases) {
    const auto checked = check_query(c.raw, kNow);
    ASSERT_FALSE(checked) << c.named.front();
    for (const char* named : c.named)
      EXPECT_THAT(checked.error().message(), HasSubstr(named));
  }
}

TEST(QueryOptions, HaveABoundOnFields) {
  RawQuery raw;
  for (const Field field : series::all_fields()) {
    if (!is_of_pods(field)) raw.fields.push_back(series::name_of(field));
  }
  ASSERT_GT(raw.fields.size(), series::QuestionLimits::kMaxFields);
  EXPECT_THAT(check_query(raw, kNow).error().message(), HasSubstr("at most 16"));
  raw.fields.resize(16);
  EXPECT_TRUE(check_query(raw, kNow));
}

TEST(QueryStep, GivesSome240PointsAndIsAMultipleOfATier) {
  const std::pair<const char*, std::int64_t> cases[] = {{"10m", 10}, {"1h", 20},    {"6h", 120},     {"1d", 360},
                                                        {"2d", 720}, {"7d", 2'700}, {"30d", 10'800}, {"365d", 131'400}};
  for (const auto& [begin, step_s] : cases) {
    const auto question = asked(since(begin));
    EXPECT_EQ(question.step_s, step_s) << begin;
    EXPECT_LE((question.to_s - question.from_s) / question.step_s, 242) << begin;
  }
}

TEST(QueryStep, IsWholeForRandomRanges) {
  std::uint64_t state = 7;
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(round);
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    const auto range_s = static_cast<std::int64_t>(state >> 33) % 40'000'000 + 1;
    const auto question = asked(since(std::to_string(range_s) + "s"));
    EXPECT_EQ(question.from_s % question.step_s, 0);
    EXPECT_EQ(question.to_s % question.step_s, 0);
    EXPECT_LE(question.from_s, kNowS - range_s);
    EXPECT_GE(question.to_s, kNowS);
    EXPECT_EQ(question.step_s % 10, 0);
    EXPECT_TRUE(series::tier_for(question.step_s, question.aggregate, question.fields));
    EXPECT_LE((question.to_s - question.from_s) / question.step_s, 242);
    if (question.step_s > 900) {
      EXPECT_GE((question.to_s - question.from_s) / question.step_s, 120);
    }
  }
}

TEST(QueryStep, IsTheOneGivenAndTheRangeWhole) {
  RawQuery raw = since("2026-03-01T10:00:30Z", "2026-03-01T11:00:01Z");
  raw.step = "5m";
  const auto question = asked(raw);
  EXPECT_EQ(question.step_s, 300);
  EXPECT_EQ(question.from_s, kNowS - 7'200);
  EXPECT_EQ(question.to_s, kNowS - 3'600 + 300);
}

TEST(QueryStep, IsOfTheTierThatIsAskedFor) {
  RawQuery raw = since("1h");
  raw.tier = "15m";
  EXPECT_EQ(asked(raw).step_s, 900);
  EXPECT_EQ(asked(raw).tier, Tier::kQuarterHour);
  raw.since = "30d";
  raw.tier = "1m";
  EXPECT_EQ(asked(raw).step_s, 10'800);
}

TEST(QueryStep, IsOfATierThatHasQuantiles) {
  RawQuery raw = since("10m");
  raw.aggregate = "p95";
  EXPECT_EQ(asked(raw).step_s, 60);
  raw.fields = {"pod.cpu"};
  raw.pods = true;
  EXPECT_EQ(asked(raw).step_s, 900);
}

TEST(QueryStep, IsOfATierThatStillHasTheRange) {
  constexpr std::int64_t kDay = 86'400;
  const TierReach reach{3 * kDay, 31 * kDay, 366 * kDay};
  EXPECT_FALSE(needs_reach(good(since("1h")), kNow));
  EXPECT_TRUE(needs_reach(good(since("2d", "-47h")), kNow));
  EXPECT_EQ(asked(since("2d", "-47h"), reach).step_s, 20);
  EXPECT_EQ(asked(since("5d", "-119h"), reach).step_s, 60);
  EXPECT_EQ(asked(since("40d", "-959h"), reach).step_s, 900);
  EXPECT_EQ(asked(since("3000d", "-71999h"), reach).step_s, 900) << "none has it: the coarsest";
  EXPECT_EQ(asked(since("5d", "-119h")).step_s, 20) << "not known";
  RawQuery given = since("40d", "-959h");
  given.step = "10s";
  EXPECT_FALSE(needs_reach(good(given), kNow));
  EXPECT_EQ(asked(given, reach).step_s, 10);
}

TEST(QueryFields, EachIsInOneOfTheLists) {
  const std::string lists = field_lists();
  EXPECT_THAT(lists,
              AllOf(HasSubstr("Fields of nodes: node.cpu "), HasSubstr("Fields of pods and workloads: pod.cpu ")));
  std::set<std::string> seen;
  for (const Field field : series::all_fields()) {
    EXPECT_THAT(lists, HasSubstr(" " + series::name_of(field)));
    EXPECT_TRUE(seen.insert(series::name_of(field)).second);
    if (series::metric_of(field)) {
      EXPECT_FALSE(is_of_pods(field));
    }
  }
  EXPECT_TRUE(is_of_pods(Field::kQos));
  EXPECT_FALSE(is_of_pods(Field::kReports));
}

// The whole command line.

std::variant<Options, Leave> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "tidectl");
  return parse_options(static_cast<int>(words.size()), words.data(), kNow);
}

TEST(QueryCommand, TakesNodesBetweenFields) {
  const auto parsed =
      parse({"query", "node.cpu", "--node", "web-1", "ls.cpu", "--node", "web-2", "--since", "2d", "--csv"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed)) << std::get<Leave>(parsed).err;
  const auto& options = std::get<Options>(parsed);
  EXPECT_EQ(options.command, Command::kQuery);
  EXPECT_THAT(options.query.question.fields, ElementsAre(kNodeCpu, kLsCpu));
  EXPECT_THAT(options.query.question.nodes, ElementsAre("web-1", "web-2"));
  EXPECT_TRUE(options.csv);
}

TEST(QueryCommand, NamesWhatIsWrong) {
  const struct {
    std::vector<const char*> words;
    const char* named;
  } cases[] = {{{"query"}, "FIELD"},
               {{"query", "ls.cpo"}, "did you mean \"ls.cpu\""},
               {{"query", "ls.cpu", "--json", "--plot"}, "--json"},
               {{"query", "ls.cpu", "--csv", "--plot"}, "--plot"},
               {{"query", "ls.cpu", "--label"}, "--label"},
               {{"history", "state", "--node", "a"}, "history state: --node has no part in it"},
               {{"history", "verify", "--from", "-5m"}, "history verify: --from"},
               {{"history", "backup", "now"}, "now"}};
  for (const auto& c : cases) {
    const auto parsed = parse(c.words);
    ASSERT_TRUE(std::holds_alternative<Leave>(parsed)) << c.named;
    EXPECT_EQ(std::get<Leave>(parsed).exit_code, kUsage) << c.named;
    EXPECT_THAT(std::get<Leave>(parsed).err, HasSubstr(c.named));
  }
}

TEST(HistoryCommand, IsAsEverBesidesItsSubcommands) {
  for (const auto& [word, command] :
       {std::pair("state", Command::kHistoryState), std::pair("verify", Command::kHistoryVerify),
        std::pair("backup", Command::kHistoryBackup)}) {
    const auto parsed = parse({"history", word, "--json"});
    ASSERT_TRUE(std::holds_alternative<Options>(parsed)) << std::get<Leave>(parsed).err;
    EXPECT_EQ(std::get<Options>(parsed).command, command);
    EXPECT_TRUE(std::get<Options>(parsed).json);
    const auto node = parse({"history", "--node", word, "--from", "-5m"});
    ASSERT_TRUE(std::holds_alternative<Options>(node)) << std::get<Leave>(node).err;
    EXPECT_EQ(std::get<Options>(node).command, Command::kHistory);
    EXPECT_EQ(std::get<Options>(node).node, word);
  }
}

}  // namespace
}  // namespace tideline::tidectl::query_options_test
