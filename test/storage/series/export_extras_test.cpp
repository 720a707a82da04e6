// What an export has besides tables: their sketches, and the events of the range.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/series/event_bytes.h"
#include "storage/series/export.h"
#include "storage/series/export_events.h"
#include "storage/series/table_bytes.h"
#include "storage/store/memory_store.h"
#include "test/storage/series/memory_series.h"

namespace tideline::series::export_extras_test {
namespace {

using columns::ArchiveReader;
using columns::ExtraKind;
using model::ErrorCode;
using model::NodeName;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kBegin = 20'000 * std::int64_t{86'400};
constexpr std::int64_t kBlock = block_s(Tier::kQuarterHour);
constexpr std::int64_t kBeginMs = kBegin * 1'000;

Sketch sketch_of(std::int64_t value) {
  Sketch sketch;
  sketch.add(value, 6);
  sketch.add(2 * value, 3);
  return sketch;
}

Table table_with_sketches(const Subject& subject, std::int64_t begin, std::int64_t value) {
  const Field field = subject.kind == SubjectKind::kNode ? field_of(model::Metric::kNodeCpu) : Field::kPodCpu;
  Table table{.subject = subject,
              .tier = Tier::kQuarterHour,
              .times = {begin, begin + 900},
              .fields = {{.field = field, .step = 1, .cells = {}}},
              .sketches = {{.field = field, .cells = {sketch_of(value), sketch_of(value + 1)}}}};
  for (const std::int64_t mean : {value, value + 1})
    table.fields[0].cells.push_back({.count = 9, .min = mean, .max = mean, .sum = 9 * mean});
  return table;
}

/// Two nodes of two blocks; of one pod there is no sketch.
MemorySeries history_with_sketches() {
  MemorySeries store;
  std::int64_t value = 100;
  for (const char* name : {"n1", "n2"}) {
    for (const std::int64_t begin : {kBegin, kBegin + kBlock}) {
      Table plain = table_with_sketches({SubjectKind::kPod, "uid-2"}, begin, value++);
      plain.sketches.clear();
      EXPECT_TRUE(store.put_tables(NodeName(name),
                                   {table_with_sketches({}, begin, value++),
                                    table_with_sketches({SubjectKind::kPod, "uid-1"}, begin, value++), plain},
                                   {}));
    }
  }
  return store;
}

store::CoordinatorEvent event_of(const std::string& node, std::int64_t ms, model::Reason reason,
                                 const std::string& subject = "s") {
  return {NodeName(node),
          {.at = {kBeginMs + ms},
           .controller = model::Controller::kCoordinator,
           .reason = reason,
           .subject = subject,
           .old_value = "old",
           .new_value = "new"}};
}

void append_to(store::HistoryStore& history, const std::vector<store::CoordinatorEvent>& events) {
  const auto appended = history.append_events(events);
  ASSERT_TRUE(appended) << appended.error().message();
}

/// Of n1, of n3, which has no table, and of the cluster; and around the range.
void add_some_events(store::HistoryStore& history) {
  append_to(history, {event_of("n1", -1, model::Reason::kDrift, "before"), event_of("n1", 0, model::Reason::kHandsOff),
                      event_of("n1", 1'500, model::Reason::kBeStarved, "twice"),
                      event_of("n1", 1'500, model::Reason::kBeStarved, "twice"),
                      event_of("n1", 2 * kBlock * 1'000, model::Reason::kDrift, "behind"),
                      event_of("n3", 77, model::Reason::kGap), event_of("", 5'000, model::Reason::kPolicyApplied)});
}

ExportAsk ask_for_all(const store::HistoryStore* events, bool quantiles = true) {
  ExportAsk ask;
  ask.tier = Tier::kQuarterHour;
  ask.from = {kBeginMs};
  ask.to = {kBeginMs + 2 * kBlock * 1'000};
  ask.quantiles = quantiles;
  ask.events = events;
  return ask;
}

std::string exported_file(const SeriesStore& store, const ExportAsk& ask, Exported* counts = nullptr) {
  std::string file;
  const auto exported = write_archive(store, ask, [&file](std::string_view bytes) -> model::Result<void> {
    file.append(bytes);
    return {};
  });
  EXPECT_TRUE(exported) << exported.error().message();
  if (exported && counts != nullptr) *counts = *exported;
  return file;
}

model::Result<Imported> import_file(std::string_view file, SeriesStore& store, store::HistoryStore* events) {
  const auto archive = ArchiveReader::open(file);
  if (!archive) return archive.error();
  return read_archive(store, *archive, {}, events);
}

std::vector<Table> all_tables(const MemorySeries& store, const std::string& node) {
  std::vector<Table> tables;
  const ReadRange all{.node = NodeName(node), .tier = Tier::kQuarterHour, .from = {0}, .to = {4 * kBeginMs}};
  EXPECT_TRUE(store.read(all, nullptr, [&tables](Table&& table) {
    tables.push_back(std::move(table));
    return true;
  }));
  return tables;
}

/// "ms since the begin:subject".
std::vector<std::string> events_in(const store::HistoryStore& history, const std::string& node) {
  std::vector<std::string> found;
  const auto walked =
      walk_events(history, NodeName(node), {0}, {4 * kBeginMs}, [&found](model::Event&& event) -> model::Result<void> {
        found.push_back(fmt::format("{}:{}", event.at.ms - kBeginMs, event.subject));
        return {};
      });
  EXPECT_TRUE(walked) << walked.error().message();
  return found;
}

TEST(ExportExtras, QuantilesComeBackWithTheirTables) {
  const MemorySeries store = history_with_sketches();
  Exported counts;
  const std::string file = exported_file(store, ask_for_all(nullptr), &counts);
  EXPECT_EQ(counts.tables, 12U);
  EXPECT_EQ(counts.sketches, 8U) << "of tables that have some";
  MemorySeries other;
  const auto imported = import_file(file, other, nullptr);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put, 12U);
  for (const char* node : {"n1", "n2"}) {
    const auto tables = all_tables(other, node);
    EXPECT_EQ(tables, all_tables(store, node)) << node;
    ASSERT_EQ(tables.size(), 6U);
    EXPECT_EQ(tables[0].sketches.size(), 1U) << "which are there at all";
  }
}

TEST(ExportExtras, APieceOfABlockHasTheSketchesOfItsRows) {
  ExportAsk ask = ask_for_all(nullptr);
  ask.from = {(kBegin + 900) * 1'000};
  ask.to = {(kBegin + kBlock) * 1'000};
  MemorySeries other;
  ASSERT_TRUE(import_file(exported_file(history_with_sketches(), ask), other, nullptr));
  const auto tables = all_tables(other, "n1");
  ASSERT_EQ(tables.size(), 3U);
  EXPECT_THAT(tables[0].times, ElementsAre(kBegin + 900));
  ASSERT_EQ(tables[0].sketches.size(), 1U);
  EXPECT_THAT(tables[0].sketches[0].cells, ElementsAre(sketch_of(102)));
}

TEST(ExportExtras, AreLeftOutSoThatOlderBuildsReadIt) {
  store::MemoryStore history;
  add_some_events(history);
  const MemorySeries store = history_with_sketches();
  EXPECT_EQ(exported_file(store, ask_for_all(nullptr, false))[8], 1);
  EXPECT_EQ(exported_file(store, ask_for_all(&history, false))[8], 3);
  EXPECT_EQ(exported_file(store, ask_for_all(nullptr))[8], 3);
  const std::string older = exported_file(store, ask_for_all(nullptr, false));
  MemorySeries other;
  const auto imported = import_file(older, other, &history);
  ASSERT_TRUE(imported) << "and this one reads it, too: " << imported.error().message();
  EXPECT_EQ(imported->put, 12U);
  EXPECT_EQ(imported->put_events + imported->there_events, 0U);
}

TEST(ExportExtras, EventsOfTheRangeComeBackOnce) {
  store::MemoryStore history;
  add_some_events(history);
  Exported counts;
  const std::string file = exported_file(history_with_sketches(), ask_for_all(&history), &counts);
  EXPECT_EQ(counts.events, 5U);
  EXPECT_EQ(counts.nodes, 2U) << "with tables";
  MemorySeries tables;
  store::MemoryStore other;
  auto imported = import_file(file, tables, &other);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put_events, 5U);
  EXPECT_EQ(imported->there_events, 0U);
  EXPECT_THAT(events_in(other, "n1"), ElementsAre("0:s", "1500:twice", "1500:twice"));
  EXPECT_THAT(events_in(other, "n3"), ElementsAre("77:s")) << "of a node without tables";
  EXPECT_THAT(events_in(other, ""), ElementsAre("5000:s")) << "of the cluster";
  const auto page = other.events(NodeName("n1"), {kBeginMs}, {kBeginMs + 1}, 0);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 1U);
  EXPECT_EQ(page->rows[0].event, event_of("n1", 0, model::Reason::kHandsOff).event) << "word for word";

  imported = import_file(file, tables, &other);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put_events, 0U) << "an import that is run again adds nothing";
  EXPECT_EQ(imported->there_events, 5U);
  EXPECT_THAT(events_in(other, "n1"), ElementsAre("0:s", "1500:twice", "1500:twice"));

  store::MemoryStore half;
  append_to(half, {event_of("n1", 1'500, model::Reason::kBeStarved, "twice")});
  imported = import_file(file, tables, &half);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put_events, 4U) << "of two that are the same as many as there were";
  EXPECT_THAT(events_in(half, "n1"), ElementsAre("0:s", "1500:twice", "1500:twice"));
  ASSERT_TRUE(import_file(file, tables, nullptr)) << "and who wants none passes over them";
}

TEST(ExportExtras, OfNodesThatAreAskedForTheClustersEventsAreThere) {
  store::MemoryStore history;
  add_some_events(history);
  ExportAsk ask = ask_for_all(&history);
  ask.nodes = {NodeName("n2")};
  MemorySeries tables;
  store::MemoryStore other;
  ASSERT_TRUE(import_file(exported_file(history_with_sketches(), ask), tables, &other));
  EXPECT_TRUE(events_in(other, "n1").empty());
  EXPECT_TRUE(events_in(other, "n3").empty());
  EXPECT_THAT(events_in(other, ""), ElementsAre("5000:s"));
}

TEST(ExportExtras, MoreEventsThanAPageOrAPieceHoldsAreAllThere) {
  store::MemoryStore history;
  constexpr std::size_t kMany = store::kMaxEventRows + 2 * kMaxArchivedEvents;
  std::vector<store::CoordinatorEvent> some;
  for (std::size_t i = 0; i < kMany; ++i) {
    // Many in one ms, and pages that end within them.
    some.push_back(event_of("n1", static_cast<std::int64_t>(i / 3'000), model::Reason::kDrift, std::to_string(i)));
    if (some.size() == store::kMaxAppendEvents || i + 1 == kMany) append_to(history, std::exchange(some, {}));
  }
  Exported counts;
  const std::string file = exported_file(MemorySeries(), ask_for_all(&history), &counts);
  EXPECT_EQ(counts.events, kMany);
  MemorySeries tables;
  store::MemoryStore other;
  const auto imported = import_file(file, tables, &other);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put_events, kMany);
  EXPECT_EQ(events_in(other, "n1"), events_in(history, "n1"));
}

TEST(ExportExtras, EqualEventsOfOneInstantAreNotDivided) {
  store::MemoryStore history;
  std::vector<store::CoordinatorEvent> some(kMaxArchivedEvents - 2, event_of("n1", 0, model::Reason::kDrift));
  append_to(history, some);
  some.assign(10, event_of("n1", 1, model::Reason::kDrift, "twin"));
  append_to(history, some);
  MemorySeries tables;
  store::MemoryStore other;
  const auto imported = import_file(exported_file(MemorySeries(), ask_for_all(&history)), tables, &other);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put_events, kMaxArchivedEvents + 8) << "twins in two pieces would be taken for one another";
}

TEST(ExportExtras, EventsOfANameThatNoImportWouldTakeAreAnErrorThatNamesIt) {
  for (const std::string& name : std::vector<std::string>{"a/b", "/"}) {
    store::MemoryStore history;
    append_to(history, {event_of(name, 0, model::Reason::kDrift)});
    const auto exported = write_archive(MemorySeries(), ask_for_all(&history),
                                        [](std::string_view) -> model::Result<void> { return {}; });
    ASSERT_FALSE(exported) << name;
    EXPECT_EQ(exported.error().message(),
              "export: events of " + name + ": archive: '" + name + "' is no name of a node");
  }
}

TEST(ExportExtras, AnErrorOfTheirStoreNamesWhoseTheyAre) {
  class Unreadable final : public store::HistoryStore {
   public:
    model::Result<std::vector<store::AppendOutcome>> append_views(std::span<const store::ReportView>) override {
      return refusal();
    }
    model::Result<void> append_events(std::span<const store::CoordinatorEvent>) override { return refusal(); }
    model::Result<void> append_accounts(std::span<const model::AccountAt>) override { return refusal(); }
    model::Result<store::DroppedSlice> drop_slice(const store::DropBefore&, const NodeName&, std::size_t) override {
      return refusal();
    }
    model::Result<void> put_setting(std::string_view, std::string_view) override { return refusal(); }
    model::Result<std::optional<std::string>> setting(std::string_view) const override { return refusal(); }
    std::vector<NodeName> nodes() const override { return {}; }
    std::optional<model::WallTime> last_received(const NodeName&) const override { return std::nullopt; }
    model::Seq acked_through(const NodeName&, model::Incarnation) const override { return {}; }
    bool has(const NodeName&, model::Incarnation, model::Seq) const override { return false; }
    model::Result<store::Page<store::StoredEvent>> events(const NodeName&, model::WallTime, model::WallTime,
                                                          std::size_t) const override {
      return refusal();
    }
    model::Result<store::Page<model::AccountAt>> accounts(const NodeName&, model::WallTime, model::WallTime,
                                                          std::size_t) const override {
      return refusal();
    }
    model::Result<std::optional<model::AccountAt>> last_account(const NodeName&, model::WallTime) const override {
      return refusal();
    }
    model::Result<std::optional<store::StoredReport>> last_report(const NodeName&) const override { return refusal(); }

   protected:
    model::Result<void> walk_reports(const NodeName&, model::WallTime, model::WallTime,
                                     const ReportVisitor&) const override {
      return refusal();
    }
    model::Duration longest_window(const NodeName&) const override { return {}; }

   private:
    static model::Error refusal() { return {ErrorCode::kUnavailable, "Input/output error"}; }
  };
  const Unreadable history{};
  const auto exported = write_archive(history_with_sketches(), ask_for_all(&history),
                                      [](std::string_view) -> model::Result<void> { return {}; });
  ASSERT_FALSE(exported);
  EXPECT_EQ(exported.error().message(), "export: events of n1: Input/output error");
}

// Below, an archive says what no export does.

constexpr std::string_view kAboutExtras =
    R"({"tideline":"history","version":1,"tier":"15m","from":0,"to":60,"pods":[]})";

/// A chunk of n1's, unless nullptr, and an extra.
std::string file_with(const Table* table, const columns::Extra& extra) {
  std::string file;
  columns::ArchiveWriter writer(
      [&file](std::string_view bytes) -> model::Result<void> {
        file.append(bytes);
        return {};
      },
      kAboutExtras.size(), true);
  if (table != nullptr) {
    EXPECT_TRUE(writer.add(chunk_for_archive(*table, "n1")));
  }
  EXPECT_TRUE(writer.add_extra(extra));
  EXPECT_TRUE(writer.finish(kAboutExtras));
  return file;
}

TEST(ImportExtras, SketchesThatAreNotOfTheChunkBeforeThemAreRefused) {
  const Table table = table_with_sketches({}, kBegin, 100);
  const std::string bytes = encode_sketches(table.sketches).value_or("");
  const columns::Extra sound{.kind = ExtraKind::kSketches,
                             .series = "n1",
                             .first = kBegin + 900,
                             .last = kBegin + 1'800,
                             .rows = 2,
                             .bytes = bytes};
  MemorySeries good;
  ASSERT_TRUE(import_file(file_with(&table, sound), good, nullptr));
  ASSERT_EQ(all_tables(good, "n1"), std::vector<Table>{table});
  const auto refused = [&](const Table* before, const std::function<void(columns::Extra&)>& spoil,
                           const std::string& why) {
    columns::Extra extra = sound;
    spoil(extra);
    MemorySeries store;
    const auto imported = import_file(file_with(before, extra), store, nullptr);
    ASSERT_FALSE(imported) << why;
    EXPECT_EQ(imported.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(imported.error().message(), AllOf(StartsWith("import: archive: series n1"), HasSubstr(why)));
    EXPECT_TRUE(store.calls.empty());
  };
  refused(
      nullptr, [](columns::Extra&) {}, "offset 16: sketches that do not follow their chunk");
  refused(
      &table, [](columns::Extra& e) { e.series = "n1/pod/u"; }, "do not follow their chunk");
  refused(
      &table, [](columns::Extra& e) { ++e.first; }, "do not follow their chunk");
  refused(
      &table, [](columns::Extra& e) { ++e.rows; }, "do not follow their chunk");
  refused(
      &table, [](columns::Extra& e) { e.bytes = "TDS\x01 others"; }, "sketches: their CRC-32C");
}

TEST(ImportExtras, EventsOfNobodyOrOfAnotherTimeAreRefused) {
  const std::vector<model::Event> events{event_of("n1", 1'000, model::Reason::kDrift).event};
  const std::string bytes = encode_events(events).value_or("");
  const columns::Extra sound{
      .kind = ExtraKind::kEvents, .series = "n1", .first = kBegin + 1, .last = kBegin + 1, .rows = 1, .bytes = bytes};
  MemorySeries tables;
  store::MemoryStore history;
  ASSERT_TRUE(import_file(file_with(nullptr, sound), tables, &history));
  ASSERT_THAT(events_in(history, "n1"), ElementsAre("1000:s"));
  const auto refused = [&](const std::function<void(columns::Extra&)>& spoil, const std::string& why) {
    columns::Extra extra = sound;
    spoil(extra);
    store::MemoryStore into;
    const auto imported = import_file(file_with(nullptr, extra), tables, &into);
    ASSERT_FALSE(imported) << why;
    EXPECT_EQ(imported.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(imported.error().message(), AllOf(StartsWith("import: archive: series "), HasSubstr(why)));
    EXPECT_TRUE(events_in(into, "n1").empty());
  };
  refused([](columns::Extra& e) { e.series = "n1/pod/u"; }, "neither a node nor the cluster");
  refused([](columns::Extra& e) { e.series = "//"; }, "neither a node nor the cluster");
  refused([](columns::Extra& e) { ++e.last; }, "not what the index says");
  refused([](columns::Extra& e) { e.rows = 2; }, "1 of them, and the index says 2");
  refused([](columns::Extra& e) { e.bytes = "TDE\x01 no frame"; }, "zstd frame");
}

TEST(ImportExtras, WhatANewerBuildPutsBesideThemIsPassedOver) {
  const Table table = table_with_sketches({}, kBegin, 100);
  const columns::Extra newer{.kind = static_cast<ExtraKind>(100),
                             .series = "n1",
                             .first = kBegin + 900,
                             .last = kBegin + 1'800,
                             .rows = 2,
                             .bytes = "who knows"};
  MemorySeries store;
  store::MemoryStore history;
  const auto imported = import_file(file_with(&table, newer), store, &history);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put, 1U);
}

}  // namespace
}  // namespace tideline::series::export_extras_test
