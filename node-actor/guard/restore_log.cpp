#include "node-actor/guard/restore_log.h"

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "messages/clock/clock.h"

namespace tideline::guard {
namespace {

using nlohmann::json;

std::string path_in(const std::string& state_dir) {
  return state_dir + "/restores";
}

std::optional<model::Event> parse(const std::string& line) {
  const auto entry = json::parse(line, nullptr, false);
  if (!entry.is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto at = entry.find("at_ms");
  const auto reason = entry.find("reason");
  if (at == entry.end() || !at->is_number_integer() || reason == entry.end() || !reason->is_number_unsigned()) {
    return std::nullopt;
  }
  model::Event event;
  event.at = model::WallTime{at->get<std::int64_t>()};
  event.controller = model::Controller::kGuard;
  event.reason = static_cast<model::Reason>(reason->get<std::uint16_t>());
  event.subject = text("file");
  event.old_value = text("found");
  event.new_value = text("wrote");
  if (event.subject.empty() || name_of(event.reason) == "unknown") return std::nullopt;
  return event;
}

}  // namespace

void log_restores(const std::string& state_dir, const RestoreReport& report, model::Reason reason) {
  const auto path = path_in(state_dir);
  std::error_code absent;
  const auto held = std::filesystem::file_size(path, absent);
  if (!absent && held > kMaxRestoreLogBytes) return;
  std::ofstream out(path, std::ios::app);
  const auto add = [&](const std::string& file, const std::string& found, const std::string& wrote) {
    const json entry = {{"at_ms", clock::wall_now().ms},
                        {"reason", static_cast<std::uint16_t>(reason)},
                        {"file", file},
                        {"found", found},
                        {"wrote", wrote}};
    out << entry.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  };
  for (const auto& item : report.items) {
    if (item.wrote.empty() || item.outcome == RestoreItem::Outcome::kFailed) continue;
    add(item.file.path, item.found, item.wrote);
  }
  if (report.cookie_threads > 0) add("core-sched cookies", std::to_string(report.cookie_threads) + " threads", "none");
}

std::vector<model::Event> take_restores(const std::string& state_dir) {
  const auto path = path_in(state_dir);
  std::vector<model::Event> events;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (auto event = parse(line)) events.push_back(std::move(*event));
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return events;
}

}  // namespace tideline::guard
