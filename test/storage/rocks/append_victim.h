#pragma once
// What the victim of kill_test and the test itself agree on.

#include <string>

#include "storage/rocks/rocks_store.h"
#include "test/storage/store/make_report.h"

namespace tideline::rocks::victim {

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

/// The account that belongs to report `seq`: of the same node and instant, with the number as its policy version.
inline model::AccountAt account_of(std::uint64_t seq) {
  model::AccountAt entry{numbered(seq).received, {}};
  entry.account.node = model::NodeName("n");
  entry.account.policy = model::PolicyVersion(seq);
  return entry;
}

}  // namespace tideline::rocks::victim
