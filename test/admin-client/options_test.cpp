#include "admin-client/options.h"

#include <gmock/gmock.h>

namespace tideline::tidectl::options_test {
namespace {

using model::Metric;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr model::WallTime kNow{1'772'366'400'000};

std::variant<Options, Leave> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "tidectl");
  return parse_options(static_cast<int>(words.size()), words.data(), kNow);
}
Options good(std::vector<const char*> words) {
  auto parsed = parse(std::move(words));
  if (const auto* leave = std::get_if<Leave>(&parsed)) {
    ADD_FAILURE() << leave->err << leave->out;
    return {};
  }
  return std::get<Options>(parsed);
}
Leave bad(std::vector<const char*> words) {
  auto parsed = parse(std::move(words));
  if (std::holds_alternative<Options>(parsed)) {
    ADD_FAILURE() << "accepted";
    return {};
  }
  return std::get<Leave>(parsed);
}

TEST(Options, DefaultToTheUnixSocket) {
  const auto options = good({"nodes"});
  EXPECT_EQ(options.command, Command::kNodes);
  EXPECT_EQ(options.target.address, "unix:/run/tideline/admin.sock");
  EXPECT_EQ(options.target.server_name, "coordinator.tideline");
  EXPECT_EQ(options.target.timeout, model::Duration(std::chrono::seconds(10)));
}

TEST(Options, GlobalOnesMayStandBeforeAndAfterTheCommand) {
  for (const auto& words : {std::vector<const char*>{"--json", "--timeout", "3s", "policy", "get", "--node", "a"},
                            std::vector<const char*>{"policy", "get", "--node", "a", "--json", "--timeout", "3s"}}) {
    const auto options = good(words);
    EXPECT_EQ(options.command, Command::kPolicyGet);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.node, "a");
    EXPECT_EQ(options.target.timeout, model::Duration(std::chrono::seconds(3)));
  }
}

TEST(Options, HandsOffIsCheckedBeforeItTravels) {
  const auto asked =
      good({"hands-off", "--node", "a", "--cgroup", "kubepods/besteffort", "--for", "2h", "--reason", "r"});
  EXPECT_EQ(asked.command, Command::kHandsOffBegin);
  EXPECT_EQ(asked.duration, model::Duration(std::chrono::hours(2)));
  const auto refused = [](const char* group, const char* duration) {
    return bad({"hands-off", "--node", "a", "--cgroup", group, "--for", duration, "--reason", "r"});
  };
  for (const auto& leave :
       {refused("/kubepods", "2h"), refused("kubepods/..", "2h"), refused("kubepods", "0s"), refused("kubepods", "8d"),
        refused("kubepods", "long"), bad({"hands-off", "--node", "a", "--cgroup", "g", "--for", "2h"})}) {
    EXPECT_EQ(leave.exit_code, kUsage) << leave.err;
  }
  EXPECT_THAT(bad({"hands-off"}).err, HasSubstr("--node, --cgroup, --for, --reason missing"));
  EXPECT_EQ(good({"hands-off", "list"}).command, Command::kHandsOffList);
  EXPECT_EQ(good({"hands-off", "end", "--node", "a", "--cgroup", "g"}).command, Command::kHandsOffEnd);
}

TEST(Options, ReleaseNeedsAYes) {
  EXPECT_THAT(bad({"node", "a", "release"}).err, HasSubstr("give --yes"));
  const auto release = good({"node", "a", "release", "--yes"});
  EXPECT_EQ(release.command, Command::kRelease);
  EXPECT_EQ(release.node, "a");
  EXPECT_EQ(release.reason, "released by hand");
  EXPECT_EQ(good({"node", "a", "resume"}).command, Command::kResume);
  EXPECT_EQ(good({"node", "a", "--capabilities"}).command, Command::kNode);
}

TEST(Options, ExplainTakesAnInstant) {
  EXPECT_FALSE(good({"explain", "node", "a"}).at);
  EXPECT_EQ(good({"explain", "node", "a", "--at", "-5m", "--file", "quota"}).at->ms, kNow.ms - 300'000);
  EXPECT_THAT(bad({"explain", "node", "a", "--at", "soon"}).err, HasSubstr("--at"));
}

TEST(Options, ExplainReclaimedTakesANodeAndAnInstant) {
  const auto now = good({"explain", "reclaimed", "a"});
  EXPECT_EQ(now.command, Command::kExplainReclaimed);
  EXPECT_EQ(now.node, "a");
  EXPECT_FALSE(now.at);
  EXPECT_EQ(good({"explain", "reclaimed", "a", "--at", "-5m"}).at->ms, kNow.ms - 300'000);
}

TEST(Options, ClusterGroupsByZoneAndInstanceTypeUnlessTold) {
  const auto plain = good({"cluster"});
  EXPECT_EQ(plain.command, Command::kCluster);
  EXPECT_THAT(plain.labels, ElementsAre("topology.kubernetes.io/zone", "node.kubernetes.io/instance-type"));
  EXPECT_EQ(plain.from.ms, kNow.ms - 3'600'000);
  EXPECT_GT(plain.to, kNow);
  EXPECT_EQ(plain.points, 240u);
  const auto told = good({"cluster", "--by", "pool,zone,pool", "--since", "7d", "--points", "50"});
  EXPECT_THAT(told.labels, ElementsAre("pool", "zone"));
  EXPECT_EQ(told.from.ms, kNow.ms - 7 * 86'400'000LL);
  EXPECT_EQ(told.points, 50u);
  EXPECT_THAT(good({"cluster", "--by", ""}).labels, testing::IsEmpty());
}

TEST(Options, ClusterTakesWhatItsTrendIsOf) {
  const auto plain = good({"cluster"});
  EXPECT_EQ(plain.trend.of, "");
  EXPECT_EQ(plain.trend.tier, "");
  EXPECT_THAT(plain.trend.curves, testing::IsEmpty());
  const auto told = good({"cluster", "--trend-of", "zone=a", "--tier", "batch", "--curves", "offered,deficit,offered"});
  EXPECT_EQ(told.trend.of, "zone=a");
  EXPECT_EQ(told.trend.tier, "batch");
  EXPECT_THAT(told.trend.curves, ElementsAre("offered", "deficit"));
  EXPECT_EQ(good({"cluster", "--trend-of", "zone="}).trend.of, "zone=") << "nodes without the label";
}

TEST(Options, TakeRelativeTimesThatBeginWithADash) {
  const auto options = good({"history", "--node", "a", "--from", "-5m", "--metric", "ls.cpu,be.memory", "--plot"});
  EXPECT_EQ(options.from.ms, kNow.ms - 300'000);
  EXPECT_EQ(options.to, kNow);
  EXPECT_THAT(options.metrics, ElementsAre(Metric::kLsCpu, Metric::kBeMemory));
  EXPECT_TRUE(options.plot);
}

TEST(Options, NameTheArgumentThatIsWrong) {
  const struct {
    std::vector<const char*> words;
    const char* named;
  } cases[] = {
      {{}, "subcommand"},
      {{"frobnicate"}, "frobnicate"},
      {{"node"}, "NAME"},
      {{"history", "--from", "-5m"}, "--node"},
      {{"history", "--node", "a"}, "--from"},
      {{"history", "--node", "a", "--from", "soon"}, "--from: \"soon\""},
      {{"history", "--node", "a", "--from", "-5m", "--to", "-10m"}, "is not before"},
      {{"history", "--node", "a", "--from", "-5m", "--metric", "ls.cpo"}, "did you mean \"ls.cpu\""},
      {{"history", "--node", "a", "--from", "-5m", "--metric", ""}, "--metric"},
      {{"history", "--node", "a", "--from", "-5m", "--plot", "--csv"}, "--csv"},
      {{"history", "--node", "a", "--from", "-5m", "--plot", "--json"}, "--json"},
      {{"history", "--node", "a", "--from", "-5m", "--height", "2"}, "--height"},
      {{"--address", "coordinator", "nodes"}, "host:port"},
      {{"--address", "c:7443", "nodes"}, "--cert, --key, --ca missing"},
      {{"--address", "c:7443", "--cert", "a", "--ca", "b", "nodes"}, "--key missing"},
      {{"--address", "unix:relative", "nodes"}, "absolute path"},
      {{"--timeout", "5", "nodes"}, "--timeout: \"5\""},
      {{"--timeout", "0s", "nodes"}, "--timeout"},
      {{"watch", "--interval", "1ms"}, "--interval"},
      {{"explain", "reclaimed"}, "NAME"},
      {{"explain", "reclaimed", "a", "--at", "soon"}, "--at"},
      {{"cluster", "--since", "ever"}, "--since"},
      {{"cluster", "--since", "0s"}, "--since"},
      {{"cluster", "--points", "0"}, "--points"},
      {{"cluster", "--points", "2001"}, "--points"},
      {{"cluster", "--by", "a,,b"}, "--by"},
      {{"cluster", "--by", "a,b,c,d,e"}, "5 labels"},
      {{"cluster", "--trend-of", "zone"}, "--trend-of zone: want LABEL=VALUE"},
      {{"cluster", "--trend-of", "=a"}, "LABEL=VALUE"},
      {{"cluster", "--tier", "bach"}, "did you mean \"batch\""},
      {{"cluster", "--curves", "used,offerd"}, "did you mean \"offered\""},
      {{"cluster", "--curves", "allocated,used,buffered,charged,reclaimed,offered,committed"}, "7 words"},
      {{"policy"}, "subcommand"},
      {{"policy", "apply"}, "FILE"},
      {{"policy", "check"}, "FILE"},
      {{"nodes", "--frob"}, "--frob"},
  };
  for (const auto& c : cases) {
    const auto leave = bad(c.words);
    EXPECT_EQ(leave.exit_code, kUsage) << c.named;
    EXPECT_THAT(leave.err, AllOf(HasSubstr("tidectl: "), HasSubstr(c.named)));
  }
}

TEST(Options, PolicyCheckTakesFilesAndANode) {
  const auto options = good({"policy", "check", "a.json", "b.json", "--node", "web-1"});
  EXPECT_EQ(options.command, Command::kPolicyCheck);
  EXPECT_THAT(options.files, ElementsAre("a.json", "b.json"));
  EXPECT_EQ(options.node, "web-1");
}

TEST(Options, OfflineCommandsNeedNoCertificates) {
  EXPECT_EQ(good({"--address", "c:7443", "version"}).command, Command::kVersion);
  EXPECT_EQ(good({"--address", "c:7443", "policy", "keys"}).command, Command::kPolicyKeys);
}

TEST(Options, HelpHasExamplesForEveryCommand) {
  for (const auto& words : {std::vector<const char*>{"nodes"},
                            {"node"},
                            {"pods"},
                            {"reclaimed"},
                            {"cluster"},
                            {"explain", "reclaimed"},
                            {"history"},
                            {"history", "state"},
                            {"history", "verify"},
                            {"history", "backup"},
                            {"query"},
                            {"events"},
                            {"watch"},
                            {"whoami"},
                            {"version"},
                            {"policy", "get"},
                            {"policy", "check"},
                            {"policy", "apply"},
                            {"policy", "status"},
                            {"policy", "keys"}}) {
    auto with_help = words;
    with_help.push_back("--help");
    const auto leave = bad(with_help);
    EXPECT_EQ(leave.exit_code, kOk);
    EXPECT_THAT(leave.out, HasSubstr("Examples:\n  tidectl ")) << words.back();
  }
  EXPECT_THAT(bad({"--help"}).out, HasSubstr("Exit codes"));
}

}  // namespace
}  // namespace tideline::tidectl::options_test
