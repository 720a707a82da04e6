#include "storage/store/memory_store.h"

#include "test/storage/store/history_contract.h"

namespace tideline::store {
namespace {

class MemoryHolder final : public StoreHolder {
 public:
  HistoryStore& get() override { return store_; }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, HistoryContract,
                         testing::Values(StoreMaker{"memory", [] { return std::make_unique<MemoryHolder>(); }}),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace tideline::store
