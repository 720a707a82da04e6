// tideline-planner from a trace to its answers, as an operator runs it.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
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
  EXPECT_EQ(found.at("hostsToAdd").at("mid"), 0.0);
  EXPECT_EQ(found.at("found"), true);
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
      on_july("replay", {"--fine", "--fine-worst", "2"}),
      on_july("replay", {"--fine", "--fine-worst", "1", "--tasks", path("tasks.tla")}),
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

/// Each shard by a process of its own, then what `merge` makes of them.
std::vector<std::string> sharded(const std::vector<std::string>& command, int shards) {
  const TempDir own;
  std::vector<std::string> merge = {"merge"};
  for (int number = shards; number >= 1; --number) {
    auto words = command;
    const auto part = fmt::format("{}/part-{}.json", own.str(), number);
    words.insert(words.end(), {"--shard", fmt::format("{}/{}", number, shards), "-o", part});
    const auto done = planner(std::move(words));
    EXPECT_EQ(done.exit, 0) << done.output;
    EXPECT_EQ(done.output, "") << "a part is no answer";
    merge.push_back(part);
  }
  merge.insert(merge.end(), {"--json", "--html", own.str() + "/p.html", "--report", own.str() + "/r.txt"});
  const auto done = planner(std::move(merge));
  EXPECT_EQ(done.exit, 0) << done.output;
  return {done.output, own.read("p.html"), own.read("r.txt")};
}

TEST_F(Planner, ShardsAreMergedIntoTheAnswerOfOneProcess) {
  // Small hosts, so that there are several.
  const std::vector<std::string> small = {"--host-cpu", "12", "--host-memory", "64Gi"};
  const std::vector<std::vector<std::string>> commands = {
      {"replay", path("july.tla"), "--by-host"},
      {"replay", path("july.tla"), "--policy", path("policy.json"), "--name", "one day", "--until", "2013-07-02"},
      {"replay", path("july.tla"), "--fine", "--fine-window", "2013-07-02T12:00:00Z/2013-07-02T12:05:00Z"},
      {"sweep", path("july.tla"), "--knob", "cpuReclaimThresholdPercent", "--values", "50:90:20"},
      {"sweep", path("july.tla"), "--knob", "forecast", "--values", "limit,nsigma:5,peak", "--risk", "0.05"},
      {"predictors", path("july.tla"), "--forecasts", "limit,nsigma:3,peak,oracle"}};
  for (auto command : commands) {
    command.insert(command.end(), small.begin(), small.end());
    SCOPED_TRACE(testing::PrintToString(command));
    const TempDir own;
    auto words = command;
    words.insert(words.end(), {"--json", "--html", own.str() + "/p.html", "--report", own.str() + "/r.txt"});
    const auto done = planner(std::move(words));
    ASSERT_EQ(done.exit, 0) << done.output;
    const std::vector<std::string> alone = {done.output, own.read("p.html"), own.read("r.txt")};
    for (const int shards : {1, 3, 8})
      EXPECT_TRUE(sharded(command, shards) == alone) << shards << " shards";
  }
}

TEST_F(Planner, ShardsOfCapacityAreMergedIntoTheAnswerOfOneProcess) {
  std::vector<std::string> command = {"capacity", path("july.tla"), "--host-cpu", "12", "--host-memory", "64Gi"};
  command.insert(command.end(), {"--risk", "0.02", "--resamples", "20"});
  const TempDir own;
  auto words = command;
  words.insert(words.end(), {"--json", "--html", own.str() + "/p.html", "--report", own.str() + "/r.txt"});
  const auto done = planner(std::move(words));
  ASSERT_EQ(done.exit, 0) << done.output;
  const std::vector<std::string> alone = {done.output, own.read("p.html"), own.read("r.txt")};
  auto wide = command;
  wide.insert(wide.end(), {"--margin", "602"});
  for (const int shards : {1, 3})
    EXPECT_TRUE(sharded(wide, shards) == alone) << shards << " shards";
}

TEST_F(Planner, AFineRunIsBesideTheReplayThatItLooksInto) {
  const auto plain = answer(on_july("replay"));
  const auto fine = answer(on_july("replay", {"--fine", "--fine-worst", "2"}));
  EXPECT_EQ(fine.at("totals"), plain.at("totals"));
  EXPECT_FALSE(plain.contains("fine"));
  const auto& looked = fine.at("fine");
  EXPECT_EQ(looked.at("hostSteps"), 2);
  EXPECT_EQ(looked.at("closed").at("hostS"), 2.0 * kStep);
  ASSERT_EQ(looked.at("variants").size(), 6u);
  EXPECT_EQ(looked.at("variants").at(0).at("hostS"), 2.0 * kStep);
  EXPECT_GT(looked.at("variants").at(0).at("usedCoreH").get<double>(), 0);
  EXPECT_THAT(fine.at("notes").dump(), HasSubstr("Not modelled tick by tick"));
  const auto text = planner(on_july("replay", {"--fine", "--fine-worst", "2", "--stats"}));
  EXPECT_THAT(text.output, AllOf(HasSubstr("tick by tick the fast loop and the pod loop of the node"),
                                 HasSubstr("Sensitivity"), HasSubstr("services within a step: usual: sigma 0.2500"),
                                 HasSubstr("tick by tick 3600 host-seconds in ")));
  const auto other = answer(on_july("replay", {"--fine", "--fine-worst", "2", "--fine-seed", "2"}));
  EXPECT_EQ(other.at("fine").at("closed"), looked.at("closed"));
  EXPECT_NE(other.at("fine").at("variants").at(0), looked.at("variants").at(0));
  EXPECT_EQ(other.at("fine").at("variants").at(1), looked.at("variants").at(1)) << "without noise no seed counts";
}

TEST_F(Planner, PartsThatDoNotBelongTogetherAreNamed) {
  const TempDir own;
  const auto part = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"-o", own.str() + "/" + name});
    const auto done = planner(on_july("replay", std::move(more)));
    EXPECT_EQ(done.exit, 0) << done.output;
    return own.str() + "/" + name;
  };
  const auto first = part("first", {"--shard", "1/2"});
  const auto second = part("second", {"--shard", "2/2"});
  const auto other = part("other", {"--shard", "2/2", "--until", "2013-07-02"});
  const auto refusal = [](const std::vector<std::string>& parts) {
    auto words = std::vector<std::string>{"merge"};
    words.insert(words.end(), parts.begin(), parts.end());
    const auto done = planner(std::move(words));
    EXPECT_EQ(done.exit, 1);
    return done.output;
  };
  EXPECT_THAT(refusal({first}), HasSubstr("shard 2/2 is missing"));
  EXPECT_THAT(refusal({second}), HasSubstr("shard 1/2 is missing"));
  EXPECT_THAT(refusal({first, second, second}), HasSubstr("are both shard 2/2"));
  EXPECT_THAT(refusal({first, other}), HasSubstr("are of other answers"));
  auto text = own.read("second");
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 0x01);
  own.write("second", text);
  EXPECT_THAT(refusal({first, second}), HasSubstr("second: "));
}

TEST_F(Planner, WhatAKilledCommandComputedIsNotComputedAgain) {
  const TempDir own;
  const auto command = [&](const std::string& directory) {
    return on_july("sweep", {"--knob", "cpuReclaimThresholdPercent", "--values", "40:90:1", "--threads", "1", "--json",
                             "--resume", directory});
  };
  const auto pieces = [&](const std::string& directory) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
      const auto name = entry.path().filename().string();
      if (name.ends_with(".json")) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto whole = planner(command(own.str() + "/whole"));
  ASSERT_EQ(whole.exit, 0) << whole.output;
  ASSERT_EQ(pieces(own.str() + "/whole").size(), 51u);

  const auto cut = own.str() + "/cut";
  auto words = command(cut);
  words.insert(words.begin(), program("tideline-planner"));
  Process killed(words, {.environment = {}, .output_file = own.str() + "/output"});
  EXPECT_TRUE(eventually(seconds(60), [&] { return pieces(cut).size() >= 2 || !killed.running(); }));
  killed.signal(SIGKILL);
  killed.wait(seconds(10));
  const auto before = pieces(cut);
  ASSERT_GE(before.size(), 2u);
  std::vector<std::filesystem::file_time_type> written;
  for (const auto& name : before)
    written.push_back(std::filesystem::last_write_time(cut + "/" + name));
  const auto resumed = planner(command(cut));
  ASSERT_EQ(resumed.exit, 0) << resumed.output;
  EXPECT_TRUE(resumed.output == whole.output);
  EXPECT_EQ(pieces(cut), pieces(own.str() + "/whole")) << "of the same names, as it is the same question";
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(std::filesystem::last_write_time(cut + "/" + before[i]), written[i]) << before[i];
}

TEST_F(Planner, ResumedAnswersAreTheAnswers) {
  const TempDir own;
  const std::vector<std::vector<std::string>> commands = {
      on_july("replay", {"--by-host"}), on_july("predictors", {"--forecasts", "limit,peak"}),
      on_july("sweep", {"--knob", "forecast", "--values", "limit,peak"}), on_july("capacity", {"--resamples", "20"})};
  for (const auto& command : commands) {
    SCOPED_TRACE(testing::PrintToString(command));
    const auto alone = answer(command);
    auto kept = command;
    kept.insert(kept.end(), {"--resume", own.str() + "/kept"});
    EXPECT_EQ(answer(kept), alone);
    EXPECT_EQ(answer(kept), alone) << "of what was kept";
  }
  // Another question finds nothing of theirs.
  auto grown = on_july("capacity", {"--resamples", "20", "--growth", "50"});
  const auto other = answer(grown);
  grown.insert(grown.end(), {"--resume", own.str() + "/kept"});
  EXPECT_EQ(answer(grown), other);
}

/// As tideline-node --record writes it: a service of two cores beside a system of one, on a host of ten.
std::string recording_of(int seconds_long, int be_limit) {
  std::string text =
      R"({"type":"node","node":{"capacity":10000,"allocatable":10000}}
{"type":"host","counters":{"memory_total":68719476736}}
{"type":"pods","pods":[{"uid":"web","qos":"LS","requests":{"cpu":4000,"memory":2147483648}}]}
)";
  for (std::int64_t i = 0; i < seconds_long; ++i) {
    text += fmt::format(
        R"({{"type":"sample","sample":{{"wall_ms":{},"node_cpu":3000,"node_memory":4294967296,"be_limit":{},)"
        R"("pods":[{{"uid":"web","cpu":2000,"memory":1073741824}}]}}}})"
        "\n{{\"type\":\"cpu\"}}\n",
        (kBegin + i) * 1'000, be_limit);
  }
  return text;
}

TEST_F(Planner, ARecordingIsReplayedAndTheReplayHeldAgainstIt) {
  const TempDir own;
  const auto recorded = own.write("node-7.rec", recording_of(120, 2'000));
  own.write("node-7.rec.1", recording_of(60, 1'000));  // the file that was full before, of the same minute
  const auto policy = own.write("limit.json", R"({"colocation-config": {"enable": true}, "resource-threshold-config":
      {"clusterStrategy": {"enable": true, "cpuSuppressPolicy": "cfsQuota", "cpuSuppressThresholdPercent": 65}}})");
  const auto archive = own.str() + "/node-7.tla";
  const auto made = answer({"import", "--format", "recording", recorded, "-o", archive});
  EXPECT_EQ(made.at("series"), 2) << "the host and its pod";
  EXPECT_EQ(made.at("stepS"), 10);
  EXPECT_EQ(made.at("lines"), 180) << "rounds of both files";
  // 6.5 cores, less three that services and system use: 3.5, where 2 were in force, and 1.5 while both files tell.
  const auto replayed = answer({"replay", archive, "--policy", policy, "--against", recorded});
  EXPECT_EQ(replayed.at("hosts"), 1);
  EXPECT_EQ(replayed.at("hostNames"), json({"node-7"}));
  EXPECT_EQ(replayed.at("stepS"), 10);
  EXPECT_THAT(replayed.at("notes").dump(),
              AllOf(HasSubstr("Against the recording node-7.rec: in 12 steps of 10 s the limit of batch is 1.75"),
                    HasSubstr("and 2 at most at 2013-07-01T00:00:00Z")));
  const auto unbound = own.write("none.json", R"({"colocation-config": {"enable": true}})");
  EXPECT_THAT(answer({"replay", archive, "--policy", unbound, "--against", recorded}).at("notes").dump(),
              HasSubstr("and 8.50 at most"))
      << "no limit counts as the whole host";
  const auto elsewhere = planner(on_july("replay", {"--against", recorded, "--hosts", "9"}));
  EXPECT_EQ(elsewhere.exit, 1);
  EXPECT_THAT(elsewhere.output, HasSubstr("a recording is of one host, and there are 9"));
  own.write("junk", "{}\nnothing\n");
  const auto junk = planner({"import", "--format", "recording", own.str() + "/junk", "-o", own.str() + "/o.tla"});
  EXPECT_EQ(junk.exit, 1);
  EXPECT_THAT(junk.output, HasSubstr("junk: has no round of pods, and a line that is none: a line without type"));
  EXPECT_FALSE(std::filesystem::exists(own.str() + "/o.tla"));
}

TEST_F(Planner, ADemandModelIsFittedToARecordingAndTakenForAFineRun) {
  const TempDir own;
  const auto recorded = own.write("node-7.rec", recording_of(900, 2'000));
  const auto model = own.str() + "/model.json";
  const auto done = planner({"fit", recorded, "--json=" + model});
  ASSERT_EQ(done.exit, 0) << done.output;
  EXPECT_THAT(done.output, AllOf(HasSubstr("Fit of node-7.rec"), HasSubstr("900 of a second"),
                                 HasSubstr("No two services were seen at a time")));
  const auto fitted = json::parse(own.read("model.json"));
  EXPECT_EQ(fitted.at("sigma"), 0.0) << "a service that always uses two cores";
  EXPECT_EQ(fitted.at("serviceSeconds"), 900);
  const auto text = planner(on_july("replay", {"--fine", "--fine-worst", "1", "--fine-model", model}));
  EXPECT_EQ(text.exit, 0) << text.output;
  EXPECT_THAT(text.output, HasSubstr("services within a step: node-7.rec, windows of 5 min: sigma 0"));
  own.write("junk", "{}\nnothing\n");
  const auto junk = planner({"fit", own.str() + "/junk"});
  EXPECT_EQ(junk.exit, 1);
  EXPECT_THAT(junk.output, HasSubstr("junk: has no round of pods of a second; a line is none: "));
  const auto few = planner({"fit", own.write("few.rec", recording_of(100, 2'000))});
  EXPECT_EQ(few.exit, 1);
  EXPECT_THAT(few.output, HasSubstr("few.rec: "));
}

TEST_F(Planner, WhatItTookIsToldBesideTheAnswer) {
  const TempDir own;
  const auto plain = on_july("replay", {"--json=" + own.str() + "/plain.json"});
  const auto told = on_july("replay", {"--json=" + own.str() + "/told.json", "--stats"});
  EXPECT_THAT(planner(plain).output, Not(HasSubstr("MiB of memory at most")));
  EXPECT_THAT(planner(told).output, HasSubstr("MiB of memory at most\n"));
  EXPECT_EQ(own.read("plain.json"), own.read("told.json"));
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
      {{"replay", own.str()}, 1, "is a directory, and neither it nor"},
      {{"replay", archive, "--placement", "recorded"}, 1, "--placement recorded: "},
      {{"replay", archive, "--recorded-batch"}, 1, "--recorded-batch: "},
      {{"replay", archive, "--shard", "3"}, 2, "--shard 3"},
      {{"replay", archive, "--fine-worst", "3"}, 2, "are for --fine"},
      {{"replay", archive, "--fine", "--fine-model", own.str() + "/bad.json"}, 1, "bad.json: "},
      {{"replay", archive, "--fine", "--fine-model", own.str() + "/none.json"}, 1, "none.json: open"},
      {{"replay", archive, "--fine", "--fine-window", "2020-01-01/2020-01-02"}, 1, "--fine: no step was chosen"},
      {{"fit", own.str() + "/missing.rec"}, 1, "missing.rec: open"},
      {{"merge", own.str() + "/saved.json"}, 1, "saved.json: "},
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
