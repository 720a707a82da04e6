#pragma once
// The contract of HistoryStore as tests. A room with a store instantiates HistoryContract with its maker.

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "storage/store/history_store.h"
#include "test/storage/store/make_report.h"

namespace tideline::store {

/// Keeps what the store needs alive: a directory for RocksDB, nothing for memory.
class StoreHolder {
 public:
  virtual ~StoreHolder() = default;
  virtual HistoryStore& get() = 0;
};

struct StoreMaker {
  std::string name;
  std::function<std::unique_ptr<StoreHolder>()> make;
};

class HistoryContract : public testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override { holder_ = GetParam().make(); }
  HistoryStore& store() { return holder_->get(); }

 private:
  std::unique_ptr<StoreHolder> holder_;
};

}  // namespace tideline::store
