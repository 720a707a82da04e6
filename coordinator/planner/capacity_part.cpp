#include "coordinator/planner/capacity_part.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/step_slice.h"
#include "coordinator/planner/world.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr double kMaxSpareHosts = 1e6;
constexpr double kMaxResamples = 10'000;
constexpr double kMaxGrowthPercent = 10'000;
constexpr std::size_t kMaxNamedHosts = 5;
constexpr std::size_t kMaxNamedBytes = 80;

struct NumberWithin {
  std::string_view what;
  double value;
  double low;
  double high;
  bool low_excluded;
};

model::Result<void> check_capacity_options(const CapacityOptions& options) {
  constexpr double kMost = 1e15;
  const std::array numbers = {
      NumberWithin{"accepted risk", options.accepted_risk, 0, 1, false},
      NumberWithin{"safe percent", options.safe_percent, 0, 100, true},
      NumberWithin{"growth percent", options.growth_percent, -100, kMaxGrowthPercent, true},
      NumberWithin{"CPU of a batch pod in millicores", options.batch_cpu_millicores, 0, kMost, true},
      NumberWithin{"memory of a batch pod in MiB", options.batch_memory_mib, 0, kMost, false},
      NumberWithin{"spare hosts", static_cast<double>(options.spare_hosts), 0, kMaxSpareHosts, false},
      NumberWithin{"resamples", static_cast<double>(options.resamples), 0, kMaxResamples, false}};
  for (const NumberWithin& number : numbers) {
    const bool above = number.low_excluded ? number.value > number.low : number.value >= number.low;
    if (above && number.value <= number.high) continue;
    return model::invalid(fmt::format("{} is {}; want {} {}, <= {}", number.what, number.value,
                                      number.low_excluded ? ">" : ">=", number.low, number.high));
  }
  return {};
}

/// Of the steps at which a workload is there.
struct MemoryKnown {
  std::uint64_t steps = 0;
  std::uint64_t known = 0;
};

MemoryKnown memory_known_of(const Dataset& data) {
  MemoryKnown sum;
  for (const Workload& workload : data.workloads) {
    for (std::size_t row = 0; row < workload.cpu_used.size(); ++row) {
      if (!(workload.cpu_used[row] >= 0)) continue;
      ++sum.steps;
      if (workload.memory_used_mib[row] >= 0) ++sum.known;
    }
  }
  return sum;
}

void note_memory(const MemoryKnown& memory, std::vector<std::string>& notes) {
  if (memory.known == 0) {
    notes.emplace_back("what memory is used is not known: it is packed by whole requests, and counts with them");
  } else if (memory.known < memory.steps) {
    const auto unknown = static_cast<double>(memory.steps - memory.known);
    notes.push_back(
        fmt::format("for {:.2f} % of workload-steps it is not known what memory is used: they count with "
                    "their requests",
                    100 * unknown / static_cast<double>(memory.steps)));
  }
}

/// "3 hosts (a, b, c)"; "" = it holds for none.
std::string hosts_where(const Dataset& data, bool RecordedHost::*holds) {
  std::size_t count = 0;
  std::string names;
  for (const RecordedHost& host : data.hosts) {
    if (!(host.*holds) || ++count > kMaxNamedHosts) continue;
    names += (names.empty() ? "" : ", ") + model::printable(host.name, kMaxNamedBytes);
  }
  if (count == 0) return {};
  if (count > kMaxNamedHosts) names += fmt::format(" and {} more", count - kMaxNamedHosts);
  return fmt::format("{} {} ({})", count, count == 1 ? "host" : "hosts", names);
}

/// Of a host that has just what was used of it nothing can be judged.
model::Result<void> note_assumed_hosts(const Dataset& data, std::vector<std::string>& notes) {
  const auto untold = [](const RecordedHost& host) { return host.is_cpu_assumed; };
  if (std::all_of(data.hosts.begin(), data.hosts.end(), untold)) {
    return model::invalid(fmt::format("none of {} hosts tells how much CPU it has: how full they were cannot be judged",
                                      data.hosts.size()));
  }
  const auto note = [&notes](const std::string& hosts, std::string_view what) {
    if (hosts.empty()) return;
    notes.push_back(
        fmt::format("of {} it is not told how much {} there is: it is assumed to be the most that was used, and what "
                    "is said of those that there are now, and of batch on them, rests on it",
                    hosts, what));
  };
  note(hosts_where(data, &RecordedHost::is_cpu_assumed), "CPU");
  note(hosts_where(data, &RecordedHost::is_memory_assumed), "memory");
  return {};
}

/// Onto the hosts that were recorded, the largest first; beyond them onto hosts of the most common shape.
PackOptions pack_onto_recorded(const Dataset& data, const PackOptions& asked) {
  PackOptions options = asked;
  options.shapes = recorded_shapes(data);
  const auto size = [](const HostShape& shape) { return std::tie(shape.cpu_millicores, shape.memory_mib); };
  std::stable_sort(options.shapes.begin(), options.shapes.end(),
                   [&](const HostShape& a, const HostShape& b) { return size(b) < size(a); });
  std::size_t most = 0;
  for (std::size_t first = 0; first < options.shapes.size();) {
    std::size_t last = first;
    while (last < options.shapes.size() && size(options.shapes[last]) == size(options.shapes[first]))
      ++last;
    if (last - first > most) {
      most = last - first;
      options.host = options.shapes[first];
    }
    first = last;
  }
  return options;
}

/// What parts of one answer must have in common.
auto frame_of(const CapacityPart& part) {
  return std::tie(part.of_shards, part.begin_s, part.step_s, part.steps, part.accepted_risk, part.safe_percent,
                  part.spare_hosts, part.resamples, part.seed, part.hosts_now, part.judge_memory, part.notes);
}

/// All that a search may ask for which ends within `margin` of that rung.
std::set<int> rungs_around(int end, int margin) {
  std::set<int> rungs;
  const int last = std::min(end + margin, kPackingRungs);
  for (int each = std::max(end - margin, -kPackingRungs - 1); each <= last; ++each) {
    for (const int rung : rungs_to(each))
      rungs.insert(rung);
  }
  return rungs;
}

void sort_by_rung(std::vector<JudgedPacking>& packings) {
  std::sort(packings.begin(), packings.end(),
            [](const JudgedPacking& a, const JudgedPacking& b) { return a.rung < b.rung; });
}

/// Those that a search over the slice asks for; and of one shard of several those around its end.
model::Result<std::vector<JudgedPacking>> judged_packings(PackingJudge& judge, double accepted_risk, bool is_whole,
                                                          int margin) {
  // A search takes so many packings and one more for batch, about.
  constexpr double kCapacityStages = 12;
  const double stages = is_whole ? kCapacityStages : kCapacityStages + 2.5 * margin;
  auto searched = search_packings([&](int rung) { return judge.judge(rung, stages); }, accepted_risk);
  if (!searched) return searched.error();
  auto packings = std::move(searched->packings);
  if (!is_whole) {
    auto wanted = rungs_around(searched->end, margin);
    for (const JudgedPacking& packing : packings)
      wanted.erase(packing.rung);
    for (const int rung : wanted) {
      auto packing = judge.judge(rung, stages);
      if (!packing) return packing.error();
      packings.push_back(*std::move(packing));
    }
  }
  sort_by_rung(packings);
  return packings;
}

/// Packings that both judged, with the days of both.
model::Result<std::vector<JudgedPacking>> judged_by_both(const CapacityPart& part, const CapacityPart& next) {
  // Who has no step of its own has nothing to say.
  if (next.room.empty()) return part.packings;
  if (part.room.empty()) return next.packings;
  std::vector<JudgedPacking> both;
  auto other = next.packings.begin();
  for (const JudgedPacking& packing : part.packings) {
    while (other != next.packings.end() && other->rung < packing.rung)
      ++other;
    if (other == next.packings.end()) break;
    if (other->rung != packing.rung) continue;
    if (other->hosts != packing.hosts || other->left_out != packing.left_out ||
        other->days.size() != packing.days.size()) {
      return model::invalid(fmt::format("parts disagree about the packing by requests / {:.2f}: {} hosts and {}",
                                        packing.overcommit, packing.hosts, other->hosts));
    }
    auto& sum = both.emplace_back(packing);
    for (std::size_t day = 0; day < sum.days.size(); ++day) {
      sum.days[day].checks += other->days[day].checks;
      sum.days[day].over += other->days[day].over;
    }
  }
  return both;
}

}  // namespace

model::Result<CapacityPart> capacity_part(const Dataset& data, const CapacityOptions& options, const Shard& shard,
                                          int margin) {
  if (auto good = check_capacity_options(options); !good) return good.error();
  if (auto good = check_data(data); !good) return good.error();
  if (margin < 0 || margin > 2 * kPackingRungs) {
    return model::invalid(fmt::format("a margin of {} rungs; want 0 to {}", margin, 2 * kPackingRungs));
  }
  const StepDays days = days_of_steps(data);
  const StepSlice slice(data.steps, shard);
  const MemoryKnown memory = memory_known_of(data);
  const PackOptions onto = options.recorded ? pack_onto_recorded(data, options.pack) : options.pack;
  const SafeUse safe{.host = onto.host,
                     .safe_share = options.safe_percent / 100,
                     .growth = 1 + options.growth_percent / 100,
                     .judge_memory = memory.known > 0};
  const auto now = options.recorded ? recorded_world(data) : pack(data, options.pack);
  if (!now) return options.recorded ? now.error() : now.error().in("packing by requests");

  CapacityPart part;
  part.of_shards = shard.count;
  part.first_shard = shard.number;
  part.begin_s = data.begin_s;
  part.step_s = data.step_s;
  part.steps = data.steps;
  part.accepted_risk = options.accepted_risk;
  part.safe_percent = options.safe_percent;
  part.spare_hosts = options.spare_hosts;
  part.resamples = options.resamples;
  part.seed = options.seed;
  part.judge_memory = safe.judge_memory;
  if (shard.number == 1) part.counts = data.counts;
  const bool told = !options.recorded && options.pack.hosts > 0;
  part.hosts_now = told ? options.pack.hosts : now->hosts.size();
  if (options.growth_percent != 0) {
    part.notes.push_back(
        fmt::format("use and requests are taken times {:.2f}; the hosts there are now hold today's", safe.growth));
  }
  if (!now->not_placed.empty()) {
    part.notes.push_back(fmt::format("{} workloads have no place on the {} hosts there are now, and use none of them",
                                     now->not_placed.size(), part.hosts_now));
  }
  note_memory(memory, part.notes);
  if (options.recorded) {
    if (auto noted = note_assumed_hosts(data, part.notes); !noted) return noted.error();
  }

  part.now = risk_by_day(data, days, *now, safe, options.parallel, slice);
  const BatchPod pod{.cpu_millicores = options.batch_cpu_millicores, .memory_mib = options.batch_memory_mib};
  const auto room =
      batch_room(data, *now, static_cast<std::size_t>(part.hosts_now), safe, pod, options.parallel, slice);
  slice.each(0, data.steps, [&](std::size_t first, std::size_t last) {
    for (std::size_t step = first; step < last; ++step)
      part.room.push_back({step, room.pods[step], room.pods_without_fragmentation[step]});
  });
  if (!part.room.empty()) {
    const bool is_whole = shard.count == 1;
    auto prefix = is_whole ? std::string() : fmt::format("shard-{}-of-{}-", shard.number, shard.count);
    PackingJudge judge(data, options, onto, days, safe, slice, std::move(prefix));
    auto packings = judged_packings(judge, options.accepted_risk, is_whole, margin);
    if (!packings) return packings.error();
    part.packings = *std::move(packings);
  }
  if (options.progress) options.progress(1);
  return part;
}

model::Result<void> append(CapacityPart& part, CapacityPart next) {
  if (frame_of(part) != frame_of(next) || part.now.size() != next.now.size()) {
    return model::invalid("a part is of other data, options or shards than the one before it");
  }
  if (next.first_shard != part.first_shard + part.shards) {
    return model::invalid(fmt::format("a part begins with shard {}, and shard {} is the next", next.first_shard,
                                      part.first_shard + part.shards));
  }
  auto packings = judged_by_both(part, next);
  if (!packings) return packings.error();
  part.packings = *std::move(packings);
  part.shards += next.shards;
  for (std::size_t day = 0; day < part.now.size(); ++day) {
    part.now[day].checks += next.now[day].checks;
    part.now[day].over += next.now[day].over;
  }
  const auto middle = static_cast<std::ptrdiff_t>(part.room.size());
  part.room.insert(part.room.end(), next.room.begin(), next.room.end());
  std::inplace_merge(part.room.begin(), part.room.begin() + middle, part.room.end(),
                     [](const CapacityPart::RoomStep& a, const CapacityPart::RoomStep& b) { return a.step < b.step; });
  part.counts.add(next.counts);
  return {};
}

}  // namespace tideline::planner
