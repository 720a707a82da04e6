#include <capnp/message.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/golden_hex.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::node_objects_codec_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

const std::string kGoldenObjects =
#include "test/messages/codec/golden_node_objects.inc"
    ;

// Before Pod.memoryQos.
const std::string kGoldenObjectsWithoutMemory =
#include "test/messages/codec/golden_node_objects_without_memory.inc"
    ;

/// known_objects() on the wire with one thing changed, and why it is refused.
template <class Change>
std::string refusal(Change change) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::NodeObjects>();
  write(known_objects(), root);
  change(root);
  const auto objects = read(root.asReader());
  if (objects) return "accepted";
  EXPECT_EQ(objects.error().code(), ErrorCode::kMalformed);
  return objects.error().message();
}

TEST(NodeObjectsWire, AreWrittenAndReadAsEver) {
  const auto bytes = to_bytes(known_objects());
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(hex(*bytes), kGoldenObjects) << "state directories and other versions have these bytes";
  const auto back = objects_from_bytes(unhex(kGoldenObjects));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, known_objects());
}

TEST(NodeObjectsWire, ThoseOfBeforeTheMemorySideAreReadAsTheyWere) {
  const auto back = objects_from_bytes(unhex(kGoldenObjectsWithoutMemory));
  ASSERT_TRUE(back) << back.error().message();
  auto expected = known_objects();
  expected.pods[0].memory_qos.reset();
  EXPECT_EQ(*back, expected);
}

TEST(NodeObjectsWire, ASetOfNothingIsOne) {
  const auto bytes = to_bytes(model::NodeObjects{});
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(*objects_from_bytes(*bytes), model::NodeObjects{});
}

TEST(NodeObjectsWire, RefusesWhatIsBeyondItsBounds) {
  EXPECT_EQ(refusal([](auto) {}), "accepted");
  EXPECT_THAT(refusal([](auto root) { root.initPods(model::ReportLimits::kMaxPods + 1); }),
              HasSubstr("pods: 1025 entries, limit 1024"));
  EXPECT_THAT(refusal([](auto root) { root.initLabels(model::ReportLimits::kMaxLabels + 1); }),
              HasSubstr("labels: 257 entries, limit 256"));
  EXPECT_THAT(refusal([](auto root) { root.initAnnotations(model::AnnotationLimits::kMaxCount + 1); }),
              HasSubstr("annotations: 65 entries, limit 64"));
  EXPECT_THAT(refusal([](auto root) { root.getLabels()[1].setKey("pool"); }),
              HasSubstr("labels: key 'pool' appears twice"));
  EXPECT_THAT(refusal([](auto root) { root.getPods()[1].setUid("u1"); }), HasSubstr("pods.uid: 'u1' comes twice"));
  EXPECT_THAT(refusal([](auto root) { root.getPods()[0].setPhase(static_cast<schema::PodPhase>(4)); }),
              HasSubstr("phase: value 4 is not known"));
  EXPECT_THAT(refusal([](auto root) { root.getPods()[0].getContainers()[0].setId("../c"); }),
              HasSubstr("pod default/web-0: pods.containers.id: '../c'"));
  EXPECT_THAT(refusal([](auto root) { root.getCpuAllocatable().setValue(-1); }), HasSubstr("cpu_allocatable: -1"));
  EXPECT_THAT(refusal([](auto root) {
                auto pods = root.initPods(17);
                for (unsigned i = 0; i < pods.size(); ++i) {
                  pods[i].setUid(std::to_string(i).c_str());
                  pods[i].setBoundCpus("0-8191");
                }
              }),
              HasSubstr("more than 131072 in all"));
}

TEST(NodeObjectsBytes, NothingIsWrittenThatWouldNotBeRead) {
  auto objects = known_objects();
  objects.pods[0].uid = model::PodUid("a/b");
  const auto bytes = to_bytes(objects);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(bytes.error().message(), HasSubstr("pods.uid: 'a/b'"));
}

TEST(NodeObjectsBytes, DamageIsAnErrorAndNoCrash) {
  const auto good = unhex(kGoldenObjects);
  for (std::size_t length = 0; length < good.size(); length += 8) {
    const auto cut = objects_from_bytes(ByteView(good).first(length));
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().code(), ErrorCode::kMalformed);
  }
}

TEST(NodeObjectsBytes, WhatThePodsTakeOfAReportIsKnownBeforeItIsMade) {
  model::NodeObjects objects = known_objects();
  model::Report with;
  with.node = model::NodeName("n");
  with.seq = model::Seq(1);
  const auto without = to_bytes(with);
  ASSERT_TRUE(without);
  for (const auto& pod : objects.pods)
    with.pods.push_back({.pod = pod, .cpu_milli = {}, .memory_bytes = {}, .throttled_ratio = {}, .run_delay = {}});
  const auto unmeasured = to_bytes(with);
  for (auto& pod : with.pods)
    pod.memory_signals.refaults = 1;
  const auto bytes = to_bytes(with);
  ASSERT_TRUE(unmeasured && bytes);
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::NodeObjects>();
  write(objects, root);
  EXPECT_EQ(bytes_in_report(root.asReader()), bytes->size() - without->size());
  EXPECT_LT(unmeasured->size(), bytes->size()) << "signals that are not known take no room";
}

}  // namespace
}  // namespace tideline::codec::node_objects_codec_test
