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

// Requests are divided by kMaxOvercommit ^ (rung / kRungs): a rung is 1 %. As rungs are the same for any risk, a higher
// one never ends at a lower rung.
constexpr int kRungs = 301;
/// A search takes so many packings and one more for batch, about.
constexpr double kCapacityStages = 12;
constexpr std::string_view kPackingSchema = "tideline-packing";

double overcommit_of(int rung) {
  return std::pow(kMaxOvercommit, static_cast<double>(rung) / static_cast<double>(kRungs));
}

bool is_risk_accepted(const DayRisk& risk, double accepted_risk) {
  return static_cast<double>(risk.over) <= allowed_of(accepted_risk, static_cast<double>(risk.checks));
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

PackingSearch::PackingSearch(const Dataset& data, const CapacityOptions& options, const PackOptions& pack,
                             const StepDays& days, const SafeUse& safe)
    : data_(data), options_(options), pack_(pack), days_(days), safe_(safe), once_(days.count, 1U) {}

model::Result<void> PackingSearch::run() {
  const auto whole = visit(0);
  if (!whole) return whole.error();
  // Denser where that is safe, else sparser.
  const int end = *whole ? kRungs : -kRungs;
  const auto last = visit(end);
  if (!last) return last.error();
  if (*whole) return bisect(*last ? kRungs : 0, kRungs);
  return *last ? bisect(end, 0) : model::Result<void>();
}

model::Result<void> PackingSearch::bisect(int accepted, int refused) {
  while (refused - accepted > 1) {
    const int middle = accepted + (refused - accepted) / 2;
    const auto good = visit(middle);
    if (!good) return good.error();
    (*good ? accepted : refused) = middle;
  }
  return {};
}

/// Whether its risk is accepted.
model::Result<bool> PackingSearch::visit(int rung) {
  const double done = std::min(static_cast<double>(packings_.size()) / kCapacityStages, 1.0);
  if (options_.progress && options_.progress(done)) return model::Error(model::ErrorCode::kUnavailable, "stopped");
  const auto name = fmt::format("packing{:+}", rung);
  std::optional<JudgedPacking> packing;
  if (const auto kept = find_kept(options_.kept, name)) packing = packing_from(*kept, days_.count);
  if (!packing) {
    auto judged = judge(rung);
    if (!judged) return judged.error();
    packing = *std::move(judged);
    if (auto kept = keep_now(options_.kept, name, packing_text(*packing)); !kept) return kept.error();
  }
  packing->overcommit = overcommit_of(rung);
  packings_.push_back(*std::move(packing));
  return is_risk_accepted(risk_of(packings_.back().days, once_), options_.accepted_risk);
}

model::Result<JudgedPacking> PackingSearch::judge(int rung) const {
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
  return JudgedPacking{.overcommit = overcommit,
                       .hosts = world->hosts.size(),
                       .left_out = world->not_placed.size(),
                       .days = risk_by_day(data_, days_, *world, safe_, options_.parallel)};
}

const JudgedPacking& PackingSearch::sparsest() const {
  return *std::max_element(packings_.begin(), packings_.end(),
                           [](const JudgedPacking& a, const JudgedPacking& b) { return a.hosts < b.hosts; });
}

}  // namespace tideline::planner
