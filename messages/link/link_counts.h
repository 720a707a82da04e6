#pragma once
// What a node server did since its start; read from any thread.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tideline::link {

struct LinkCounts {
  std::atomic<std::size_t> sessions{0};  // open and enrolled
  std::atomic<std::uint64_t> opened{0};
  std::atomic<std::uint64_t> refused{0};              // connections that never became a session
  std::atomic<std::uint64_t> reports{0};              // read, bounded and validated
  std::atomic<std::uint64_t> rejected{0};             // calls: malformed, over a bound
  std::atomic<std::int64_t> certificate_until_ms{0};  // end of the server certificate's validity, since the epoch
  std::atomic<std::int64_t> lag_ns{0};                // what the loop took to come round, some time in the last second
};

}  // namespace tideline::link
