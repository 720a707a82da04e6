#pragma once
// The contract of HistoryStore as tests. A room with a store instantiates HistoryContract with its maker.

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "storage/store/history_store.h"

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

/// A fixed instant that the tests count from.
inline constexpr std::int64_t kStart = 1'700'000'000'000;

/// Report `seq` of `node`: 10 s long, ends at kStart + seq * 10 s, one sample a second with node_cpu = seq * 100 + i.
model::Report make_report(const std::string& node, std::uint64_t incarnation, std::uint64_t seq);
/// The report, arrived as it ended, from a node whose clock is right.
IncomingReport arrive(model::Report report);

}  // namespace tideline::store
