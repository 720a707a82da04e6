#include "coordinator/web/ledger_recording_text.h"

#include <gmock/gmock.h>

namespace tideline::web {
namespace {

using testing::HasSubstr;

TEST(LedgerRecordingText, HasEachCountAndWhetherTheDiskTakesIt) {
  const auto text = ledger_recording_text({.written = 12, .lost = 3, .bytes = 4096, .files = 2, .failing = true});
  for (const auto* line : {"# TYPE tideline_ledger_recording_records_total counter\n",
                           "\ntideline_ledger_recording_records_total{outcome=\"written\"} 12\n",
                           "\ntideline_ledger_recording_records_total{outcome=\"lost\"} 3\n",
                           "\ntideline_ledger_recording_bytes_total 4096\n",
                           "\ntideline_ledger_recording_files_total 2\n", "\ntideline_ledger_recording_failing 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(ledger_recording_text({}), HasSubstr("\ntideline_ledger_recording_failing 0\n"));
}

}  // namespace
}  // namespace tideline::web
