#include "admin-client/history_care.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "admin-client/history_out.h"
#include "test/admin-client/fake_connection.h"

namespace tideline::tidectl::history_care_test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

class HistoryCareTest : public testing::Test {
 protected:
  HistoryCareTest() {
    connection_.slices = {{100, 5'000, {}, 0, ""}, {20, 1'000, {}, 0, ""}, {3, 144, {}, 0, ""}};
    connection_.state.tiers = {{series::Tier::kTenSeconds, 3 * 86'400, 12, 4'096, 1'772'352'000, 1'772'355'600},
                               {series::Tier::kQuarterHour, 366 * 86'400, 0, 0, std::nullopt, std::nullopt}};
    connection_.state.nodes = 2;
    connection_.state.disk_bytes = 3u << 20;
    connection_.state.reports_kept_s = 14 * 86'400;
  }

  template <class F>
  Ran run(F&& command, bool as_json = false) {
    options_.json = as_json;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Ran ran;
    ran.code = command();
    ran.out = testing::internal::GetCapturedStdout();
    ran.err = testing::internal::GetCapturedStderr();
    return ran;
  }
  Ran verify(bool as_json = false) {
    return run([&] { return run_history_verify(options_, {}, connection_); }, as_json);
  }

  Options options_;
  FakeConnection connection_;
};

TEST_F(HistoryCareTest, VerifyReadsSliceAfterSliceToTheEnd) {
  const auto ran = verify();
  EXPECT_EQ(ran.code, kOk);
  EXPECT_EQ(ran.out, "123 rows, 6.0 KiB: all good\n");
  EXPECT_THAT(connection_.calls, ElementsAre("verify ", "verify 1", "verify 2"));
}

TEST_F(HistoryCareTest, VerifyNamesWhatIsDamagedAndExitsWith1) {
  connection_.slices[0].findings = {{"report, node a, report 12", "checksum \x1b[2J"}};
  connection_.slices[2].findings = {{"table, node b", "cut off"}};
  connection_.slices[2].more_findings = 5;
  const auto ran = verify();
  EXPECT_EQ(ran.code, kRefused);
  EXPECT_EQ(ran.out,
            "report, node a, report 12: checksum ?[2J\n"
            "table, node b: cut off\n"
            "123 rows, 6.0 KiB: 7 findings, of which 2 are named\n");
  const auto all = json::parse(verify(true).out);
  EXPECT_EQ(all["good"], false);
  EXPECT_EQ(all["findings"].size(), 2u);
  EXPECT_EQ(all["findings"][1]["where"], "table, node b");
  EXPECT_EQ(all["moreFindings"], 5);
  EXPECT_EQ(all["rows"], 123);
}

TEST_F(HistoryCareTest, VerifyIsNotDoneWhereASliceFails) {
  connection_.problem = model::Error(model::ErrorCode::kUnavailable, "gone");
  connection_.pages_before_problem = 1;
  const auto ran = verify();
  EXPECT_EQ(ran.code, kUnreachable);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "tidectl: gone\n");
}

TEST_F(HistoryCareTest, StateTellsOfTiersAndWhatIsWrong) {
  connection_.state.problem = "disk full\x07";
  const auto text = run([&] { return run_history_state(options_, connection_); });
  EXPECT_EQ(text.code, kOk);
  EXPECT_THAT(text.out, AllOf(HasSubstr("reports kept   14d00h\n"), HasSubstr("problem        disk full?\n"),
                              HasSubstr("folded until   -\n"), HasSubstr("3d00h"), HasSubstr("4.0 KiB"),
                              HasSubstr("2026-03-01T08:00:00Z"), HasSubstr("366d00h"), Not(HasSubstr("\x07"))));
  const auto all = json::parse(run([&] { return run_history_state(options_, connection_); }, true).out);
  EXPECT_EQ(all["tiers"][0]["tier"], "10s");
  EXPECT_EQ(all["tiers"][0]["oldestWallMs"], 1'772'352'000'000);
  EXPECT_TRUE(all["tiers"][1]["newestWallMs"].is_null());
  EXPECT_EQ(all["reportsKeptSeconds"], 14 * 86'400);
  EXPECT_TRUE(all["backupDirectory"].is_null());
}

TEST_F(HistoryCareTest, BackupSaysWhichAndWhere) {
  const auto text = run([&] { return run_history_backup(options_, {}, connection_); });
  EXPECT_EQ(text.out, "backup 3 of 2023-11-14T22:13:20Z: 2.0 KiB in 7 files, in /backups\n");
  const auto all = json::parse(run([&] { return run_history_backup(options_, {}, connection_); }, true).out);
  EXPECT_EQ(all["id"], 3);
  EXPECT_EQ(all["directory"], "/backups");
  connection_.problem = model::Error(model::ErrorCode::kUnsupported, "no --backup-dir");
  const auto refused = run([&] { return run_history_backup(options_, {}, connection_); });
  EXPECT_EQ(refused.code, kRefused);
  EXPECT_EQ(refused.err, "tidectl: no --backup-dir\n");
}

TEST(RenderHistoryState, TakesAnyNumbers) {
  HistoryState state;
  state.disk_bytes = ~0ull;
  state.reports_kept_s = INT64_MAX;
  state.events_kept_s = INT64_MIN;
  state.tiers = {{series::Tier::kMinute, INT64_MAX, ~0ull, ~0ull, std::nullopt, std::nullopt}};
  EXPECT_THAT(render_history_state(state), HasSubstr("1m"));
  EXPECT_THAT(to_json(state).dump(), HasSubstr("18446744073709551615"));
}

}  // namespace
}  // namespace tideline::tidectl::history_care_test
