// The memory side on the wire: what is not known stays so, and what cannot be is not known.

#include <cmath>
#include <limits>

#include <capnp/message.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::memory_codec_test {
namespace {

using model::Bytes;
using model::MemorySignals;
using testing::HasSubstr;

/// known_report() written, changed and read.
template <class Change>
model::Result<model::Report> read_changed(Change change) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Report>();
  write(known_report(), root);
  change(root);
  return read(root.asReader());
}

TEST(MemoryOnTheWire, ZeroIsKnownAndWhatIsNotKnownStaysSo) {
  auto report = known_report();
  report.samples[0].memory_side = {};
  report.samples[0].memory_side.be_usage = Bytes(0);
  report.samples[0].memory_side.be.oom_kills = 0;
  report.pods[0].memory_signals = {};
  report.pods[0].memory_signals.io = model::Pressure{0, 0};
  const auto back = report_from_bytes(*to_bytes(report));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, report);
  EXPECT_EQ(back->samples[0].memory_side.available, std::nullopt);
  EXPECT_EQ(back->samples[0].memory_side.host, MemorySignals{});
  EXPECT_EQ(back->pods[0].memory_signals.memory, std::nullopt);
}

TEST(MemoryOnTheWire, WhereNothingIsKnownNothingIsWritten) {
  auto report = known_report();
  report.samples[0].memory_side = {};
  report.pods[0].memory_signals = {};
  report.pods[0].pod.change([](model::Pod& pod) { pod.memory_qos.reset(); });
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Report>();
  write(report, root);
  EXPECT_FALSE(root.getSamples()[0].hasMemorySide());
  EXPECT_FALSE(root.getPods()[0].hasMemorySignals());
  EXPECT_FALSE(root.getPods()[0].getPod().hasMemoryQos());
}

TEST(MemoryOnTheWire, SharesAndRatesComeInSinglePrecision) {
  auto report = known_report();
  report.pods[0].memory_signals.memory = model::Pressure{0.1, 1.0 / 3};
  report.pods[0].memory_signals.scanned = 123'456.789;
  const auto back = report_from_bytes(*to_bytes(report));
  ASSERT_TRUE(back) << back.error().message();
  const auto& signals = back->pods[0].memory_signals;
  EXPECT_EQ(signals.memory->some, static_cast<double>(0.1F));
  EXPECT_NEAR(signals.memory->full, 1.0 / 3, 1e-7);
  EXPECT_NEAR(*signals.scanned, 123'456.789, 0.01);
  EXPECT_EQ(*report_from_bytes(*to_bytes(*back)), *back) << "a second time changes nothing";
}

// History holds what a build that did not know the fields took.
TEST(MemoryOnTheWire, WhatCannotBeIsNotKnown) {
  const auto report = read_changed([](schema::Report::Builder root) {
    auto memory = root.getSamples()[0].getMemorySide();
    memory.setAvailable(-1);
    memory.setBeTightened(INT64_MAX);
    memory.setRung(200);
    memory.getLs().setMemoryFull(2);
    memory.getHost().setAllocStalls(std::numeric_limits<float>::infinity());
    auto signals = root.getPods()[0].getMemorySignals();
    signals.setRefaults(std::nanf(""));
    signals.setScannedKnown(true);
    signals.setScanned(-1);
  });
  ASSERT_TRUE(report) << report.error().message();
  const auto& memory = report->samples[0].memory_side;
  EXPECT_EQ(memory.available, std::nullopt);
  EXPECT_EQ(memory.be_tightened, std::nullopt);
  EXPECT_EQ(memory.be_usage, Bytes(0)) << "what can be is taken";
  EXPECT_EQ(memory.rung, model::ReliefRung::kNone);
  EXPECT_EQ(memory.ls.memory, std::nullopt);
  EXPECT_EQ(memory.host.alloc_stalls, std::nullopt);
  EXPECT_EQ(report->pods[0].memory_signals.refaults, std::nullopt);
  EXPECT_EQ(report->pods[0].memory_signals.scanned, std::nullopt);
  EXPECT_EQ(report->pods[0].memory_signals.oom_kills, 1);
}

TEST(MemoryOnTheWire, SignalsStayInAReportThatLeavesItsPodsOut) {
  capnp::MallocMessageBuilder whole;
  write(known_report(), whole.initRoot<schema::Report>());
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Report>();
  write_without_pods(whole.getRoot<schema::Report>().asReader(), 7, root);
  const auto pods = model::shared_pods(known_report());
  const auto back = read(root.asReader(), [&](std::uint64_t) { return &pods; });
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->pods[0].memory_signals.refaults, 12.5);
  EXPECT_EQ(*back, known_report());
}

TEST(MemoryOnTheWire, AMemoryQosOfAPodIsHeldToItsBounds) {
  const auto refused = [](auto change) {
    const auto report =
        read_changed([&](schema::Report::Builder root) { change(root.getPods()[0].getPod().getMemoryQos()); });
    return report ? std::string("accepted") : report.error().message();
  };
  EXPECT_THAT(refused([](auto qos) { qos.setPolicy(static_cast<schema::MemoryQosTemplate>(3)); }),
              HasSubstr("memoryQos.policy: value 3"));
  EXPECT_THAT(refused([](auto qos) { qos.getLowLimitPercent().setValue(101); }), HasSubstr("low_limit_percent: 101"));
  EXPECT_THAT(refused([](auto qos) { qos.getLowLimitPercent().setValue(INT64_MAX); }),
              HasSubstr("memoryQos.lowLimitPercent"));
  EXPECT_THAT(refused([](auto qos) {
                qos.getPageCacheLimitSize().setKnown(true);
                qos.getPageCacheLimitSize().setValue(-1);
              }),
              HasSubstr("page_cache_limit_size"));
  const auto newer = read_changed([](schema::Report::Builder root) {
    root.getPods()[0].getPod().getMemoryQos().setOomKillGroup(static_cast<schema::YesNo>(3));
  });
  ASSERT_TRUE(newer) << newer.error().message();
  EXPECT_EQ(newer->pods[0].pod->memory_qos->oom_kill_group, std::nullopt) << "neither yes nor no";
}

TEST(MemoryOnTheWire, APolicyIsHeldToItsBounds) {
  const auto refused = [](auto change) {
    capnp::MallocMessageBuilder builder;
    auto root = builder.initRoot<schema::NodePolicy>();
    write(known_full_policy(), root);
    change(root);
    const auto policy = read(root.asReader());
    return policy ? std::string("accepted") : policy.error().message();
  };
  using Root = schema::NodePolicy::Builder;
  EXPECT_EQ(refused([](Root) {}), "accepted");
  EXPECT_THAT(refused([](Root root) { root.getThreshold().setMemoryEvictThresholdPercent(101); }),
              HasSubstr("threshold.memoryEvictThresholdPercent: 101"));
  EXPECT_THAT(refused([](Root root) { root.getThreshold().getMemoryEvictLowerPercent().setValue(-1); }),
              HasSubstr("threshold.memoryEvictLowerPercent: -1"));
  EXPECT_THAT(refused([](Root root) { root.getThreshold().getMemoryAllocatableEvictLowerPercent().setValue(-1); }),
              HasSubstr("threshold.memoryAllocatableEvictLowerPercent"));
  EXPECT_THAT(refused([](Root root) { root.getLsMemory().setLowLimitPercent(101); }),
              HasSubstr("ls.memoryQOS.lowLimitPercent: 101"));
  EXPECT_THAT(refused([](Root root) { root.getBeMemory().setWmarkScalePermill(0); }),
              HasSubstr("be.memoryQOS.wmarkScalePermill"));
  EXPECT_THAT(refused([](Root root) { root.getBeMemory().setWmarkMinAdj(51); }), HasSubstr("be.memoryQOS.wmarkMinAdj"));
  EXPECT_THAT(refused([](Root root) { root.getBeMemory().setPriority(13); }), HasSubstr("be.memoryQOS.priority"));
  EXPECT_THAT(refused([](Root root) { root.getBeMemory().getPageCacheLimitSize().setValue(-1); }),
              HasSubstr("be.memoryQOS.pageCacheLimitSize"));
  EXPECT_THAT(refused([](Root root) { root.initLsrMemory().setPageCacheEnable(static_cast<schema::Switch>(3)); }),
              HasSubstr("lsr.memoryQOS.pageCacheEnable"));
  EXPECT_THAT(refused([](Root root) { root.getRelief().setMarginPercent(51); }), HasSubstr("relief.marginPercent"));
  EXPECT_THAT(refused([](Root root) { root.getRelief().setHorizonSeconds(0); }), HasSubstr("relief.horizonSeconds"));
}

TEST(MemoryOnTheWire, AClassThatIsNotToldHasItsOwnDefaults) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::NodePolicy>();
  write(known_policy(), root);
  EXPECT_FALSE(root.hasLsrMemory() || root.hasLsMemory() || root.hasBeMemory() || root.hasRelief());
  const auto back = read(root.asReader());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->qos.lsr_memory.wmark_min_adj, -25);
  EXPECT_EQ(back->qos.be_memory.wmark_min_adj, 50);
  EXPECT_EQ(back->threshold.memory_evict_threshold_percent, 70);
  EXPECT_TRUE(back->relief.reclaim && back->relief.tighten);
  EXPECT_EQ(back->relief.horizon_seconds, 5);
}

}  // namespace
}  // namespace tideline::codec::memory_codec_test
