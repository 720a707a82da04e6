#pragma once
// What retention drops of what came, in slices.
// Only the .cpp files of this room include this header.

#include <cstddef>

#include "storage/rocks/store_state.h"
#include "storage/store/history_store.h"

namespace tideline::rocks {

/// As HistoryStore::drop_slice.
model::Result<store::DroppedSlice> drop_slice(StoreState& state, const store::DropBefore& before,
                                              const model::NodeName& from, std::size_t most);

}  // namespace tideline::rocks
