#pragma once
// What a store remembers of one node to keep its reports exactly once. Both stores decide with this; RocksStore writes
// it in the same atomic batch as the reports it admitted.

#include <vector>

#include "storage/store/history_store.h"
#include "storage/store/range_set.h"

namespace tideline::store {

struct IncarnationSeqs {
  model::Incarnation incarnation;
  RangeSet seqs;
  /// Numbers up to here are no longer known one by one: kMaxSeqRanges was reached and the lowest range let go. They are
  /// refused, as acking them could lose a report and storing them could double one.
  std::uint64_t forgotten_through = 0;
  friend bool operator==(const IncarnationSeqs&, const IncarnationSeqs&) = default;
};

struct NodeIndex {
  /// The one that stored last is last; at most kMaxIncarnations, the first is forgotten for a new one.
  std::vector<IncarnationSeqs> incarnations;
  model::Duration longest_window{0};
  model::WallTime last_received;
  friend bool operator==(const NodeIndex&, const NodeIndex&) = default;

  const RangeSet* seqs(model::Incarnation incarnation) const;
  /// Decides on a valid report and, when it is kStored, remembers it.
  AppendOutcome admit(const ReportView& incoming);
};

/// A report that no store may take, whatever it remembers: what model::validate refuses, and names beyond the bounds.
bool storable(const model::Report& report);

}  // namespace tideline::store
