#pragma once
// What history has of the events of a node around a moment: what was really done there, beside what a replay decides.

#include <cstdint>
#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::planner_program {

inline constexpr std::int64_t kRecordedBeforeS = 900;
inline constexpr std::int64_t kRecordedAfterS = 300;
inline constexpr std::size_t kMostRecordedEvents = 40;

/// A line each, oldest first, of the node's events and the cluster's from kRecordedBeforeS before the moment to
/// kRecordedAfterS after it; of more than kMostRecordedEvents the nearest, and a line that says how many are left out.
/// `path`: an export of history, whose events are in it if they were exported, or a directory with a store. Empty where
/// there are none. Errors name the path.
model::Result<std::vector<std::string>> recorded_events(const std::string& path, const std::string& node,
                                                        std::int64_t at_s);

}  // namespace tideline::planner_program
