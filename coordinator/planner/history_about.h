#pragma once
// What an archive says of itself, where it is an export of history (storage/series/export.h).

#include <cstdint>
#include <optional>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::planner {

struct HistoryAbout {
  std::int64_t tier_s = 0;  // step of its rows
};

/// nullopt: it is no export of history. kMalformed, kUnsupported: it is one, and lacks what it must say, or of a later
/// version. Reads no further than to what it is asked, as a list of pods may be long.
model::Result<std::optional<HistoryAbout>> history_about(std::string_view about);

}  // namespace tideline::planner
