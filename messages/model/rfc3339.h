#pragma once
// Points in time as Kubernetes and people write them.

#include <optional>
#include <string_view>

#include "messages/model/units.h"

namespace tideline::model {

/// RFC 3339: "2026-03-01T12:00:00Z", "...12:00:00.250+01:00", date and time also apart by a blank; cut to milliseconds.
/// nullopt: it is none, or there is no such day or time.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace tideline::model
