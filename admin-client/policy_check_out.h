#pragma once
// What documents would change, for people and as JSON. Pure; foreign text is made harmless. JSON field names are a
// contract, as json_out.h says.

#include <string>

#include <nlohmann/json.hpp>

#include "admin-client/answers.h"

namespace tideline::tidectl {

/// `node`: the one that was asked for, "" = all.
std::string render_policy_check(const PolicyCheck& checked, const std::string& node);
nlohmann::ordered_json to_json(const PolicyCheck& checked);

}  // namespace tideline::tidectl
