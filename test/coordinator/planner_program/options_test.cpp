#include "coordinator/planner_program/options.h"

#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::planner_program {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Words = std::vector<const char*>;

std::variant<Options, Leave> parse(Words words) {
  words.insert(words.begin(), "tideline-planner");
  return parse_options(static_cast<int>(words.size()), words.data());
}

Options good(Words words) {
  auto parsed = parse(std::move(words));
  if (const auto* leave = std::get_if<Leave>(&parsed)) {
    ADD_FAILURE() << leave->err << leave->out;
    return {};
  }
  return std::get<Options>(parsed);
}

Leave left(Words words) {
  auto parsed = parse(std::move(words));
  if (std::holds_alternative<Options>(parsed)) {
    ADD_FAILURE() << "taken";
    return {};
  }
  return std::get<Leave>(parsed);
}

TEST(Options, OfAReplayAreTheWholeRangeAndHostsOfSixtyFourCores) {
  const auto options = good({"replay", "july.tla"});
  EXPECT_EQ(options.command, Command::kReplay);
  EXPECT_THAT(options.files, ElementsAre("july.tla"));
  EXPECT_GE(options.threads, 1u);
  EXPECT_EQ(options.range.from_s, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(options.range.until_s, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(options.range.step_s, 0);
  EXPECT_EQ(options.pack.hosts, 0u);
  EXPECT_EQ(options.pack.host.cpu_millicores, 64'000);
  EXPECT_EQ(options.pack.host.memory_mib, 256 * 1024);
  EXPECT_EQ(options.pack.host.system_cpu_millicores, 1'000);
  EXPECT_EQ(options.pack.host.system_memory_mib, 4 * 1024);
  EXPECT_EQ(options.pack.seed, 1u);
  EXPECT_EQ(options.horizon_s, 3'600);
  EXPECT_EQ(options.batch.memory_mib, 2'048);
  EXPECT_EQ(options.policy.file, "");
  EXPECT_FALSE(options.output.json);
  EXPECT_FALSE(options.by_host);
}

TEST(Options, AreReadWithTheirUnits) {
  const auto options = good({"replay",
                             "july.tla",
                             "--from",
                             "2013-07-02",
                             "--until",
                             "2013-07-03T12:00:00Z",
                             "--step",
                             "10m",
                             "--threads",
                             "3",
                             "--hosts",
                             "30",
                             "--host-cpu",
                             "32",
                             "--host-memory",
                             "128Gi",
                             "--system-cpu",
                             "500m",
                             "--system-memory",
                             "0",
                             "--fill",
                             "150",
                             "--memory-fill",
                             "90",
                             "--seed",
                             "9",
                             "--policy",
                             "p.json",
                             "--node-labels",
                             "pool=web",
                             "--tasks",
                             "tasks.tla",
                             "--repeat-tasks",
                             "--batch-cpu",
                             "2",
                             "--batch-memory",
                             "1Gi",
                             "--batch-runtime",
                             "2h",
                             "--horizon",
                             "30m",
                             "--name",
                             "mine",
                             "--by-host"});
  EXPECT_EQ(options.range.from_s, 1'372'723'200);
  EXPECT_EQ(options.range.until_s, 1'372'852'800);
  EXPECT_EQ(options.range.step_s, 600);
  EXPECT_EQ(options.threads, 3u);
  EXPECT_EQ(options.pack.hosts, 30u);
  EXPECT_EQ(options.pack.host.cpu_millicores, 32'000);
  EXPECT_EQ(options.pack.host.memory_mib, 128 * 1024);
  EXPECT_EQ(options.pack.host.system_cpu_millicores, 500);
  EXPECT_EQ(options.pack.host.system_memory_mib, 0);
  EXPECT_EQ(options.pack.cpu_fill_percent, 150);
  EXPECT_EQ(options.pack.memory_fill_percent, 90);
  EXPECT_EQ(options.pack.seed, 9u);
  EXPECT_EQ(options.policy.file, "p.json");
  EXPECT_EQ(options.policy.labels.at("pool"), "web");
  EXPECT_EQ(options.batch.tasks, "tasks.tla");
  EXPECT_TRUE(options.batch.repeat);
  EXPECT_EQ(options.batch.cpu_millicores, 2'000);
  EXPECT_EQ(options.batch.memory_mib, 1'024);
  EXPECT_EQ(options.batch.runtime_s, 7'200);
  EXPECT_EQ(options.horizon_s, 1'800);
  EXPECT_EQ(options.name, "mine");
  EXPECT_TRUE(options.by_host);
}

TEST(Options, JsonGoesToStandardOutputOrAFile) {
  EXPECT_TRUE(good({"scan", "a.tla", "--json"}).output.json);
  EXPECT_TRUE(good({"scan", "--json", "a.tla"}).output.json) << "and takes no archive for its file";
  const auto file = good({"scan", "a.tla", "--json=out.json", "--report", "out.txt"});
  EXPECT_FALSE(file.output.json);
  EXPECT_EQ(file.output.json_file, "out.json");
  EXPECT_EQ(file.output.report_file, "out.txt");
  const auto compared = good({"compare", "--json", "a.json", "b.json", "--html", "c.html"});
  EXPECT_THAT(compared.files, ElementsAre("a.json", "b.json"));
  EXPECT_EQ(compared.output.html_file, "c.html");
}

TEST(Options, OfAnImportNameFormatFilesAndArchive) {
  const auto options = good({"import", "--format", "bitbrains", "--epoch", "2013-07-01T00:00:00Z", "--mapping",
                             "m.json", "1.csv", "2.csv.gz", "-", "-o", "out.tla", "--force", "--cpu", "8"});
  EXPECT_EQ(options.command, Command::kImport);
  EXPECT_EQ(options.trace.format, traces::Format::kBitbrains);
  EXPECT_THAT(options.files, ElementsAre("1.csv", "2.csv.gz", "-"));
  EXPECT_EQ(options.trace.archive, "out.tla");
  EXPECT_EQ(options.trace.mapping_file, "m.json");
  EXPECT_TRUE(options.trace.overwrite);
  EXPECT_EQ(options.trace.options.epoch_s, 1'372'636'800);
  EXPECT_EQ(options.trace.options.assumed_cpu_millicores, 8'000);
  EXPECT_EQ(options.trace.options.assumed_memory_bytes, std::int64_t{64} << 30);
  for (const auto format : traces::kFormats) {
    const std::string name(traces::name_of(format));
    EXPECT_EQ(good({"import", "--format", name.c_str(), "f", "-o", "o"}).trace.format, format);
  }
}

TEST(Options, OfPredictorsSayWhatIsScored) {
  const auto usual = good({"predictors", "july.tla"});
  EXPECT_EQ(usual.horizon_s, 86'400);
  EXPECT_EQ(usual.prediction.window_s, 86'400);
  EXPECT_EQ(usual.prediction.resource, forecast::Resource::kCpu);
  EXPECT_EQ(usual.prediction.score_from_s, std::nullopt);
  EXPECT_EQ(usual.prediction.forecasts.size(), forecast::usual_forecasts().size());
  const auto fit = good({"predictors", "july.tla", "--fit-until", "2013-07-08", "--score-until", "2013-07-12",
                         "--resource", "memory", "--forecasts", "limit,oracle", "--window", "12h"});
  EXPECT_EQ(fit.prediction.score_from_s, 1'373'241'600);
  EXPECT_EQ(fit.prediction.score_until_s, 1'373'587'200);
  EXPECT_EQ(fit.prediction.resource, forecast::Resource::kMemory);
  EXPECT_EQ(fit.prediction.forecasts.size(), 2u);
  EXPECT_EQ(fit.prediction.window_s, 43'200);
  EXPECT_EQ(good({"predictors", "july.tla", "--score-from", "2013-07-08"}).prediction.score_from_s, 1'373'241'600);
}

TEST(Options, OfASweepAreOfWhatIsSwept) {
  const auto policy = good({"sweep", "july.tla", "--knob", "cpuReclaimThresholdPercent", "--values", "40:60:10",
                            "--risk", "0.02", "--policy", "p.json"});
  EXPECT_EQ(policy.sweep.knob, planner::SweepKnob::kReclaimThreshold);
  EXPECT_THAT(policy.sweep.values, ElementsAre(40, 50, 60));
  EXPECT_EQ(policy.sweep.accepted_risk, 0.02);
  EXPECT_EQ(policy.horizon_s, 3'600);
  EXPECT_EQ(good({"sweep", "a", "--knob", "cpuSuppressThresholdPercent"}).sweep.values.size(), 11u);
  const auto forecasts = good({"sweep", "july.tla", "--knob", "forecast", "--values", "nsigma:3,max(rc:99,peak)"});
  EXPECT_EQ(forecasts.sweep.knob, planner::SweepKnob::kForecast);
  EXPECT_EQ(forecasts.prediction.forecasts.size(), 2u);
  EXPECT_EQ(forecasts.horizon_s, 86'400);
}

TEST(Options, OfCapacityAndExplain) {
  const auto capacity = good({"capacity", "a", "--risk", "0.05", "--safe-percent", "80", "--growth", "-10", "--spare",
                              "2", "--resamples", "50", "--seed", "4", "--hosts", "40"});
  EXPECT_EQ(capacity.capacity.accepted_risk, 0.05);
  EXPECT_EQ(capacity.capacity.safe_percent, 80);
  EXPECT_EQ(capacity.capacity.growth_percent, -10);
  EXPECT_EQ(capacity.capacity.spare_hosts, 2u);
  EXPECT_EQ(capacity.capacity.resamples, 50u);
  EXPECT_EQ(capacity.capacity.seed, 4u);
  EXPECT_EQ(capacity.pack.hosts, 40u);
  const auto explain = good({"explain", "a", "--host", "node-0007", "--at", "2013-07-03T10:00:00Z"});
  EXPECT_EQ(explain.explain.host, "node-0007");
  EXPECT_EQ(explain.explain.at_s, 1'372'845'600);
}

TEST(Options, OfShardsMergeAndResume) {
  const auto shard = good({"replay", "july.tla", "--shard", "3/8", "-o", "part-3.json", "--resume", "kept"});
  EXPECT_EQ(shard.shard, (planner::Shard{.number = 3, .count = 8}));
  EXPECT_EQ(shard.part_file, "part-3.json");
  EXPECT_EQ(shard.resume_directory, "kept");
  EXPECT_EQ(good({"predictors", "a", "--shard", "1/1", "--output", "p"}).part_file, "p");
  EXPECT_EQ(good({"replay", "july.tla"}).shard, planner::Shard{});
  const auto merge = good({"merge", "1.json", "2.json", "--json=all.json"});
  EXPECT_EQ(merge.command, Command::kMerge);
  EXPECT_THAT(merge.files, ElementsAre("1.json", "2.json"));
  EXPECT_EQ(good({"capacity", "a", "--resume", "d"}).resume_directory, "d");
  EXPECT_EQ(good({"sweep", "a", "--knob", "forecast", "--resume", "d"}).resume_directory, "d");
  EXPECT_TRUE(good({"scan", "a", "--stats"}).stats);
}

TEST(Options, OfSweepAndCapacityTakeShards) {
  const auto sweep = good({"sweep", "a", "--knob", "cpuReclaimThresholdPercent", "--shard", "2/3", "-o", "p"});
  EXPECT_EQ(sweep.shard, (planner::Shard{.number = 2, .count = 3}));
  EXPECT_EQ(sweep.part_file, "p");
  const auto capacity = good({"capacity", "a", "--shard", "2/3", "-o", "p", "--margin", "40"});
  EXPECT_EQ(capacity.margin, 40);
  EXPECT_EQ(capacity.command_line, "tideline-planner capacity a") << "margins change nothing in an answer";
  EXPECT_EQ(good({"capacity", "a"}).margin, planner::kUsualMargin);
}

TEST(Options, OfFineAreItsWindowsOrTheFullestHostSteps) {
  EXPECT_FALSE(good({"replay", "a"}).fine.wanted);
  const auto usual = good({"replay", "a", "--fine"});
  EXPECT_TRUE(usual.fine.wanted);
  EXPECT_EQ(usual.fine.worst, 50u);
  EXPECT_TRUE(usual.fine.windows.empty());
  const auto windows =
      good({"replay", "a", "--fine", "--fine-window", "2013-07-01/2013-07-02", "--fine-window",
            "2013-07-03T10:00:00Z/2013-07-03T11:00:00Z", "--fine-model", "m.json", "--fine-seed", "9"});
  EXPECT_THAT(windows.files, ElementsAre("a"));
  EXPECT_EQ(windows.fine.worst, 0u);
  EXPECT_THAT(windows.fine.windows, ElementsAre(planner::FineWindow{1'372'636'800, 1'372'723'200},
                                                planner::FineWindow{1'372'845'600, 1'372'849'200}));
  EXPECT_EQ(windows.fine.model_file, "m.json");
  EXPECT_EQ(windows.fine.seed, 9u);
  EXPECT_EQ(windows.command_line,
            "tideline-planner replay a --fine --fine-window 2013-07-01/2013-07-02 --fine-window "
            "2013-07-03T10:00:00Z/2013-07-03T11:00:00Z --fine-model m.json --fine-seed 9");
  const auto both = good({"replay", "--fine-window", "2013-07-01/2013-07-02", "a", "--fine", "--fine-worst", "7"});
  EXPECT_THAT(both.files, ElementsAre("a")) << "a window takes one word";
  EXPECT_EQ(both.fine.worst, 7u);
  EXPECT_EQ(both.fine.windows.size(), 1u);
}

TEST(Options, OfAFitAreRecordingsAndTheirWindow) {
  const auto options = good({"fit", "1.rec", "2.rec", "--window", "10m", "--json=model.json"});
  EXPECT_EQ(options.command, Command::kFit);
  EXPECT_THAT(options.files, ElementsAre("1.rec", "2.rec"));
  EXPECT_EQ(options.fit_window_s, 600);
  EXPECT_EQ(options.output.json_file, "model.json");
  EXPECT_EQ(good({"fit", "1.rec"}).fit_window_s, 300);
}

TEST(Options, OfARecordingAreItsFilesAndWhatIsHeldAgainstIt) {
  const auto made = good({"import", "--format", "recording", "node.rec", "-o", "node.tla"});
  EXPECT_TRUE(made.trace.recording);
  EXPECT_FALSE(good({"import", "--format", "bitbrains", "f", "-o", "o"}).trace.recording);
  EXPECT_EQ(good({"replay", "node.tla", "--against", "node.rec"}).against, "node.rec");
  EXPECT_THAT(good({"replay", "node.tla", "--against", "node.rec"}).command_line, HasSubstr("--against node.rec"));
}

TEST(Options, OfPlacementAreWhereWorkloadsWereUnlessToldOtherwise) {
  EXPECT_EQ(good({"replay", "a"}).placement, Placement::kUsual);
  EXPECT_EQ(good({"capacity", "a", "--placement", "recorded"}).placement, Placement::kRecorded);
  EXPECT_EQ(good({"sweep", "a", "--knob", "forecast", "--placement", "packed"}).placement, Placement::kPacked);
  EXPECT_TRUE(good({"replay", "a", "--recorded-batch"}).batch.recorded);
}

TEST(Options, TheCommandIsToldWithoutWhatChangesNothingInAnAnswer) {
  const auto options = good({"replay", "july.tla", "--threads", "5", "--json", "--html", "a.html", "--report", "b",
                             "--name", "before the change", "--by-host"});
  EXPECT_EQ(options.command_line, "tideline-planner replay july.tla --name 'before the change' --by-host");
  EXPECT_EQ(good({"replay", "a", "--shard", "2/4", "-o", "p", "--resume", "d", "--stats", "--by-host"}).command_line,
            "tideline-planner replay a --by-host")
      << "so that all parts of an answer say the same";
  EXPECT_EQ(good({"predictors", "a", "--forecasts", "max(nsigma:5,rc:99)"}).command_line,
            "tideline-planner predictors a --forecasts 'max(nsigma:5,rc:99)'");
}

TEST(Options, WhatIsWrongIsNamed) {
  struct Row {
    Words words;
    std::vector<std::string> named;
  };
  const std::vector<Row> rows = {
      {{}, {"subcommand"}},
      {{"replays", "a"}, {"\"replays\" is no command", "did you mean \"replay\"?"}},
      {{"replay"}, {"ARCHIVE is required"}},
      {{"replay", "a", "b"}, {"b"}},
      {{"replay", "a", "--nonsense"}, {"--nonsense"}},
      {{"replay", "a", "--from", "2013-07-03", "--until", "2013-07-02"}, {"--from 2013-07-03", "--until 2013-07-02"}},
      {{"replay", "a", "--from", "July"}, {"--from July"}},
      {{"replay", "a", "--step", "2d"}, {"--step 2d", "a day at most"}},
      {{"replay", "a", "--threads", "0"}, {"--threads 0"}},
      {{"replay", "a", "--host-cpu", "none"}, {"--host-cpu", "none"}},
      {{"replay", "a", "--system-cpu", "65"}, {"--system-cpu 65", "--host-cpu 64"}},
      {{"replay", "a", "--system-memory", "1Ti"}, {"--system-memory 1Ti", "--host-memory 256Gi"}},
      {{"replay", "a", "--fill", "0"}, {"--fill 0"}},
      {{"replay", "a", "--repeat-tasks"}, {"--repeat-tasks", "--tasks"}},
      {{"replay", "a", "--node-labels", "web"}, {"--node-labels web", "key=value"}},
      {{"import", "f", "-o", "o"}, {"--format is required"}},
      {{"import", "f", "--format", "bitbrain", "-o", "o"}, {"--format bitbrain", "did you mean \"bitbrains\"?"}},
      {{"import", "f", "--format", "bitbrains"}, {"--output is required"}},
      {{"predictors", "a", "--forecasts", "guess"}, {"--forecasts", "guess"}},
      {{"predictors", "a", "--resource", "disk"}, {"--resource disk", "cpu, memory"}},
      {{"predictors", "a", "--fit-until", "2013-07-08", "--score-from", "2013-07-08"}, {"--score-from", "--fit-until"}},
      {{"predictors", "a", "--fit-until", "2013-07-08", "--score-until", "2013-07-01"}, {"--score-until 2013-07-01"}},
      {{"compare", "a.json"}, {"REPLAY: 1 of them; want 2 to 50"}},
      {{"compare", "--json", "a.json"}, {"REPLAY: 1 of them"}},
      {{"sweep", "a"}, {"--knob is required"}},
      {{"sweep", "a", "--knob", "memoryReclaimThresholdPercent"}, {"--knob memoryReclaimThresholdPercent"}},
      {{"sweep", "a", "--knob", "cpuReclaimThresholdPercent", "--values", "90:40:5"}, {"--values", "90:40:5"}},
      {{"sweep", "a", "--knob", "cpuReclaimThresholdPercent", "--window", "1h"}, {"--window has no part"}},
      {{"sweep", "a", "--knob", "forecast", "--policy", "p.json"}, {"--policy has no part in --knob forecast"}},
      {{"sweep", "a", "--knob", "forecast", "--risk", "2"}, {"--risk 2"}},
      {{"capacity", "a", "--growth", "-100"}, {"--growth -100"}},
      {{"explain", "a", "--host", "1"}, {"--at is required"}},
      {{"explain", "a", "--at", "2013-07-03T10:00:00Z"}, {"--host is required"}},
      {{"scan", "a", "--html", "b"}, {"--html"}},
      {{"replay", "a", "--placement", "recordd"}, {"--placement recordd", "did you mean \"recorded\"?"}},
      {{"replay", "a", "--shard", "3/8"}, {"--shard 3/8: want --output"}},
      {{"replay", "a", "-o", "p"}, {"--output p", "--shard"}},
      {{"replay", "a", "--shard", "0/8", "-o", "p"}, {"--shard 0/8: want NUMBER/COUNT"}},
      {{"replay", "a", "--shard", "9/8", "-o", "p"}, {"--shard 9/8"}},
      {{"replay", "a", "--shard", "1/8", "-o", "p", "--json"}, {"a part is no answer"}},
      {{"replay", "a", "--shard", "1/8", "-o", "p", "--tasks", "t"}, {"queued for all hosts together"}},
      {{"replay", "a", "--shard", "1/8", "-o", "p", "--recorded-batch"}, {"queued for all hosts together"}},
      {{"replay", "a", "--recorded-batch", "--tasks", "t"}, {"--recorded-batch and --tasks"}},
      {{"sweep", "a", "--knob", "forecast", "--recorded-batch"}, {"--recorded-batch has no part"}},
      {{"capacity", "a", "--shard", "1/2"}, {"--shard 1/2: want --output"}},
      {{"capacity", "a", "--margin", "5"}, {"--margin 5: is of a --shard"}},
      {{"capacity", "a", "--shard", "1/2", "-o", "p", "--margin", "700"}, {"--margin 700: want a whole number from 0"}},
      {{"replay", "a", "--fine-worst", "5"}, {"are for --fine"}},
      {{"replay", "a", "--fine-seed", "5"}, {"are for --fine"}},
      {{"replay", "a", "--fine-model", "m"}, {"are for --fine"}},
      {{"replay", "a", "--fine", "--fine-worst", "0"}, {"--fine-worst 0: want a whole number from 1"}},
      {{"replay", "a", "--fine", "--fine-window", "2013-07-01"}, {"--fine-window 2013-07-01: want FROM/TO"}},
      {{"replay", "a", "--fine", "--fine-window", "2013-07-01/soon"}, {"--fine-window soon: want a time"}},
      {{"replay", "a", "--fine", "--fine-window", "2013-07-02/2013-07-01"}, {"does not end after its begin"}},
      {{"replay", "a", "--fine", "--shard", "1/2", "-o", "p"}, {"--fine-window alone"}},
      {{"fit"}, {"RECORDING is required"}},
      {{"fit", "r", "--window", "5s"}, {"--window 5s: want 60 to 3600 s"}},
      {{"fit", "r", "--html", "p"}, {"--html"}},
      {{"replay", "a", "--against", "r", "--shard", "1/2", "-o", "p"}, {"--against r: is for one host"}},
      {{"replay", "a", "--against", "r", "--recorded-batch"}, {"--against r: is for one host"}},
      {{"import", "f", "--format", "recording", "--mapping", "m", "-o", "o"}, {"--mapping has no part"}},
      {{"merge"}, {"PART is required"}},
  };
  for (const auto& row : rows) {
    std::string line;
    for (const char* word : row.words)
      line += std::string(" ") + word;
    SCOPED_TRACE(line);
    const auto leave = left(row.words);
    EXPECT_EQ(leave.exit_code, kUsage);
    EXPECT_THAT(leave.err, testing::StartsWith("tideline-planner: "));
    for (const auto& named : row.named)
      EXPECT_THAT(leave.err, HasSubstr(named));
  }
}

TEST(Options, WhatWasTypedDoesNotReachTheTerminalAsItIs) {
  for (const char* word : {"re\x1b[31mplay", "a\nb"}) {
    const auto leave = left({word});
    EXPECT_EQ(leave.exit_code, kUsage);
    EXPECT_EQ(leave.err.find('\x1b'), std::string::npos);
  }
  const auto leave = left({"replay", "a", "--from", "\x1b[31m"});
  EXPECT_EQ(leave.err.find('\x1b'), std::string::npos);
}

TEST(Options, HelpHasAnExampleOfEachCommand) {
  const auto all = left({"--help"});
  EXPECT_EQ(all.exit_code, kDone);
  for (const char* command : {"import", "scan", "predictors", "replay", "fit", "merge", "compare", "sweep", "capacity",
                              "explain", "verify-ledger", "version"}) {
    SCOPED_TRACE(command);
    EXPECT_THAT(all.out, HasSubstr(std::string("\n  ") + command + " "));
    const auto help = left({command, "--help"});
    EXPECT_EQ(help.exit_code, kDone);
    EXPECT_THAT(help.out, AllOf(HasSubstr("Example"), HasSubstr(std::string("tideline-planner ") + command)));
  }
  EXPECT_THAT(left({"--version"}).out, HasSubstr("tideline-planner "));
  EXPECT_EQ(good({"version"}).command, Command::kVersion);
}

}  // namespace
}  // namespace tideline::planner_program
