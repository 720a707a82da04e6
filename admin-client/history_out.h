#pragma once
// What the coordinator says of its history, for people and programs. Pure; foreign text is made harmless.

#include <string>

#include <nlohmann/json.hpp>

#include "admin-client/history_answers.h"

namespace tideline::tidectl {

std::string render_history_state(const HistoryState& state);
nlohmann::ordered_json to_json(const HistoryState& state);

std::string finding_line(const series::Finding& finding);
/// The last line, after those of findings.
std::string render_verified(const HistoryVerified& verified);
nlohmann::ordered_json to_json(const HistoryVerified& verified);

std::string render_history_backup(const HistoryBackup& backup);
nlohmann::ordered_json to_json(const HistoryBackup& backup);

}  // namespace tideline::tidectl
