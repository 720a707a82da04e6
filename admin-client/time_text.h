#pragma once
// Times and durations as people write and read them. Pure: "now" comes in.

#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::tidectl {

/// "250ms", "90s", "5m", "1h30m", "2d"; units ms s m h d, largest first, each at most once; at most 10 years. No sign.
model::Result<model::Duration> parse_duration(std::string_view text);

/// "now"; "-5m" (before now); RFC 3339 "2026-03-01T12:00:00Z", "…12:00:00.250+01:00", date and time also apart by a
/// blank; or ms since the epoch, 11 digits or more. The error quotes the text and lists the forms.
model::Result<model::WallTime> parse_instant(std::string_view text, model::WallTime now);

/// "2026-03-01T12:00:00.250Z"; the fraction only if there is one.
std::string format_instant(model::WallTime at);
/// "12:00:00" (UTC).
std::string format_clock(model::WallTime at);
/// Two leading units: "420ms", "12s", "3m05s", "2h04m", "5d03h". Negative with "-".
std::string format_duration(model::Duration duration);

}  // namespace tideline::tidectl
