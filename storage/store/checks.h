#pragma once
// What both stores refuse before they look at their state.

#include <cstddef>
#include <span>
#include <string_view>

#include "storage/store/history_store.h"

namespace tideline::store {

/// kInvalidArgument beyond `bound`, naming `what`.
model::Result<void> check_append_size(std::size_t size, std::size_t bound, std::string_view what);
/// Count, node names and text sizes (ReportLimits::kMaxTextBytes), and times from 0 on.
model::Result<void> check_events(std::span<const CoordinatorEvent> events);
/// Count, node names, and times from 0 on.
model::Result<void> check_accounts(std::span<const model::AccountAt> accounts);
model::Result<void> check_setting(std::string_view key, std::string_view value);
/// The rows to return when the caller asks for `limit`; 0 asks for the bound.
std::size_t page_limit(std::size_t limit, std::size_t bound);

}  // namespace tideline::store
