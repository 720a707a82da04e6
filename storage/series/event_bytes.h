#pragma once
// Events as the bytes that an archive has of them. docs/history-format.md.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/result.h"

namespace tideline::series {

inline constexpr std::uint8_t kEventVersion = 1;
/// Of one piece of an archive: as many as a store takes in one step.
inline constexpr std::size_t kMaxArchivedEvents = 4096;

/// A magic, a version and one zstd frame; an archive has a CRC of it. event.at: by the coordinator's clock.
/// kInvalidArgument for none or more than kMaxArchivedEvents of them, for times that descend or are not 0 to 2^53 ms,
/// and for a text beyond ReportLimits::kMaxTextBytes.
model::Result<std::string> encode_events(std::span<const model::Event> events);
/// kMalformed for bytes that are not those of `rows` such events, kUnsupported with both versions for a newer one.
/// Numbers of controllers and reasons that this build does not know are kept. Never more memory than `bytes` can
/// honestly hold.
model::Result<std::vector<model::Event>> decode_events(std::string_view bytes, std::uint64_t rows);

/// The bytes that are compressed, and what is around them: for golden tests. Of events by the rules above.
std::string event_content(std::span<const model::Event> events);
std::string wrapped_events(std::string_view frame);

}  // namespace tideline::series
