// tideline-planner from a trace to its answers, as an operator runs it.

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kBegin = 1'372'636'800;  // 2013-07-01T00:00:00Z
constexpr int kStep = 300;
constexpr int kVms = 12;
constexpr int kDays = 4;

const char* const kHeader = "vm_id,timestamp_s,cpu_cores,cpu_cap_mhz,cpu_used_mhz,mem_cap_kb,mem_used_kb\n";

/// Services that follow the hour of the day, each with peaks of its own.
std::string services_csv() {
  std::string text = kHeader;
  for (int vm = 0; vm < kVms; ++vm) {
    const int cores = 2 << (vm % 3);
    for (int i = 0; i < kDays * 86'400 / kStep; ++i) {
      const double hour = std::fmod(i * kStep / 3'600.0 + vm, 24);
      const double level = 0.25 + 0.2 * std::sin(hour / 24 * 2 * 3.14159265358979) + (i % (97 + vm) == 0 ? 0.4 : 0);
      text += fmt::format("vm-{:02},{},{},{},{:.1f},{},{}\n", vm, kBegin + i * kStep, cores, cores * 2'600,
                          cores * 2'600 * level, cores * 4 * 1'048'576, cores * 1'048'576);
    }
  }
  return text;
}

/// Of Alibaba's batch_task.csv, whose times count from the trace's begin.
std::string tasks_csv() {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += fmt::format("{},{},{},1,{},Terminated,100,0.01\n", i * 600, i * 600 + 1'800, i, 1 + i % 3);
  return text;
}

Finished planner(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("tideline-planner"));
  return run(std::move(arguments), patience(seconds(120)));
}

/// What is printed as JSON; null, and a failure, where it is none.
json answer(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const auto done = planner(std::move(arguments));
  EXPECT_EQ(done.exit, 0) << done.output;
  auto parsed = json::parse(done.output, nullptr, false);
  EXPECT_TRUE(parsed.is_object()) << done.output.substr(0, 500);
  return parsed.is_object() ? parsed : json();
}

/// One trace for all tests, as it is read only.
class Planner : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir;
    dir_->write("july.csv", services_csv());
    dir_->write("tasks.csv", tasks_csv());
    dir_->write("policy.json", R"({"colocation-config": {"enable": true, "cpuReclaimThresholdPercent": 80},
                                   "resource-threshold-config": {"clusterStrategy": {"enable": true}}})");
    const auto july = planner({"import", "--format", "bitbrains", path("july.csv"), "-o", path("july.tla")});
    ASSERT_EQ(july.exit, 0) << july.output;
    const auto tasks =
        planner({"import", "--format", "alibaba-2017-batch", path("tasks.csv"), "-o", path("tasks.tla")});
    ASSERT_EQ(tasks.exit, 0) << tasks.output;
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }

  static std::string path(const std::string& name) { return dir_->str() + "/" + name; }
  /// `command` on the trace, onto hosts of 16 cores.
  static std::vector<std::string> on_july(const std::string& command, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {command, path("july.tla")};
    if (command != "scan") words.insert(words.end(), {"--host-cpu", "16", "--host-memory", "128Gi"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  static TempDir* dir_;
};
TempDir* Planner::dir_ = nullptr;

TEST_F(Planner, ImportSaysWhatBecameOfEachLineAndScanThatTheArchiveIsWhole) {
  const TempDir own;
  const auto made = answer({"import", "--format", "bitbrains", path("july.csv"), "-o", own.str() + "/a.tla"});
  EXPECT_EQ(made.at("lines"), kVms * kDays * 288);
  EXPECT_EQ(made.at("series"), kVms);
  EXPECT_EQ(made.at("stepS"), kStep);
  EXPECT_EQ(own.read("a.tla"), dir_->read("july.tla")) << "the same trace is the same archive";
  const auto scan = answer(on_july("scan"));
  EXPECT_EQ(scan.at("damagedChunks"), 0);
  const auto& kind = scan.at("kinds").at(0);
  EXPECT_EQ(kind.at("kind"), "workload");
  EXPECT_EQ(kind.at("series"), kVms);
  EXPECT_EQ(kind.at("rows"), kVms * kDays * 288);
  EXPECT_EQ(kind.at("values"), 4 * kVms * kDays * 288);
  EXPECT_EQ(scan.at("about").at("format"), "bitbrains");
  EXPECT_EQ(scan.at("about").at("import").at("series"), kVms);
  EXPECT_THAT(planner(on_july("scan")).output, AllOf(HasSubstr("whole: "), HasSubstr("2013-07-01T00:00:00Z")));
}

TEST_F(Planner, GzipIsReadAsItIs) {
  const TempDir own;
  own.write("july.csv", dir_->read("july.csv"));
  ASSERT_EQ(run({"gzip", own.str() + "/july.csv"}).exit, 0);
  const auto packed = own.str() + "/july.csv.gz";
  const auto done = planner({"import", "--format", "bitbrains", packed, "-o", own.str() + "/a.tla"});
  ASSERT_EQ(done.exit, 0) << done.output;
  EXPECT_EQ(own.read("a.tla"), dir_->read("july.tla"));
}

TEST_F(Planner, PredictorsAreScoredOnTheSecondHalf) {
  const auto scores = answer(on_july("predictors", {"--forecasts", "limit,nsigma:5,max(nsigma:5,rc:99),oracle"}));
  ASSERT_EQ(scores.at("predictors").size(), 4u);
  const auto& limit = scores.at("predictors").at(0);
  const auto& oracle = scores.at("predictors").at(3);
  EXPECT_EQ(limit.at("savings"), 0.0);
  EXPECT_EQ(limit.at("violations"), 0);
  EXPECT_GT(limit.at("checks").get<int>(), 0);
  EXPECT_EQ(oracle.at("violations"), 0);
  EXPECT_GT(oracle.at("savings").get<double>(), 0);
  EXPECT_THAT(scores.at("facts").dump(), HasSubstr("scored 2013-07-03T00:00:00Z to 2013-07-05T00:00:00Z"));
}

TEST_F(Planner, AReplayOffersMoreUnderAHigherThresholdAndCompareSaysSo) {
  const TempDir own;
  const auto replay = [&](const std::string& name, std::vector<std::string> more) {
    more.push_back("--json=" + own.str() + "/" + name + ".json");
    const auto done = planner(on_july("replay", std::move(more)));
    EXPECT_EQ(done.exit, 0) << done.output;
    EXPECT_THAT(done.output, HasSubstr("core-h")) << "text is printed where JSON goes to a file";
    return json::parse(own.read(name + ".json"));
  };
  const auto usual = replay("usual", {});
  const auto high = replay("high", {"--policy", path("policy.json")});
  EXPECT_EQ(usual.at("name"), "defaults");
  EXPECT_EQ(high.at("name"), "policy");
  const auto offered = [](const json& saved) { return saved.at("totals").at("offeredCoreH").get<double>(); };
  EXPECT_GT(offered(usual), 0);
  EXPECT_GT(offered(high), offered(usual));
  EXPECT_THAT(usual.at("notes").dump(), AllOf(HasSubstr("Without --policy"), HasSubstr("Not modelled")));
  EXPECT_EQ(usual.at("days").size(), static_cast<std::size_t>(kDays));

  const auto compared = answer({"compare", own.str() + "/usual.json", own.str() + "/high.json"});
  EXPECT_EQ(compared.at("names"), json({"defaults", "policy"}));
  EXPECT_EQ(compared.at("warnings"), json::array());
  EXPECT_THAT(compared.at("facts").dump(), AllOf(HasSubstr("defaults: july.tla: "), HasSubstr("policy: july.tla: ")));
  EXPECT_THAT(compared.at("notes").dump(),
              AllOf(HasSubstr("\"Not modelled"), HasSubstr("\"defaults: Without --policy")))
      << "what both say, and what only one does";
  const auto text = planner({"compare", own.str() + "/usual.json", own.str() + "/high.json"});
  EXPECT_THAT(text.output, AllOf(HasSubstr("defaults"), HasSubstr("policy"), HasSubstr("offered")));
}

TEST_F(Planner, RecordedBatchTasksAreRun) {
  const auto filled = answer(on_july("replay"));
  const auto tasks = answer(on_july("replay", {"--tasks", path("tasks.tla")}));
  const auto again = answer(on_july("replay", {"--tasks", path("tasks.tla"), "--repeat-tasks"}));
  const auto used = [](const json& saved) { return saved.at("totals").at("batchUsedCoreH").get<double>(); };
  EXPECT_GT(used(tasks), 0);
  EXPECT_LT(used(tasks), used(filled));
  EXPECT_GT(used(again), used(tasks));
  EXPECT_GT(tasks.at("totals").at("batchCompleted").get<int>(), 0);
}

TEST_F(Planner, ASweepRecommendsWithinTheRisk) {
  const auto policy = answer(on_july("sweep", {"--knob", "cpuReclaimThresholdPercent", "--values", "40:90:25"}));
  ASSERT_EQ(policy.at("points").size(), 3u);
  const auto savings = [&](std::size_t i) { return policy.at("points").at(i).at("savings").get<double>(); };
  EXPECT_LT(savings(0), savings(2));
  const auto forecasts = answer(on_july("sweep", {"--knob", "forecast", "--values", "limit,nsigma:5,mean:15"}));
  ASSERT_EQ(forecasts.at("points").size(), 3u);
  for (const auto& sweep : {policy, forecasts}) {
    if (sweep.at("recommended").is_null()) continue;
    for (const auto& point : sweep.at("points")) {
      if (point.at("setting") == sweep.at("recommended")) {
        EXPECT_LE(point.at("risk").get<double>(), 0.01);
      }
    }
  }
}

TEST_F(Planner, CapacityGivesBackHostsOfAnEmptyFleet) {
  const auto found = answer(on_july("capacity", {"--hosts", "20", "--spare", "1", "--resamples", "20"}));
  EXPECT_EQ(found.at("hostsNow"), 20);
  EXPECT_GT(found.at("hostsToGiveBack").at("mid").get<double>(), 0);
  EXPECT_LE(found.at("riskAtNeeded").get<double>(), 0.01);
  EXPECT_GT(found.at("batchPods").at("mid").get<double>(), 0);
}

TEST_F(Planner, ExplainHasTheWholeDecision) {
  const auto moment = answer(on_july("explain", {"--host", "0", "--at", "2013-07-02T12:00:00Z"}));
  EXPECT_FALSE(moment.at("account").empty());
  EXPECT_FALSE(moment.at("suppress").empty());
  EXPECT_THAT(moment.at("facts").dump(), HasSubstr("node-0000"));
  const auto by_name = answer(on_july("explain", {"--host", "node-0000", "--at", "2013-07-02T12:00:00Z"}));
  EXPECT_EQ(moment.at("account"), by_name.at("account"));
}

TEST_F(Planner, AnswersAreTheSameForAnyNumberOfThreads) {
  const std::vector<std::vector<std::string>> commands = {
      on_july("scan"),
      on_july("predictors", {"--forecasts", "nsigma:5,rc:99,koordinator"}),
      on_july("replay", {"--by-host"}),
      on_july("replay", {"--tasks", path("tasks.tla"), "--repeat-tasks"}),
      on_july("sweep", {"--knob", "cpuSuppressThresholdPercent", "--values", "50,65"}),
      on_july("sweep", {"--knob", "forecast", "--values", "limit,nsigma:5"}),
      on_july("capacity", {"--resamples", "20"}),
      on_july("explain", {"--host", "1", "--at", "2013-07-02T12:00:00Z"})};
  for (const auto& command : commands) {
    SCOPED_TRACE(testing::PrintToString(command));
    std::vector<std::string> first;
    for (const char* threads : {"1", "2", "5"}) {
      const TempDir own;
      auto words = command;
      words.insert(words.end(), {"--threads", threads, "--json", "--report", own.str() + "/r.txt"});
      if (command.front() != "scan") words.insert(words.end(), {"--html", own.str() + "/p.html"});
      const auto done = planner(words);
      ASSERT_EQ(done.exit, 0) << done.output;
      const std::vector<std::string> all = {done.output, own.read("r.txt"), own.read("p.html")};
      EXPECT_FALSE(all[1].empty());
      if (first.empty()) first = all;
      EXPECT_TRUE(all == first) << "with " << threads << " threads";
    }
  }
}

TEST_F(Planner, PagesNeedNothingButThemselves) {
  const TempDir own;
  const auto page = own.str() + "/page.html";
  const auto done = planner(on_july("replay", {"--html", page, "--name", "<script>alert(1)</script>"}));
  ASSERT_EQ(done.exit, 0) << done.output;
  const auto text = own.read("page.html");
  EXPECT_THAT(text, AllOf(HasSubstr("<!doctype html>"), HasSubstr("<svg "), HasSubstr("</html>")));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("src=")), Not(HasSubstr("href=")),
                          Not(HasSubstr("url(")), Not(HasSubstr("http:"))));
}

TEST_F(Planner, WrongUsageIsToldFromWrongInput) {
  struct Row {
    std::vector<std::string> words;
    int exit;
    std::string named;
  };
  const auto archive = path("july.tla");
  const TempDir own;
  const auto whole = dir_->read("july.tla");
  own.write("cut.tla", whole.substr(0, whole.size() / 2));
  own.write("none.tla", "");
  own.write("text.tla", "This is no archive, and long enough to have been one, were it another.\n");
  own.write("bad.json", R"({"colocation-config": {"cpuReclaimThresholdPercent": "much"}})");
  own.write("other.csv", "a,b,c\n1,2,3\n");
  own.write("empty.csv", std::string(kHeader) + "vm,now,1,1,1,1,1\n");
  own.write("saved.json", R"({"schema": "tideline-replay", "version": 99})");
  const std::vector<Row> rows = {
      {{"replay"}, 2, "ARCHIVE is required"},
      {{"replay", archive, "--from", "2013-07-03", "--until", "2013-07-02"}, 2, "--from 2013-07-03"},
      {{"import", "--format", "csvs", path("july.csv"), "-o", own.str() + "/o"}, 2, "--format csvs"},
      {{"replay", own.str() + "/missing.tla"}, 1, "missing.tla: open: No such file"},
      {{"replay", own.str()}, 1, "is no regular file"},
      {{"replay", own.str() + "/text.tla"}, 1, "text.tla: "},
      {{"scan", own.str() + "/none.tla"}, 1, "none.tla: "},
      {{"scan", own.str() + "/cut.tla"}, 1, "cut.tla: "},
      {{"replay", archive, "--from", "2020-01-01"}, 1, "july.tla: "},
      {{"replay", archive, "--host-cpu", "1"}, 1, "july.tla: "},
      {{"replay", archive, "--policy", own.str() + "/bad.json"}, 1, "cpuReclaimThresholdPercent"},
      {{"replay", archive, "--policy", own.str() + "/none.json"}, 1, "none.json: open"},
      {{"replay", archive, "--tasks", archive}, 1, "july.tla: has no batch tasks"},
      {{"replay", archive, "--html", archive}, 1, "would be written over"},
      {{"replay", archive, "--html", own.str() + "/no/page.html"}, 1, "/no/page.html"},
      {{"explain", archive, "--host", "4000", "--at", "2013-07-02T00:00:00Z"}, 1, "--host 4000: want one of node-0000"},
      {{"explain", archive, "--host", "0", "--at", "2020-07-02T00:00:00Z"}, 1, "is not within the data"},
      {{"compare", own.str() + "/saved.json", own.str() + "/saved.json"}, 1, "saved.json: $.version is 99"},
      {{"import", "--format", "bitbrains", path("july.csv"), "-o", archive}, 1, "--force"},
      {{"import", "--format", "bitbrains", own.str() + "/other.csv", "-o", own.str() + "/o"}, 1, "other.csv:1"},
      {{"import", "--format", "bitbrains", own.str() + "/empty.csv", "-o", own.str() + "/o"}, 1, "is not written"},
      {{"import", "--format", "csv", path("july.csv"), "-o", own.str() + "/o"}, 1, "mapping"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(testing::PrintToString(row.words));
    const auto done = planner(row.words);
    EXPECT_EQ(done.exit, row.exit) << done.output;
    EXPECT_THAT(done.output, AllOf(HasSubstr("tideline-planner: "), HasSubstr(row.named)));
  }
  EXPECT_FALSE(std::filesystem::exists(own.str() + "/o"));
  EXPECT_EQ(dir_->read("july.tla"), whole);
}

TEST_F(Planner, ADamagedChunkIsNamedByItsSeries) {
  const TempDir own;
  auto bytes = dir_->read("july.tla");
  // Chunks come first in an archive, its index last.
  bytes[bytes.size() / 8] = static_cast<char>(bytes[bytes.size() / 8] ^ 0x01);
  own.write("july.tla", bytes);
  const auto scan = planner({"scan", own.str() + "/july.tla"});
  EXPECT_EQ(scan.exit, 1);
  EXPECT_THAT(scan.output, AllOf(HasSubstr("DAMAGED: 1 chunks"), HasSubstr("vm-"), HasSubstr("1 chunks are damaged")));
  EXPECT_EQ(planner({"replay", own.str() + "/july.tla"}).exit, 1);
}

TEST_F(Planner, ASignalEndsAnImportAndLeavesNothing) {
  ::signal(SIGPIPE, SIG_IGN);
  const TempDir own;
  const auto pipe = own.str() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Process importer({program("tideline-planner"), "import", "--format", "bitbrains", pipe, "-o", own.str() + "/a.tla"},
                   {.environment = {}, .output_file = own.str() + "/output"});
  const int fd = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);  // waits for its reader
  ASSERT_GE(fd, 0);
  const std::string header = kHeader;
  ASSERT_EQ(::write(fd, header.data(), header.size()), static_cast<ssize_t>(header.size()));
  importer.signal(SIGINT);
  int row = 0;
  EXPECT_TRUE(eventually(seconds(20), [&] {
    const auto line = fmt::format("vm,{},1,2600,100,1024,512\n", kBegin + kStep * row++);
    [[maybe_unused]] const auto wrote = ::write(fd, line.data(), line.size());
    return !importer.running();
  }));
  ::close(fd);
  EXPECT_EQ(importer.wait(seconds(1)), 1) << importer.output();
  EXPECT_THAT(importer.output(), HasSubstr("stopped by a signal"));
  for (const auto& entry : std::filesystem::directory_iterator(own.path()))
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("a.tla")));
}

TEST_F(Planner, HelpAndVersionAreThere) {
  EXPECT_THAT(planner({"version"}).output, HasSubstr("tideline-planner "));
  EXPECT_EQ(planner({"--help"}).exit, 0);
  EXPECT_EQ(planner({}).exit, 2);
}

}  // namespace
}  // namespace tideline::test
