#pragma once
// Tables that are put in from elsewhere, and tables that are dropped.
// Only the .cpp files of this room include this header.

#include <cstddef>
#include <vector>

#include "storage/rocks/store_state.h"
#include "storage/series/series_store.h"

namespace tideline::rocks {

model::Result<series::SeriesStore::PutOutcome> put_tables(StoreState& state, const model::NodeName& node,
                                                          std::vector<series::Table> tables,
                                                          std::vector<series::PodInfo> pods);

model::Result<series::DroppedSeries> drop_series(StoreState& state, const series::DropSeriesBefore& before,
                                                 const model::NodeName& from, std::size_t most);

series::SeriesState series_state(const StoreState& state);
/// Those that report, and those with a row from then on; by name.
std::vector<model::NodeName> series_nodes(const StoreState& state, model::WallTime from);

}  // namespace tideline::rocks
