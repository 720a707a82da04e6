#pragma once
// Answers as JSON for programs. Field names are a contract: they are added to, never renamed. Absent values are null;
// CPU is in millicores (…Milli), memory in bytes (…Bytes), times in ms (…Ms), stamps in ms since the epoch (…WallMs).

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admin-client/answers.h"

namespace tideline::tidectl {

nlohmann::ordered_json to_json(const Node& node);
nlohmann::ordered_json to_json(const Pod& pod);
nlohmann::ordered_json to_json(const ReclaimedAnswer& answer);
nlohmann::ordered_json to_json(const std::vector<Series>& series);
nlohmann::ordered_json to_json(const EventsAnswer& answer);
nlohmann::ordered_json to_json(const PolicyAnswer& answer);
nlohmann::ordered_json to_json(const PolicyStatus& status);
nlohmann::ordered_json to_json(const PolicyApplied& applied);
nlohmann::ordered_json policy_keys_json();
nlohmann::ordered_json account_json(const model::Reclaimed& account);

template <class T>
nlohmann::ordered_json list_json(const char* name, const std::vector<T>& rows) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows)
    list.push_back(to_json(row));
  return {{name, std::move(list)}};
}

/// ASCII only, ending in a newline; foreign bytes that are no UTF-8 become U+FFFD. indent < 0: one line.
std::string dump(const nlohmann::ordered_json& json, int indent);

}  // namespace tideline::tidectl
