#pragma once
// An account as JSON, every term of it, so that two that differ can be told apart byte by byte and term by term.

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/model/reclaimed.h"

namespace tideline::ledger {

nlohmann::json account_json(const model::Reclaimed& account);
/// One line; the same account, the same bytes.
std::string text_of(const nlohmann::json& value);

/// "cpu.prodUsed: recorded 1200, computed 1300", of at most `most` terms; empty where they are equal.
std::vector<std::string> differences(const nlohmann::json& recorded, const nlohmann::json& computed, std::size_t most);

}  // namespace tideline::ledger
