#pragma once
// Who owns what on a node, for people and as JSON: explanations, capabilities, hands-off orders. Pure; foreign text is
// made harmless. JSON field names are a contract, as json_out.h says.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admin-client/answers.h"

namespace tideline::tidectl {

std::string render_explanation(const Explanation& explanation, const std::string& node);
nlohmann::ordered_json to_json(const Explanation& explanation);

/// What the node's kernel can do, as it was probed; says so where the node did not tell.
std::string render_capabilities(const Node& node);
nlohmann::ordered_json capabilities_json(const Node& node);

std::string render_hands_off(const std::vector<HandsOffEntry>& entries);
nlohmann::ordered_json to_json(const HandsOffEntry& entry);

}  // namespace tideline::tidectl
