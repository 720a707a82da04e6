#pragma once
// What the history writer, folding and backups did since the start; read from any thread.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tideline::coordinator {

/// Why the newest attempt at something failed. Thread-safe.
class HistoryProblems {
 public:
  enum class Of : std::uint8_t { kCommit, kRetention, kFold, kTiers };

  /// "" = it went well.
  void set(Of what, std::string why) {
    const std::lock_guard lock(mutex_);
    why_[static_cast<std::size_t>(what)] = std::move(why);
  }
  /// All of them, "" where there is none.
  std::string text() const {
    constexpr std::array<std::string_view, kKinds> kNames{"commit", "retention", "fold", "retention of tiers"};
    const std::lock_guard lock(mutex_);
    std::string all;
    for (std::size_t i = 0; i < kKinds; ++i) {
      if (why_[i].empty()) continue;
      if (!all.empty()) all += "; ";
      all.append(kNames[i]).append(": ").append(why_[i]);
    }
    return all;
  }

 private:
  static constexpr std::size_t kKinds = 4;
  mutable std::mutex mutex_;
  std::array<std::string, kKinds> why_;
};

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

  std::atomic<std::uint64_t> folded_hours{0};    // of a node, into tables
  std::atomic<std::uint64_t> folded_late{0};     // reports of hours that were folded before
  std::atomic<std::uint64_t> folded_reports{0};  // all of them
  std::atomic<std::uint64_t> fold_failures{0};
  std::atomic<std::int64_t> fold_ns{0};              // spent in folding
  std::atomic<std::uint64_t> unreadable_reports{0};  // or stretches of them, that no table has
  std::atomic<std::uint64_t> tables_dropped{0};
  std::atomic<std::uint64_t> retention_failures{0};  // of rows and of tables
  std::atomic<std::uint64_t> backups{0};
  std::atomic<std::uint64_t> backups_failed{0};
  HistoryProblems problems;
};

}  // namespace tideline::coordinator
