#include "node-actor/recording/model_fields.h"

#include <gtest/gtest.h>

namespace tideline::recording::model_fields_test {
namespace {

template <class T>
T back(const T& value) {
  std::optional<model::Error> problem;
  const Json object = {{"value", Writer::json_of(value)}};
  const auto again = Json::parse(object.dump());
  Reader v(again, "test", problem);
  T read{};
  v("value", read);
  EXPECT_FALSE(problem) << problem->message();
  return read;
}

TEST(ModelFields, TheMemorySideComesBack) {
  model::MemoryCounters group;
  group.stat_at = {1};
  group.usage = model::Bytes(2);
  group.limit = model::Bytes(3);
  group.anon = model::Bytes(4);
  group.reclaimable = model::Bytes(5);
  group.memory_stall = model::StallTotals{model::Duration(6), model::Duration(7)};
  group.io_stall = model::StallTotals{model::Duration(8), model::Duration(9)};
  group.refaults = 10;
  group.scanned = 11;
  group.oom_kills = 0;
  EXPECT_EQ(back(group), group);
  EXPECT_EQ(back(model::MemoryCounters{}), model::MemoryCounters{});

  model::FastMemoryCounters fast;
  fast.at = {12};
  fast.host.total = model::Bytes(13);
  fast.host.available = model::Bytes(14);
  fast.host.free = model::Bytes(15);
  fast.host.low_watermark = model::Bytes(16);
  fast.host.alloc_stalls = 17;
  fast.host.direct_scanned = 18;
  fast.kubepods = group;
  fast.best_effort.usage = model::Bytes(19);
  fast.be_inode = UINT64_MAX;
  EXPECT_EQ(back(fast), fast);

  model::HostCounters host;
  host.memory_host = fast.host;
  host.kubepods_memory = group;
  host.best_effort.memory_side = group;
  EXPECT_EQ(back(host), host);

  model::NodeSample sample;
  sample.memory_side.available = model::Bytes(20);
  sample.memory_side.be_usage = model::Bytes(21);
  sample.memory_side.be_reclaimable = model::Bytes(22);
  sample.memory_side.be_tightened = model::Bytes(23);
  sample.memory_side.rung = model::ReliefRung::kEvict;
  sample.memory_side.host.alloc_stalls = 0.1;
  sample.memory_side.ls.memory = model::Pressure{0.2, 0.3};
  sample.memory_side.be.io = model::Pressure{0.4, 0.5};
  model::PodUse use;
  use.uid = model::PodUid("p");
  use.memory_usage = model::Bytes(24);
  use.memory_signals.refaults = 0.6;
  use.memory_signals.scanned = 0.7;
  use.memory_signals.oom_kills = 25;
  sample.pods.push_back(use);
  EXPECT_EQ(back(sample), sample);
}

TEST(ModelFields, AValueOfAKnobComesBackAsTheKindItIs) {
  for (const model::KnobValue& value :
       {model::KnobValue(model::MemoryLimit{model::Bytes(0)}), model::KnobValue(model::MemoryLimit{}),
        model::KnobValue(model::Limit{}), model::KnobValue(model::Number{3}), model::KnobValue(model::CpuSet{1, 2})}) {
    EXPECT_EQ(back(value), value) << model::text_of(value);
  }
}

}  // namespace
}  // namespace tideline::recording::model_fields_test
