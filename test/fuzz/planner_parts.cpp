// Files of the planner's own from anyone: parts of replays, of scores, of sweeps, of capacity and of steps that were
// looked into, replays that were saved, and demand models. Whatever they are, the answer is a value that holds or an
// Error, and what was accepted is written and read back the same.
//
// An input's first byte says what the others are, modulo kWays.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/capacity_part.h"
#include "coordinator/planner/compare.h"
#include "coordinator/planner/demand_model.h"
#include "coordinator/planner/demand_noise.h"
#include "coordinator/planner/fine_part.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner/score_part.h"
#include "coordinator/planner/sweep_part.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

enum class Way : std::uint8_t {
  kReplayPart,
  kScorePart,
  kSavedReplay,
  kSweepPart,
  kCapacityPart,
  kFinePart,
  kDemandModel
};
constexpr std::uint8_t kWays = 7;

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 1024, "a refusal does not repeat what it refuses");
  require(std::none_of(error.message().begin(), error.message().end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "a refusal holds no control characters");
}

bool replay_part_holds(std::string_view text) {
  const auto part = planner::replay_part_from_json(text);
  if (!part) {
    check_refusal(part.error());
    return false;
  }
  const auto written = planner::to_json(*part);
  const auto again = planner::replay_part_from_json(written);
  require(again.ok() && planner::to_json(*again) == written, "a part is read the same when it is written again");
  auto twice = *part;
  if (!planner::append(twice, *part)) {
    require(part->by_host.size() > 0, "a part without hosts follows itself");
  }
  const auto result = planner::result_of(*part);
  if (result) {
    require(result->by_host.size() == result->hosts, "a result has all of its hosts");
  } else {
    check_refusal(result.error());
  }
  return true;
}

bool score_part_holds(std::string_view text) {
  const auto part = planner::score_part_from_json(text);
  if (!part) {
    check_refusal(part.error());
    return false;
  }
  const auto written = planner::to_json(*part);
  const auto again = planner::score_part_from_json(written);
  require(again.ok() && planner::to_json(*again) == written, "a part is read the same when it is written again");
  if (const auto scores = planner::scores_of(*part); !scores) check_refusal(scores.error());
  return true;
}

bool saved_replay_holds(std::string_view text) {
  const auto saved = planner::replay_from_json(text);
  if (!saved) {
    check_refusal(saved.error());
    return false;
  }
  const auto written = planner::to_json(*saved, true);
  const auto again = planner::replay_from_json(written);
  require(again.ok() && planner::to_json(*again, true) == written, "a replay is read the same again");
  return true;
}

bool sweep_part_holds(std::string_view text) {
  const auto part = planner::sweep_part_from_json(text);
  if (!part) {
    check_refusal(part.error());
    return false;
  }
  const auto written = planner::to_json(*part);
  const auto again = planner::sweep_part_from_json(written);
  require(again.ok() && planner::to_json(*again) == written, "a part is read the same when it is written again");
  if (const auto sweep = planner::sweep_of(*part, 0.5); !sweep) check_refusal(sweep.error());
  return true;
}

bool capacity_part_holds(std::string_view text) {
  const auto part = planner::capacity_part_from_json(text);
  if (!part) {
    check_refusal(part.error());
    return false;
  }
  const auto written = planner::to_json(*part);
  const auto again = planner::capacity_part_from_json(written);
  require(again.ok() && planner::to_json(*again) == written, "a part is read the same when it is written again");
  auto twice = *part;
  if (const auto added = planner::append(twice, *part); !added) check_refusal(added.error());
  // Resamples are work that is asked for, and no damage.
  auto few = *part;
  few.resamples = std::min<std::uint64_t>(few.resamples, 3);
  if (const auto capacity = planner::capacity_of(few); !capacity) check_refusal(capacity.error());
  return true;
}

bool fine_part_holds(std::string_view text) {
  const auto part = planner::fine_part_from_json(text);
  if (!part) {
    check_refusal(part.error());
    return false;
  }
  const auto written = planner::to_json(*part);
  const auto again = planner::fine_part_from_json(written);
  require(again.ok() && planner::to_json(*again) == written, "a part is read the same when it is written again");
  const auto report = planner::report_of(*part);
  if (report) {
    require(report->variants.size() == planner::kFineVariations.size(), "a report has all variations");
  } else {
    check_refusal(report.error());
  }
  return true;
}

bool demand_model_holds(std::string_view text) {
  const auto demand = planner::demand_model_from_json(text);
  if (!demand) {
    check_refusal(demand.error());
    return false;
  }
  require(planner::check_demand_model(*demand).ok(), "what was read can be drawn by");
  const auto again = planner::demand_model_from_json(planner::to_json(*demand));
  require(again.ok() && planner::to_json(*again) == planner::to_json(*demand), "a model is read the same again");
  planner::DemandNoise noise(*demand, 2, 2);
  std::vector<double> sums;
  const std::vector<double> means = {0, 1'000};
  noise.draw(7, means, 60, sums);
  require(std::all_of(sums.begin(), sums.end(), [](double sum) { return std::isfinite(sum) && sum >= 0; }),
          "what is drawn is CPU");
  return true;
}

Bytes input_of(Way way, const std::string& text) {
  Bytes input(1 + text.size(), static_cast<std::uint8_t>(way));
  std::copy(text.begin(), text.end(), input.begin() + 1);
  return input;
}

/// Two hosts for four steps, one of which is starved and has events.
planner::Dataset small_data() {
  planner::Dataset data;
  data.begin_s = 1'372'636'800;
  data.step_s = 300;
  data.steps = 4;
  for (const char* name : {"a", "b"}) {
    planner::Workload workload;
    workload.name = name;
    workload.cpu_used = {1'000, 2'000, 60'000, 1'000};
    workload.cpu_request.assign(4, 4'000);
    workload.memory_used_mib.assign(4, 512);
    workload.memory_request_mib.assign(4, 1'024);
    data.workloads.push_back(workload);
  }
  data.counts.filled = 2;
  return data;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& /*random*/) {
  const auto data = small_data();
  planner::World world;
  world.hosts = {{0}, {1}};
  planner::ReplayOptions options;
  options.colocation.enable = true;
  options.pod_runtime_s = 200;
  options.horizon_s = 600;
  const auto part = planner::replay_part(data, world, options);
  require(part.ok(), "a small world is replayed");
  const auto half = planner::replay_part(data, planner::slice_of(world, {1, 2}), options);
  require(half.ok(), "and a part of it");
  planner::ScoreOptions scoring;
  scoring.horizon_s = 300;
  const std::vector<forecast::ForecastSpec> specs = {{"limit"}, {"peak"}, {"oracle"}};
  const auto scores = planner::score_part(data, world, specs, scoring);
  require(scores.ok(), "and scored");
  planner::SavedReplay saved;
  saved.name = "small";
  saved.policy = "{}";
  saved.data = "two hosts";
  saved.notes = {"a note"};
  saved.result = *planner::result_of(*part);
  planner::FineOptions fine;
  fine.choice.host_steps = {{0, 2}, {1, 2}};
  auto short_data = data;
  short_data.step_s = 5;
  const auto looked_into = planner::fine_part(short_data, world, options, fine);
  require(looked_into.ok(), "and looked into");
  saved.fine = *planner::report_of(*looked_into);
  const std::vector<double> percents = {40, 80};
  const auto sweep = planner::sweep_part(data, world, options, planner::SweepKnob::kReclaimThreshold, percents);
  require(sweep.ok(), "and swept");
  const auto capacity = planner::capacity_part(data, planner::CapacityOptions{}, {1, 2}, 1);
  require(capacity.ok(), "and packed");
  return {input_of(Way::kSweepPart, planner::to_json(*sweep)),
          input_of(Way::kCapacityPart, planner::to_json(*capacity)),
          input_of(Way::kFinePart, planner::to_json(*looked_into)),
          input_of(Way::kDemandModel, planner::to_json(planner::DemandModel{})),
          input_of(Way::kReplayPart, planner::to_json(*part)),
          input_of(Way::kReplayPart, planner::to_json(*half)),
          input_of(Way::kScorePart, planner::to_json(*scores)),
          input_of(Way::kSavedReplay, planner::to_json(saved, true))};
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs; a predictor's counts take a
/// megabyte, of each that is named in a few bytes, and are copied.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{16} << 20) + 64'000 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool taken = false;
  switch (static_cast<fuzz::Way>(*data % fuzz::kWays)) {
    case fuzz::Way::kReplayPart:
      taken = fuzz::replay_part_holds(text);
      break;
    case fuzz::Way::kScorePart:
      taken = fuzz::score_part_holds(text);
      break;
    case fuzz::Way::kSavedReplay:
      taken = fuzz::saved_replay_holds(text);
      break;
    case fuzz::Way::kSweepPart:
      taken = fuzz::sweep_part_holds(text);
      break;
    case fuzz::Way::kCapacityPart:
      taken = fuzz::capacity_part_holds(text);
      break;
    case fuzz::Way::kFinePart:
      taken = fuzz::fine_part_holds(text);
      break;
    case fuzz::Way::kDemandModel:
      taken = fuzz::demand_model_holds(text);
      break;
  }
  fuzz::accepted += taken ? 1 : 0;
  return 0;
}
