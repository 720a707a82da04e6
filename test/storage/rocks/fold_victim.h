#pragma once
// What the victim of fold_kill_test and the test itself agree on.

#include <cstdint>

#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/exact_reports.h"

namespace tideline::rocks::victim {

/// Small enough that flushes and compactions happen between and during the kills.
inline constexpr RocksOptions kFolding{
    .block_cache_bytes = 1 << 20, .write_buffer_bytes = 64 << 10, .background_threads = 2, .series = true};

/// As far as reports have come when the next is of that number: an hour in 40 of them.
inline std::int64_t clock_ms(std::uint64_t seq) {
  return kMidnight + static_cast<std::int64_t>(seq) * 90'000;
}

/// Report `seq` of node "n", incarnation 1. Each third is of up to three hours before.
inline store::IncomingReport drawn_report(std::uint64_t seq) {
  const std::uint64_t drawn = seq * 0x9E3779B97F4A7C15U;
  const auto back = drawn % 3 == 0 ? static_cast<std::int64_t>((drawn >> 20U) % (3 * kHourMs)) : 0;
  return exact_report("n", 1, seq, clock_ms(seq) - back);
}

}  // namespace tideline::rocks::victim
