#include "coordinator/planner_program/raw_options.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/planner/demand_fit.h"
#include "coordinator/planner_program/option_values.h"
#include "coordinator/planner_program/threads.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr double kBytesOfMib = 1024.0 * 1024.0;
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kHourSeconds = 3'600;
constexpr std::uint64_t kMostHosts = 1'000'000;
constexpr std::size_t kMostReplays = 50;  // side by side, each held against each
constexpr double kMostPercent = 10'000;
constexpr std::size_t kMostKnobBytes = 80;
constexpr std::size_t kMostWindows = 1'000;
constexpr std::uint64_t kMostWorst = 10'000;
constexpr std::size_t kUsualWorst = 50;

constexpr std::string_view kRecordedPlacement = "recorded";
constexpr std::string_view kPackedPlacement = "packed";
constexpr std::string_view kForecastKnob = "forecast";
constexpr std::string_view kReclaimKnob = "cpuReclaimThresholdPercent";
constexpr std::string_view kSuppressKnob = "cpuSuppressThresholdPercent";
constexpr std::string_view kUsualValues = "40:90:5";

/// Values into their places; the first problem stays, after which nothing is put.
class Checks {
 public:
  template <class From, class To>
  void put(Result<From> value, To& place) {
    if (problem_) return;
    if (value) {
      place = static_cast<To>(*std::move(value));
    } else {
      problem_ = value.error();
    }
  }
  /// Where a word was given.
  template <class From, class To>
  void put_given(Result<From> (*reader)(std::string_view, std::string_view), std::string_view option,
                 const std::string& text, To& place) {
    if (!text.empty()) put(reader(option, text), place);
  }
  void want(bool good, std::string message) {
    if (!problem_ && !good) problem_ = model::invalid(std::move(message));
  }
  Result<void> done() const { return problem_ ? Result<void>(*problem_) : Result<void>(); }

 private:
  std::optional<model::Error> problem_;
};

Result<double> mib_value(std::string_view option, const std::string& text, bool zero = false) {
  const auto bytes = memory_value(option, text, zero);
  if (!bytes) return bytes.error();
  return static_cast<double>(*bytes) / kBytesOfMib;
}

void check_shared(const RawOptions& raw, Options& options, Checks& checks) {
  if (!raw.archive.empty()) options.files.push_back(raw.archive);
  options.output.json = raw.json == "true";
  if (!options.output.json) options.output.json_file = raw.json;
  options.threads = usual_threads();
  if (!raw.threads.empty()) checks.put(count_value("--threads", raw.threads, 1, kMostThreads), options.threads);
  checks.put_given(time_value, "--from", raw.from, options.range.from_s);
  checks.put_given(time_value, "--until", raw.until, options.range.until_s);
  checks.put_given(seconds_value, "--step", raw.step, options.range.step_s);
  checks.want(options.range.from_s < options.range.until_s,
              fmt::format("--from {} is not before --until {}", raw.from, raw.until));
  checks.want(options.range.step_s <= kDaySeconds, fmt::format("--step {}: want a day at most", raw.step));
}

void check_world(const RawOptions& raw, Options& options, Checks& checks) {
  planner::PackOptions& pack = options.pack;
  checks.put(count_value("--hosts", raw.hosts, 0, kMostHosts), pack.hosts);
  checks.put(cpu_value("--host-cpu", raw.host_cpu), pack.host.cpu_millicores);
  checks.put(mib_value("--host-memory", raw.host_memory), pack.host.memory_mib);
  checks.put(cpu_value("--system-cpu", raw.system_cpu, true), pack.host.system_cpu_millicores);
  checks.put(mib_value("--system-memory", raw.system_memory, true), pack.host.system_memory_mib);
  checks.put(number_value("--fill", raw.fill, 1, kMostPercent), pack.cpu_fill_percent);
  checks.put(number_value("--memory-fill", raw.memory_fill, 1, kMostPercent), pack.memory_fill_percent);
  checks.put(count_value("--seed", raw.seed, 0, std::numeric_limits<std::uint64_t>::max()), pack.seed);
  checks.want(pack.host.system_cpu_millicores <= pack.host.cpu_millicores,
              fmt::format("--system-cpu {}: more than --host-cpu {}", raw.system_cpu, raw.host_cpu));
  checks.want(pack.host.system_memory_mib <= pack.host.memory_mib,
              fmt::format("--system-memory {}: more than --host-memory {}", raw.system_memory, raw.host_memory));
}

void check_placement(const RawOptions& raw, Options& options, Checks& checks) {
  const std::vector<std::string_view> placements = {kRecordedPlacement, kPackedPlacement};
  checks.want(
      raw.placement.empty() || std::find(placements.begin(), placements.end(), raw.placement) != placements.end(),
      fmt::format("--placement {}: not known{}", model::printable(raw.placement, kMostKnobBytes),
                  wanted_words(raw.placement, placements)));
  if (raw.placement == kRecordedPlacement) options.placement = Placement::kRecorded;
  if (raw.placement == kPackedPlacement) options.placement = Placement::kPacked;
}

/// A shard has one output, and tasks are queued for all hosts together.
void check_shard(const RawOptions& raw, Options& options, Checks& checks) {
  checks.put_given(shard_value, "--shard", raw.shard, options.shard);
  const bool parted = !raw.shard.empty();
  checks.want(parted == !options.part_file.empty(),
              parted ? fmt::format("--shard {}: want --output, for the part", raw.shard)
                     : fmt::format("--output {}: is for the part of a --shard", options.part_file));
  const auto& output = options.output;
  const bool told =
      output.json || !output.json_file.empty() || !output.html_file.empty() || !output.report_file.empty();
  checks.want(!parted || !told,
              fmt::format("--shard {}: a part is no answer; --json, --html and --report are for \"merge\"", raw.shard));
  const bool tasks = !options.batch.tasks.empty() || options.batch.recorded;
  checks.want(!parted || !tasks,
              fmt::format("--shard {}: batch tasks are queued for all hosts together, and not by shards", raw.shard));
  checks.want(options.against.empty() || (!parted && !tasks),
              fmt::format("--against {}: is for one host with as much batch as is offered, without --shard, --tasks "
                          "and --recorded-batch",
                          options.against));
}

/// FROM/TO; RFC 3339 has no such stroke.
Result<planner::FineWindow> window_value(const std::string& text) {
  constexpr std::string_view kWindow = "--fine-window";
  const auto stroke = text.find('/');
  if (stroke == std::string::npos) {
    return model::invalid(fmt::format("{} {}: want FROM/TO", kWindow, model::printable(text, kMostKnobBytes)));
  }
  const auto from = time_value(kWindow, std::string_view(text).substr(0, stroke));
  if (!from) return from.error();
  const auto until = time_value(kWindow, std::string_view(text).substr(stroke + 1));
  if (!until) return until.error();
  if (*from < *until) return planner::FineWindow{*from, *until};
  return model::invalid(
      fmt::format("{} {}: does not end after its begin", kWindow, model::printable(text, kMostKnobBytes)));
}

void check_fine(const RawOptions& raw, Options& options, Checks& checks) {
  FineCommand& fine = options.fine;
  const bool told =
      !raw.fine_windows.empty() || !raw.fine_worst.empty() || !raw.fine_seed.empty() || !fine.model_file.empty();
  checks.want(fine.wanted || !told, "--fine-window, --fine-worst, --fine-model and --fine-seed: are for --fine");
  if (!fine.wanted) return;
  checks.want(raw.fine_windows.size() <= kMostWindows,
              fmt::format("--fine-window: {} of them; want {} at most", raw.fine_windows.size(), kMostWindows));
  for (const auto& text : raw.fine_windows)
    checks.put(window_value(text), fine.windows.emplace_back());
  if (!raw.fine_seed.empty()) {
    checks.put(count_value("--fine-seed", raw.fine_seed, 0, std::numeric_limits<std::uint64_t>::max()), fine.seed);
  }
  if (!raw.fine_worst.empty()) {
    checks.put(count_value("--fine-worst", raw.fine_worst, 1, kMostWorst), fine.worst);
  } else if (fine.windows.empty()) {
    fine.worst = kUsualWorst;
  }
  // A shard does not know how full the hosts of the others were.
  checks.want(raw.shard.empty() || fine.worst == 0,
              fmt::format("--shard {}: takes --fine with --fine-window alone: which steps are the fullest is not known "
                          "before all hosts are",
                          raw.shard));
}

void check_fit(const RawOptions& raw, Options& options, Checks& checks) {
  checks.put(seconds_value("--window", raw.fit_window), options.fit_window_s);
  checks.want(options.fit_window_s >= planner::DemandFit::kLeastWindowS &&
                  options.fit_window_s <= planner::DemandFit::kMostWindowS,
              fmt::format("--window {}: want {} to {} s", raw.fit_window, planner::DemandFit::kLeastWindowS,
                          planner::DemandFit::kMostWindowS));
}

void check_policy(const RawOptions& raw, Options& options, Checks& checks) {
  checks.put_given(labels_value, "--node-labels", raw.node_labels, options.policy.labels);
  BatchOptions& batch = options.batch;
  checks.put(cpu_value("--batch-cpu", raw.batch_cpu), batch.cpu_millicores);
  checks.put(mib_value("--batch-memory", raw.batch_memory, true), batch.memory_mib);
  checks.put(seconds_value("--batch-runtime", raw.batch_runtime), batch.runtime_s);
  checks.want(!batch.repeat || !batch.tasks.empty(), "--repeat-tasks repeats those of --tasks, which is not given");
  checks.want(!batch.recorded || batch.tasks.empty(), "--recorded-batch and --tasks: want one of them");
}

void check_prediction(const RawOptions& raw, Options& options, Checks& checks) {
  PredictionOptions& prediction = options.prediction;
  const std::vector<std::string_view> resources = {"cpu", "memory"};
  checks.want(raw.resource.empty() || std::find(resources.begin(), resources.end(), raw.resource) != resources.end(),
              fmt::format("--resource {}: not known{}", model::printable(raw.resource, kMostKnobBytes),
                          wanted_words(raw.resource, resources)));
  if (raw.resource == "memory") prediction.resource = forecast::Resource::kMemory;
  checks.put_given(seconds_value, "--window", raw.window, prediction.window_s);
  // Who says until when is learnt says from when is scored.
  checks.put_given(time_value, "--fit-until", raw.fit_until, prediction.score_from_s);
  checks.put_given(time_value, "--score-from", raw.score_from, prediction.score_from_s);
  checks.put_given(time_value, "--score-until", raw.score_until, prediction.score_until_s);
  checks.want(
      !prediction.score_from_s || !prediction.score_until_s || *prediction.score_from_s < *prediction.score_until_s,
      fmt::format("--score-until {}: not after the begin of scoring", raw.score_until));
  const auto usual = forecast::usual_forecasts();
  const std::string list = raw.forecasts.empty() ? fmt::format("{}", fmt::join(usual, ",")) : raw.forecasts;
  checks.put(forecasts_value("--forecasts", list), prediction.forecasts);
}

/// Options that have no part in what is swept, which is seen by their having been given.
void check_sweep_parts(const RawOptions& raw, const Options& options, Checks& checks) {
  const bool forecasts = options.sweep.knob == planner::SweepKnob::kForecast;
  const std::vector<std::pair<std::string_view, bool>> of_policy = {{"--policy", !options.policy.file.empty()},
                                                                    {"--node-labels", !raw.node_labels.empty()},
                                                                    {"--tasks", !options.batch.tasks.empty()},
                                                                    {"--recorded-batch", options.batch.recorded}};
  const std::vector<std::pair<std::string_view, bool>> of_forecasts = {{"--resource", !raw.resource.empty()},
                                                                       {"--window", !raw.window.empty()},
                                                                       {"--fit-until", !raw.fit_until.empty()},
                                                                       {"--score-from", !raw.score_from.empty()},
                                                                       {"--score-until", !raw.score_until.empty()}};
  for (const auto& [option, given] : forecasts ? of_policy : of_forecasts)
    checks.want(!given, fmt::format("{} has no part in --knob {}", option, raw.knob));
}

void check_sweep(const RawOptions& raw, Options& options, Checks& checks) {
  const std::vector<std::string_view> knobs = {kForecastKnob, kReclaimKnob, kSuppressKnob};
  checks.want(
      std::find(knobs.begin(), knobs.end(), raw.knob) != knobs.end(),
      fmt::format("--knob {}: not known{}", model::printable(raw.knob, kMostKnobBytes), wanted_words(raw.knob, knobs)));
  checks.put(number_value("--risk", raw.risk, 0, 1), options.sweep.accepted_risk);
  if (raw.knob == kForecastKnob) {
    options.sweep.knob = planner::SweepKnob::kForecast;
    if (!raw.values.empty()) checks.put(forecasts_value("--values", raw.values), options.prediction.forecasts);
  } else {
    if (raw.knob == kSuppressKnob) options.sweep.knob = planner::SweepKnob::kSuppressThreshold;
    auto values = planner::parse_range(raw.values.empty() ? kUsualValues : std::string_view(raw.values));
    if (!values) values = values.error().in("--values");
    checks.put(std::move(values), options.sweep.values);
  }
  check_sweep_parts(raw, options, checks);
}

void check_import(const RawOptions& raw, Options& options, Checks& checks) {
  if (const auto format = traces::format_from(raw.format)) {
    options.trace.format = *format;
  } else if (raw.format == kRecordingFormat) {
    options.trace.recording = true;
    checks.want(options.trace.mapping_file.empty(), "--mapping has no part in --format recording");
  } else {
    std::vector<std::string_view> known;
    known.reserve(traces::kFormats.size() + 1);
    for (const auto each : traces::kFormats)
      known.push_back(traces::name_of(each));
    known.push_back(kRecordingFormat);
    checks.want(false, fmt::format("--format {}: not known{}", model::printable(raw.format, kMostKnobBytes),
                                   wanted_words(raw.format, known)));
  }
  checks.put(time_value("--epoch", raw.epoch), options.trace.options.epoch_s);
  checks.put(cpu_value("--cpu", raw.assumed_cpu), options.trace.options.assumed_cpu_millicores);
  checks.put(memory_value("--memory", raw.assumed_memory), options.trace.options.assumed_memory_bytes);
}

void check_capacity(const RawOptions& raw, Options& options, Checks& checks) {
  planner::CapacityOptions& capacity = options.capacity;
  checks.put(number_value("--risk", raw.risk, 0, 1), capacity.accepted_risk);
  checks.put(number_value("--safe-percent", raw.safe_percent, 1, 100), capacity.safe_percent);
  checks.put(number_value("--growth", raw.growth, -99, kMostPercent), capacity.growth_percent);
  checks.put(count_value("--spare", raw.spare, 0, kMostHosts), capacity.spare_hosts);
  checks.put(count_value("--resamples", raw.resamples, 0, 10'000), capacity.resamples);
  checks.put(cpu_value("--batch-cpu", raw.batch_cpu), capacity.batch_cpu_millicores);
  checks.put(mib_value("--batch-memory", raw.batch_memory, true), capacity.batch_memory_mib);
  capacity.seed = options.pack.seed;
  if (!raw.margin.empty()) {
    checks.put(count_value("--margin", raw.margin, 0, 2 * planner::kPackingRungs), options.margin);
  }
  checks.want(raw.margin.empty() || !raw.shard.empty(), fmt::format("--margin {}: is of a --shard", raw.margin));
}

void check_merge(const Options& options, Checks& checks) {
  checks.want(options.files.size() <= kMostShards,
              fmt::format("PART: {} of them; want {} at most", options.files.size(), kMostShards));
}

void check_compare(const Options& options, Checks& checks) {
  checks.want(options.files.size() >= 2 && options.files.size() <= kMostReplays,
              fmt::format("REPLAY: {} of them; want 2 to {}", options.files.size(), kMostReplays));
}

bool takes_shards(Command command) {
  return command == Command::kReplay || command == Command::kPredictors || command == Command::kSweep ||
         command == Command::kCapacity;
}

bool predicts(const Options& options) {
  return options.command == Command::kPredictors ||
         (options.command == Command::kSweep && options.sweep.knob == planner::SweepKnob::kForecast);
}

}  // namespace

Result<void> check_options(const RawOptions& raw, Options& options) {
  Checks checks;
  check_shared(raw, options, checks);
  check_world(raw, options, checks);
  check_placement(raw, options, checks);
  check_policy(raw, options, checks);
  check_prediction(raw, options, checks);
  if (takes_shards(options.command)) check_shard(raw, options, checks);
  if (options.command == Command::kReplay) check_fine(raw, options, checks);
  if (options.command == Command::kFit) check_fit(raw, options, checks);
  if (options.command == Command::kMerge) check_merge(options, checks);
  if (options.command == Command::kImport) check_import(raw, options, checks);
  if (options.command == Command::kCompare) check_compare(options, checks);
  if (options.command == Command::kSweep) check_sweep(raw, options, checks);
  if (options.command == Command::kCapacity) check_capacity(raw, options, checks);
  if (options.command == Command::kExplain) checks.put(time_value("--at", raw.at), options.explain.at_s);
  options.horizon_s = predicts(options) ? kDaySeconds : kHourSeconds;
  checks.put_given(seconds_value, "--horizon", raw.horizon, options.horizon_s);
  return checks.done();
}

}  // namespace tideline::planner_program
