#include "storage/rocks/pending_reports.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"
#include "storage/rocks/series_rows.h"

namespace tideline::rocks {

using model::Error;
using model::ErrorCode;

model::Result<void> PendingReports::begin() {
  const auto malformed_node = [this](const std::string& what) {
    return Error(ErrorCode::kMalformed, "history of node " + node_.str() + ": " + what);
  };
  rocksdb::ReadOptions options;
  options.snapshot = snapshot();
  std::string value;
  auto got = database_.db().Get(options, database_.fold, node_.str(), &value);
  if (got.ok()) {
    const auto row = stored_fold(value);
    if (!row) return malformed_node("how far it is folded does not parse");
    folded_until_ms_ = row->folded_until_ms;
  } else if (!got.IsNotFound()) {
    return database_.error(got, "reading how far node " + node_.str() + " is folded");
  }
  got = database_.db().Get(options, database_.dedup, node_.str(), &value);
  if (got.ok()) {
    const auto window = stored_longest_window(value);
    if (!window) return malformed_node("its longest window does not parse");
    longest_window_ms_ = std::max<std::int64_t>(0, model::to_ms(*window)) + 1;
  } else if (!got.IsNotFound()) {
    return database_.error(got, "reading sequence numbers of node " + node_.str());
  }
  return {};
}

model::Result<std::optional<std::int64_t>> PendingReports::first_from(std::int64_t at_ms) {
  std::optional<std::int64_t> first;
  const auto look = [&first](std::string_view key, std::string_view) -> model::Result<bool> {
    const auto head = key_head(key);
    if (!head) return Error(ErrorCode::kMalformed, "history: a key of a report does not parse");
    first = head->at.ms;
    return false;
  };
  if (at_ms < folded_until_ms_) {
    const auto walked = rocks::walk(database_, database_.late, node_, {at_ms}, {folded_until_ms_}, look, snapshot());
    if (!walked) return walked.error();
    if (first) return first;
  }
  const std::int64_t from_ms = std::max(at_ms, folded_until_ms_);
  const auto walked = rocks::walk(database_, database_.report, node_, {from_ms}, {INT64_MAX}, look, snapshot());
  if (!walked) return walked.error();
  return first;
}

model::Result<void> PendingReports::walk(std::int64_t from_ms, std::int64_t to_ms, const Visit& visit) {
  bool ended = false;
  const auto give = [&](std::string_view key, std::string_view value) -> model::Result<bool> {
    auto stored = whole_report(key, value, pods_);
    if (!stored) return stored.error();
    ended = !visit(std::move(stored).value());
    return !ended;
  };
  const auto late = [&](std::string_view key, std::string_view) -> model::Result<bool> {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot();
    std::string value;
    const auto got = database_.db().Get(options, database_.report, rocksdb::Slice(key.data(), key.size()), &value);
    if (got.IsNotFound()) return true;
    if (!got.ok()) return database_.error(got, "reading a late report of node " + node_.str());
    return give(key, value);
  };
  const std::int64_t late_to_ms = std::min(to_ms, folded_until_ms_);
  auto walked = rocks::walk(database_, database_.late, node_, {from_ms}, {late_to_ms}, late, snapshot());
  if (!walked || ended) return walked;
  const std::int64_t rest_ms = std::max(from_ms, folded_until_ms_);
  return rocks::walk(database_, database_.report, node_, {rest_ms}, {to_ms}, give, snapshot());
}

}  // namespace tideline::rocks
