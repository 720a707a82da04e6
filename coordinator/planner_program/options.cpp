#include "coordinator/planner_program/options.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "coordinator/planner_program/option_values.h"
#include "coordinator/planner_program/raw_options.h"
#include "coordinator/policy/spelling.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

constexpr std::string_view kProgram = "tideline-planner";
constexpr std::size_t kMostLineBytes = 2'000;

/// They say where answers go, how fast, and by how many, not what is in them.
constexpr std::array<std::string_view, 11> kNotTold = {"--json",  "--html",   "--report", "--threads",
                                                       "--force", "--shard",  "--output", "--resume",
                                                       "--stats", "--margin", "--help"};

/// CLI11 repeats what was typed in its messages.
std::string printable_lines(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    out += model::printable(line, kMostLineBytes) + "\n";
  return out;
}

Leave wrong_usage(std::string_view message) {
  return {.exit_code = kUsage, .err = fmt::format("{}: {}\n", kProgram, model::printable(message, kMostLineBytes))};
}

/// As a shell reads it.
std::string quoted_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+%@^-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string line_of(const CLI::App& command) {
  std::string line = fmt::format("{} {}", kProgram, command.get_name());
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || std::find(kNotTold.begin(), kNotTold.end(), name) != kNotTold.end()) continue;
    const std::string named = option->get_positional() ? "" : " " + name;
    if (option->get_expected_max() == 0) {  // a flag
      line += named;
      continue;
    }
    // What may be given often has its name each time.
    for (const auto& word : option->results())
      line += named + " " + quoted_word(word);
  }
  return line;
}

/// Builds the parser around the words it fills.
class PlannerParser {
 public:
  PlannerParser() : app_("What colocation would have done on days that are known.", std::string(kProgram)) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", fmt::format("{} {}", kProgram, TIDELINE_VERSION));
    app_.footer(
        "Begin with \"import\": all others but \"fit\", \"compare\", \"merge\" and \"verify-ledger\" read the archive\n"
        "that it writes, an export of history, or the directory of a coordinator's store.\n"
        "Exit codes: 0 done, 1 an input is wrong or a file cannot be read or written, 2 wrong usage.\n"
        "\"tideline-planner COMMAND --help\" shows examples.");
    add_import();
    add_scan();
    add_predictors();
    add_replay();
    add_fit();
    add_merge();
    add_compare();
    add_sweep();
    add_capacity();
    add_explain();
    add_verify_ledger();
    add("version", "Version of this program", Command::kVersion, {"tideline-planner version"});
  }

  std::variant<Options, Leave> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // CLI11 says only that a subcommand is required, not which word is none.
      if (const std::string word = argc > 1 ? argv[1] : ""; error.get_exit_code() != 0 && is_no_command(word)) {
        return wrong_usage(fmt::format("\"{}\" is no command{} (\"{} --help\" lists them)", word,
                                       policy::did_you_mean(word, command_names()), kProgram));
      }
      std::ostringstream out;
      std::ostringstream err;
      const int code = app_.exit(error, out, err);
      if (code == 0) return Leave{.exit_code = kDone, .out = out.str()};
      return Leave{
          .exit_code = kUsage, .out = out.str(), .err = fmt::format("{}: {}", kProgram, printable_lines(err.str()))};
    }
    if (auto good = check_options(raw_, options_); !good) return wrong_usage(good.error().message());
    return std::move(options_);
  }

 private:
  std::vector<std::string_view> command_names() const {
    std::vector<std::string_view> names;
    for (const auto* command : app_.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    return names;
  }

  bool is_no_command(const std::string& word) const {
    const auto names = command_names();
    return !word.empty() && word.front() != '-' && std::find(names.begin(), names.end(), word) == names.end();
  }

  CLI::App* add(const char* name, const char* what, Command command, std::initializer_list<const char*> examples) {
    auto* sub = app_.add_subcommand(name, what);
    std::string footer = examples.size() == 1 ? "Example:\n" : "Examples:\n";
    for (const char* example : examples)
      footer += fmt::format("  {}\n", example);
    sub->footer(footer);
    sub->callback([this, sub, command] {
      options_.command = command;
      options_.command_line = line_of(*sub);
    });
    return sub;
  }

  void add_archive(CLI::App& sub, const char* what) { sub.add_option("ARCHIVE", raw_.archive, what)->required(); }

  void add_outputs(CLI::App& sub, bool page) {
    sub.add_flag("--json", raw_.json, "print JSON in place of text; --json=FILE: into that file, text is printed");
    if (page) sub.add_option("--html", options_.output.html_file, "file for a page with plots that needs nothing else");
    sub.add_option("--report", options_.output.report_file, "file for the text");
  }

  void add_threads(CLI::App& sub) {
    sub.add_option("--threads", raw_.threads, "to work on; the answer is the same for any number")->default_str("CPUs");
    add_stats(sub);
  }

  void add_stats(CLI::App& sub) {
    sub.add_flag("--stats", options_.stats, "say on standard error what it took: time, CPU time, memory");
  }

  void add_data(CLI::App& sub) {
    add_archive(sub,
                "what \"import\" wrote, an export of history, or a directory: a coordinator's --data-dir, or the store "
                "in it");
    sub.add_option("--from", raw_.from, "begin of what is looked at: RFC 3339, or a day")->default_str("first");
    sub.add_option("--until", raw_.until, "its end, not included")->default_str("last");
    sub.add_option("--step", raw_.step, "time base, as 5m; without: the data's own, and 5m of a store")
        ->default_str("data");
    add_threads(sub);
  }

  void add_text(CLI::App& sub, const char* name, std::string& word, const char* what) {
    sub.add_option(name, word, what)->default_str(word);
  }

  void add_world(CLI::App& sub, const char* hosts) {
    sub.add_option("--placement", raw_.placement,
                   "recorded: workloads on the hosts that they were on, which history knows, and is usual for it; "
                   "packed: by a packer, onto the hosts below")
        ->default_str("usual");
    add_text(sub, "--hosts", raw_.hosts, hosts);
    add_text(sub, "--host-cpu", raw_.host_cpu, "CPUs of a host");
    add_text(sub, "--host-memory", raw_.host_memory, "memory of a host");
    add_text(sub, "--system-cpu", raw_.system_cpu, "what of it the system uses, all the time");
    add_text(sub, "--system-memory", raw_.system_memory, "likewise");
    add_text(sub, "--fill", raw_.fill, "percent of a host's CPU that requests may take; over 100 overcommits");
    add_text(sub, "--memory-fill", raw_.memory_fill, "likewise of its memory");
    add_text(sub, "--seed", raw_.seed, "of the packing");
  }

  void add_policy(CLI::App& sub) {
    sub.add_option("--policy", options_.policy.file,
                   "file with a ConfigMap, an object of its keys, or KEY.json with one of them; without: "
                   "Koordinator's defaults, enabled");
    sub.add_option("--node-labels", raw_.node_labels, "of the node whose policy it is: key=value,...");
    sub.add_option("--tasks", options_.batch.tasks, "archive of batch tasks to run; without: as much as is offered");
    sub.add_flag("--repeat-tasks", options_.batch.repeat, "those tasks again and again to the end");
    sub.add_flag("--recorded-batch", options_.batch.recorded,
                 "run the batch work that ARCHIVE has, when it was: of history its pods of QoS BE");
    add_text(sub, "--batch-cpu", raw_.batch_cpu, "CPUs of a batch pod, without --tasks");
    add_text(sub, "--batch-memory", raw_.batch_memory, "its memory");
    add_text(sub, "--batch-runtime", raw_.batch_runtime, "CPU time at full speed that it takes");
  }

  void add_prediction(CLI::App& sub) {
    sub.add_option("--resource", raw_.resource, "cpu or memory")->default_str("cpu");
    sub.add_option("--window", raw_.window, "how far back predictors look")->default_str("24h");
    auto* fit = sub.add_option("--fit-until", raw_.fit_until,
                               "what comes before is learnt from and not scored: RFC 3339, or a day; without: half of "
                               "the days");
    sub.add_option("--score-from", raw_.score_from, "another word for it")->excludes(fit);
    sub.add_option("--score-until", raw_.score_until, "end of what is scored, not included")->default_str("last");
  }

  void add_shard(CLI::App& sub) {
    sub.add_option("--shard", raw_.shard, "as 3/8: the third eighth of the work alone, for \"merge\"");
    sub.add_option("-o,--output", options_.part_file, "file for the part that --shard found");
  }

  void add_fine(CLI::App& sub) {
    sub.add_flag("--fine", options_.fine.wanted, "look into chosen steps with the node's own loops, tick by tick");
    sub.add_option("--fine-window", raw_.fine_windows,
                   "as FROM/TO, each RFC 3339 or a day: the steps of all hosts that begin in it; as often as needed")
        ->allow_extra_args(false);
    sub.add_option("--fine-worst", raw_.fine_worst,
                   "so many host-steps, the fullest of the replay; 50 without --fine-window");
    sub.add_option("--fine-model", options_.fine.model_file,
                   "file with what services do within a step, from \"fit --json=FILE\"; without: the usual model");
    sub.add_option("--fine-seed", raw_.fine_seed, "of what is drawn by it")->default_str("1");
  }

  void add_resume(CLI::App& sub) {
    sub.add_option("--resume", options_.resume_directory,
                   "directory for what is computed on the way, which the same command goes on from");
  }

  void add_risk(CLI::App& sub, const char* what) { add_text(sub, "--risk", raw_.risk, what); }

  void add_import() {
    auto* sub = add("import", "Make an archive of a trace, and say what became of each line", Command::kImport,
                    {"tideline-planner import --format bitbrains -o july.tla vm_usage.csv.gz",
                     "tideline-planner import --format csv --mapping mapping.json -o mine.tla export.csv",
                     "tideline-planner import --format recording -o node-7.tla node-7.rec"});
    std::string formats;
    for (const auto format : traces::kFormats)
      formats += fmt::format(" {}", traces::name_of(format));
    formats += fmt::format(" {}", kRecordingFormat);
    sub->footer(sub->get_footer() + "Formats:" + formats + "\n");
    sub->add_option("FILE", options_.files,
                    "files of the trace, gzip or not; -: standard input. Of recording: what \"tideline-node --record\" "
                    "wrote, with FILE.1 before FILE")
        ->required();
    sub->add_option("--format", raw_.format, "what they are")->required();
    sub->add_option("-o,--output", options_.trace.archive, "the archive to write")->required();
    sub->add_option("--mapping", options_.trace.mapping_file, "of csv and json-lines: which column is what");
    add_text(*sub, "--epoch", raw_.epoch, "of traces whose times count from their own begin: when that was");
    add_text(*sub, "--cpu", raw_.assumed_cpu, "CPUs that percentages are of, where a trace has no sizes");
    add_text(*sub, "--memory", raw_.assumed_memory, "memory, likewise");
    sub->add_flag("--force", options_.trace.overwrite, "write over an archive that is there");
    add_outputs(*sub, false);
  }

  void add_scan() {
    auto* sub = add("scan", "Read all of an archive: what it holds, and whether it is whole", Command::kScan,
                    {"tideline-planner scan july.tla"});
    add_archive(*sub, "what \"import\" wrote, or an export of history");
    add_threads(*sub);
    add_outputs(*sub, false);
  }

  void add_predictors() {
    auto* sub = add("predictors", "Hold predictors of use against each other: violations, severity, savings",
                    Command::kPredictors,
                    {"tideline-planner predictors july.tla --fit-until 2013-07-08 --html predictors.html",
                     "tideline-planner predictors july.tla --forecasts 'nsigma:3,nsigma:5,max(nsigma:5,rc:99)'"});
    add_data(*sub);
    sub->add_option("--forecasts", raw_.forecasts,
                    "limit:0.9, mean:15, rc:99, nsigma:5, peak, koordinator, vpa, max(...,...), oracle, with commas "
                    "between")
        ->default_str("usual");
    sub->add_option("--horizon", raw_.horizon, "how far ahead is predicted")->default_str("24h");
    add_prediction(*sub);
    add_world(*sub, "to pack workloads onto; 0: as many as it takes");
    add_shard(*sub);
    add_resume(*sub);
    add_outputs(*sub, true);
  }

  void add_replay() {
    auto* sub = add("replay", "What a policy would have done on those days", Command::kReplay,
                    {"tideline-planner replay july.tla --policy ack-slo-config.json --html replay.html",
                     "tideline-planner replay july.tla --hosts 30 --json=thirty.json",
                     "tideline-planner replay /var/lib/tideline-coordinator --from 2026-11-01 --until 2026-12-01",
                     "tideline-planner replay november.tla --shard 3/8 -o part-3.json",
                     "tideline-planner replay july.tla --fine --fine-worst 100 --html fine.html"});
    add_data(*sub);
    add_policy(*sub);
    sub->add_option("--horizon", raw_.horizon, "a violation is more use within that time than was left for it")
        ->default_str("1h");
    add_world(*sub, "to pack workloads onto; 0: as many as it takes");
    sub->add_option("--name", options_.name, "of this replay, for \"compare\"")->default_str("policy");
    sub->add_flag("--by-host", options_.by_host, "hosts one by one in JSON, too");
    sub->add_option("--against", options_.against,
                    "recording of the one host in ARCHIVE: say how far the limit of batch is from the one there was");
    add_fine(*sub);
    add_shard(*sub);
    add_resume(*sub);
    add_outputs(*sub, true);
  }

  void add_fit() {
    auto* sub = add("fit", "What services do within a step, from what nodes recorded each second", Command::kFit,
                    {"tideline-planner fit node-7.rec --json=model.json"});
    sub->add_option("RECORDING", options_.files,
                    "what \"tideline-node --record\" wrote, with RECORDING.1 before RECORDING")
        ->required();
    add_text(*sub, "--window", raw_.fit_window,
             "over which use is held against its median: as long as a step of the data that the model is for");
    add_stats(*sub);
    add_outputs(*sub, false);
  }

  void add_merge() {
    auto* sub = add("merge", "The answer of the parts that --shard wrote", Command::kMerge,
                    {"tideline-planner merge part-*.json --json=november.json --html november.html"});
    sub->add_option("PART", options_.files, "all parts of one answer, in any order")->required();
    add_stats(*sub);
    add_outputs(*sub, true);
  }

  void add_compare() {
    auto* sub = add("compare", "Replays side by side, and the events in which they differ", Command::kCompare,
                    {"tideline-planner compare before.json after.json --html compare.html"});
    sub->add_option("REPLAY", options_.files, "what \"replay --json\" wrote, 2 to 50 of them")->required();
    add_outputs(*sub, true);
  }

  void add_sweep() {
    auto* sub =
        add("sweep", "One setting over a range: what it saves against what it risks", Command::kSweep,
            {"tideline-planner sweep july.tla --knob cpuReclaimThresholdPercent --values 40:90:5 --risk 0.01",
             "tideline-planner sweep july.tla --knob forecast --values nsigma:3,nsigma:5,rc:99 --html sweep.html"});
    add_data(*sub);
    sub->add_option("--knob", raw_.knob,
                    "cpuReclaimThresholdPercent or cpuSuppressThresholdPercent of a policy, or forecast")
        ->required();
    sub->add_option("--values", raw_.values, "40:90:5 or 40,65,80; of forecast a list of predictors")
        ->default_str("usual");
    add_risk(*sub, "share of checks that may be violations in what is recommended");
    add_policy(*sub);
    sub->add_option("--horizon", raw_.horizon, "as of replay, or of predictors")->default_str("usual");
    add_prediction(*sub);
    add_world(*sub, "to pack workloads onto; 0: as many as it takes");
    add_shard(*sub);
    add_resume(*sub);
    add_outputs(*sub, true);
  }

  void add_capacity() {
    auto* sub = add("capacity", "How many hosts can go or must come, and how much batch fits, at a stated risk",
                    Command::kCapacity,
                    {"tideline-planner capacity july.tla --risk 0.01 --growth 10 --spare 1 --html capacity.html"});
    add_data(*sub);
    add_world(*sub, "that there are now; 0: as many as packing by requests takes");
    add_risk(*sub, "share of host-steps in which use may pass --safe-percent");
    add_text(*sub, "--safe-percent", raw_.safe_percent, "of a host, up to which use is safe");
    add_text(*sub, "--growth", raw_.growth, "percent that use and requests grow by first");
    add_text(*sub, "--spare", raw_.spare, "hosts that are kept besides");
    add_text(*sub, "--batch-cpu", raw_.batch_cpu, "CPUs of a batch pod");
    add_text(*sub, "--batch-memory", raw_.batch_memory, "its memory");
    add_text(*sub, "--resamples", raw_.resamples, "of days, for the intervals; 0: none");
    add_shard(*sub);
    sub->add_option("--margin", raw_.margin,
                    "of a shard: packings, of 1 % each, on both sides of where its own search ends; more where "
                    "\"merge\" asks for it")
        ->default_str(fmt::format("{}", planner::kUsualMargin));
    add_resume(*sub);
    add_outputs(*sub, true);
  }

  void add_explain() {
    auto* sub = add("explain", "One host at one moment: the whole decision", Command::kExplain,
                    {"tideline-planner explain july.tla --host node-0007 --at 2013-07-03T10:00:00Z"});
    add_data(*sub);
    sub->add_option("--host", options_.explain.host, "its name, or its number")->required();
    sub->add_option("--at", raw_.at, "the moment: RFC 3339")->required();
    add_policy(*sub);
    add_world(*sub, "to pack workloads onto; 0: as many as it takes");
    add_outputs(*sub, true);
  }

  void add_verify_ledger() {
    auto* sub =
        add("verify-ledger", "Compute the accounts of a coordinator's recording anew, and name those that differ",
            Command::kVerifyLedger,
            {"tideline-planner verify-ledger /var/lib/tideline-recordings",
             "tideline-planner verify-ledger ledger-001764590000-000001.rec --json"});
    sub->add_option("FILE", options_.files,
                    "what \"tideline-coordinator --record-ledger\" wrote: files in their order, or their directory")
        ->required();
    add_stats(*sub);
    add_outputs(*sub, false);
  }

  Options options_;
  RawOptions raw_;
  CLI::App app_;
};

}  // namespace

std::variant<Options, Leave> parse_options(int argc, const char* const* argv) {
  return PlannerParser().parse(argc, argv);
}

}  // namespace tideline::planner_program
