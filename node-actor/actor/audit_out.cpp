#include "node-actor/actor/audit_out.h"

#include <algorithm>
#include <ctime>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::node {
namespace {

bool is_asked_for(const model::Event& event, const AuditFilter& filter) {
  return (!filter.since || event.at >= *filter.since) && event.subject.find(filter.subject_part) != std::string::npos;
}

std::string one_line(std::string text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

std::string instant_text(model::WallTime at) {
  constexpr std::int64_t kSecondMs = 1000;
  constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999
  // A rotten clock must not make the formatter throw.
  const auto seconds = std::clamp<std::int64_t>(at.ms / kSecondMs, 0, kLastSecond);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds)),
                     std::max<std::int64_t>(at.ms, 0) % kSecondMs);
}

}  // namespace

std::string audit_text(const std::vector<guard::AuditRecord>& records, const AuditFilter& filter) {
  std::string out;
  for (const auto& [number, event] : records) {
    if (!is_asked_for(event, filter)) continue;
    out += one_line(fmt::format("{} {} {} {}: {} -> {}", instant_text(event.at), model::name_of(event.controller),
                                model::name_of(event.reason), event.subject, event.old_value, event.new_value));
    out += '\n';
  }
  return out;
}

std::string audit_json(const std::vector<guard::AuditRecord>& records, const AuditFilter& filter) {
  using Json = nlohmann::ordered_json;
  Json events = Json::array();
  for (const auto& [number, event] : records) {
    if (!is_asked_for(event, filter)) continue;
    events.push_back({{"number", number},
                      {"wallMs", event.at.ms},
                      {"controller", std::string(model::name_of(event.controller))},
                      {"reason", std::string(model::name_of(event.reason))},
                      {"subject", event.subject},
                      {"oldValue", event.old_value},
                      {"newValue", event.new_value}});
  }
  const Json all = {{"events", std::move(events)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tideline::node
