#pragma once
// Answers as tables for people. Pure; foreign text is made harmless.

#include <string>
#include <vector>

#include "admin-client/answers.h"

namespace tideline::tidectl {

std::string render_nodes(const std::vector<Node>& nodes);
std::string render_node(const Node& node);
std::string render_pods(const std::vector<Pod>& pods);
std::string render_reclaimed(const ReclaimedAnswer& answer);
/// One line per instant, one column per series.
std::string render_history(const std::vector<Series>& series);
/// "time,wall_ms,<metric>_<unit>,..."; an empty cell is "not known".
std::string render_history_csv(const std::vector<Series>& series);
/// "" or a line that says which series are cut, for output that has no place for it.
std::string cut_note(const std::vector<Series>& series);
std::string render_events(const EventsAnswer& answer);
std::string render_policy(const PolicyAnswer& answer, const std::string& node);
std::string render_policy_status(const PolicyStatus& status);
std::string render_policy_keys();

/// "12"; "11 -> 12" while the node has not applied it; "11 -> 12 refused".
std::string policy_text(const Node& node);

}  // namespace tideline::tidectl
