#pragma once
// When a node's hour becomes tables.

#include <chrono>

#include "messages/model/crc32.h"
#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::series {

/// No hour is folded sooner after its end: by then nearly all that a short loss of the link held up has come.
inline constexpr model::Duration kFoldLag = std::chrono::minutes(10);
/// Each is due an hour after its end at the latest.
inline constexpr model::Duration kFoldSpread = std::chrono::minutes(50);

/// How long after their end the node's hours are folded: kFoldLag to kFoldLag + kFoldSpread, always the same for one
/// name, and of many nodes as many in each minute: else all of a fleet would be due at one moment, and nothing then.
inline model::Duration fold_lag(const model::NodeName& node) {
  const auto spread_ms = static_cast<std::uint32_t>(model::to_ms(kFoldSpread));
  return kFoldLag + std::chrono::milliseconds(model::crc32(node.str()) % spread_ms);
}

}  // namespace tideline::series
