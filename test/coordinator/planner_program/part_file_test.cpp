#include "coordinator/planner_program/part_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner_program/sealed_text.h"

namespace tideline::planner_program {
namespace {

using testing::HasSubstr;

PartFile sample_part() {
  PartFile part;
  part.kind = PartKind::kReplay;
  part.key = "0123456789abcdef";
  part.shard = {.number = 3, .count = 8};
  part.heading.preface.title = "Replay of july.tla";
  part.heading.preface.command = "tideline-planner replay july.tla";
  part.heading.preface.facts = {"data: july.tla", "time base: 5 min"};
  part.heading.notes_before = {"2 workloads are left out"};
  part.heading.notes_after = {"Not modelled: much", "policy: \"quoted\"\n"};
  part.name = "defaults";
  part.policy = "{}";
  part.data = "july.tla; 3 hosts";
  part.by_host = true;
  part.body = "{\"schema\":\"tideline-replay-part\"}\n";
  return part;
}

TEST(PartFile, IsReadAsItWasWritten) {
  const auto part = sample_part();
  const auto text = part_text(part);
  const auto read = part_from(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(part_text(*read), text);
  EXPECT_EQ(read->kind, part.kind);
  EXPECT_EQ(read->shard, part.shard);
  EXPECT_EQ(read->heading.preface.facts, part.heading.preface.facts);
  EXPECT_EQ(read->heading.notes_after, part.heading.notes_after);
  EXPECT_TRUE(read->by_host);
  EXPECT_EQ(read->body, part.body);
}

TEST(PartFile, OfEachKindIsReadAsThat) {
  for (const auto kind : {PartKind::kReplay, PartKind::kPredictors, PartKind::kPolicySweep, PartKind::kForecastSweep,
                          PartKind::kCapacity}) {
    SCOPED_TRACE(name_of(kind));
    auto part = sample_part();
    part.kind = kind;
    part.accepted_risk = 0.125;
    const auto read = part_from(part_text(part));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->kind, kind);
    EXPECT_EQ(read->accepted_risk, 0.125);
  }
}

TEST(PartFile, ThatIsNoneIsNamed) {
  const auto refusal = [](nlohmann::ordered_json change) {
    const auto whole = part_text(sample_part());
    const auto opened = open_text(whole);
    auto head = nlohmann::ordered_json(opened->head);
    head.update(change);
    const auto read = part_from(sealed_text(head, opened->body));
    EXPECT_FALSE(read) << change.dump();
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal({{"schema", "other"}}), HasSubstr("$.schema is \"other\""));
  EXPECT_THAT(refusal({{"kind", "sleep"}}), HasSubstr("$.kind is \"sleep\""));
  EXPECT_THAT(refusal({{"acceptedRisk", "low"}}), HasSubstr("$.acceptedRisk is \"low\""));
  EXPECT_THAT(refusal({{"shard", 9}}), HasSubstr("$.shard is 9 of 8"));
  EXPECT_THAT(refusal({{"shard", 0}}), HasSubstr("$.shard is 0 of 8"));
  EXPECT_THAT(refusal({{"byHost", 1}}), HasSubstr("$.byHost is 1"));
  EXPECT_THAT(refusal({{"facts", "one"}}), HasSubstr("$.facts"));
  EXPECT_THAT(refusal({{"odd", 1}}), HasSubstr("$.odd is not a key"));
  EXPECT_FALSE(part_from(""));
  EXPECT_FALSE(part_from("{}\n"));
}

TEST(Heading, HasTheNotesOfTheDataBetweenItsOwn) {
  const auto part = sample_part();
  planner::DataCounts counts;
  counts.filled = 12;
  EXPECT_THAT(preface_of(part.heading, counts).notes,
              testing::ElementsAre("2 workloads are left out", HasSubstr("12 steps without a value"),
                                   "Not modelled: much", HasSubstr("quoted")));
}

}  // namespace
}  // namespace tideline::planner_program
