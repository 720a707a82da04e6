#include "storage/rocks/rocks_store.h"
#include "test/storage/store/history_contract.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::rocks_contract_test {
namespace {

class RocksHolder final : public store::StoreHolder {
 public:
  RocksHolder() {
    auto opened = RocksStore::open(dir_.str());
    if (!opened) throw std::runtime_error(opened.error().message());
    store_ = std::move(opened).value();
  }
  store::HistoryStore& get() override { return *store_; }

 private:
  test::TempDir dir_;
  std::unique_ptr<RocksStore> store_;
};

}  // namespace
}  // namespace tideline::rocks::rocks_contract_test

namespace tideline::store::rocks_contract_test {

INSTANTIATE_TEST_SUITE_P(Rocks, HistoryContract,
                         testing::Values(StoreMaker{
                             "rocks", [] { return std::make_unique<rocks::rocks_contract_test::RocksHolder>(); }}),
                         [](const auto& made) { return made.param.name; });

}  // namespace tideline::store::rocks_contract_test
