#include "storage/store/checks.h"

#include <algorithm>

#include <fmt/format.h>

namespace tideline::store {

using model::Error;
using model::ErrorCode;

model::Result<void> check_append_size(std::size_t size, std::size_t bound, std::string_view what) {
  if (size <= bound) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("append of {} {}, limit {}", size, what, bound));
}

model::Result<void> check_events(std::span<const CoordinatorEvent> events) {
  if (auto bounded = check_append_size(events.size(), kMaxAppendEvents, "events"); !bounded) return bounded;
  for (const CoordinatorEvent& entry : events) {
    const model::Event& event = entry.event;
    if (entry.node.str().size() > kMaxNodeNameBytes) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("event about a node whose name has {} bytes, limit {}",
                                                            entry.node.str().size(), kMaxNodeNameBytes));
    }
    if (event.at.ms < 0) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("event at {} ms, before the epoch", event.at.ms));
    }
    const std::size_t longest = std::max({event.subject.size(), event.old_value.size(), event.new_value.size()});
    if (longest > model::ReportLimits::kMaxTextBytes) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("event with {} bytes of text, limit {}", longest, model::ReportLimits::kMaxTextBytes));
    }
  }
  return {};
}

model::Result<void> check_accounts(std::span<const model::AccountAt> accounts) {
  if (auto bounded = check_append_size(accounts.size(), kMaxAppendAccounts, "accounts"); !bounded) return bounded;
  for (const model::AccountAt& entry : accounts) {
    const std::string& node = entry.account.node.str();
    if (node.size() > kMaxNodeNameBytes) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("account of a node whose name has {} bytes, limit {}", node.size(), kMaxNodeNameBytes));
    }
    if (entry.at.ms < 0) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("account at {} ms, before the epoch", entry.at.ms));
    }
  }
  return {};
}

model::Result<void> check_setting(std::string_view key, std::string_view value) {
  if (key.empty() || key.size() > kMaxSettingKeyBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("setting key of {} bytes, want 1..{}", key.size(), kMaxSettingKeyBytes));
  }
  if (value.size() > kMaxSettingValueBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("setting {} of {} bytes, limit {}", key, value.size(), kMaxSettingValueBytes));
  }
  return {};
}

std::size_t page_limit(std::size_t limit, std::size_t bound) {
  return limit == 0 ? bound : std::min(limit, bound);
}

}  // namespace tideline::store
