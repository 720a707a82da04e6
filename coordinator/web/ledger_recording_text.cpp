#include "coordinator/web/ledger_recording_text.h"

#include "coordinator/web/exposition.h"

namespace tideline::web {

std::string ledger_recording_text(const LedgerRecordingNumbers& numbers) {
  using Type = Exposition::Type;
  Exposition out;
  out.family("tideline_ledger_recording_records_total", Type::kCounter,
             "Records of the ledger by what became of them; those that wait for the disk are in none.");
  out.sample(static_cast<double>(numbers.written), {{"outcome", "written"}});
  out.sample(static_cast<double>(numbers.lost), {{"outcome", "lost"}});
  out.one("tideline_ledger_recording_bytes_total", Type::kCounter, "Bytes that were written of them.",
          static_cast<double>(numbers.bytes));
  out.one("tideline_ledger_recording_files_total", Type::kCounter, "Files that were begun.",
          static_cast<double>(numbers.files));
  out.one("tideline_ledger_recording_failing", Type::kGauge,
          "1: the disk refused, and nothing could be written since; 0: it is written.", numbers.failing ? 1 : 0);
  return out.take();
}

}  // namespace tideline::web
