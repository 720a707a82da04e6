#pragma once
// A store of which nothing but its tables can be read, as the reader of tiers has it.

#include "storage/series/store_care.h"
#include "test/coordinator/actor/broken_store.h"
#include "test/coordinator/actor/table_store.h"

namespace tideline::coordinator {

class TieredStore : public BrokenStore, public TableStore, public series::StoreCare {
 public:
  store::StoreSize size() const override { return {.disk_bytes = 4'096, .memory_bytes = 0}; }
  model::Result<series::VerifySlice> verify_slice(const std::string& from, std::uint64_t bytes) const override {
    if (!from.empty()) return model::invalid("no slice begins at \"" + from + "\"");
    series::VerifySlice slice;
    slice.rows = 7;
    slice.bytes = bytes;
    return slice;
  }
  model::Result<series::BackupInfo> backup(const std::string&, const std::function<bool(std::uint64_t)>&) override {
    return broken();
  }
};

}  // namespace tideline::coordinator
