#include "storage/series/export.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/series/export_about.h"
#include "storage/series/table_bytes.h"
#include "test/storage/series/memory_series.h"

namespace tideline::series::export_test {
namespace {

using columns::ArchiveReader;
using model::ErrorCode;
using model::Metric;
using model::NodeName;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kBegin = 20'000 * std::int64_t{86'400};  // a begin of blocks of all tiers
constexpr std::int64_t kBlock = block_s(Tier::kMinute);

model::WallTime wall(std::int64_t seconds) {
  return {seconds * 1000};
}

/// A row at each of the times; of a mean that is whole, so that it comes back as it was.
Table table_of_rows(const Subject& subject, const std::vector<std::int64_t>& times, std::int64_t value) {
  const Field field = subject.kind == SubjectKind::kNode ? field_of(Metric::kNodeCpu) : Field::kPodCpu;
  Table table{.subject = subject,
              .tier = Tier::kMinute,
              .times = times,
              .fields = {{.field = field, .step = 1, .cells = {}}},
              .sketches = {}};
  for (std::size_t row = 0; row < times.size(); ++row) {
    const std::int64_t mean = value + static_cast<std::int64_t>(row);
    table.fields[0].cells.push_back({.count = 6, .min = mean - 1, .max = mean + 2, .sum = 6 * mean});
  }
  return table;
}

PodInfo pod_info(const std::string& uid) {
  return {.uid = model::PodUid(uid),
          .name_space = "shop",
          .name = "web-" + uid,
          .workload = "Deployment/web",
          .qos = model::QosClass::kBe,
          .first_s = kBegin,
          .last_s = kBegin + 2 * kBlock};
}

/// Three nodes whose names stand between those of each other's pods, two blocks each.
MemorySeries small_history() {
  static const std::vector<Subject> kSubjects{
      {}, {SubjectKind::kPod, "uid-1"}, {SubjectKind::kPod, "uid-2"}, {SubjectKind::kWorkload, "shop/Deployment/web"}};
  MemorySeries store;
  std::int64_t value = 100;
  for (const char* name : {"n1", "n1-a", "n1.x"}) {
    for (const std::int64_t begin : {kBegin, kBegin + kBlock}) {
      std::vector<Table> tables;
      for (const Subject& subject : kSubjects)
        tables.push_back(table_of_rows(subject, {begin, begin + 60, begin + 600}, value++));
      EXPECT_TRUE(store.put_tables(NodeName(name), tables, {pod_info("uid-1"), pod_info("uid-2")}));
    }
  }
  store.calls.clear();
  return store;
}

ExportAsk all_of_it() {
  ExportAsk ask;
  ask.from = wall(kBegin);
  ask.to = wall(kBegin + 2 * kBlock);
  return ask;
}

model::Result<Exported> export_to(std::string& file, const SeriesStore& store, const ExportAsk& ask,
                                  const std::function<bool(std::size_t)>& progress = {}) {
  file.clear();
  return write_archive(
      store, ask,
      [&file](std::string_view bytes) -> model::Result<void> {
        file.append(bytes);
        return {};
      },
      progress);
}

model::Result<Imported> import_from(const std::string& file, SeriesStore& store,
                                    const std::function<bool(std::size_t)>& progress = {}) {
  const auto archive = ArchiveReader::open(file);
  if (!archive) return archive.error();
  return read_archive(store, *archive, progress);
}

std::vector<Table> tables_in(const MemorySeries& store, const std::string& node) {
  std::vector<Table> tables;
  const ReadRange all{.node = NodeName(node), .tier = Tier::kMinute, .from = wall(0), .to = wall(4 * kBegin)};
  EXPECT_TRUE(store.read(all, nullptr, [&tables](Table&& table) {
    tables.push_back(std::move(table));
    return true;
  }));
  return tables;
}

std::vector<PodInfo> pods_in(const MemorySeries& store, const std::string& node) {
  const auto pods = store.pods(NodeName(node), wall(0), wall(4 * kBegin));
  EXPECT_TRUE(pods);
  return *pods;
}

/// An archive of any chunks and description.
std::string archive_with(const std::vector<columns::Chunk>& chunks, std::string_view about) {
  std::string file;
  columns::ArchiveWriter writer(
      [&file](std::string_view bytes) -> model::Result<void> {
        file.append(bytes);
        return {};
      },
      about.size());
  for (const auto& chunk : chunks)
    EXPECT_TRUE(writer.add(chunk));
  EXPECT_TRUE(writer.finish(about));
  return file;
}

TEST(ArchiveName, IsReadAsItWasMade) {
  const std::vector<std::pair<Subject, std::string>> names{
      {{}, "n1.zone"},
      {{SubjectKind::kPod, "uid-1"}, "n1.zone/pod/uid-1"},
      {{SubjectKind::kPod, "a/b"}, "n1.zone/pod/a/b"},
      {{SubjectKind::kPod, "pod/"}, "n1.zone/pod/pod/"},
      {{SubjectKind::kWorkload, "shop/Deployment/web"}, "n1.zone/workload/shop/Deployment/web"}};
  for (const auto& [subject, wanted] : names) {
    const auto name = archive_name(NodeName("n1.zone"), subject);
    ASSERT_TRUE(name) << name.error().message();
    EXPECT_EQ(*name, wanted);
    const auto parsed = parse_archive_name(*name);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->node, NodeName("n1.zone"));
    EXPECT_EQ(parsed->subject, subject);
  }
}

TEST(ArchiveName, ThatHasNoRoomOrIsNoneIsNamed) {
  const auto refused = [](const std::string& node, const Subject& subject, const std::string& why) {
    const auto name = archive_name(NodeName(node), subject);
    ASSERT_FALSE(name) << why;
    EXPECT_EQ(name.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(name.error().message(), AllOf(StartsWith("archive: "), HasSubstr(why)));
  };
  refused("", {}, "'' is no name of a node");
  refused("a/b", {}, "'a/b' is no name of a node");
  refused(std::string(254, 'n'), {}, "is no name of a node");
  refused("n1", {SubjectKind::kPod, ""}, "a subject of node n1 has no name");
  refused("n1", {SubjectKind::kPod, std::string(247, 'u')}, "n1/pod/uuu");
  EXPECT_TRUE(archive_name(NodeName("n1"), {SubjectKind::kPod, std::string(246, 'u')}));
  for (const char* name : {"", "/", "/pod/u", "n1/", "n1/pod", "n1/pod/", "n1/workload/", "n1/node/x", "n1/u\x1b"}) {
    const auto parsed = parse_archive_name(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(parsed.error().message().find('\x1b'), std::string::npos);
  }
}

TEST(Export, IsImportedAsItWas) {
  const MemorySeries store = small_history();
  std::string file;
  const auto exported = export_to(file, store, all_of_it());
  ASSERT_TRUE(exported) << exported.error().message();
  EXPECT_EQ(exported->tables, 24U);
  EXPECT_EQ(exported->rows, 72U);
  EXPECT_EQ(exported->nodes, 3U);
  EXPECT_EQ(exported->bytes, file.size());

  MemorySeries other;
  const auto imported = import_from(file, other);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put, 24U);
  EXPECT_EQ(imported->there, 0U);
  EXPECT_EQ(other.series_nodes(), store.series_nodes());
  for (const char* node : {"n1", "n1-a", "n1.x"}) {
    EXPECT_EQ(tables_in(other, node), tables_in(store, node)) << node;
    EXPECT_EQ(pods_in(other, node), pods_in(store, node)) << node;
  }
  ASSERT_EQ(other.calls.size(), 3U) << "those of a node go together";
  for (const auto& call : other.calls) {
    EXPECT_EQ(call.tables, 8U);
    EXPECT_EQ(call.pods, 2U);
  }
}

TEST(Export, OfTheSameIsTheSameFile) {
  std::string first;
  ASSERT_TRUE(export_to(first, small_history(), all_of_it()));
  std::string second;
  ASSERT_TRUE(export_to(second, small_history(), all_of_it()));
  EXPECT_EQ(first, second);
}

TEST(Export, HasTheRangeAndTheNodesThatAreAskedFor) {
  const MemorySeries store = small_history();
  ExportAsk ask = all_of_it();
  // From within the first row's second on, so that it is not in it.
  ask.from = {wall(kBegin).ms + 1};
  ask.to = wall(kBegin + 600);
  ask.nodes = {NodeName("n1.x"), NodeName("n1"), NodeName("n1.x"), NodeName("none")};
  std::string file;
  const auto exported = export_to(file, store, ask);
  ASSERT_TRUE(exported) << exported.error().message();
  EXPECT_EQ(exported->tables, 8U);
  EXPECT_EQ(exported->rows, 8U);
  EXPECT_EQ(exported->nodes, 2U);
  const auto about = parse_export_about(ArchiveReader::open(file)->about());
  ASSERT_TRUE(about) << about.error().message();
  EXPECT_EQ(about->tier, Tier::kMinute);
  EXPECT_EQ(about->from_s, kBegin + 1);
  EXPECT_EQ(about->to_s, kBegin + 600);
  MemorySeries other;
  ASSERT_TRUE(import_from(file, other));
  EXPECT_THAT(other.series_nodes(), ElementsAre(NodeName("n1"), NodeName("n1.x")));
  EXPECT_THAT(tables_in(other, "n1")[0].times, ElementsAre(kBegin + 60));
}

TEST(Export, WithoutPodsHasNodesAndWorkloads) {
  ExportAsk ask = all_of_it();
  ask.pods = false;
  std::string file;
  const auto exported = export_to(file, small_history(), ask);
  ASSERT_TRUE(exported) << exported.error().message();
  EXPECT_EQ(exported->tables, 12U);
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader);
  for (const auto& entry : reader->entries())
    EXPECT_EQ(entry.series.find("/pod/"), std::string::npos) << entry.series;
  const std::string about = R"({"tideline":"history","version":1,"tier":"1m","from":)" + std::to_string(kBegin) +
                            R"(,"to":)" + std::to_string(kBegin + 2 * kBlock) + R"(,"pods":[]})";
  EXPECT_EQ(reader->about(), about);
}

TEST(Export, OfAnotherTierSaysSo) {
  ExportAsk ask = all_of_it();
  ask.tier = Tier::kQuarterHour;
  std::string file;
  const auto exported = export_to(file, small_history(), ask);
  ASSERT_TRUE(exported);
  EXPECT_EQ(exported->tables, 0U);
  EXPECT_EQ(exported->nodes, 0U);
  MemorySeries other;
  ASSERT_TRUE(import_from(file, other)) << "an archive of nothing but pods' names";
  EXPECT_EQ(pods_in(other, "n1").size(), 2U) << "which come with no table, too";
  EXPECT_EQ(parse_export_about(ArchiveReader::open(file)->about())->tier, Tier::kQuarterHour);
}

TEST(Export, EndsWhereItsCallerItsSinkOrTheStoreSays) {
  std::string file;
  ExportAsk ask = all_of_it();
  ask.from = ask.to;
  EXPECT_EQ(export_to(file, small_history(), ask).error().code(), ErrorCode::kInvalidArgument);

  std::vector<std::size_t> told;
  const auto ended = export_to(file, small_history(), all_of_it(), [&told](std::size_t nodes) {
    told.push_back(nodes);
    return nodes < 2;
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(ended.error().message(), HasSubstr("after 2 of 3 nodes"));
  EXPECT_THAT(told, ElementsAre(1U, 2U));
  EXPECT_FALSE(ArchiveReader::open(file)) << "what is there of it is no archive";

  MemorySeries store = small_history();
  store.damaged = NodeName("n1-a");
  const auto broken = export_to(file, store, all_of_it());
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(broken.error().message(), HasSubstr("export: table of n1-a"));

  int calls = 0;
  const auto full = write_archive(small_history(), all_of_it(), [&calls](std::string_view) -> model::Result<void> {
    if (++calls < 4) return {};
    return model::Error(ErrorCode::kUnavailable, "disk full");
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message(), "export: disk full");
  EXPECT_EQ(calls, 4);
}

TEST(Export, ASeriesWhoseNameHasNoRoomIsNamed) {
  MemorySeries store;
  const Subject subject{SubjectKind::kPod, std::string(250, 'u')};
  ASSERT_TRUE(store.put_tables(NodeName("n1"), {table_of_rows(subject, {kBegin}, 5)}, {}));
  std::string file;
  const auto exported = export_to(file, store, all_of_it());
  ASSERT_FALSE(exported);
  EXPECT_THAT(exported.error().message(), HasSubstr("n1/pod/uuu"));
}

TEST(Export, OfManyPodsIsOfTheVersionThatHasRoomForThem) {
  MemorySeries store;
  std::vector<PodInfo> pods;
  for (int i = 0; i < 10'000; ++i)
    pods.push_back(pod_info(fmt::format("uid-{:06}", i)));
  ASSERT_TRUE(store.put_tables(NodeName("n1"), {table_of_rows({}, {kBegin}, 5)}, pods));
  std::string file;
  ASSERT_TRUE(export_to(file, store, all_of_it()));
  EXPECT_EQ(file[8], 2);
  MemorySeries other;
  ASSERT_TRUE(import_from(file, other));
  EXPECT_EQ(pods_in(other, "n1"), pods);

  std::string small;
  ASSERT_TRUE(export_to(small, small_history(), all_of_it()));
  EXPECT_EQ(small[8], 1) << "older builds read it";
}

TEST(ExportAbout, EndsWhereAnArchiveHasNoRoomForIt) {
  ExportAboutText text(Tier::kMinute, 0, 60);
  PodInfo pod = pod_info("uid");
  pod.workload = std::string(100'000, 'w');
  auto added = text.add(NodeName("n1"), pod);
  for (int i = 0; added && i < 1000; ++i)
    added = text.add(NodeName("n1"), pod);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), ErrorCode::kOverloaded);
  EXPECT_THAT(added.error().message(), HasSubstr("up to n1 take more than 64 MiB"));
  const std::string about = std::move(text).finish();
  EXPECT_LE(about.size(), columns::kMaxLargeAboutBytes);
  EXPECT_GT(about.size(), columns::kMaxLargeAboutBytes - 200'000);
}

TEST(ExportAbout, NamesOfAnyBytesAreWritten) {
  ExportAboutText text(Tier::kTenSeconds, -60, 60);
  PodInfo pod = pod_info("uid-\"1\"");
  pod.name = "a\\\n\xff";
  ASSERT_TRUE(text.add(NodeName("n1"), pod));
  const auto about = parse_export_about(std::move(text).finish());
  ASSERT_TRUE(about) << about.error().message();
  EXPECT_EQ(about->tier, Tier::kTenSeconds);
  EXPECT_EQ(about->from_s, -60);
  ASSERT_EQ(about->pods.size(), 1U);
  const PodInfo& read = about->pods.begin()->second.at(0);
  EXPECT_EQ(read.uid, pod.uid);
  EXPECT_EQ(read.name, "a\\\n\xEF\xBF\xBD");
}

/// Of one pod, with these fields.
std::string about_with(const std::string& pod) {
  return R"({"tideline":"history","version":1,"tier":"1m","from":0,"to":60,"pods":[)" + pod + "]}";
}
constexpr std::string_view kSoundPod =
    R"({"node":"n1","uid":"u","namespace":"","name":"","workload":"","qos":"LS","first":1,"last":2})";

TEST(ExportAbout, WhatIsNewInItIsPassedOver) {
  std::string pod(kSoundPod);
  pod.insert(1, R"("more":{"uid":"other","list":[1,{"node":"x"}]},"flag":true,)");
  std::string about = about_with(pod);
  about.insert(1, R"("notes":[{"pods":[1,2]},"x",null],"share":0.5,)");
  const auto parsed = parse_export_about(about);
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->pods.size(), 1U);
  const auto& [node, pods] = *parsed->pods.begin();
  EXPECT_EQ(node, NodeName("n1"));
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(pods[0].uid, model::PodUid("u"));
  EXPECT_EQ(pods[0].last_s, 2);
}

TEST(ExportAbout, ThatTellsOfSomethingElseIsRefused) {
  const auto refused = [](const std::string& about, ErrorCode code, const std::string& why) {
    const auto parsed = parse_export_about(about);
    ASSERT_FALSE(parsed) << about;
    EXPECT_EQ(parsed.error().code(), code) << parsed.error().message();
    EXPECT_THAT(parsed.error().message(), AllOf(StartsWith("archive: "), HasSubstr(why)));
    EXPECT_LE(parsed.error().message().size(), 300U);
    EXPECT_EQ(parsed.error().message().find('\n'), std::string::npos);
  };
  refused("{}", ErrorCode::kInvalidArgument, "no export of history; it says of itself: {}");
  refused(R"({"source":"bitbrains"})", ErrorCode::kInvalidArgument, "bitbrains");
  refused(R"({"tideline":"plan"})", ErrorCode::kInvalidArgument, "no export of history");
  refused("[\n\"tideline\",\"history\"]", ErrorCode::kInvalidArgument, "no export of history");
  refused(R"({"tideline":"history","version":2,"pods":[7]})", ErrorCode::kUnsupported,
          "version 2, this build reads up to 1");
  refused(R"({"tideline":"history"})", ErrorCode::kMalformed, "no version");
  refused(R"({"tideline":"history","version":"1"})", ErrorCode::kMalformed, "no version");
  refused(R"({"tideline":"history","version":1,"tier":"2m","from":0,"to":1})", ErrorCode::kMalformed, "tier: '2m'");
  refused(R"({"tideline":"history","version":1,"tier":"1m","from":2,"to":1})", ErrorCode::kMalformed, "from and to");
  refused(R"({"tideline":"history","version":1,"tier":"1m","from":2,)", ErrorCode::kMalformed, "not JSON at byte");
  refused(about_with("") + std::string(1, '\0'), ErrorCode::kMalformed, "NUL");
  refused(about_with("1"), ErrorCode::kMalformed, "pods: a value is no pod");
  refused(about_with("[]"), ErrorCode::kMalformed, "pods: a list is no pod");
  refused(about_with("{}"), ErrorCode::kMalformed, "pods: number 1: node: ''");
  refused(about_with(R"({"more":)" + std::string(100, '[')), ErrorCode::kMalformed, "nested deeper than 8");

  const auto refused_pod = [&refused](const std::string& what, const std::string& as, const std::string& why) {
    std::string pod(kSoundPod);
    ASSERT_NE(pod.find(what), std::string::npos) << what;
    pod.replace(pod.find(what), what.size(), as);
    refused(about_with(std::string(kSoundPod) + "," + pod), ErrorCode::kMalformed, "pods: number 2: " + why);
  };
  refused_pod(R"("n1")", R"("n/1")", "node: 'n/1'");
  refused_pod(R"("u")", R"("")", "uid: it has 0 bytes");
  refused_pod(R"("u")", "5", "uid: it has 0 bytes");
  refused_pod(R"("u")", '"' + std::string(254, 'u') + '"', "uid: it has 254 bytes");
  refused_pod(R"("namespace":"")", R"("namespace":")" + std::string(1025, 's') + '"', "a name of 1025 bytes");
  refused_pod(R"("LS")", R"("ls\u0007")", "qos: 'ls?'");
  refused_pod(R"("last":2)", R"("last":0)", "first and last");
  refused_pod(R"("last":2)", R"("last":1e3)", "first and last");
  refused_pod(R"("last":2)", R"("last":18446744073709551615)", "first and last");
}

TEST(Import, OnceMorePutsNothing) {
  std::string file;
  ASSERT_TRUE(export_to(file, small_history(), all_of_it()));
  MemorySeries store = small_history();
  const auto again = import_from(file, store);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->put, 0U);
  EXPECT_EQ(again->there, 24U);
}

TEST(Import, PutsNoMoreInOneStepThanAStoreTakes) {
  MemorySeries store;
  constexpr std::size_t kPods = 4100;
  std::vector<Table> tables;
  std::vector<PodInfo> pods;
  for (std::size_t i = 0; i < kPods; ++i) {
    const std::string uid = fmt::format("uid-{:04}", i);
    tables.push_back(table_of_rows({SubjectKind::kPod, uid}, {kBegin}, 5));
    if (i % 1000 == 0) pods.push_back(pod_info(uid));
    if (tables.size() == 2000 || i + 1 == kPods) {
      ASSERT_TRUE(store.put_tables(NodeName("n1"), std::exchange(tables, {}), std::exchange(pods, {})));
    }
  }
  std::string file;
  ASSERT_TRUE(export_to(file, store, all_of_it()));
  MemorySeries other;
  const auto imported = import_from(file, other);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->put, kPods);
  ASSERT_EQ(other.calls.size(), 2U);
  EXPECT_EQ(other.calls[0].tables, 4096U);
  EXPECT_EQ(other.calls[0].pods, 5U) << "with the first of their node";
  EXPECT_EQ(other.calls[1].tables, 4U);
  EXPECT_EQ(other.calls[1].pods, 0U);
}

TEST(Import, ThatFailsGoesOnWhereItWas) {
  std::string file;
  ASSERT_TRUE(export_to(file, small_history(), all_of_it()));
  MemorySeries store;
  store.puts_left = 1;
  const auto full = import_from(file, store);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(full.error().message(), "import: disk full");
  EXPECT_EQ(store.calls.size(), 1U);

  store.puts_left.reset();
  std::size_t read = 0;
  const auto ended = import_from(file, store, [&read](std::size_t chunks) {
    EXPECT_EQ(chunks, ++read);
    return chunks < 20;
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(ended.error().message(), HasSubstr("after 20 of 24 chunks"));

  const auto rest = import_from(file, store);
  ASSERT_TRUE(rest) << rest.error().message();
  EXPECT_EQ(rest->there, 16U) << "two nodes whole";
  EXPECT_EQ(rest->put, 8U);
  for (const char* node : {"n1", "n1-a", "n1.x"})
    EXPECT_EQ(tables_in(store, node), tables_in(small_history(), node));
}

TEST(Import, OfADamagedArchiveNamesTheSeriesAndKeepsWhatWentBefore) {
  std::string file;
  ASSERT_TRUE(export_to(file, small_history(), all_of_it()));
  const auto reader = ArchiveReader::open(file);
  ASSERT_TRUE(reader);
  const auto entry = std::find_if(reader->entries().begin(), reader->entries().end(),
                                  [](const auto& one) { return one.series == "n1-a/pod/uid-2"; });
  ASSERT_NE(entry, reader->entries().end());
  std::string damaged = file;
  const auto place = static_cast<std::size_t>(entry->offset + entry->size / 2);
  damaged[place] = static_cast<char>(damaged[place] ^ 1);
  MemorySeries store;
  const auto imported = import_from(damaged, store);
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(imported.error().message(), AllOf(StartsWith("import: "), HasSubstr("n1-a/pod/uid-2")));
  EXPECT_THAT(store.series_nodes(), ElementsAre(NodeName("n1")));
}

TEST(Import, OfChunksThatAreNoTablesIsRefused) {
  const std::string about = about_with(std::string(kSoundPod));
  const Table table = table_of_rows({}, {kBegin}, 5);
  const auto refused = [&about](const columns::Chunk& chunk, ErrorCode code, const std::string& why) {
    MemorySeries store;
    const auto imported = import_from(archive_with({chunk}, about), store);
    ASSERT_FALSE(imported) << why;
    EXPECT_EQ(imported.error().code(), code) << imported.error().message();
    EXPECT_THAT(imported.error().message(), AllOf(StartsWith("import: "), HasSubstr(why)));
    EXPECT_TRUE(store.calls.empty());
  };
  refused(chunk_for_archive(table, "n1/container/x"), ErrorCode::kInvalidArgument,
          "series 'n1/container/x' is neither");
  refused(chunk_for_archive(table, "n1/pod/u"), ErrorCode::kMalformed, "series n1/pod/u at offset 16");
  columns::Chunk off_grid = chunk_for_archive(table, "n1");
  off_grid.times[0] += 7;
  refused(off_grid, ErrorCode::kMalformed, "series n1 at offset 16");
  MemorySeries store;
  const auto plain = import_from(archive_with({chunk_for_archive(table, "n1")}, R"({"source":"mine"})"), store);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(plain.error().message(), StartsWith("import: archive: it is no export of history"));
}

}  // namespace
}  // namespace tideline::series::export_test
