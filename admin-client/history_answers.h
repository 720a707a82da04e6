#pragma once
// History in tiers: what the coordinator is asked, and what it answers, as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/series/question.h"
#include "storage/series/store_care.h"
#include "storage/series/table.h"
#include "storage/series/tier.h"

namespace tideline::tidectl {

struct SeriesQuestion {
  series::SubjectKind kind = series::SubjectKind::kNode;
  std::vector<std::string> nodes;     // empty: all, or those with the label
  std::string label;                  // "KEY=VALUE"; "" = none is asked for
  std::string subject;                // uid or "namespace/kind/name"; "" = all of the kind
  std::vector<series::Field> fields;  // each once
  std::int64_t from_s = 0;            // s since the epoch; both multiples of step_s
  std::int64_t to_s = 0;
  std::int64_t step_s = 0;
  std::optional<series::Tier> tier;  // nullopt: the coordinator's choice
  series::Aggregate aggregate = series::Aggregate::kMean;
  double quantile = 0.95;
  series::Across across = series::Across::kEach;
};

struct SeriesPage {
  std::vector<series::AnswerSeries> series;
  std::int64_t next_s = 0;  // where the next page begins; 0 = it was the last
  std::optional<series::Tier> tier;
  std::int64_t kept_from_s = 0;  // what is asked of is kept in that tier from about then on; 0 = not known
};

struct HistoryState {
  struct Tier {
    series::Tier tier{};
    std::int64_t kept_s = 0;  // retention
    std::uint64_t tables = 0;
    std::uint64_t bytes = 0;  // on disk
    std::optional<std::int64_t> oldest_s;
    std::optional<std::int64_t> newest_s;
    // What it has of pods and jobs:
    std::int64_t pods_kept_s = 0;  // 0: as kept_s
    std::uint64_t pods_bytes = 0;
    std::optional<std::int64_t> pods_oldest_s = {};
  };
  std::vector<Tier> tiers;  // those that this build knows
  std::int64_t reports_kept_s = 0;
  std::int64_t events_kept_s = 0;
  std::int64_t accounts_kept_s = 0;
  std::optional<std::int64_t> folded_until_s;  // of the node that is least far
  std::uint64_t late = 0;                      // reports that wait to be folded into an hour that was folded before
  std::uint64_t nodes = 0;
  std::uint64_t disk_bytes = 0;
  std::string backups;  // "" = no directory is set
  std::string problem;  // "" = the last fold, retention and commit went well
};

struct HistoryBackup {
  series::BackupInfo backup;
  std::string directory;
};

/// What a walk over all of history found.
struct HistoryVerified {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::vector<series::Finding> findings;  // the first of them
  std::uint64_t more_findings = 0;
};

}  // namespace tideline::tidectl
