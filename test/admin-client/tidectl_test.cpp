// The real program against a real admin server with TLS; only the coordinator behind it is made up.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/admin/server.h"
#include "test/coordinator/admin/fake_backend.h"
#include "test/support/certs.h"
#include "test/support/free_port.h"
#include "test/support/temp_dir.h"

namespace tideline::tidectl::tidectl_test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

class TidectlTest : public testing::Test {
 protected:
  TidectlTest() : authority_(directory_.str(), "ca"), viewer_(authority_.person("viewer", "ann")) {
    const auto files = authority_.coordinator();
    admin::AdminServerConfig config;
    config.listen = "127.0.0.1:0";
    config.tls = {files.certificate, files.key, files.ca};
    config.unix_socket = directory_.str() + "/run/admin.sock";
    config.backend_deadline = std::chrono::milliseconds(200);
    socket_ = config.unix_socket;
    auto server = admin::AdminServer::start(config, backend_);
    if (!server) {
      ADD_FAILURE() << server.error().message();
      return;
    }
    server_ = *std::move(server);
    address_ = "127.0.0.1:" + std::to_string(server_->port());
  }

  /// Runs tidectl with exactly this environment.
  Outcome run(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
    const char* bin = std::getenv("TIDELINE_BIN");
    const std::string program = std::string(bin ? bin : "bin") + "/tidectl";
    const std::string out = directory_.str() + "/stdout";
    const std::string err = directory_.str() + "/stderr";
    std::vector<std::string> words = {program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> variables = environment;
    std::vector<char*> envp;
    for (auto& variable : variables)
      envp.push_back(variable.data());
    envp.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int out_fd = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(out_fd, STDOUT_FILENO);
      ::dup2(err_fd, STDERR_FILENO);
      ::execve(program.c_str(), argv.data(), envp.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), directory_.read("stdout"),
            directory_.read("stderr")};
  }

  std::vector<std::string> tls(const test::CertFiles& files) const {
    return {"TIDECTL_ADDRESS=" + address_, "TIDECTL_CERT=" + files.certificate, "TIDECTL_KEY=" + files.key,
            "TIDECTL_CA=" + files.ca};
  }
  Outcome as_viewer(const std::vector<std::string>& arguments) { return run(arguments, tls(viewer_)); }

  test::TempDir directory_;
  test::CertAuthority authority_;
  test::CertFiles viewer_;
  test::FakeBackend backend_;
  std::unique_ptr<admin::AdminServer> server_;
  std::string address_;
  std::string socket_;
};

TEST_F(TidectlTest, ShowsEveryReadOnlyCommandAsTableAndAsJson) {
  const std::vector<std::vector<std::string>> commands = {{"nodes"},
                                                          {"node", "web-1"},
                                                          {"pods"},
                                                          {"pods", "--node", "web-1"},
                                                          {"reclaimed"},
                                                          {"history", "--node", "web-1", "--from", "-5m"},
                                                          {"history", "state"},
                                                          {"query", "node.cpu"},
                                                          {"query", "pod.cpu", "--pods", "--since", "30d"},
                                                          {"events", "--from", "-1h"},
                                                          {"node", "web-1", "--capabilities"},
                                                          {"explain", "node", "web-1"},
                                                          {"explain", "reclaimed", "web-1"},
                                                          {"cluster"},
                                                          {"hands-off", "list"},
                                                          {"policy", "get"},
                                                          {"policy", "get", "--node", "db-1"},
                                                          {"policy", "status"},
                                                          {"policy", "keys"},
                                                          {"whoami"},
                                                          {"version"}};
  for (auto command : commands) {
    const auto table = as_viewer(command);
    EXPECT_EQ(table.code, 0) << command.back() << ": " << table.err;
    EXPECT_THAT(table.out, Not(IsEmpty())) << command.back();
    EXPECT_THAT(table.err, IsEmpty()) << command.back();
    command.push_back("--json");
    const auto machine = as_viewer(command);
    EXPECT_EQ(machine.code, 0) << command.back();
    EXPECT_TRUE(json::accept(machine.out)) << machine.out;
  }
}

TEST_F(TidectlTest, ReadsNodesOverTls) {
  const auto nodes = json::parse(as_viewer({"nodes", "--json"}).out);
  ASSERT_EQ(nodes["nodes"].size(), 2u);
  EXPECT_EQ(nodes["nodes"][1]["name"], "web-1");
  EXPECT_EQ(nodes["nodes"][1]["last"]["nodeCpuMilli"], 1350);
  EXPECT_THAT(as_viewer({"nodes"}).out, HasSubstr("1.35 / 2.00"));
}

TEST_F(TidectlTest, ExplainsFilesEvictionsHoldsAndFeatures) {
  const auto text = as_viewer({"explain", "node", "web-1", "--file", "besteffort", "--at", "1700000000000"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("88000"), HasSubstr("threshold-formula"), HasSubstr("1m30s"), HasSubstr("shop/etl-1"),
                    HasSubstr("be-starved"), HasSubstr("hands off by ann: x"), HasSubstr("cpu-burst: no such file")));
  EXPECT_THAT(text.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text.out, AllOf(HasSubstr("protected: kubepods/besteffort cpu.shares 2"),
                              HasSubstr("reaches back to 2023-11-13T22:13:20Z")));
  const auto all = json::parse(as_viewer({"explain", "node", "web-1", "--json"}).out);
  EXPECT_EQ(all["files"][0]["changesLastHour"], 12);
  EXPECT_EQ(all["files"][0]["original"], false);
  EXPECT_EQ(all["files"][0]["eventsLostSince"], true);
  EXPECT_THAT(text.out, AllOf(HasSubstr("dry run: would be 50000 (throttled)"),
                              HasSubstr("overruled: batch-limits 2 (batch-request)")));
  EXPECT_EQ(all["unwritten"][0]["heldValue"], "20000");
  EXPECT_EQ(all["unwritten"][1]["reason"], "overruled");
  EXPECT_EQ(all["eventsLostWallMs"], 1'699'999'940'000);
  EXPECT_THAT(text.out, AllOf(HasSubstr("ours, events lost since"), HasSubstr("up to 2023-11-14T22:12:20Z were lost")));
  EXPECT_EQ(all["handsOff"][0]["saidBy"], "node");
  EXPECT_EQ(all["features"][0]["state"], "unsupported");
  EXPECT_THAT(backend_.calls(), Contains("explain web-1 besteffort"));
  EXPECT_EQ(as_viewer({"explain", "node", "web-9"}).code, 1);
}

TEST_F(TidectlTest, ExplainsAnAccountOfNowAndOfThen) {
  const auto text = as_viewer({"explain", "reclaimed", "web-1"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("policy version 7"), HasSubstr("report 42"), HasSubstr("node-status"),
                              HasSubstr("not known"), HasSubstr("shop/nginx-0"), Not(HasSubstr("history has it"))));
  EXPECT_THAT(text.out, Not(HasSubstr("\x1b")));
  const auto then = as_viewer({"explain", "reclaimed", "web-1", "--at", "1700000000000", "--json"});
  ASSERT_EQ(then.code, 0) << then.err;
  const auto all = json::parse(then.out);
  EXPECT_EQ(all["stored"], true);
  EXPECT_EQ(all["wallMs"], 1'700'000'000'000);
  EXPECT_EQ(all["askedWallMs"], 1'700'000'000'000);
  EXPECT_EQ(all["beforeAskedMs"], 0);
  EXPECT_EQ(all["account"]["cpuMilli"]["offered"], 750);
  EXPECT_EQ(all["cpuMilli"]["terms"][0]["ageMs"], 4000);
  EXPECT_EQ(all["cpuMilli"]["pods"][0]["by"], "use");
  EXPECT_EQ(as_viewer({"explain", "reclaimed", "web-9"}).code, 1);
}

TEST_F(TidectlTest, ShowsTheClusterWithItsPartsDeficitsAndTrend) {
  const auto text = as_viewer({"cluster", "--by", "pool"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("2 nodes and 1 that are gone"), HasSubstr("pool"), HasSubstr("rm?[2J?bell"),
                              HasSubstr("3 smaller groups"), HasSubstr("db-1"), HasSubstr("and 8 nodes more"),
                              HasSubstr("* allocated"), HasSubstr("reclaimed")));
  EXPECT_THAT(text.out, Not(HasSubstr("\x1b")));
  const auto all = json::parse(as_viewer({"cluster", "--by", "pool", "--points", "33", "--json"}).out);
  EXPECT_EQ(all["groupings"][0]["label"], "pool");
  EXPECT_EQ(all["deficits"][0]["cpuMilli"], 125);
  EXPECT_EQ(all["trend"].size(), 1u);
  EXPECT_THAT(backend_.calls(), Contains("cluster 33"));
}

TEST_F(TidectlTest, ShowsTheTrendOfOneGroupAndTier) {
  const std::vector<std::string> asked = {"cluster", "--trend-of", "topology.kubernetes.io/zone=a", "--tier", "batch"};
  const auto text = as_viewer(asked);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("trend of topology.kubernetes.io/zone=a, tier batch:\n"), HasSubstr("* used"),
                              HasSubstr(" committed"), Not(HasSubstr(" allocated "))));
  auto with_json = asked;
  with_json.emplace_back("--json");
  const auto all = json::parse(as_viewer(with_json).out);
  EXPECT_EQ(all["trendOf"], "topology.kubernetes.io/zone=a");
  EXPECT_EQ(all["trendTier"], "batch");
  EXPECT_EQ(all["trend"][0]["cpuMilli"]["allocated"], nullptr);
  EXPECT_THAT(backend_.calls(), Contains("cluster 240 of topology.kubernetes.io/zone=a"));
  const auto refused = as_viewer({"cluster", "--trend-of", "pool=a"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("not by pool"));
}

TEST_F(TidectlTest, ShowsWhatTheKernelCanDo) {
  const auto text = as_viewer({"node", "web-1", "--capabilities"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("cpu-quota  cpu.cfs_quota_us  yes        at most that of each group above"),
                              HasSubstr("this kernel has no cpu.idle")));
  const auto all = json::parse(as_viewer({"node", "web-1", "--capabilities", "--json"}).out);
  EXPECT_EQ(all["knobs"][1]["knob"], "cpu-idle");
  EXPECT_EQ(all["knobs"][1]["supported"], false);
  EXPECT_EQ(all["knobs"][1]["why"], "this kernel has no cpu.idle");
  EXPECT_EQ(all["knobs"][1]["demands"], "");
  EXPECT_EQ(all["knobs"][0]["why"], "");
  EXPECT_EQ(all["knobs"][0]["demands"], "at most that of each group above");
}

TEST_F(TidectlTest, HandsOffAndReleaseNeedTheOperatorRole) {
  const auto ann = tls(authority_.person("operator", "ann"));
  const std::vector<std::string> begin = {"hands-off", "--node", "web-1",    "--cgroup", "kubepods/besteffort",
                                          "--for",     "2h",     "--reason", "tuning"};
  const std::vector<std::vector<std::string>> changes = {
      begin,
      {"hands-off", "end", "--node", "web-1", "--cgroup", "kubepods/besteffort"},
      {"node", "web-1", "release", "--yes", "--reason", "debugging"},
      {"node", "web-1", "resume"}};
  for (const auto& change : changes) {
    EXPECT_EQ(as_viewer(change).code, 4) << change[0];
    EXPECT_THAT(backend_.calls(), IsEmpty());
  }
  for (const auto& change : changes)
    EXPECT_EQ(run(change, ann).code, 0) << change[0];
  EXPECT_THAT(backend_.calls(),
              testing::ElementsAre("hands_off_begin web-1 kubepods/besteffort by ann: hands off by ann: tuning",
                                   "hands_off_end web-1 kubepods/besteffort by ann",
                                   "hands_off_begin web-1  by ann: released by ann: debugging",
                                   "hands_off_end web-1 release by ann"));
}

TEST_F(TidectlTest, ListsWhatIsLeftAloneAndWhetherTheNodesObey) {
  const auto list = as_viewer({"hands-off", "list"});
  EXPECT_THAT(list.out, AllOf(HasSubstr("1h30m"), HasSubstr("in force"), HasSubstr("problem: too old"),
                              HasSubstr("until resume")));
  const auto all = json::parse(as_viewer({"hands-off", "list", "--json"}).out);
  EXPECT_EQ(all["handsOff"][0]["remainingMs"], 5'400'000);
  EXPECT_EQ(all["handsOff"][1]["release"], true);
}

TEST_F(TidectlTest, TakesOptionsInsteadOfTheEnvironment) {
  const auto outcome =
      run({"--address", address_, "--cert", viewer_.certificate, "--key", viewer_.key, "--ca", viewer_.ca, "whoami"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "viewer ann\n");
}

TEST_F(TidectlTest, SpeaksOverTheUnixSocket) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: without the group tideline the socket is for root only";
  const auto outcome = run({"--address", "unix:" + socket_, "whoami"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "admin uid:0\n");
}

TEST_F(TidectlTest, ExitsWith1ForAnUnknownNode) {
  const auto outcome = as_viewer({"node", "web-9"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "tidectl: node web-9 is not known here\n");
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(TidectlTest, ExitsWith2ForWrongUsage) {
  const auto outcome = as_viewer({"history", "--node", "web-1", "--from", "soon"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--from: \"soon\""));
}

TEST_F(TidectlTest, ExitsWith3AndNamesTheAddressWhereNobodyListens) {
  auto environment = tls(viewer_);
  environment[0] = "TIDECTL_ADDRESS=127.0.0.1:" + std::to_string(test::free_port());
  const auto outcome = run({"nodes"}, environment);
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, AllOf(StartsWith("tidectl: cannot connect to 127.0.0.1:"), HasSubstr("refused")));
  const auto socket = run({"--address", "unix:/nowhere/admin.sock", "nodes"});
  EXPECT_EQ(socket.code, 3);
  EXPECT_THAT(socket.err, HasSubstr("/nowhere/admin.sock"));
}

TEST_F(TidectlTest, ExitsWith3AndNamesTheFileThatIsMissing) {
  auto environment = tls(viewer_);
  environment[2] = "TIDECTL_KEY=/nowhere/key.pem";
  const auto outcome = run({"nodes"}, environment);
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/key.pem"));
}

TEST_F(TidectlTest, ExitsWith3ForACoordinatorOfAnotherAuthorityOrName) {
  test::TempDir elsewhere;
  const test::CertAuthority other(elsewhere.str(), "other");
  const auto stranger = run({"nodes"}, tls(other.person("admin", "eve")));
  EXPECT_EQ(stranger.code, 3);
  EXPECT_THAT(stranger.err, HasSubstr(address_));
  auto environment = tls(viewer_);
  environment.push_back("TIDECTL_SERVER_NAME=another.tideline");
  const auto name = run({"nodes"}, environment);
  EXPECT_EQ(name.code, 3);
  EXPECT_THAT(name.err, AllOf(HasSubstr(address_), HasSubstr("another.tideline")));
  EXPECT_THAT(backend_.calls(), IsEmpty());
}

TEST_F(TidectlTest, ExitsWith3ForAnExpiredCertificate) {
  const auto files = authority_.issue("old", {.common_name = "viewer:ann",
                                              .client_auth = true,
                                              .valid_from = std::chrono::seconds(-7200),
                                              .valid_to = std::chrono::seconds(-3600)});
  const auto outcome = run({"nodes"}, tls(files));
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(files.certificate), HasSubstr("expired")));
}

TEST_F(TidectlTest, ExitsWith3WhenTheCoordinatorDoesNotAnswer) {
  backend_.keep_silent = true;
  const auto outcome = as_viewer({"nodes"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("did not answer in time"));
}

TEST_F(TidectlTest, ExitsWith4WhenTheRoleForbidsIt) {
  const std::string file = directory_.write("colocation-config.json", "{\"enable\": true}");
  const auto outcome = as_viewer({"policy", "apply", file});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(outcome.err, "tidectl: permission denied: policyApply needs the role operator; ann has the role viewer\n");
  const auto norole = run({"nodes"}, tls(authority_.issue("norole", {.common_name = "ann", .client_auth = true})));
  EXPECT_EQ(norole.code, 4) << norole.err;
}

TEST_F(TidectlTest, AppliesAPolicyAndShowsItsNotices) {
  const auto ann = tls(authority_.person("operator", "ann"));
  const std::string file = directory_.write(
      "resource-threshold-config.json",
      R"({"clusterStrategy": {"enable": true, "cpuEvictThresholdPercent": 90, "cpuSuppressPolicy": "cfsQuota"}})");
  const auto dry = run({"policy", "apply", "--dry-run", file}, ann);
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_THAT(dry.out, AllOf(HasSubstr("cpuEvictThresholdPercent"), HasSubstr("nothing changed, version 7 stays"),
                             HasSubstr("2 nodes change")));
  const auto applied = run({"policy", "apply", file}, ann);
  EXPECT_EQ(applied.code, 0) << applied.err;
  EXPECT_THAT(applied.out, HasSubstr("version 8 is in force"));
  EXPECT_THAT(backend_.calls(), testing::ElementsAre("policy_apply by ann (dry run) resource-threshold-config",
                                                     "policy_apply by ann resource-threshold-config"));
}

TEST_F(TidectlTest, ChecksAPolicyAgainstTheNodesAsAViewer) {
  const std::string file =
      directory_.write("resource-threshold-config.json", R"({"clusterStrategy": {"enable": true}})");
  const auto text = as_viewer({"policy", "check", file});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("compared with version 7"), HasSubstr("colocation-config is in force and not"),
                              HasSubstr("2 nodes would change: db-1, web-1"), HasSubstr("nodeStrategies[0] \"db\""),
                              HasSubstr("21 nodes: new-1 and 20 more"), HasSubstr("2 of 3 nodes would change")));
  EXPECT_THAT(text.out, Not(HasSubstr("\x1b")));
  const auto all = json::parse(as_viewer({"policy", "check", "--json", file}).out);
  EXPECT_EQ(all["version"], 7);
  EXPECT_EQ(all["groups"][0]["nodes"]["names"][1], "web-1");
  EXPECT_EQ(all["groups"][0]["changes"][0]["after"], "cfsQuota");
  EXPECT_TRUE(all["groups"][0]["changes"][1]["before"].is_null());
  EXPECT_EQ(all["groups"][0]["changes"][1]["after"], 5);
  EXPECT_EQ(all["unusedEntries"][0]["why"], "no-match");
  EXPECT_EQ(all["labelsUnknown"]["count"], 21);
  EXPECT_THAT(backend_.calls(), testing::Each("policy_check resource-threshold-config"));
}

TEST_F(TidectlTest, ChecksBadDocumentsWithoutAskingAndKnowsUnknownNodes) {
  const std::string bad = directory_.write("resource-threshold-config.json",
                                           R"({"clusterStrategy": {"cpuSuppressThresholdPercent": 165}})");
  const auto refused = as_viewer({"policy", "check", bad});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr(bad), HasSubstr("165"), HasSubstr("0..100")));
  EXPECT_THAT(backend_.calls(), IsEmpty());
  const std::string good = directory_.write("colocation-config.json", "{}");
  const auto unknown = as_viewer({"policy", "check", good, "--node", "web-9"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_EQ(unknown.err, "tidectl: node web-9 is not known here\n");
  EXPECT_EQ(as_viewer({"policy", "check"}).code, 2);
}

TEST_F(TidectlTest, PolicyStatusTellsContentsAndWhatNodesCannotDo) {
  const auto text = as_viewer({"policy", "status"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("000000001234abcd"), HasSubstr("cpu-burst: no such file"),
                              HasSubstr("1 of 2 nodes have what they should; 1 cannot do all of it")));
  const auto all = json::parse(as_viewer({"policy", "status", "--json"}).out);
  EXPECT_EQ(all["nodes"][0]["inForce"], false);
  EXPECT_EQ(all["nodes"][0]["policyContentApplied"], "0000000000000099");
  EXPECT_EQ(all["nodes"][0]["unsupported"][0]["feature"], "cpuBurst.kernel");
  EXPECT_EQ(all["nodes"][1]["inForce"], true);
  EXPECT_EQ(all["contents"][0]["nodes"], 2);
  EXPECT_EQ(all["contents"][0]["problems"], 1);
  EXPECT_EQ(json::parse(as_viewer({"policy", "get", "--json"}).out)["content"], "000000001234abcd");
}

TEST_F(TidectlTest, RefusesABadPolicyBeforeItTravels) {
  const auto ann = tls(authority_.person("operator", "ann"));
  const std::string file = directory_.write("resource-threshold-config.json",
                                            R"({"clusterStrategy": {"cpuSuppressThresholdPercent": 165}})");
  const auto outcome = run({"policy", "apply", file}, ann);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr(file), HasSubstr("cpuSuppressThresholdPercent"), HasSubstr("165"), HasSubstr("0..100")));
  const auto missing = run({"policy", "apply", "/nowhere/colocation-config.json"}, ann);
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere/colocation-config.json"));
  EXPECT_THAT(backend_.calls(), IsEmpty());
}

TEST_F(TidectlTest, PassesOnWhereTheDirSourceIsToBeEdited) {
  backend_.dir_source = true;
  const std::string file = directory_.write("colocation-config.json", "{}");
  const auto outcome = run({"policy", "apply", file}, tls(authority_.person("admin", "root")));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("/etc/tideline/policy: edit it there"));
}

TEST_F(TidectlTest, ReadsHistoryPageByPageUntilItIsComplete) {
  backend_.history_page = 7;
  const auto outcome = as_viewer({"history", "--node", "web-1", "--metric", "ls.cpu", "--from", "1700000000000", "--to",
                                  "1700000060000", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto points = json::parse(outcome.out)["series"][0]["points"];
  ASSERT_EQ(points.size(), 60u);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i][0], 1'700'000'000'000 + static_cast<std::int64_t>(i) * 1000);
  }
}

TEST_F(TidectlTest, PlotsHistoryInTheWidthAndCharactersOfTheTerminal) {
  auto environment = tls(viewer_);
  environment.push_back("COLUMNS=60");
  const std::vector<std::string> command = {"history", "--node",        "web-1", "--metric",      "ls.cpu,be.memory",
                                            "--from",  "1700000000000", "--to",  "1700000060000", "--plot"};
  const auto ascii = run(command, environment);
  ASSERT_EQ(ascii.code, 0) << ascii.err;
  EXPECT_THAT(ascii.out, AllOf(HasSubstr("* ls.cpu"), HasSubstr("cores"), HasSubstr("22:13:20")));
  EXPECT_THAT(ascii.out, Not(HasSubstr("┤")));
  environment.push_back("LANG=C.UTF-8");
  EXPECT_THAT(run(command, environment).out, HasSubstr("┤"));
}

TEST_F(TidectlTest, WritesCsv) {
  const auto outcome = as_viewer({"history", "--node", "web-1", "--metric", "ls.cpu", "--from", "1700000000000", "--to",
                                  "1700000002000", "--csv"});
  EXPECT_EQ(outcome.out,
            "time,wall_ms,ls.cpu (millicores)\n2023-11-14T22:13:20Z,1700000000000,0\n"
            "2023-11-14T22:13:21Z,1700000001000,1\n");
}

TEST_F(TidectlTest, SaysOnStderrThatCsvIsCut) {
  const auto csv = [&](const std::string& to) {
    return as_viewer(
        {"history", "--node", "web-1", "--metric", "ls.cpu", "--from", "1700000000000", "--to", to, "--csv"});
  };
  EXPECT_THAT(csv("1700000002000").err, IsEmpty());
  const auto cut = csv("1701000100000");  // 100 points more than it takes
  EXPECT_EQ(cut.code, 0);
  EXPECT_EQ(cut.err, "tidectl: cut: more points exist of ls.cpu, narrow the range\n");
  EXPECT_THAT(cut.out, Not(HasSubstr("cut")));
}

TEST_F(TidectlTest, QueriesPageByPageUntilTheRangeIsComplete) {
  backend_.query_page = 7;
  const std::vector<std::string> asked = {"query",         "node.cpu", "--node",        "web-1",  "--since",
                                          "1700000000000", "--until",  "1700003600000", "--step", "1m"};
  auto as_json = asked;
  as_json.push_back("--json");
  const auto outcome = as_viewer(as_json);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto all = json::parse(outcome.out);
  EXPECT_EQ(all["tier"], "1m");
  EXPECT_EQ(all["fromWallMs"], 1'699'999'980'000);
  const auto& points = all["series"][0]["points"];
  ASSERT_EQ(points.size(), 61u);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto time = 1'699'999'980 + static_cast<std::int64_t>(i) * 60;
    EXPECT_EQ(points[i][0], time * 1000);
    EXPECT_EQ(points[i][1], static_cast<double>(time / 60 % 1000));
  }
  EXPECT_THAT(backend_.calls(), AllOf(Contains("history_query from 1699999980 in 1m"),
                                      Contains("history_query from 1700000400 in 1m"), testing::SizeIs(9)));
  auto as_csv = asked;
  as_csv.push_back("--csv");
  const auto csv = as_viewer(as_csv);
  EXPECT_THAT(csv.out, StartsWith("time,wall_ms,field,unit,node,subject,name,value\n"
                                  "2023-11-14T22:13:00Z,1699999980000,node.cpu,millicores,web-1,,,333\n"));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 62);
  EXPECT_THAT(csv.err, IsEmpty());
}

TEST_F(TidectlTest, QueriesByLabelAndNamesPodsBesideTheirUids) {
  const auto labelled = as_viewer({"query", "node.cpu", "--label", "zone=a", "--across", "sum", "--agg", "p95"});
  ASSERT_EQ(labelled.code, 0) << labelled.err;
  EXPECT_THAT(labelled.out, HasSubstr("sum over nodes of the p95 of each 1m00s, of the 1m tier"));
  EXPECT_THAT(backend_.calls(), Contains(HasSubstr("in 1m where zone=a")));
  const auto pods = as_viewer({"query", "pod.cpu", "--pods", "--node", "web-1", "--csv"});
  ASSERT_EQ(pods.code, 0) << pods.err;
  EXPECT_THAT(pods.out, HasSubstr(",pod.cpu,millicores,web-1,0f1e,shop/nginx-0,"));
  const auto unknown = as_viewer({"query", "node.cpu", "--node", "web-9"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_EQ(unknown.err, "tidectl: node web-9 is not known here\n");
  EXPECT_THAT(unknown.out, IsEmpty());
}

TEST_F(TidectlTest, VerifiesHistoryAndNamesWhatIsDamaged) {
  EXPECT_EQ(as_viewer({"history", "verify"}).code, 4);
  const auto ann = tls(authority_.person("operator", "ann"));
  const auto text = run({"history", "verify"}, ann);
  EXPECT_EQ(text.code, 1);
  EXPECT_EQ(text.out, "report, node web-1: rm?[2J?bell\n2000 rows, 32.0 MiB: 8 findings, of which 1 are named\n");
  EXPECT_THAT(text.err, IsEmpty());
  const auto all = json::parse(run({"history", "verify", "--json"}, ann).out);
  EXPECT_EQ(all["good"], false);
  EXPECT_EQ(all["findings"][0]["where"], "report, node web-1");
  EXPECT_EQ(all["moreFindings"], 7);
}

TEST_F(TidectlTest, BacksHistoryUpAsAnAdmin) {
  EXPECT_EQ(run({"history", "backup"}, tls(authority_.person("operator", "ann"))).code, 4);
  const auto root = tls(authority_.person("admin", "root"));
  const auto text = run({"history", "backup"}, root);
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out, "backup 4 of 2023-11-14T22:13:20Z: 5.0 MiB in 9 files, in /backup\n");
  EXPECT_EQ(json::parse(run({"history", "backup", "--json"}, root).out)["id"], 4);
  EXPECT_THAT(backend_.calls(), Contains("history_backup by root"));
}

TEST_F(TidectlTest, ShowsHowHistoryIsKept) {
  const auto text = as_viewer({"history", "state"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("reports kept   6h00m"), HasSubstr("35d00h"), HasSubstr("/backup"),
                              HasSubstr("rm?[2J?bell")));
  const auto all = json::parse(as_viewer({"history", "state", "--json"}).out);
  EXPECT_EQ(all["tiers"][1]["keptSeconds"], 35 * 86'400);
  EXPECT_EQ(all["lateReports"], 3);
  EXPECT_TRUE(all["tiers"][2]["oldestWallMs"].is_null());
}

TEST_F(TidectlTest, WatchesForSoManyPicturesAndKeepsTheNodesReporting) {
  const auto outcome = as_viewer({"watch", "--node", "web-1", "--interval", "100ms", "--count", "3", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3);
  EXPECT_THAT(backend_.calls(), Contains("watch web-1 5"));
  EXPECT_THAT(outcome.out, HasSubstr("\"reportsEachMs\":3000"));
}

TEST_F(TidectlTest, APictureSaysHowOftenItsNodesReport) {
  const auto outcome = as_viewer({"watch", "--count", "1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Z, reports at least each 3s\n"));
}

TEST_F(TidectlTest, LetsNothingThroughThatSteersTheTerminal) {
  const auto outcome = as_viewer({"events", "--from", "-1h"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("rm?[2J?bell"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace tideline::tidectl::tidectl_test
