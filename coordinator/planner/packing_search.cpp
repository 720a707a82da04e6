#include "coordinator/planner/packing_search.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/saved_fields.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kPackingSchema = "tideline-packing";

bool is_risk_accepted(const DayRisk& risk, double accepted_risk) {
  return static_cast<double>(risk.over) <= allowed_of(accepted_risk, static_cast<double>(risk.checks));
}

/// Asks is_accepted(rung) -> Result<bool>, and gives the last that is accepted below one that is not;
/// -kPackingRungs - 1: none is.
template <class IsAccepted>
model::Result<int> climb(const IsAccepted& is_accepted) {
  const auto whole = is_accepted(0);
  if (!whole) return whole.error();
  // Denser where that is safe, else sparser.
  const auto last = is_accepted(*whole ? kPackingRungs : -kPackingRungs);
  if (!last) return last.error();
  if (*whole && *last) return kPackingRungs;
  if (!*whole && !*last) return -kPackingRungs - 1;
  int accepted = *whole ? 0 : -kPackingRungs;
  int refused = *whole ? kPackingRungs : 0;
  while (refused - accepted > 1) {
    const int middle = accepted + (refused - accepted) / 2;
    const auto good = is_accepted(middle);
    if (!good) return good.error();
    (*good ? accepted : refused) = middle;
  }
  return accepted;
}

/// Hosts without anything are none that are needed.
void drop_empty(World& world) {
  std::size_t kept = 0;
  for (std::size_t host = 0; host < world.hosts.size(); ++host) {
    if (world.hosts[host].empty()) continue;
    if (kept != host) {
      world.hosts[kept] = std::move(world.hosts[host]);
      if (!world.shapes.empty()) world.shapes[kept] = world.shapes[host];
    }
    ++kept;
  }
  world.hosts.resize(kept);
  if (!world.shapes.empty()) world.shapes.resize(kept);
}

std::string packing_text(const JudgedPacking& packing) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kPackingSchema);
  root["version"] = kSavedVersion;
  root["hosts"] = packing.hosts;
  root["leftOut"] = packing.left_out;
  SavedJson days = SavedJson::array();
  for (const DayRisk& day : packing.days)
    days.push_back(SavedJson::array({day.checks, day.over}));
  root["days"] = std::move(days);
  return saved_text(root);
}

/// nullopt: it is none of as many days.
std::optional<JudgedPacking> packing_from(const std::string& text, std::size_t days) {
  const auto root = model::parse_json(text, {.max_bytes = std::size_t{16} << 20, .max_depth = 4});
  if (!root) return std::nullopt;
  std::optional<model::Error> problem;
  JudgedPacking packing;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kPackingSchema);
  std::uint64_t hosts = 0;
  std::uint64_t left_out = 0;
  fields("hosts", hosts);
  fields("leftOut", left_out);
  fields.list("days", fields.find("days"), days, packing.days,
              [&fields](const ReadJson& json, const SavedPlace& at, DayRisk& day) {
                if (!json.is_array() || json.size() != 2) return fields.wrong(at, json, "a list of 2");
                fields.read(json[0], at, day.checks);
                if (fields.good()) fields.read(json[1], at, day.over);
              });
  fields.done();
  if (problem || packing.days.size() != days) return std::nullopt;
  packing.hosts = static_cast<std::size_t>(hosts);
  packing.left_out = static_cast<std::size_t>(left_out);
  return packing;
}

}  // namespace

DayRisk risk_of(std::span<const DayRisk> days, std::span<const std::uint32_t> day_weights) {
  DayRisk sum;
  for (std::size_t day = 0; day < days.size(); ++day) {
    sum.checks += day_weights[day] * days[day].checks;
    sum.over += day_weights[day] * days[day].over;
  }
  return sum;
}

const JudgedPacking* best_packing(const std::vector<JudgedPacking>& packings,
                                  std::span<const std::uint32_t> day_weights, double accepted_risk) {
  const JudgedPacking* best = nullptr;
  std::uint64_t best_over = 0;
  for (const JudgedPacking& each : packings) {
    const DayRisk risk = risk_of(each.days, day_weights);
    if (!is_risk_accepted(risk, accepted_risk)) continue;
    const bool better = best == nullptr || std::tie(each.left_out, each.hosts, risk.over, each.overcommit) <
                                               std::tie(best->left_out, best->hosts, best_over, best->overcommit);
    if (!better) continue;
    best = &each;
    best_over = risk.over;
  }
  return best;
}

const JudgedPacking& sparsest_packing(const std::vector<JudgedPacking>& packings) {
  return *std::max_element(packings.begin(), packings.end(),
                           [](const JudgedPacking& a, const JudgedPacking& b) { return a.hosts < b.hosts; });
}

double overcommit_of(int rung) {
  return std::pow(kMaxOvercommit, static_cast<double>(rung) / static_cast<double>(kPackingRungs));
}

model::Result<SearchedPackings> search_packings(const FindPacking& find, double accepted_risk) {
  SearchedPackings searched;
  const auto is_accepted = [&](int rung) -> model::Result<bool> {
    auto packing = find(rung);
    if (!packing) return packing.error();
    searched.packings.push_back(*std::move(packing));
    const auto& days = searched.packings.back().days;
    const std::vector<std::uint32_t> once(days.size(), 1U);
    return is_risk_accepted(risk_of(days, once), accepted_risk);
  };
  const auto end = climb(is_accepted);
  if (!end) return end.error();
  searched.end = *end;
  return searched;
}

std::vector<int> rungs_to(int end) {
  std::vector<int> rungs;
  const auto note = [&](int rung) -> model::Result<bool> {
    rungs.push_back(rung);
    return rung <= end;
  };
  // It has no errors, and its answer is the end.
  static_cast<void>(climb(note).ok());
  return rungs;
}

PackingJudge::PackingJudge(const Dataset& data, const CapacityOptions& options, const PackOptions& pack,
                           const StepDays& days, const SafeUse& safe, const StepSlice& slice, std::string prefix)
    : data_(data),
      options_(options),
      pack_(pack),
      days_(days),
      safe_(safe),
      slice_(slice),
      prefix_(std::move(prefix)) {}

model::Result<JudgedPacking> PackingJudge::judge(int rung, double stages) {
  const double done = std::min(static_cast<double>(judged_++) / stages, 1.0);
  if (options_.progress && options_.progress(done)) return model::Error(model::ErrorCode::kUnavailable, "stopped");
  const auto name = fmt::format("{}packing{:+}", prefix_, rung);
  if (const auto kept = find_kept(options_.kept, name)) {
    if (auto packing = packing_from(*kept, days_.count)) {
      packing->rung = rung;
      packing->overcommit = overcommit_of(rung);
      return *std::move(packing);
    }
  }
  auto packing = pack_and_judge(rung);
  if (!packing) return packing;
  if (auto kept = keep_now(options_.kept, name, packing_text(*packing)); !kept) return kept.error();
  return packing;
}

model::Result<JudgedPacking> PackingJudge::pack_and_judge(int rung) const {
  const double overcommit = overcommit_of(rung);
  PackOptions pack_options = pack_;
  pack_options.hosts = 0;
  // Who fits a host by the whole request is on one in a sparser packing, too.
  if (rung < 0) {
    pack_options.alone_cpu_percent = pack_.cpu_fill_percent / safe_.growth;
    pack_options.alone_memory_percent = pack_.memory_fill_percent / safe_.growth;
  }
  pack_options.cpu_fill_percent *= overcommit / safe_.growth;
  pack_options.memory_fill_percent *= (safe_.judge_memory ? overcommit : 1) / safe_.growth;
  auto world = pack(data_, pack_options);
  if (!world) return world.error().in(fmt::format("packing by requests / {:.2f}", overcommit));
  drop_empty(*world);
  return JudgedPacking{.rung = rung,
                       .overcommit = overcommit,
                       .hosts = world->hosts.size(),
                       .left_out = world->not_placed.size(),
                       .days = risk_by_day(data_, days_, *world, safe_, options_.parallel, slice_)};
}

}  // namespace tideline::planner
