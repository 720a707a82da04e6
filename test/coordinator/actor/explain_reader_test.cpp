#include "coordinator/actor/explain_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/actor/history_actor.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator::explain_reader_test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const model::NodeName kNode("n1");
constexpr std::int64_t kStart = 1'700'000'000'000;

model::Event write(std::int64_t second, const std::string& file, const std::string& value) {
  return {{kStart + second * 1000}, model::Controller::kCpuSuppress, model::Reason::kThresholdFormula, file, "", value};
}

class ExplainReader : public testing::Test {
 protected:
  void keep(const std::vector<model::Event>& events) {
    std::vector<store::CoordinatorEvent> rows;
    for (const auto& event : events) {
      rows.push_back({kNode, event});
      if (rows.size() < store::kMaxAppendEvents) continue;
      ASSERT_TRUE(store_.append_events(rows).ok());
      rows.clear();
    }
    ASSERT_TRUE(store_.append_events(rows).ok());
  }
  void report(std::int64_t second, const std::string& why, std::uint64_t seq) {
    model::Report made = *arrived("n1", seq)->report;
    made.wall = {kStart + second * 1000};
    made.status.protection.why = why;
    const std::vector<store::IncomingReport> rows{{made, made.wall, model::Duration(0)}};
    ASSERT_TRUE(store_.append(rows).ok());
  }
  admin::Explanation at(std::int64_t second, const ExplainBounds& bounds = {}) {
    const admin::ExplainQuery query{kNode, model::WallTime{kStart + second * 1000}, ""};
    auto answer = explain(store_, query, {0}, bounds, [this] { return model::MonoTime{mono_ += step_}; });
    EXPECT_TRUE(answer.ok());
    return answer ? *answer : admin::Explanation{};
  }

  store::MemoryStore store_;
  std::int64_t mono_ = 0;
  std::int64_t step_ = 0;
};

TEST_F(ExplainReader, FindsTheWriteOfLongAgoBeneathManyOthers) {
  std::vector<model::Event> events = {write(0, "pod/cpu.shares", "2")};
  // More in one minute than a page holds, so that stretches must be cut in two.
  for (int i = 0; i < 25'000; ++i) {
    auto event = write(86'400, "be/cpu.cfs_quota_us", std::to_string(i));
    event.at.ms += i * 2;
    events.push_back(event);
  }
  keep(events);
  const auto all = at(89'000);
  EXPECT_FALSE(all.events_cut);
  ASSERT_THAT(all.what.files, SizeIs(2));
  EXPECT_EQ(all.what.files[0].value, "24999");
  EXPECT_EQ(all.what.files[0].changes_last_hour, 25'000u) << "each once";
  EXPECT_EQ(all.what.files[1].value, "2");
  EXPECT_EQ(all.events_from, model::WallTime{kStart});
  EXPECT_EQ(all.history_from, model::WallTime{kStart});
}

TEST_F(ExplainReader, SaysWhereItWasCutByItsBounds) {
  std::vector<model::Event> events;
  for (int hour = 0; hour < 1000; ++hour)
    events.push_back(write(hour * 3600, "f/" + std::to_string(hour), "1"));
  keep(events);
  const std::int64_t end = 1000 * 3600;
  for (const auto& bounds : {ExplainBounds{.events = 5}, ExplainBounds{.pages = 4}}) {
    const auto cut = at(end, bounds);
    EXPECT_TRUE(cut.events_cut);
    ASSERT_TRUE(cut.events_from);
    EXPECT_GT(cut.events_from->ms, kStart);
    for (const auto& file : cut.what.files)
      EXPECT_GE(file.at.ms, cut.events_from->ms);
  }
  step_ = 1'000'000'000;
  EXPECT_TRUE(at(end, {.time = std::chrono::seconds(3)}).events_cut) << "time passed";
  step_ = 0;
  EXPECT_FALSE(at(end).events_cut);
}

TEST_F(ExplainReader, GivesTheStatusOfThatInstantAndNotOfNow) {
  report(0, "then", 1);
  report(100, "now", 2);
  keep({write(50, "f/a", "1")});
  EXPECT_EQ(at(60).status.value().protection.why, "then");
  EXPECT_EQ(at(60).status_at, model::WallTime{kStart});
  EXPECT_EQ(at(5000).status.value().protection.why, "now") << "the last known one, however old";
  EXPECT_FALSE(at(-1).status);
}

TEST_F(ExplainReader, WithoutAnEventSaysHowFarBackHistoryReaches) {
  report(10, "w", 1);
  const auto all = at(100);
  EXPECT_THAT(all.what.files, IsEmpty());
  EXPECT_FALSE(all.events_from);
  EXPECT_EQ(all.history_from, model::WallTime{kStart + 10'000});
  keep({write(200, "f/a", "1")});
  EXPECT_FALSE(at(100).events_from) << "none by then";
}

class ExplainActor : public Actors {};

TEST_F(ExplainActor, AnswersForAKnownNodeOnly) {
  auto memory = std::make_shared<store::MemoryStore>();
  const std::vector<store::CoordinatorEvent> rows{{kNode, write(0, "f/a", "1")}};
  ASSERT_TRUE(memory->append_events(rows).ok());
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(memory));
  const auto answer_for = [&](const model::NodeName& node) {
    return ask<admin::Explanation>(reader, [&](admin::Reply<admin::Explanation> reply) {
      return AskExplain{{node, std::nullopt, ""}, std::move(reply)};
    });
  };
  const auto known = answer_for(kNode);
  ASSERT_TRUE(known.ok());
  EXPECT_THAT(known->what.files, SizeIs(1));
  EXPECT_GT(known->at.ms, kStart) << "now";
  EXPECT_EQ(answer_for(model::NodeName("nobody")).error().code(), model::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::coordinator::explain_reader_test
