#include "storage/rocks/rocks_store.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/iostats_context.h>
#include <rocksdb/perf_level.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "messages/codec/report_bytes.h"
#include "storage/rocks/layout.h"
#include "test/storage/rocks/tamper.h"
#include "test/storage/store/history_contract.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::rocks_store_test {
namespace {

using model::ErrorCode;
using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;
using store::AppendOutcome;
using store::arrive;
using store::IncomingReport;
using store::make_report;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr WallTime kEver{INT64_MAX};

std::unique_ptr<RocksStore> open(const std::string& dir) {
  auto opened = RocksStore::open(dir);
  EXPECT_TRUE(opened.ok()) << opened.error().message();
  return opened.ok() ? std::move(opened).value() : nullptr;
}

AppendOutcome append(RocksStore& store, const store::IncomingReport& report) {
  const auto outcomes = store.append({&report, 1});
  EXPECT_TRUE(outcomes.ok()) << outcomes.error().message();
  return outcomes.value_or({AppendOutcome::kRefused}).at(0);
}

void tamper(const std::string& dir,
            const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle* family)>& change,
            std::string_view family = kMetaFamily) {
  with_family(dir, family, change);
}

TEST(Reopen, KeepsEverythingAndStillRefusesDuplicates) {
  const test::TempDir dir;
  auto report = arrive(make_report("n", 7, 1));
  report.report.events = {{.at = report.received,
                           .controller = model::Controller::kGuard,
                           .reason = model::Reason::kRestore,
                           .subject = "s",
                           .old_value = "o",
                           .new_value = "v"}};
  {
    auto store = open(dir.str());
    EXPECT_EQ(append(*store, report), AppendOutcome::kStored);
    EXPECT_EQ(append(*store, arrive(make_report("n", 7, 3))), AppendOutcome::kStored);
    ASSERT_TRUE(store->put_setting("epoch", "4").ok());
    ASSERT_TRUE(
        store->append_events(std::vector<store::CoordinatorEvent>{{NodeName(""), report.report.events[0]}}).ok());
    model::AccountAt account{report.received, {}};
    account.account.node = NodeName("n");
    account.account.cpu.deficit = model::MilliCpu(12);
    ASSERT_TRUE(store->append_accounts({&account, 1}).ok());
  }
  auto store = open(dir.str());
  EXPECT_EQ((*store->last_account(NodeName("n"), kEver))->account.cpu.deficit, model::MilliCpu(12));
  EXPECT_EQ(append(*store, report), AppendOutcome::kDuplicate);
  EXPECT_EQ(append(*store, arrive(make_report("n", 7, 3))), AppendOutcome::kDuplicate);
  EXPECT_EQ(store->acked_through(NodeName("n"), Incarnation(7)), Seq(1));
  EXPECT_EQ(append(*store, arrive(make_report("n", 7, 2))), AppendOutcome::kStored);
  EXPECT_EQ(store->acked_through(NodeName("n"), Incarnation(7)), Seq(3));
  EXPECT_EQ(*store->setting("epoch"), "4");
  EXPECT_THAT(store->nodes(), ElementsAre(NodeName("n")));
  EXPECT_EQ(store->last_received(NodeName("n")), arrive(make_report("n", 7, 3)).received);
  EXPECT_EQ(store->reports(NodeName("n"), {}, kEver, 0)->rows.at(0).report, report.report);
  EXPECT_EQ(store->samples(NodeName("n"), {}, kEver, 0)->rows.size(), 30u);
  EXPECT_EQ(store->events(NodeName("n"), {}, kEver, 0)->rows.size(), 1u);
  // The counter went on: an event of the same instant does not replace the one before the restart.
  ASSERT_TRUE(store->append_events(std::vector<store::CoordinatorEvent>{{NodeName(""), report.report.events[0]}}).ok());
  EXPECT_EQ(store->events(NodeName(""), {}, kEver, 0)->rows.size(), 2u);
}

TEST(RocksStore, BytesThatAreGivenAreWhatIsStored) {
  const test::TempDir dir;
  const auto store = open(dir.str());
  const auto incoming = arrive(make_report("n", 7, 1));
  auto newer = incoming.report;
  newer.status.labels = {{"only", "in the bytes"}};
  const auto bytes = codec::to_bytes(newer);
  ASSERT_TRUE(bytes.ok());
  const store::ReportView view(incoming.report, incoming.received, incoming.clock_offset, *bytes);
  const auto outcomes = store->append_views({&view, 1});
  ASSERT_TRUE(outcomes.ok());
  EXPECT_EQ(outcomes->at(0), AppendOutcome::kStored);
  const auto page = store->reports(model::NodeName("n"), {0}, {INT64_MAX}, 0);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->rows.size(), 1u);
  EXPECT_EQ(page->rows[0].report, newer);
}

TEST(Reopen, KeepsWhatRetentionForgot) {
  const test::TempDir dir;
  {
    auto store = open(dir.str());
    append(*store, arrive(make_report("n", 7, 1)));
    append(*store, arrive(make_report("m", 7, 9)));
    ASSERT_EQ(store->drop_before(WallTime{store::kStart + 20'000})->nodes, 1u);
  }
  auto store = open(dir.str());
  EXPECT_THAT(store->nodes(), ElementsAre(NodeName("m")));
  EXPECT_TRUE(store->reports(NodeName("n"), {}, kEver, 0)->rows.empty());
}

TEST(Open, RefusesAStoreThatIsHeldAlready) {
  const test::TempDir dir;
  const auto first = open(dir.str());
  const auto second = RocksStore::open(dir.str());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message(), HasSubstr(dir.str()));
  EXPECT_THAT(second.error().message(), HasSubstr("holds it"));
}

TEST(Open, AnotherProcessSeesWhetherAStoreIsHeld) {
  const test::TempDir dir;
  const auto sees = [&] {
    const pid_t other = ::fork();
    if (other == 0) ::_exit(RocksStore::is_held(dir.str()) ? 1 : 0);
    int status = 0;
    ::waitpid(other, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
  };
  EXPECT_FALSE(sees()) << "there is none";
  auto store = open(dir.str());
  EXPECT_TRUE(sees());
  store.reset();
  EXPECT_FALSE(sees());
}

TEST(Open, RefusesAnotherFormatAndNamesBoth) {
  for (const std::uint32_t format : {kFormat + 1, std::uint32_t{0}, std::uint32_t{77}}) {
    const test::TempDir dir;
    open(dir.str());
    tamper(dir.str(), [&](auto& db, auto* meta) { ASSERT_TRUE(db.Put({}, meta, "format", encode_u32(format)).ok()); });
    const auto opened = RocksStore::open(dir.str());
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kUnsupported);
    EXPECT_THAT(opened.error().message(), HasSubstr("format " + std::to_string(format)));
    EXPECT_THAT(opened.error().message(), HasSubstr("knows formats 1 to " + std::to_string(kFormat)));
  }
}

TEST(Open, RefusesANewerFormatWithFamiliesItDoesNotKnow) {
  const test::TempDir dir;
  open(dir.str());
  tamper(dir.str(), [](auto& db, auto* meta) {
    rocksdb::ColumnFamilyHandle* chunk = nullptr;
    ASSERT_TRUE(db.CreateColumnFamily({}, "chunk", &chunk).ok());
    ASSERT_TRUE(db.Put({}, meta, "format", encode_u32(kFormat + 1)).ok());
    db.DestroyColumnFamilyHandle(chunk);
  });
  const auto opened = RocksStore::open(dir.str());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnsupported);
}

TEST(Open, MakesItsOwnOfAStoreOfFormatOne) {
  const test::TempDir dir;
  const auto report = arrive(make_report("n", 7, 1));
  append(*open(dir.str()), report);
  // As a build of format 1 leaves it.
  tamper(
      dir.str(), [](auto& db, auto* account) { ASSERT_TRUE(db.DropColumnFamily(account).ok()); }, kAccountFamily);
  tamper(dir.str(), [](auto& db, auto* meta) { ASSERT_TRUE(db.Put({}, meta, "format", encode_u32(1)).ok()); });
  {
    const auto store = open(dir.str());
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(append(*store, report), AppendOutcome::kDuplicate);
    const std::vector<model::AccountAt> accounts{{report.received, {}}};
    ASSERT_TRUE(store->append_accounts(accounts).ok());
  }
  EXPECT_EQ(open(dir.str())->accounts(NodeName(""), {}, kEver, 0)->rows.size(), 1u);
  tamper(dir.str(), [](auto& db, auto* meta) {
    std::string format;
    ASSERT_TRUE(db.Get({}, meta, "format", &format).ok());
    EXPECT_EQ(format, encode_u32(kFormat));
  });
}

TEST(Open, RefusesAnotherProgramsDatabase) {
  const test::TempDir dir;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, dir.str(), &db).ok());
  ASSERT_TRUE(db->Put({}, "theirs", "1").ok());
  delete db;
  const auto opened = RocksStore::open(dir.str());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(opened.error().message(), HasSubstr("not a Tideline store"));
}

TEST(Open, TakesOverAStoreWhoseMakerDiedBeforeTheFirstWrite) {
  const test::TempDir dir;
  open(dir.str());
  tamper(dir.str(), [](auto& db, auto* meta) { ASSERT_TRUE(db.Delete({}, meta, "format").ok()); });
  EXPECT_NE(open(dir.str()), nullptr);
}

TEST(Open, NamesADirectoryThatCannotBe) {
  const test::TempDir dir;
  const auto missing = RocksStore::open(dir.str() + "/no/such");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("/no/such"));
  dir.write("file", "text");
  const auto file = RocksStore::open(dir.str() + "/file");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message(), HasSubstr("/file"));
}

TEST(Open, RefusesDamagedSequenceNumbersByNode) {
  const test::TempDir dir;
  append(*open(dir.str()), arrive(make_report("n", 7, 1)));
  tamper(
      dir.str(), [](auto& db, auto* dedup) { ASSERT_TRUE(db.Put({}, dedup, "n", "garbage").ok()); }, kDedupFamily);
  const auto opened = RocksStore::open(dir.str());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(opened.error().message(), HasSubstr("node n"));
}

TEST(Damage, OfOneReportIsAnErrorOfItsReadsOnly) {
  const test::TempDir dir;
  const auto report = arrive(make_report("n", 7, 1));
  {
    auto store = open(dir.str());
    append(*store, report);
    append(*store, arrive(make_report("m", 7, 1)));
  }
  tamper(
      dir.str(),
      [&](auto& db, auto* family) {
        ASSERT_TRUE(db.Put({}, family, report_key(report.report, report.received), std::string(64, 'x')).ok());
      },
      kReportFamily);
  auto store = open(dir.str());
  const auto bad = store->samples(NodeName("n"), {}, kEver, 0);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(bad.error().message(), HasSubstr("node n"));
  EXPECT_FALSE(store->last_report(NodeName("n")).ok());
  EXPECT_EQ(store->samples(NodeName("m"), {}, kEver, 0)->rows.size(), 10u);
  EXPECT_EQ(append(*store, arrive(make_report("n", 7, 2))), AppendOutcome::kStored);
}

TEST(Damage, OfTableFilesIsAnErrorAndNoCrash) {
  const test::TempDir dir;
  for (int round = 0; round < 2; ++round) {  // the second open writes the log of the first to a table
    auto store = open(dir.str());
    for (std::uint64_t seq = 1; seq <= 50; ++seq)
      append(*store, arrive(make_report("n", 7, seq)));
  }
  std::size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(200, '\xa5');
    ++damaged;
  }
  ASSERT_GT(damaged, 0u);
  const auto opened = RocksStore::open(dir.str());
  if (!opened) {
    EXPECT_EQ(opened.error().code(), ErrorCode::kMalformed);
    return;
  }
  const auto read = (*opened)->reports(NodeName("n"), {}, kEver, 0);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kMalformed);
}

TEST(Threads, ReadersSeeWholeAppendsWhileOneWrites) {
  const test::TempDir dir;
  const auto store = open(dir.str());
  constexpr std::uint64_t kTogether = 5;
  constexpr std::uint64_t kAppends = 60;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> reads{0};
  std::thread writer([&] {
    for (std::uint64_t n = 0; n < kAppends; ++n) {
      std::vector<IncomingReport> reports;
      for (std::uint64_t i = 1; i <= kTogether; ++i)
        reports.push_back(arrive(make_report("n", 1, n * kTogether + i)));
      EXPECT_TRUE(store->append(reports).ok());
      // Readers run beside every append, however busy the machine is.
      for (const auto before = reads.load(); reads == before;)
        std::this_thread::yield();
    }
    done = true;
  });
  std::uint64_t seen = 0;
  while (!done) {
    const auto acked = store->acked_through(NodeName("n"), Incarnation(1)).value();
    const auto rows = store->reports(NodeName("n"), {}, kEver, 0)->rows.size();
    EXPECT_EQ(acked % kTogether, 0u) << "a part of an append";
    EXPECT_EQ(rows % kTogether, 0u) << "a part of an append";
    EXPECT_GE(acked, seen);
    EXPECT_GE(rows, acked) << "what is acked can be read";
    seen = acked;
    ++reads;
  }
  writer.join();
  EXPECT_EQ(store->reports(NodeName("n"), {}, kEver, 0)->rows.size(), kAppends * kTogether);
}

TEST(Durability, EveryWriteIsForcedToDiskBeforeItReturns) {
  const test::TempDir dir;
  const auto store = open(dir.str());
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableTime);
  // Of this thread alone, and writes are made on the caller's.
  const auto synced = [](auto write) {
    rocksdb::get_iostats_context()->Reset();
    write();
    return rocksdb::get_iostats_context()->fsync_nanos > 0;
  };
  for (std::uint64_t seq = 1; seq <= 3; ++seq)
    EXPECT_TRUE(synced([&] { append(*store, arrive(make_report("n", 1, seq))); })) << seq;
  EXPECT_TRUE(synced([&] { ASSERT_TRUE(store->put_setting("epoch", "7").ok()); }));
  const std::vector<store::CoordinatorEvent> events{{NodeName("n"), model::Event{}}};
  EXPECT_TRUE(synced([&] { ASSERT_TRUE(store->append_events(events).ok()); }));
  const std::vector<model::AccountAt> accounts(3);
  EXPECT_TRUE(synced([&] { ASSERT_TRUE(store->append_accounts(accounts).ok()); }));
  EXPECT_FALSE(synced([&] { (void)store->reports(NodeName("n"), {}, kEver, 0); })) << "or the measure says nothing";
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

TEST(Open, ADirectoryItMayNotWriteIsNotTakenForAnotherProcess) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: it opens as another user";
  const test::TempDir dir;
  ::chmod(dir.str().c_str(), 0755);
  open(dir.str()).reset();
  model::Error error(ErrorCode::kInternal, "not opened");
  // The kernel keeps credentials per thread; only glibc does not.
  std::thread([&] {
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::syscall(SYS_setresuid, kNobody, kNobody, kNobody), 0);
    const auto refused = RocksStore::open(dir.str());
    ASSERT_FALSE(refused.ok());
    error = refused.error();
  }).join();
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied) << error.message();
  EXPECT_THAT(error.message(), HasSubstr(dir.str()));
  EXPECT_THAT(error.message(), Not(HasSubstr("another process")));
}

TEST(Open, ALockOfAnotherProcessIsSaidToBeOne) {
  const test::TempDir dir;
  open(dir.str()).reset();
  const std::string path = dir.str() + "/LOCK";
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const int fd = ::open(path.c_str(), O_RDWR);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const char held = ::fcntl(fd, F_SETLK, &whole) == 0 ? 'y' : 'n';
    if (::write(ready[1], &held, 1) == 1) ::pause();
    ::_exit(0);
  }
  char held = 'n';
  EXPECT_EQ(::read(ready[0], &held, 1), 1);
  EXPECT_EQ(held, 'y');
  const auto refused = RocksStore::open(dir.str());
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message(), HasSubstr("another process"));
}

TEST(Open, ALockFileThatIsNoFileIsNotTakenForAnotherProcess) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir.path() / "LOCK");
  const auto refused = RocksStore::open(dir.str());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("LOCK"), Not(HasSubstr("another process"))));
}

TEST(Open, ListsNodesThatHaveOnlyEvents) {
  const test::TempDir dir;
  const std::vector<store::CoordinatorEvent> events{{NodeName("n"), model::Event{}}, {NodeName(""), model::Event{}}};
  ASSERT_TRUE(open(dir.str())->append_events(events).ok());
  EXPECT_THAT(open(dir.str())->nodes(), ElementsAre(NodeName("n")));
}

}  // namespace
}  // namespace tideline::rocks::rocks_store_test
