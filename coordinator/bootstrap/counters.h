#pragma once
// What the bootstrap port did since its start.

#include <atomic>
#include <cstdint>

#include "messages/model/units.h"

namespace tideline::bootstrap {

struct BootstrapCounts {
  std::uint64_t signed_ = 0;
  std::uint64_t denied = 0;         // 401, 403
  std::uint64_t failed = 0;         // any other end, handshakes included
  model::WallTime authority_until;  // end of validity of the authority that signs
};

/// Thread-safe; whoever shows the numbers may hold it longer than the server.
struct BootstrapCounters {
  std::atomic<std::uint64_t> signed_{0};
  std::atomic<std::uint64_t> denied{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::int64_t> authority_until_ms{0};

  BootstrapCounts get() const { return {signed_, denied, failed, model::WallTime{authority_until_ms}}; }
};

}  // namespace tideline::bootstrap
