#pragma once
// What metrics say of recordings of the ledger.

#include <cstdint>
#include <string>

namespace tideline::web {

struct LedgerRecordingNumbers {
  std::uint64_t written = 0;  // records
  std::uint64_t lost = 0;
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  bool failing = false;  // the disk refused, and nothing could be written since
};
/// The families tideline_ledger_recording_*.
std::string ledger_recording_text(const LedgerRecordingNumbers& numbers);

}  // namespace tideline::web
