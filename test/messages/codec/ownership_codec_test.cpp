#include <capnp/message.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::ownership_codec_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

model::HandsOffOrder known_order() {
  model::HandsOffOrder order{.number = 12, .epoch = model::Epoch(3), .entries = {}};
  order.entries.push_back({"kubepods/besteffort", std::chrono::minutes(90), false, "ann", "tuning by hand"});
  order.entries.push_back({"", std::nullopt, true, "bob", "debugging"});
  return order;
}

/// known_order() on the wire with one thing changed, and why it is refused.
template <class Change>
std::string refusal(Change change) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::HandsOffOrder>();
  write(known_order(), root);
  change(root);
  const auto order = read(root.asReader());
  if (order) return "accepted";
  EXPECT_EQ(order.error().code(), ErrorCode::kMalformed);
  return order.error().message();
}

TEST(HandsOffWire, ComesBackTheSame) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::HandsOffOrder>();
  write(known_order(), root);
  const auto back = read(root.asReader());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, known_order());
}

TEST(HandsOffWire, RefusesWhatIsBeyondItsBounds) {
  EXPECT_EQ(refusal([](auto) {}), "accepted");
  EXPECT_THAT(refusal([](auto root) { root.getEntries()[0].setGroup("../system.slice"); }), HasSubstr("cgroup"));
  EXPECT_THAT(refusal([](auto root) { root.getEntries()[0].getRemainingMs().setValue(-1); }),
              HasSubstr("remainingMs: -1"));
  EXPECT_THAT(refusal([](auto root) { root.getEntries()[0].getRemainingMs().setValue(INT64_MAX); }),
              HasSubstr("remainingMs"));
  EXPECT_THAT(refusal([](auto root) { root.getEntries()[0].getRemainingMs().setKnown(false); }), HasSubstr("no end"));
  EXPECT_THAT(refusal([](auto root) { root.initEntries(model::HandsOffLimits::kMaxPerNode + 1); }),
              HasSubstr("65 entries, limit 64"));
}

TEST(KnobsOnTheWire, TravelWithTheStatus) {
  auto report = known_report();
  report.status.knobs = {{model::Knob::kCpuQuota, true, "cpu.cfs_quota_us", ""},
                         {model::Knob::kBvtWarp, false, "", "no cpu.bvt_warp_ns"}};
  const auto bytes = to_bytes(report);
  ASSERT_TRUE(bytes) << bytes.error().message();
  const auto back = report_from_bytes(*bytes);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, report);
}

TEST(KnobsOnTheWire, KnobOfANewerNodeIsKeptAndTooManyAreRefused) {
  auto report = known_report();
  report.status.knobs = {{static_cast<model::Knob>(200), true, "cpu.future", ""}};
  const auto back = report_from_bytes(*to_bytes(report));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(name_of(back->status.knobs[0].knob), "unknown");
  report.status.knobs.resize(model::ReportLimits::kMaxKnobs + 1);
  EXPECT_FALSE(to_bytes(report));
  report.status.knobs = {{model::Knob::kCpuQuota, false, "", std::string(model::ReportLimits::kMaxTextBytes + 1, 'x')}};
  EXPECT_FALSE(to_bytes(report));
}

}  // namespace
}  // namespace tideline::codec::ownership_codec_test
