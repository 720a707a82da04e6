#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "messages/model/counters.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"

namespace tideline::sense {

/// now - before, of a counter; nullopt where one is missing or the counter fell.
inline std::optional<model::Duration> growth(const std::optional<model::Duration>& before,
                                             const std::optional<model::Duration>& now) {
  if (!before || !now || *now < *before) return std::nullopt;
  return *now - *before;
}
inline std::optional<std::int64_t> growth(const std::optional<std::int64_t>& before,
                                          const std::optional<std::int64_t>& now) {
  if (!before || !now || *before < 0 || *now < *before) return std::nullopt;
  return *now - *before;
}

inline double in_seconds(model::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Share of the window that was stalled; nullopt as growth() has it.
inline std::optional<model::Pressure> pressure(const std::optional<model::StallTotals>& before,
                                               const std::optional<model::StallTotals>& now, model::Duration window) {
  if (!before || !now || now->some < before->some || now->full < before->full) return std::nullopt;
  const auto share = [&](model::Duration stalled) { return std::min(1.0, in_seconds(stalled) / in_seconds(window)); };
  return model::Pressure{.some = share(now->some - before->some), .full = share(now->full - before->full)};
}

/// A sum that is unknown as soon as one part is.
template <class T>
void add(std::optional<T>& sum, const std::optional<T>& part) {
  if (sum && part) {
    *sum += *part;
  } else {
    sum = std::nullopt;
  }
}

}  // namespace tideline::sense
