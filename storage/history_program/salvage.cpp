#include "storage/rocks/salvage.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storage/history_program/commands.h"
#include "storage/history_program/place.h"
#include "storage/history_program/text.h"

namespace tideline::history_program {
namespace {

using nlohmann::ordered_json;
using rocks::SalvagedKind;
using rocks::SalvageLoss;

std::string loss_text(const SalvageLoss& loss) {
  const std::string rows = loss.at_most ? fmt::format(" ({} rows at most)", *loss.at_most) : "";
  return fmt::format("{}: {}{}\n", name_text(loss.where), name_text(loss.what), rows);
}

std::string salvaged_text(const std::string& from, const std::string& place, const rocks::Salvaged& salvaged) {
  std::string text;
  for (const SalvageLoss& loss : salvaged.losses)
    text += loss_text(loss);
  if (salvaged.more_losses > 0) text += fmt::format("and {} more\n", salvaged.more_losses);
  std::vector<std::vector<std::string>> rows = {{"KIND", "ROWS", "MADE ANEW", "DAMAGED", "LEFT OUT"}};
  for (const SalvagedKind& kind : salvaged.kinds) {
    rows.push_back({std::string(kind.name), fmt::format("{}", kind.rows), fmt::format("{}", kind.made),
                    fmt::format("{}", kind.damaged), fmt::format("{}", kind.left_out)});
  }
  text += columns_text(rows);
  text += fmt::format("{} has what can be read of {}: {} rows, {}\n", name_text(place), name_text(from), salvaged.rows,
                      salvaged.is_whole() ? "and nothing is lost" : "without what is named above");
  return text;
}

ordered_json salvaged_json(const std::string& from, const std::string& place, const rocks::Salvaged& salvaged) {
  auto kinds = ordered_json::array();
  for (const SalvagedKind& kind : salvaged.kinds) {
    kinds.push_back({{"kind", std::string(kind.name)},
                     {"rows", kind.rows},
                     {"madeAnew", kind.made},
                     {"damaged", kind.damaged},
                     {"leftOut", kind.left_out}});
  }
  auto lost = ordered_json::array();
  for (const SalvageLoss& loss : salvaged.losses) {
    lost.push_back({{"kind", loss.kind},
                    {"where", loss.where},
                    {"what", loss.what},
                    {"node", loss.node.empty() ? ordered_json() : ordered_json(loss.node.str())},
                    {"fromWallMs", stamp_json(loss.from)},
                    {"untilWallMs", stamp_json(loss.until)},
                    {"rowsAtMost", loss.at_most ? ordered_json(*loss.at_most) : ordered_json()}});
  }
  return {{"from", from},
          {"store", place},
          {"rows", salvaged.rows},
          {"bytes", salvaged.bytes},
          {"whole", salvaged.is_whole()},
          {"kinds", std::move(kinds)},
          {"lost", std::move(lost)},
          {"moreLost", salvaged.more_losses}};
}

}  // namespace

model::Result<ExitCode> run_salvage(const Options& options, Session& session) {
  const auto from = find_store(options.directory);
  if (!from) return from.error().in("--from");
  const std::string place = new_store(options.to);
  if (auto outside = check_outside(place, *from); !outside) return outside.error().in("--to");
  if (auto unheld = check_free(*from, "stop it first"); !unheld) return unheld.error();
  if (auto on = session.go_on(); !on) return on.error().in("salvage");
  auto parents = MadeParents::of(place);
  if (!parents) return parents.error();
  const auto salvaged = rocks::salvage(*from, place, [&session](const rocks::SalvageProgress& progress) {
    session.status.show(fmt::format("salvage: {}, {} rows, {}, {} times damage", progress.kind, progress.rows,
                                    size_text(progress.bytes), progress.losses));
    return !session.stop;
  });
  session.status.clear();
  if (!salvaged) return salvaged.error();
  parents->keep();
  const auto printed =
      options.json ? print_json(salvaged_json(*from, place, *salvaged)) : print(salvaged_text(*from, place, *salvaged));
  if (!printed) return printed.error();
  return kDone;
}

}  // namespace tideline::history_program
