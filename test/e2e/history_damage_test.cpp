// Bits of a store that is closed turn over: what is damaged is named, all else is as it was, and nothing crashes.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "test/e2e/known_reports.h"
#include "test/e2e/known_store.h"
#include "test/support/cluster.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::size_t kNodes = 3;
constexpr std::int64_t kMinutes = 6 * kHourMinutes;
constexpr int kSignals = 128;  // exit codes from there on are of processes that a signal ended

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void flip(std::string& bytes, std::size_t at, unsigned bit) {
  bytes.at(at) = static_cast<char>(static_cast<unsigned char>(bytes.at(at)) ^ (1U << bit));
}

/// A whole day ago and more, so that the range does not depend on when the test runs.
std::int64_t first_minute() {
  constexpr std::int64_t kDayMinutes = 24 * kHourMinutes;
  return (minute_now() / kDayMinutes - 1) * kDayMinutes;
}

class HistoryDamage : public testing::Test {
 protected:
  HistoryDamage() : seed_(campaign_seed()), random_(seed_), trace_(__FILE__, __LINE__, fmt::format("seed {}", seed_)) {}

  /// Tables in files, reports in files and in the log, and of both kinds some that are not folded.
  void SetUp() override {
    from_ = first_minute();
    {
      auto store = open_history(whole_.str());
      append_known(*store, kNodes, from_, from_ + kMinutes, 1);
      fold_known(*store, from_ + kMinutes - 2 * kHourMinutes);
      // What was in the log is in files when it is opened again.
      store.reset();
      store = open_history(whole_.str());
      append_known(*store, kNodes, from_ + kMinutes, from_ + 2 * kMinutes, kMinutes + 1);
      fold_known(*store, from_ + kMinutes);
      // The last write of a log cannot be told from one that a kill cut short, so it is one that says nothing.
      ASSERT_TRUE(store->put_setting("last", "write").ok());
    }
    const Finished verified = history({"verify", whole_.str(), "--json"});
    ASSERT_EQ(verified.exit, 0) << verified.output;
    ASSERT_EQ(archive_of(whole_.str(), archive_), 0);
    ASSERT_FALSE(archive_.empty());
  }

  Finished history(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), program("tideline-history"));
    return run(std::move(arguments), seconds(120));
  }

  /// All of it in the tier of a minute; the exit code.
  int archive_of(const std::string& data_dir, std::string& bytes) const {
    const TempDir dir;
    const std::string file = dir.str() + "/all.tla";
    const auto day = std::chrono::sys_days(std::chrono::days(static_cast<int>(from_ / (24 * kHourMinutes))));
    const std::chrono::year_month_day date(day);
    const std::chrono::year_month_day later(day + std::chrono::days(2));
    const auto text = [](const std::chrono::year_month_day& of) {
      return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(of.year()), static_cast<unsigned>(of.month()),
                         static_cast<unsigned>(of.day()));
    };
    const auto done = history({"export", data_dir, "--since", text(date), "--until", text(later), "-o", file});
    bytes = bytes_of(file);
    exported_ = done.output;
    return done.exit;
  }

  /// One to three bits of one file; says which.
  std::string damage(const std::string& store) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(store)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_regular_file() && entry.file_size() > 0 && !name.starts_with("LOG")) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    const fs::path& path = files.at(std::uniform_int_distribution<std::size_t>(0, files.size() - 1)(random_));
    std::string bytes = bytes_of(path);
    std::string told = path.filename().string();
    for (int bits = std::uniform_int_distribution<int>(1, 3)(random_); bits > 0; --bits) {
      const auto at = std::uniform_int_distribution<std::size_t>(0, bytes.size() - 1)(random_);
      const auto bit = std::uniform_int_distribution<unsigned>(0, 7)(random_);
      flip(bytes, at, bit);
      told += fmt::format(", byte {} bit {}", at, bit);
    }
    write_bytes(path, bytes);
    return told;
  }

  /// A copy of the whole store where the cluster's coordinator has its own.
  void copy_store() const {
    fs::remove_all(cluster_.data_dir());
    fs::create_directories(cluster_.data_dir());
    fs::copy(whole_.str() + "/history", cluster_.data_dir() + "/history", fs::copy_options::recursive);
  }

  /// It runs until it is told to end, or says why it does not.
  void expect_coordinator_stands() {
    fs::remove(cluster_.ports_file());
    Process coordinator(cluster_.coordinator_arguments({"--fold-every", "1s", "--drop-every", "1s"}),
                        {.environment = {}, .output_file = cluster_.dir().str() + "/coordinator.log"});
    eventually(seconds(20), [&] { return fs::exists(cluster_.ports_file()) || !coordinator.running(); });
    if (coordinator.running()) {
      // It folds, and drops, what there is.
      coordinator.wait(milliseconds(1500));
      coordinator.signal(SIGTERM);
    }
    const auto code = coordinator.wait(patience(seconds(20)));
    ASSERT_TRUE(code.has_value()) << "it does not end\n" << coordinator.output();
    EXPECT_LT(*code, kSignals) << "a signal ended it\n" << coordinator.output();
    EXPECT_FALSE(coordinator.output().empty());
    EXPECT_EQ(coordinator.output().find("Sanitizer"), std::string::npos) << coordinator.output();
    fs::remove(cluster_.dir().path() / "coordinator.log");
  }

  const unsigned seed_;
  std::mt19937 random_;
  testing::ScopedTrace trace_;
  Cluster cluster_;
  TempDir whole_;
  std::int64_t from_ = 0;
  std::string archive_;
  mutable std::string exported_;
};

TEST_F(HistoryDamage, IsNamedOrDoesNotMatter) {
  std::map<std::string, int> outcomes;
  for (int round = 0; round < rounds(8); ++round) {
    copy_store();
    const std::string where = damage(cluster_.data_dir() + "/history");
    SCOPED_TRACE(testing::Message() << "round " << round << ": " << where);
    const Finished verified = history({"verify", cluster_.data_dir(), "--json"});
    ASSERT_TRUE(verified.exit == 0 || verified.exit == 1) << verified.exit << "\n" << verified.output;
    std::string archive;
    const int exported = archive_of(cluster_.data_dir(), archive);
    ASSERT_TRUE(exported == 0 || exported == 1) << exported << "\n" << exported_;
    EXPECT_EQ((verified.output + exported_).find("Sanitizer"), std::string::npos) << verified.output << exported_;
    EXPECT_TRUE(exported != 0 || archive == archive_) << "the export says that it is done, and is another";
    if (verified.exit == 0) {
      EXPECT_EQ(exported, 0) << "verify found nothing\n" << exported_;
      ++outcomes["without effect"];
    } else {
      const json findings = json::parse(verified.output, nullptr, false);
      const bool found = findings.is_object() && !findings.at("findings").empty();
      EXPECT_TRUE(found || verified.output.find(cluster_.data_dir()) != std::string::npos) << verified.output;
      ++outcomes[found ? "named by verify" : "cannot be opened, and says why"];
    }
    expect_coordinator_stands();
    if (HasFatalFailure()) return;
  }
  for (const auto& [outcome, count] : outcomes)
    std::cout << fmt::format("{} times {}\n", count, outcome);
}

// RocksDB stops at such a place, and takes what is behind it for never written.
TEST_F(HistoryDamage, OfTheLogIsNamedByWhoeverReadsAlsoNearItsEnd) {
  fs::path log;
  for (const auto& entry : fs::directory_iterator(whole_.str() + "/history")) {
    if (entry.path().extension() != ".log") continue;
    if (log.empty() || entry.file_size() > fs::file_size(log)) log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  const std::string name = log.filename().string();
  const std::string bytes = bytes_of(log);
  // Behind these is the last write, at least, which is small.
  constexpr std::size_t kLastWrite = 256;
  constexpr std::size_t kNearEnd = 4'096;
  ASSERT_GT(bytes.size(), std::size_t{128} << 10) << "of few blocks, and this says little";
  const std::size_t end = bytes.size() - kLastWrite;
  // The last bytes of a block in which no record fits are nobody's.
  constexpr std::size_t kBlock = 32 << 10;
  constexpr std::size_t kRecordHead = 7;
  const auto drawn = [&](std::size_t from, std::size_t to) {
    const auto at = std::uniform_int_distribution<std::size_t>(from, to - 1)(random_);
    return at % kBlock < kBlock - kRecordHead ? at : at - kRecordHead;
  };
  for (const std::size_t at : {drawn(0, end - kNearEnd), drawn(end - kNearEnd, end)}) {
    const auto bit = std::uniform_int_distribution<unsigned>(0, 7)(random_);
    SCOPED_TRACE(testing::Message() << name << " of " << bytes.size() << " bytes, byte " << at << " bit " << bit);
    copy_store();
    std::string damaged = bytes;
    flip(damaged, at, bit);
    write_bytes(cluster_.data_dir() + "/history/" + name, damaged);
    const Finished verified = history({"verify", cluster_.data_dir()});
    EXPECT_EQ(verified.exit, 1) << verified.output;
    EXPECT_THAT(verified.output, HasSubstr(name));
    std::string archive;
    EXPECT_EQ(archive_of(cluster_.data_dir(), archive), 1) << exported_;
    EXPECT_THAT(exported_, HasSubstr(name));
    expect_coordinator_stands();
    if (HasFatalFailure()) return;
  }
}

TEST_F(HistoryDamage, OfABackupIsFoundBeforeAStoreIsMadeOfIt) {
  const std::string backups = cluster_.dir().str() + "/backups";
  ASSERT_EQ(history({"backup", whole_.str(), "--to", backups}).exit, 0);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(backups)) {
    if (entry.is_regular_file() && entry.path().extension() == ".sst") files.push_back(entry.path());
  }
  ASSERT_FALSE(files.empty());
  std::string bytes = bytes_of(files.front());
  flip(bytes, bytes.size() / 2, 0);
  write_bytes(files.front(), bytes);
  const Finished verified = history({"backups", backups, "--verify", "1"});
  EXPECT_EQ(verified.exit, 1) << verified.output;
  EXPECT_THAT(verified.output, HasSubstr(files.front().filename().string()));
  const Finished restored = history({"restore", backups, "--to", cluster_.data_dir()});
  EXPECT_EQ(restored.exit, 1) << restored.output;
  EXPECT_FALSE(fs::exists(cluster_.data_dir() + "/history")) << "nothing is made of it";
}

}  // namespace
}  // namespace tideline::test
