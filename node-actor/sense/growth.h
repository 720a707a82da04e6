#pragma once

#include <optional>

#include "messages/model/units.h"

namespace tideline::sense {

/// now - before, of a counter; nullopt where one is missing or the counter fell.
inline std::optional<model::Duration> growth(const std::optional<model::Duration>& before,
                                             const std::optional<model::Duration>& now) {
  if (!before || !now || *now < *before) return std::nullopt;
  return *now - *before;
}

}  // namespace tideline::sense
