#pragma once
// What the victim of kill_test and the test itself agree on.

#include <string>

#include "storage/rocks/rocks_store.h"
#include "test/storage/store/make_report.h"

namespace tideline::rocks::victim {

/// The victim's end of the pipe: native uint64 sequence numbers, each after its append returned.
inline constexpr int kAckFd = 9;
/// Small enough that flushes and compactions happen between and during the kills.
inline constexpr RocksOptions kSmall{
    .block_cache_bytes = 1 << 20, .write_buffer_bytes = 64 << 10, .background_threads = 2};

/// Report `seq` of node "n", incarnation 1, with one event whose subject is the number.
inline store::IncomingReport numbered(std::uint64_t seq) {
  auto incoming = store::arrive(store::make_report("n", 1, seq));
  incoming.report.events = {{.at = incoming.received,
                             .controller = model::Controller::kNone,
                             .reason = model::Reason::kNone,
                             .subject = std::to_string(seq),
                             .old_value = "",
                             .new_value = ""}};
  return incoming;
}

}  // namespace tideline::rocks::victim
