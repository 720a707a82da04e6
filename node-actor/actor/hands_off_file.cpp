#include "node-actor/actor/hands_off_file.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "node-actor/actor/state_file.h"

namespace tideline::node {
namespace {

using decide::Hold;
using nlohmann::json;

constexpr std::size_t kMaxHandsOffBytes = 256 << 10;

std::string path_in(const std::string& state_dir) {
  return state_dir + "/hands-off";
}

Hold hold_of(const json& entry, bool same_boot, model::MonoTime now, model::WallTime wall) {
  Hold hold;
  hold.what = {.group = entry.at("group").get<std::string>(),
               .remaining = std::nullopt,
               .release = entry.at("release").get<bool>(),
               .who = entry.at("who").get<std::string>(),
               .reason = entry.at("reason").get<std::string>()};
  const auto& until = entry.at("untilMonoNs");
  if (until.is_null()) return hold;
  const model::Duration ordered = std::chrono::milliseconds(entry.at("orderedMs").get<std::int64_t>());
  hold.what.remaining = std::clamp<model::Duration>(ordered, model::kZeroDuration, model::HandsOffLimits::kMaxDuration);
  hold.until_wall.ms = entry.at("untilWallMs").get<std::int64_t>();
  if (same_boot) {
    hold.until = model::MonoTime{until.get<std::int64_t>()};
  } else {
    const auto most_ms = model::to_ms(*hold.what.remaining);
    const auto left_ms = hold.until_wall.ms <= wall.ms ? 0 : std::min(most_ms, hold.until_wall.ms - wall.ms);
    hold.until = now + std::chrono::milliseconds(left_ms);
  }
  return hold;
}

}  // namespace

model::Result<std::vector<Hold>> load_hands_off(const std::string& state_dir, const std::string& boot_id,
                                                model::MonoTime now, model::WallTime wall) {
  const auto path = path_in(state_dir);
  const auto text = read_state_file(path, kMaxHandsOffBytes);
  if (!text) return text.error();
  if (!*text) return std::vector<Hold>();
  try {
    const auto whole = json::parse(**text);
    const bool same_boot = whole.at("bootId").get<std::string>() == boot_id;
    std::vector<Hold> holds;
    for (const auto& entry : whole.at("entries")) {
      Hold hold = hold_of(entry, same_boot, now, wall);
      if (auto valid = model::validate(hold.what); !valid) return valid.error().in(path);
      if (!is_over(hold, now)) holds.push_back(std::move(hold));
    }
    return holds;
  } catch (const json::exception& problem) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: {}", path, problem.what()));
  }
}

model::Result<void> keep_hands_off(const std::string& state_dir, const std::string& boot_id,
                                   const std::vector<Hold>& holds) {
  json entries = json::array();
  for (const auto& hold : holds) {
    json entry = {{"group", hold.what.group},
                  {"release", hold.what.release},
                  {"who", hold.what.who},
                  {"reason", hold.what.reason},
                  {"untilMonoNs", nullptr}};
    if (hold.until) {
      const auto ordered = hold.what.remaining.value_or(model::kZeroDuration);
      entry["untilMonoNs"] = hold.until->ns;
      entry["untilWallMs"] = hold.until_wall.ms;
      entry["orderedMs"] = model::to_ms(ordered);
    }
    entries.push_back(std::move(entry));
  }
  const json whole{{"bootId", boot_id}, {"entries", std::move(entries)}};
  return replace_state_file(state_dir, "hands-off", whole.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace tideline::node
