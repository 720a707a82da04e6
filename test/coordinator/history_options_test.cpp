#include "coordinator/history_options.h"

#include <filesystem>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::program {
namespace {

using coordinator::HistoryRetention;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

constexpr auto kDay = hours(24);

HistoryRetention good(const std::string& text) {
  const auto kept = retention_from(text);
  EXPECT_TRUE(kept.ok()) << text << ": " << (kept ? std::string() : kept.error().message());
  return kept.value_or({});
}

std::string refusal(const std::string& text) {
  const auto kept = retention_from(text);
  if (kept) return "taken";
  EXPECT_EQ(kept.error().code(), model::ErrorCode::kInvalidArgument);
  return kept.error().message();
}

TEST(Retention, TheOptionsDefaultIsTheCoordinators) {
  EXPECT_EQ(good(HistoryArguments().retention), HistoryRetention());
}

TEST(Retention, EachKindHasItsOwnAndOthersTheirDefault) {
  HistoryRetention wanted;
  wanted.reports = hours(12);
  wanted.tiers[2] = 800 * kDay;
  EXPECT_EQ(good("15m=800d,raw=12h"), wanted);
  HistoryRetention all;
  all.reports = hours(2);
  all.tiers = {hours(1), hours(6), hours(48)};
  all.pods = all.tiers;
  all.events = hours(3);
  all.accounts = minutes(150);
  EXPECT_EQ(good("accounts=2.5h,events=3h,15m=2d,1m=6h,10s=1h,raw=2h"), all) << "the least of each, in any order";
}

TEST(Retention, PodsGoWithTheirTierOrSoonerWhereTheirOwnSaysSo) {
  HistoryRetention wanted;
  wanted.pods[2] = 90 * kDay;
  EXPECT_EQ(good("15m-pods=90d"), wanted);
  wanted = {};
  wanted.tiers[0] = wanted.pods[0] = 7 * kDay;
  wanted.tiers[1] = wanted.pods[1] = 50 * kDay;
  EXPECT_EQ(good("10s=7d,1m=50d"), wanted) << "the finer two as their tier";
  wanted.tiers[1] = wanted.pods[1] = wanted.pods[2] = 90 * kDay;
  EXPECT_EQ(good("1m=90d,10s=7d"), wanted) << "the coarsest no shorter than that";
  wanted = {};
  wanted.tiers[2] = wanted.pods[2] = 40 * kDay;
  EXPECT_EQ(good("15m=40d"), wanted) << "and none longer than its tier";
  wanted = {};
  wanted.pods = {hours(1), hours(6), hours(48)};
  EXPECT_EQ(good("15m-pods=2d,10s-pods=1h,1m-pods=6h"), wanted) << "the least of each";
}

TEST(Retention, OneDurationAloneIsOfReportsEventsAndAccounts) {
  HistoryRetention wanted;
  wanted.reports = wanted.events = wanted.accounts = 14 * kDay;
  EXPECT_EQ(good("14d"), wanted) << "as it was when there were no tiers";
}

TEST(Retention, WhatIsWrongIsNamedWithItsValue) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "raw: \"\" is not a duration"},
      {"soon", "raw: \"soon\" is not a duration"},
      {"119m", "raw=119m: want at least 2h"},
      {"raw=119m", "raw=119m: want at least 2h"},
      {"events=1h", "events=1h: want at least 2h"},
      {"accounts=1s", "accounts=1s: want at least 2h"},
      {"10s=59m", "10s=59m: want at least 1h"},
      {"1m=5h", "1m=5h: want at least 6h"},
      {"15m=47h", "15m=47h: want at least 2d"},
      {"raw=11y", "raw: \"11y\" is not a duration"},
      {"raw=", "raw: \"\" is not a duration"},
      {"raw", "raw: \"raw\" is not a duration"},
      {"5m=1d", "there is no kind \"5m\"; want raw, 10s, 1m, 15m, 10s-pods, 1m-pods, 15m-pods, events, accounts"},
      {"=1d", "there is no kind \"\""},
      {"raw=6h,raw=7h", "\"raw=7h\": raw is given twice"},
      {"raw=6h,14d", "\"14d\": want KIND=DURATION, or one duration alone"},
      {"raw=6h,", "\"\": want KIND=DURATION"},
      {",", "\"\": want KIND=DURATION"},
      {"10s=36d", "1m=35d is shorter than 10s=36d"},
      {"1m=20d,15m=19d", "15m=19d is shorter than 1m=20d"},
      {"10s-pods=59m", "10s-pods=59m: want at least 1h"},
      {"1m-pods=5h", "1m-pods=5h: want at least 6h"},
      {"15m-pods=47h", "15m-pods=47h: want at least 2d"},
      {"10s-pods=4d", "10s=3d is shorter than 10s-pods=4d"},
      {"15m-pods=401d", "15m=400d is shorter than 15m-pods=401d"},
      {"15m-pods=34d", "15m-pods=34d is shorter than 1m-pods=35d"}};
  for (const auto& [text, why] : rows)
    EXPECT_THAT(refusal(text), HasSubstr(why)) << text;
}

model::Result<coordinator::CoordinatorConfig> settled(const HistoryArguments& arguments) {
  coordinator::CoordinatorConfig config;
  if (const auto good_ones = settle_history(arguments, "/data/history", config); !good_ones) return good_ones.error();
  return config;
}

TEST(HistoryOptions, AreFilledIn) {
  const auto config = settled({.retention = "raw=8h", .backup_directory = "/backups//history/"});
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->retention.reports, hours(8));
  EXPECT_EQ(config->backup_directory, "/backups/history");
  EXPECT_EQ(settled({.retention = "8h", .backup_directory = {}})->backup_directory, "");
  EXPECT_TRUE(settled({.retention = "8h", .backup_directory = "/data"}).ok()) << "beside the store";
  EXPECT_TRUE(settled({.retention = "8h", .backup_directory = "/data/history-backups"}).ok());
}

TEST(HistoryOptions, AFaultBeginsWithTheOption) {
  const auto of = [](const char* retention, const char* backups) {
    const auto config = settled({.retention = retention, .backup_directory = backups});
    return config ? std::string("taken") : config.error().message();
  };
  EXPECT_THAT(of("raw=1h", ""), HasSubstr("--retention raw=1h: raw=1h: want at least 2h"));
  EXPECT_EQ(of("8h", "backups"), "--backup-dir backups: want an absolute path");
  for (const auto* inside : {"/data/history", "/data/history/backups", "/data/other/../history/x"})
    EXPECT_THAT(of("8h", inside), HasSubstr("outside of the store, /data/history")) << inside;
}

TEST(HistoryOptions, HowOftenItLooksIsBounded) {
  const auto config = settled({.fold_every = "1s", .drop_every = "1h"});
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->fold_every, std::chrono::seconds(1));
  EXPECT_EQ(config->drop_every, hours(1));
  EXPECT_EQ(settled({.fold_every = "999ms"}).error().message(), "--fold-every: 999ms: want 1s to 1h");
  EXPECT_EQ(settled({.drop_every = "61m"}).error().message(), "--drop-every: 61m: want 1s to 1h");
  EXPECT_EQ(settled({})->fold_every, coordinator::CoordinatorConfig().fold_every) << "the defaults are the same";
  EXPECT_EQ(settled({})->drop_every, coordinator::CoordinatorConfig().drop_every);
}

TEST(HistoryOptions, TheDirectoryOfBackupsIsMadeWhereItIsNotThere) {
  const test::TempDir dir;
  const std::string wanted = dir.str() + "/a/b";
  ASSERT_TRUE(make_backup_directory(wanted).ok());
  const auto mode = std::filesystem::status(wanted).permissions();
  EXPECT_EQ(mode & std::filesystem::perms::others_all, std::filesystem::perms::none);
  EXPECT_TRUE(make_backup_directory(wanted).ok()) << "again";
  EXPECT_TRUE(make_backup_directory("").ok()) << "none is wanted";
  dir.write("file", "x");
  const auto file = make_backup_directory(dir.str() + "/file");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), model::ErrorCode::kUnavailable);
  EXPECT_THAT(file.error().message(), HasSubstr("--backup-dir " + dir.str() + "/file"));
  EXPECT_FALSE(make_backup_directory(dir.str() + "/file/below").ok());
}

}  // namespace
}  // namespace tideline::program
