#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "storage/columns/archive.h"
#include "test/storage/history_program/small_store.h"
#include "test/support/temp_dir.h"

namespace tideline::history_program {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// The times of each subject's rows in the tier of a minute, by node and subject.
std::map<std::pair<std::string, series::Subject>, std::vector<std::int64_t>> rows_of(const std::string& store) {
  std::map<std::pair<std::string, series::Subject>, std::vector<std::int64_t>> rows;
  const auto reader = rocks::RocksStore::open_read_only(store);
  EXPECT_TRUE(reader) << reader.error().message();
  if (!reader) return rows;
  for (const auto& node : (*reader)->series_nodes()) {
    const series::ReadRange all{node, series::Tier::kMinute, {store::kStart - 86'400'000}, kNowInTests};
    const auto read = (*reader)->read(all, nullptr, [&](series::Table&& table) {
      auto& times = rows[{node.str(), table.subject}];
      times.insert(times.end(), table.times.begin(), table.times.end());
      return true;
    });
    EXPECT_TRUE(read) << read.error().message();
  }
  return rows;
}

/// Of the node itself in the tier of a minute: the 95th percentile of each row's CPU.
std::vector<std::int64_t> peaks_of(const std::string& store, const std::string& node) {
  std::vector<std::int64_t> peaks;
  const auto reader = rocks::RocksStore::open_read_only(store);
  EXPECT_TRUE(reader) << reader.error().message();
  if (!reader) return peaks;
  const std::vector<series::Subject> only{series::Subject{}};
  const series::ReadRange all{model::NodeName(node), series::Tier::kMinute, {store::kStart - 86'400'000}, kNowInTests};
  const auto read = (*reader)->read(all, &only, [&](series::Table&& table) {
    for (const auto& column : table.sketches) {
      if (column.field != series::field_of(model::Metric::kNodeCpu)) continue;
      for (const series::Sketch& sketch : column.cells)
        peaks.push_back(sketch.quantile(0.95));
    }
    return true;
  });
  EXPECT_TRUE(read) << read.error().message();
  return peaks;
}

/// "ms after kStart: subject" of the node, or of the cluster.
std::vector<std::string> events_of(const std::string& store, const std::string& node) {
  std::vector<std::string> found;
  const auto reader = rocks::RocksStore::open_read_only(store);
  EXPECT_TRUE(reader) << reader.error().message();
  if (!reader) return found;
  const auto page = (*reader)->events(model::NodeName(node), {0}, kNowInTests, 0);
  EXPECT_TRUE(page) << page.error().message();
  if (!page) return found;
  for (const auto& row : page->rows)
    found.push_back(fmt::format("{}: {}", row.at.ms - store::kStart, row.event.subject));
  return found;
}

class ArchivesTest : public testing::Test {
 protected:
  ArchivesTest() { make_small_store(store_); }

  std::vector<std::string> export_all() const {
    return {"export", dir_.str(), "--since", "2023-11-14", "--until", "2023-11-16", "-o", file_};
  }
  static std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  test::TempDir dir_;
  const std::string store_ = dir_.str() + "/history";
  test::TempDir elsewhere_;
  const std::string file_ = elsewhere_.str() + "/all.tla";
  const std::string other_ = elsewhere_.str() + "/other";
};

TEST_F(ArchivesTest, AnExportImportedIsTheSameHistory) {
  const auto exported = run_with(with(export_all(), {"--json"}));
  ASSERT_EQ(exported.code, kDone) << exported.err;
  EXPECT_EQ(exported.json()["nodes"], 2);
  EXPECT_EQ(exported.json()["tier"], "1m");
  EXPECT_EQ(exported.json()["bytes"], std::filesystem::file_size(file_));
  const auto imported = run_with({"import", file_, "--into", other_, "--json"});
  ASSERT_EQ(imported.code, kDone) << imported.err;
  EXPECT_EQ(imported.json()["store"], other_ + "/history");
  EXPECT_EQ(imported.json()["put"], exported.json()["tables"]);
  EXPECT_EQ(imported.json()["there"], 0);
  const auto rows = rows_of(store_);
  EXPECT_GT(rows.size(), 2u);
  EXPECT_EQ(rows_of(other_ + "/history"), rows);
  EXPECT_EQ(run_with({"verify", other_}).code, kDone);
}

TEST_F(ArchivesTest, QuantilesAndEventsMoveWithIt) {
  {
    const auto store = rocks::RocksStore::open(store_, {.series = true});
    ASSERT_TRUE(store) << store.error().message();
    const auto event = [](std::int64_t ms, const std::string& subject) {
      return model::Event{.at = {store::kStart + ms},
                          .controller = model::Controller::kCpuEvict,
                          .reason = model::Reason::kBeStarved,
                          .subject = subject,
                          .old_value = "",
                          .new_value = ""};
    };
    const std::vector<store::CoordinatorEvent> events{{model::NodeName("web-1"), event(5, "batch/sort")},
                                                      {model::NodeName("web-1"), event(90'000, "batch/sort")},
                                                      {model::NodeName("gone-1"), event(7, "batch/old")},
                                                      {model::NodeName(), event(60'000, "version 3")}};
    ASSERT_TRUE((*store)->append_events(events));
  }
  const auto exported = run_with(with(export_all(), {"--json"}));
  ASSERT_EQ(exported.code, kDone) << exported.err;
  EXPECT_EQ(exported.json()["events"], 4);
  EXPECT_GT(exported.json()["sketches"], 1);
  auto imported = run_with({"import", file_, "--into", other_, "--json"});
  ASSERT_EQ(imported.code, kDone) << imported.err;
  EXPECT_EQ(imported.json()["putEvents"], 4);
  const auto peaks = peaks_of(store_, "web-1");
  EXPECT_GT(peaks.size(), 100u);
  EXPECT_EQ(peaks_of(other_ + "/history", "web-1"), peaks);
  for (const char* node : {"web-1", "gone-1", ""})
    EXPECT_EQ(events_of(other_ + "/history", node), events_of(store_, node)) << node;
  EXPECT_THAT(events_of(other_ + "/history", "web-1"), ElementsAre("5: batch/sort", "90000: batch/sort"));
  EXPECT_EQ(run_with({"verify", other_}).code, kDone);

  imported = run_with({"import", file_, "--into", other_, "--json"});
  ASSERT_EQ(imported.code, kDone) << imported.err;
  EXPECT_EQ(imported.json()["putEvents"], 0) << "an import is run again where it ended half-way";
  EXPECT_EQ(imported.json()["thereEvents"], 4);

  ASSERT_EQ(run_with(with(export_all(), {"--force", "--no-quantiles", "--no-events"})).code, kDone);
  EXPECT_EQ(elsewhere_.read("all.tla")[8], 1) << "as older builds read it";
  const std::string plain = elsewhere_.str() + "/plain";
  ASSERT_EQ(run_with({"import", file_, "--into", plain}).code, kDone);
  EXPECT_THAT(peaks_of(plain + "/history", "web-1"), testing::IsEmpty());
  EXPECT_THAT(events_of(plain + "/history", "web-1"), testing::IsEmpty());
}

TEST_F(ArchivesTest, WhatAStoreHasStaysAsItIs) {
  ASSERT_EQ(run_with(export_all()).code, kDone);
  ASSERT_EQ(run_with({"import", file_, "--into", other_}).code, kDone);
  const auto again = run_with({"import", file_, "--into", other_, "--json"});
  ASSERT_EQ(again.code, kDone) << again.err;
  EXPECT_EQ(again.json()["put"], 0);
  EXPECT_GT(again.json()["there"], 0);
}

TEST_F(ArchivesTest, ExportsBesideWhoHasTheStoreOpen) {
  const Holder holder(store_);
  EXPECT_EQ(run_with(export_all()).code, kDone);
}

TEST_F(ArchivesTest, ExportsOneNodeWithoutPods) {
  const auto ran = run_with(with(export_all(), {"--node", "db-1", "--no-pods", "--tier", "15m", "--json"}));
  ASSERT_EQ(ran.code, kDone) << ran.err;
  EXPECT_EQ(ran.json()["nodes"], 1);
  EXPECT_EQ(ran.json()["tier"], "15m");
  const std::string bytes = elsewhere_.read("all.tla");
  const auto archive = columns::ArchiveReader::open(bytes);
  ASSERT_TRUE(archive) << archive.error().message();
  for (const auto& entry : archive->entries())
    EXPECT_THAT(entry.series, AllOf(testing::StartsWith("db-1"), testing::Not(HasSubstr("/pod/"))));
}

TEST_F(ArchivesTest, ExportsOverAnArchiveOnlyByForce) {
  elsewhere_.write("all.tla", "mine");
  const auto refused = run_with(export_all());
  EXPECT_EQ(refused.code, kFailed);
  EXPECT_THAT(refused.err, AllOf(HasSubstr(file_), HasSubstr("--force")));
  EXPECT_EQ(elsewhere_.read("all.tla"), "mine");
  EXPECT_EQ(run_with(with(export_all(), {"--force"})).code, kDone);
  EXPECT_NE(elsewhere_.read("all.tla"), "mine");
}

TEST_F(ArchivesTest, AnExportThatFailsLeavesNothing) {
  const auto unknown = run_with(with(export_all(), {"--node", "web-9"}));
  EXPECT_EQ(unknown.code, kFailed);
  EXPECT_THAT(unknown.err, HasSubstr("--node web-9"));
  const auto empty = run_with({"export", dir_.str(), "--since", "2020-01-01", "--until", "2020-01-02", "-o", file_});
  EXPECT_EQ(empty.code, kFailed);
  EXPECT_THAT(empty.err, AllOf(HasSubstr(store_), HasSubstr("2020-01-01T00:00:00Z .. 2020-01-02T00:00:00Z")));
  EXPECT_EQ(run_with(export_all(), true).code, kFailed);
  EXPECT_EQ(run_with({"export", dir_.str(), "--since", "2023-11-14", "-o", store_ + "/a.tla"}).code, kFailed);
  EXPECT_THAT(names_in(elsewhere_.path()), testing::IsEmpty());
}

TEST_F(ArchivesTest, AreNotImportedIntoAStoreThatIsHeld) {
  ASSERT_EQ(run_with(export_all()).code, kDone);
  const Holder holder(store_);
  const auto ran = run_with({"import", file_, "--into", dir_.str()});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_THAT(ran.err, AllOf(HasSubstr(store_), HasSubstr("a process has it open"), HasSubstr("stop it first")));
}

TEST_F(ArchivesTest, WhatIsNoExportMakesNoStore) {
  std::string planners;
  columns::ArchiveWriter writer([&](std::string_view bytes) {
    planners += bytes;
    return model::Result<void>();
  });
  ASSERT_TRUE(writer.finish(R"({"program":"tideline-planner"})"));
  const std::pair<std::string, std::string> cases[] = {
      {"planners.tla", planners}, {"text.tla", "no archive"}, {"", ""}};
  for (const auto& [name, bytes] : cases) {
    const std::string path = name.empty() ? "/nowhere/a.tla" : elsewhere_.write(name, bytes);
    const auto ran = run_with({"import", path, "--into", other_});
    EXPECT_EQ(ran.code, kFailed) << path;
    EXPECT_THAT(ran.err, HasSubstr(path));
    EXPECT_FALSE(std::filesystem::exists(other_));
  }
}

TEST_F(ArchivesTest, ADamagedArchiveIsNamed) {
  ASSERT_EQ(run_with(export_all()).code, kDone);
  flip_byte(file_, std::filesystem::file_size(file_) / 3);
  const auto ran = run_with({"import", file_, "--into", other_});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_THAT(ran.err, HasSubstr(file_));
}

TEST_F(ArchivesTest, AnImportThatIsEndedMakesNothing) {
  ASSERT_EQ(run_with(export_all()).code, kDone);
  EXPECT_EQ(run_with({"import", file_, "--into", other_}, true).code, kFailed);
  EXPECT_THAT(names_in(elsewhere_.path()), ElementsAre("all.tla"));
}

}  // namespace
}  // namespace tideline::history_program
