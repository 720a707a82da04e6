#pragma once
// A node's metrics over a range that reaches back further than reports are kept.

#include <vector>

#include "coordinator/actor/history_retention.h"
#include "coordinator/admin/backend.h"
#include "storage/series/series_store.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// Each sample where reports are kept; before that the means of the finest tier that reaches back there: of 10 s, then
/// of a minute, then of a quarter of an hour, at the begins of those. `tables`: the store as well; null: it has none,
/// and reports are all there is. A series that is cut ends before a millisecond of which not all points fit, unless it
/// begins with that one: what is asked from the millisecond after its last point on goes on without a loss. Errors:
/// those of the store.
model::Result<std::vector<admin::Series>> read_metrics(const store::HistoryStore& store,
                                                       const series::SeriesStore* tables, const HistoryRetention& kept,
                                                       const admin::HistoryQuery& query, model::WallTime now);

}  // namespace tideline::coordinator
