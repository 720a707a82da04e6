#pragma once
// What the history writer did since the start; read from any thread.

#include <atomic>
#include <cstdint>

namespace tideline::coordinator {

struct HistoryCounts {
  std::atomic<std::uint64_t> stored{0};      // reports, each for the first time
  std::atomic<std::uint64_t> duplicates{0};  // offered again, and acked again
  std::atomic<std::uint64_t> refused{0};     // for good
  std::atomic<std::uint64_t> commits{0};     // of reports
  std::atomic<std::uint64_t> failed{0};      // of them, those that the store did not take
  std::atomic<std::int64_t> commit_ns{0};    // spent in all commits
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> events_lost{0};
  std::atomic<std::uint64_t> accounts{0};
  std::atomic<std::uint64_t> accounts_lost{0};
  std::atomic<bool> failing{false};  // the newest commit failed
};

}  // namespace tideline::coordinator
