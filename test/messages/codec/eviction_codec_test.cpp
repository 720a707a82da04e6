#include <cstring>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::eviction_codec_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

template <class Schema, class Value>
std::string hex_of(const Value& value) {
  capnp::MallocMessageBuilder builder;
  write(value, builder.initRoot<Schema>());
  const auto words = capnp::messageToFlatArray(builder);
  std::string text;
  std::size_t count = 0;
  for (const auto byte : words.asBytes())
    text += fmt::format("{:02x}{}", byte, ++count % 32 == 0 ? "\n" : "");
  return text;
}

/// `value` on the wire with one thing changed, and why it is refused.
template <class Schema, class Value, class Change>
std::string refusal_of(const Value& value, Change change) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Schema>();
  write(value, root);
  change(root);
  const auto back = read(root.asReader());
  if (back) return *back == value ? "accepted" : "accepted, changed";
  EXPECT_EQ(back.error().code(), ErrorCode::kMalformed);
  return back.error().message();
}

template <class Change>
std::string ask_refusal(Change change) {
  return refusal_of<schema::EvictionAsk>(known_ask(), change);
}
template <class Change>
std::string answer_refusal(Change change) {
  return refusal_of<schema::EvictionAnswer>(known_answer(), change);
}
template <class Change>
std::string batch_refusal(const model::BatchAllocatable& batch, Change change) {
  return refusal_of<schema::BatchAllocatable>(batch, change);
}

const std::string kGoldenAsk =
#include "test/messages/codec/golden_eviction_ask.inc"
    ;
const std::string kGoldenAnswer =
#include "test/messages/codec/golden_eviction_answer.inc"
    ;

TEST(EvictionWire, AskAndAnswerAreTheseBytes) {
  EXPECT_EQ(hex_of<schema::EvictionAsk>(known_ask()), kGoldenAsk);
  EXPECT_EQ(hex_of<schema::EvictionAnswer>(known_answer()), kGoldenAnswer);
}

TEST(EvictionWire, AskComesBackTheSameAndIsRefusedBeyondItsBounds) {
  EXPECT_EQ(ask_refusal([](auto) {}), "accepted");
  EXPECT_THAT(ask_refusal([](auto root) { root.getRequests()[0].setId(""); }), HasSubstr("id: empty"));
  EXPECT_THAT(ask_refusal([](auto root) { root.getRequests()[0].setUid(""); }), HasSubstr("uid: empty"));
  EXPECT_THAT(ask_refusal([](auto root) { root.getRequests()[0].setName(std::string(254, 'x').c_str()); }),
              HasSubstr("name: 254 bytes, limit 253"));
  EXPECT_THAT(ask_refusal([](auto root) { root.getRequests()[0].setWorkload(std::string(513, 'x').c_str()); }),
              HasSubstr("workload: 513 bytes, limit 512"));
  EXPECT_THAT(ask_refusal([](auto root) { root.getRequests()[1].setId(root.getRequests()[0].asReader().getId()); }),
              HasSubstr("comes twice"));
  EXPECT_THAT(ask_refusal([](auto root) { root.getRequests()[0].setUrgency(static_cast<schema::EvictionUrgency>(2)); }),
              HasSubstr("requests.urgency"));
  EXPECT_THAT(ask_refusal([](auto root) { root.initRequests(model::EvictionLimits::kMaxRequests + 1); }),
              HasSubstr("65 entries, limit 64"));
}

TEST(EvictionWire, AnswerComesBackTheSameAndIsRefusedBeyondItsBounds) {
  EXPECT_EQ(answer_refusal([](auto) {}), "accepted");
  EXPECT_THAT(answer_refusal([](auto root) { root.getVerdicts()[0].setId(""); }), HasSubstr("id: empty"));
  EXPECT_THAT(answer_refusal([](auto root) { root.getVerdicts()[0].setRetryAfterMs(3'600'001); }),
              HasSubstr("retryAfter"));
  EXPECT_THAT(answer_refusal([](auto root) { root.getVerdicts()[0].setWhy(std::string(513, 'x').c_str()); }),
              HasSubstr("why: 513 bytes"));
  EXPECT_THAT(
      answer_refusal([](auto root) { root.getVerdicts()[0].setKind(static_cast<schema::EvictionVerdictKind>(5)); }),
      HasSubstr("verdicts.kind"));
  EXPECT_THAT(answer_refusal([](auto root) { root.initVerdicts(model::EvictionLimits::kMaxRequests + 1); }),
              HasSubstr("65 entries, limit 64"));
}

TEST(EvictionWire, AllocatableIsBoundedAndNotKnownStaysNotKnown) {
  const model::BatchAllocatable known{model::MilliCpu(1500), std::chrono::seconds(11), model::Bytes(4096)};
  EXPECT_EQ(batch_refusal(known, [](auto) {}), "accepted");
  EXPECT_EQ(batch_refusal({std::nullopt, std::chrono::hours(2)}, [](auto) {}), "accepted");
  EXPECT_THAT(batch_refusal(known, [](auto root) { root.getCpu().setValue(-1); }), HasSubstr("batchCpu: -1"));
  EXPECT_THAT(batch_refusal(known, [](auto root) { root.getCpu().setValue(10'000'001); }), HasSubstr("batchCpu"));
  EXPECT_THAT(batch_refusal(known, [](auto root) { root.getMemory().setValue(-1); }), HasSubstr("batchMemory: -1"));
  EXPECT_THAT(batch_refusal(known, [](auto root) { root.getMemory().setValue(INT64_MAX); }), HasSubstr("batchMemory"));
  const model::BatchAllocatable cpu_alone{model::MilliCpu(1500), std::chrono::seconds(11)};
  EXPECT_EQ(batch_refusal(cpu_alone, [](auto root) { root.disownMemory(); }), "accepted")
      << "as a coordinator says that does not know of it";
  EXPECT_EQ(batch_refusal(known, [](auto root) { root.setAgeMs(UINT64_MAX); }), "accepted, changed")
      << "older than anyone waits for";
}

TEST(BeWorkOnTheWire, TravelsWithTheStatus) {
  auto report = known_report();
  report.status.be_work = model::BeWork{{3, std::chrono::milliseconds(1500)}, {1, std::chrono::seconds(2)}, {}};
  const auto back = report_from_bytes(*to_bytes(report));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, report);
  report.status.be_work->evicted.cpu = model::Duration(-1);
  EXPECT_FALSE(to_bytes(report));
  EXPECT_FALSE(report_from_bytes(*to_bytes(known_report()))->status.be_work) << "not told";
}

}  // namespace
}  // namespace tideline::codec::eviction_codec_test
