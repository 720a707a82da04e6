#pragma once
// Bounds of every history store.

#include <chrono>
#include <cstddef>

#include "messages/model/units.h"

namespace tideline::store {

/// Reports in one append call.
inline constexpr std::size_t kMaxAppendReports = 4096;
/// Events in one append_events call.
inline constexpr std::size_t kMaxAppendEvents = 4096;
/// Accounts in one append_accounts call.
inline constexpr std::size_t kMaxAppendAccounts = 4096;
/// Nodes a store holds; a report of one more is refused until retention has forgotten another.
inline constexpr std::size_t kMaxNodes = 50'000;
/// Incarnations per node whose sequence numbers are remembered. A node draws a new one only when its spool was lost, so
/// an older one cannot send again; 8 leaves room for a node that flaps.
inline constexpr std::size_t kMaxIncarnations = 8;
/// Disjoint ranges of sequence numbers per incarnation. Each overflow of a node's spool leaves one hole; beyond the
/// bound the lowest range is let go and its numbers are refused.
inline constexpr std::size_t kMaxSeqRanges = 1024;
/// Rows a range read returns, whatever the caller asks for: of samples, points and gaps; of reports, which are ~100 KB
/// each on a full node; of events, up to ~3 KB each; of accounts, ~0.5 KB each.
inline constexpr std::size_t kMaxRows = 100'000;
inline constexpr std::size_t kMaxReportRows = 1'000;
inline constexpr std::size_t kMaxEventRows = 10'000;
inline constexpr std::size_t kMaxAccountRows = 20'000;
/// Settings: bytes of a key and of a value.
inline constexpr std::size_t kMaxSettingKeyBytes = 128;
inline constexpr std::size_t kMaxSettingValueBytes = 1 << 20;
/// Bytes of a node name, as validate(Report) has it.
inline constexpr std::size_t kMaxNodeNameBytes = 253;

}  // namespace tideline::store
