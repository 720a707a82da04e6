// Report and policy bytes from anyone: whatever they are, the answer is a value that holds or an Error, and what was
// accepted is written and read back the same.

#include "messages/codec/report_bytes.h"

#include <cstdint>
#include <cstdlib>
#include <span>

// libFuzzer's entry point.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tideline::codec::ByteView;
  const ByteView bytes = std::as_bytes(std::span(data, size));
  if (const auto report = tideline::codec::report_from_bytes(bytes); report) {
    const auto again = tideline::codec::to_bytes(*report);
    // Bytes may share one text among many fields; written out, such a report can be too large to send.
    if (again && tideline::codec::report_from_bytes(*again).value() != *report) std::abort();
  }
  if (const auto policy = tideline::codec::policy_from_bytes(bytes); policy) {
    if (tideline::codec::policy_from_bytes(tideline::codec::to_bytes(*policy)).value() != *policy) std::abort();
  }
  return 0;
}
