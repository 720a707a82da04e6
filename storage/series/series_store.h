#pragma once
// History as tables, beside the reports it is made of. One implementation: storage/rocks.
//
// A report is in history exactly once: as it came (store::HistoryStore), from then on in every table that is read here,
// folded or not. Folding is one atomic step per node and hour. Threads: one folder (fold_slice, drop_series,
// put_tables), beside the one writer of reports, and any number of readers at once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "storage/series/fold_time.h"
#include "storage/series/table.h"

namespace tideline::series {

struct FoldSlice {
  std::uint64_t hours = 0;              // of a node, folded now
  std::uint64_t late = 0;               // reports of hours that were folded before, folded now
  std::uint64_t reports = 0;            // in all of it
  std::optional<model::NodeName> rest;  // where the next slice begins; nullopt: nothing is due
  // One node's damage does not hold up the others:
  std::uint64_t unreadable = 0;  // reports, or stretches of them, that are not what was written: no table has them
  std::uint64_t failed = 0;      // nodes whose reports the disk did not give now; they stay due
  std::optional<model::Error> trouble;  // the first of both
};

struct DropSeriesBefore {
  std::array<model::WallTime, kTiers.size()> tiers = {};  // by kTiers; each block whose end is at or before it goes
  /// Of tables that pass (stay.h); where it is earlier than that of the tier, as the tier's.
  std::array<model::WallTime, kTiers.size()> passing = {};
};
struct DroppedSeries {
  std::uint64_t tables = 0;
  std::uint64_t pods = 0;  // infos of pods of which no tier has a row left
  std::optional<model::NodeName> rest;
};

/// What is read. Rows with from <= time < to, of the steps' begins.
struct ReadRange {
  model::NodeName node;
  Tier tier = Tier::kMinute;
  model::WallTime from;
  model::WallTime to;
};

struct TierState {
  std::uint64_t tables = 0;               // chunks; an estimate is enough
  std::uint64_t bytes = 0;                // on disk, after compression
  std::optional<model::WallTime> oldest;  // begin of the first block
  std::optional<model::WallTime> newest;  // end of the last
};
struct SeriesState {
  std::array<TierState, kTiers.size()> tiers;    // all that each has
  std::array<TierState, kTiers.size()> passing;  // of it the tables that pass (stay.h)
  std::uint64_t nodes = 0;
  std::uint64_t late = 0;                       // reports that wait to be folded into an hour that was folded before
  std::optional<model::WallTime> folded_until;  // of the node that is least far; nullopt: no node has a report
};

class SeriesStore {
 public:
  virtual ~SeriesStore() = default;

  /// Folds what is due at `now` (fold_time.h) of at most `most` nodes, from `from` on in the store's own order
  /// ("" = the first): a node's hours one at a time, the oldest first, each in one atomic step, and late reports. Reads
  /// and computes without holding up the writer; writing is one sync each. Costs a look at each node's state in memory
  /// where nothing is due.
  virtual model::Result<FoldSlice> fold_slice(model::WallTime now, const model::NodeName& from, std::size_t most) = 0;
  /// In slices of at most `most` nodes.
  virtual model::Result<DroppedSeries> drop_series(const DropSeriesBefore& before, const model::NodeName& from,
                                                   std::size_t most) = 0;

  /// Tables of the range: of each subject one a block, and what is not folded yet is folded on the way, so that nothing
  /// is missing and nothing twice. By block, then by subject. nullptr for `only`: all subjects. false from `visit` ends
  /// it.
  using Visit = std::function<bool(Table&&)>;
  virtual model::Result<void> read(const ReadRange& range, const std::vector<Subject>* only,
                                   const Visit& visit) const = 0;
  /// Of pods with a report in [from, to), by uid.
  virtual model::Result<std::vector<PodInfo>> pods(const model::NodeName& node, model::WallTime from,
                                                   model::WallTime to) const = 0;
  /// Nodes with a table, a report or an info of a pod, by name.
  virtual std::vector<model::NodeName> series_nodes() const = 0;
  /// Of these at least those of which something may be known from then on. Names of nodes that went stay as long as
  /// their tables do, and in a fleet whose nodes come and go there are many of them.
  virtual std::vector<model::NodeName> series_nodes_since(model::WallTime /*from*/) const { return series_nodes(); }
  virtual model::Result<SeriesState> series_state() const = 0;

  /// Puts in what an archive has: merged into nothing. A block of a subject that is there already is left as it is, and
  /// counted. All of one call or none; at most 4096 tables of one node.
  struct PutOutcome {
    std::uint64_t put = 0;
    std::uint64_t there = 0;
  };
  virtual model::Result<PutOutcome> put_tables(const model::NodeName& node, std::vector<Table> tables,
                                               std::vector<PodInfo> pods) = 0;
};

}  // namespace tideline::series
