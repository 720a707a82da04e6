#include "coordinator/planner_program/recorded_events.h"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/columns/archive.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/export_events.h"
#include "storage/store/memory_store.h"
#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using model::NodeName;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kAt = 1'764'590'400;  // 2025-12-01T12:00:00Z

store::CoordinatorEvent told(const std::string& node, std::int64_t seconds, const std::string& subject) {
  return {NodeName(node),
          {.at = {(kAt + seconds) * 1'000},
           .controller = model::Controller::kCpuEvict,
           .reason = model::Reason::kBeStarved,
           .subject = subject,
           .old_value = "",
           .new_value = subject == "file" ? "12" : ""}};
}

const std::vector<store::CoordinatorEvent> kEvents{told("n1", -901, "too early"), told("n1", -900, "file"),
                                                   told("n1", 10, "pod"),         told("n1", 300, "too late"),
                                                   told("n2", 0, "elsewhere"),    told("", 0, "policy")};

std::string archive_of_events(const test::TempDir& dir) {
  store::MemoryStore history;
  EXPECT_TRUE(history.append_events(kEvents));
  std::string bytes;
  columns::ArchiveWriter writer(
      [&bytes](std::string_view more) -> model::Result<void> {
        bytes.append(more);
        return {};
      },
      0, true);
  for (const char* node : {"n1", "n2", ""})
    EXPECT_TRUE(series::write_events(history, NodeName(node), {0}, {kAt * 2'000}, writer));
  EXPECT_TRUE(writer.finish("{}"));
  return dir.write("events.tla", bytes);
}

void expect_those_around(const std::string& path) {
  const auto lines = recorded_events(path, "n1", kAt);
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_THAT(*lines, ElementsAre("2025-12-01T11:45:00Z be-starved by cpu-evict: file, \"\" -> \"12\"",
                                  "2025-12-01T12:00:00Z the cluster, be-starved by cpu-evict: policy",
                                  "2025-12-01T12:00:10Z be-starved by cpu-evict: pod"));
}

TEST(RecordedEvents, AreThoseOfTheNodeAndTheClusterAroundTheMoment) {
  const test::TempDir dir;
  expect_those_around(archive_of_events(dir));
}

TEST(RecordedEvents, OfAStoreAreTheSame) {
  const test::TempDir dir;
  {
    const auto store = rocks::RocksStore::open(dir.str() + "/history", {.series = true});
    ASSERT_TRUE(store) << store.error().message();
    ASSERT_TRUE((*store)->append_events(kEvents));
  }
  expect_those_around(dir.str());
  expect_those_around(dir.str() + "/history");
}

TEST(RecordedEvents, OfAnArchiveWithoutEventsThereAreNone) {
  const test::TempDir dir;
  std::string bytes;
  columns::ArchiveWriter writer([&bytes](std::string_view more) -> model::Result<void> {
    bytes.append(more);
    return {};
  });
  ASSERT_TRUE(writer.finish("{}"));
  const auto lines = recorded_events(dir.write("none.tla", bytes), "n1", kAt);
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_THAT(*lines, IsEmpty());
}

TEST(RecordedEvents, OfManyAreTheNearest) {
  const test::TempDir dir;
  {
    const auto store = rocks::RocksStore::open(dir.str() + "/history", {.series = true});
    ASSERT_TRUE(store) << store.error().message();
    std::vector<store::CoordinatorEvent> many;
    for (int i = 0; i < 100; ++i)
      many.push_back(told("n1", -i, fmt::format("pod-{}", i)));
    ASSERT_TRUE((*store)->append_events(many));
  }
  const auto lines = recorded_events(dir.str(), "n1", kAt);
  ASSERT_TRUE(lines) << lines.error().message();
  ASSERT_THAT(*lines, SizeIs(kMostRecordedEvents + 1));
  EXPECT_THAT(lines->front(), HasSubstr("pod-39"));
  EXPECT_THAT((*lines)[kMostRecordedEvents - 1], HasSubstr("pod-0"));
  EXPECT_EQ(lines->back(), "60 more, further from the moment");
}

TEST(RecordedEvents, ADirectoryThatIsNoStoreIsNamed) {
  const test::TempDir dir;
  const auto lines = recorded_events(dir.str(), "n1", kAt);
  ASSERT_FALSE(lines);
  EXPECT_THAT(lines.error().message(), HasSubstr("neither it nor " + dir.str() + "/history is a store"));
}

TEST(RecordedEvents, AMissingFileIsNamed) {
  const auto lines = recorded_events("/nowhere/a.tla", "n1", kAt);
  ASSERT_FALSE(lines);
  EXPECT_THAT(lines.error().message(), HasSubstr("/nowhere/a.tla"));
}

}  // namespace
}  // namespace tideline::planner_program
