#pragma once
// Only the .cpp files of this room include this header.

#include <memory>

#include "storage/rocks/rocks_store.h"
#include "storage/rocks/store_state.h"

namespace tideline::rocks {

struct RocksStore::Impl {
  StoreState state;

  static model::Result<std::unique_ptr<RocksStore>> store_of(std::unique_ptr<Database> database, bool keep_unfolded);
};

}  // namespace tideline::rocks
