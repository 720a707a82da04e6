#include <gmock/gmock.h>

#include "test/storage/history_program/small_store.h"
#include "test/support/temp_dir.h"

namespace tideline::history_program {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class InspectTest : public testing::Test {
 protected:
  InspectTest() { make_small_store(store_); }

  test::TempDir dir_;
  const std::string store_ = dir_.str() + "/history";
};

TEST_F(InspectTest, StateTellsOfTiersBelowADataDirectory) {
  const auto text = run_with({"state", dir_.str()});
  ASSERT_EQ(text.code, kDone) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr(store_), HasSubstr("nodes         2\n"), HasSubstr("open          no\n"),
                              HasSubstr("TIER  CHUNKS"), HasSubstr("\n15m ")));
  const auto state = run_with({"state", store_, "--json"});
  ASSERT_EQ(state.code, kDone) << state.err;
  const auto json = state.json();
  EXPECT_EQ(json["directory"], store_);
  EXPECT_EQ(json["held"], false);
  EXPECT_EQ(json["nodes"], 2);
  EXPECT_EQ(json["lateReports"], 0);
  ASSERT_EQ(json["tiers"].size(), 3u);
  EXPECT_EQ(json["tiers"][0]["tier"], "10s");
  EXPECT_GT(json["tiers"][0]["tables"], 0);
  EXPECT_LE(json["tiers"][1]["oldestWallMs"], store::kStart);
  // At least the hour of db-1's reports, to its end.
  EXPECT_GE(json["foldedUntilWallMs"], store::kStart + 2'800'000);
}

TEST_F(InspectTest, StateSaysWhoHasItOpen) {
  const Holder holder(store_);
  const auto state = run_with({"state", dir_.str(), "--json"});
  ASSERT_EQ(state.code, kDone) << state.err;
  EXPECT_EQ(state.json()["held"], true);
  EXPECT_THAT(run_with({"state", dir_.str()}).out, HasSubstr("by another process"));
}

TEST_F(InspectTest, VerifyFindsAllGoodAlsoBesideWhoHasItOpen) {
  const Holder holder(store_);
  const auto text = run_with({"verify", dir_.str()});
  EXPECT_EQ(text.code, kDone) << text.err;
  EXPECT_THAT(text.out, HasSubstr(": all good\n"));
  const auto json = run_with({"verify", dir_.str(), "--json"}).json();
  EXPECT_EQ(json["good"], true);
  EXPECT_EQ(json["findings"].size(), 0u);
  EXPECT_GT(json["rows"], 770) << "770 reports, and the tables of them";
}

TEST_F(InspectTest, VerifyNamesAFlippedBitAndExitsWith1) {
  const auto file = largest_file(store_, ".sst");
  ASSERT_FALSE(file.empty());
  flip_byte(file, std::filesystem::file_size(file) / 4);
  const auto text = run_with({"verify", dir_.str()});
  EXPECT_EQ(text.code, kFailed);
  EXPECT_THAT(text.out, AllOf(HasSubstr(" findings"), Not(HasSubstr("all good"))));
  const auto ran = run_with({"verify", dir_.str(), "--json"});
  EXPECT_EQ(ran.code, kFailed);
  const auto json = ran.json();
  EXPECT_EQ(json["good"], false);
  ASSERT_GT(json["findings"].size(), 0u);
  EXPECT_NE(json["findings"][0]["where"], "");
  EXPECT_NE(json["findings"][0]["what"], "");
}

TEST_F(InspectTest, AStoreIsAsItWasAfterwards) {
  const auto before = names_in(store_);
  ASSERT_EQ(run_with({"state", dir_.str()}).code, kDone);
  ASSERT_EQ(run_with({"verify", dir_.str()}).code, kDone);
  EXPECT_EQ(names_in(store_), before);
}

TEST_F(InspectTest, VerifyEndsOnASignal) {
  const auto ran = run_with({"verify", dir_.str()}, true);
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("tideline-history: "), HasSubstr("signal")));
}

TEST(Inspect, NamesADirectoryWithoutAStore) {
  const test::TempDir dir;
  for (const char* command : {"state", "verify"}) {
    const auto ran = run_with({command, dir.str()});
    EXPECT_EQ(ran.code, kFailed);
    EXPECT_THAT(ran.err, AllOf(HasSubstr("tideline-history: " + dir.str()), HasSubstr("no store of history")));
    EXPECT_EQ(ran.out, "");
  }
}

}  // namespace
}  // namespace tideline::history_program
