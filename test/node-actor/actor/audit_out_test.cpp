#include "node-actor/actor/audit_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tideline::node::audit_out_test {
namespace {

const std::vector<guard::AuditRecord> kRecords = {
    {7,
     {model::WallTime{1'700'000'000'250}, model::Controller::kCpuSuppress, model::Reason::kThresholdFormula,
      "kubepods/besteffort/cpu.max", "max 100000", "88000 100000"}},
    {8,
     {model::WallTime{1'700'000'001'000}, model::Controller::kCpuEvict, model::Reason::kBeStarved, "pod shop/etl u1",
      "\x1b[2Jrunning", "asked to end\n"}}};

TEST(AuditOut, IsOneLineAnEventWithControllerReasonOldAndNew) {
  EXPECT_EQ(audit_text(kRecords, {}),
            "2023-11-14T22:13:20.250Z cpu-suppress threshold-formula kubepods/besteffort/cpu.max: max 100000 -> "
            "88000 100000\n"
            "2023-11-14T22:13:21.000Z cpu-evict be-starved pod shop/etl u1: ?[2Jrunning -> asked to end?\n");
}

TEST(AuditOut, IsNarrowedByTimeAndName) {
  EXPECT_THAT(audit_text(kRecords, {.since = model::WallTime{1'700'000'000'251}, .subject_part = {}}),
              testing::Not(testing::HasSubstr("besteffort")));
  EXPECT_THAT(audit_text(kRecords, {.since = {}, .subject_part = "besteffort"}),
              testing::Not(testing::HasSubstr("etl")));
}

TEST(AuditOut, JsonHasTheKeysOfTidectlEvents) {
  const auto all = nlohmann::json::parse(audit_json(kRecords, {}));
  ASSERT_EQ(all["events"].size(), 2u);
  const auto& first = all["events"][0];
  EXPECT_EQ(first["number"], 7);
  EXPECT_EQ(first["wallMs"], 1'700'000'000'250);
  EXPECT_EQ(first["controller"], "cpu-suppress");
  EXPECT_EQ(first["reason"], "threshold-formula");
  EXPECT_EQ(first["subject"], "kubepods/besteffort/cpu.max");
  EXPECT_EQ(first["oldValue"], "max 100000");
  EXPECT_EQ(first["newValue"], "88000 100000");
}

TEST(AuditOut, AnImpossibleTimeIsNoCrash) {
  auto records = kRecords;
  records[0].event.at.ms = INT64_MAX;
  records[1].event.at.ms = INT64_MIN;
  EXPECT_THAT(audit_text(records, {}), testing::HasSubstr("1970-01-01T00:00:00.000Z"));
}

}  // namespace
}  // namespace tideline::node::audit_out_test
