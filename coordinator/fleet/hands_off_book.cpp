#include "coordinator/fleet/hands_off_book.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::fleet {

using model::Duration;
using model::Error;
using model::ErrorCode;
using model::HandsOff;
using model::HandsOffLimits;
using model::MonoTime;
using model::NodeName;
using model::Result;
using model::to_ms;

namespace {

/// What is left now of `left` at `written`. A clock that went back since gives no more than there was.
Duration left_of(Duration left, model::WallTime written, model::WallTime now) {
  const auto gone_ms = std::clamp<std::int64_t>(now.ms - written.ms, 0, to_ms(HandsOffLimits::kMaxDuration));
  return std::max(left - Duration(std::chrono::milliseconds(gone_ms)), model::kZeroDuration);
}

}  // namespace

HandsOffBook::Row HandsOffBook::row_of(const Key& key, const Entry& entry, MonoTime now) {
  Row row{std::get<0>(key), {std::get<1>(key), std::nullopt, std::get<2>(key), entry.who, entry.reason}};
  if (entry.deadline) row.hands_off.remaining = std::max(*entry.deadline - now, model::kZeroDuration);
  return row;
}

std::string HandsOffBook::to_text(const Arrival& now) const {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [key, entry] : entries_) {
    nlohmann::json row = {{"node", std::get<0>(key).str()}, {"group", std::get<1>(key)},
                          {"release", std::get<2>(key)},    {"who", entry.who},
                          {"reason", entry.reason},         {"leftMs", nullptr}};
    if (entry.deadline) row["leftMs"] = std::max<std::int64_t>(to_ms(*entry.deadline - now.mono), 0);
    rows.push_back(std::move(row));
  }
  const nlohmann::json whole{{"wallMs", now.wall.ms}, {"entries", std::move(rows)}};
  return whole.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<HandsOffBook> HandsOffBook::from_text(const std::string& text, const Arrival& now) {
  try {
    const auto whole = nlohmann::json::parse(text);
    const model::WallTime written{whole.at("wallMs").get<std::int64_t>()};
    HandsOffBook book;
    for (const auto& row : whole.at("entries")) {
      HandsOff hands_off{.group = row.at("group").get<std::string>(),
                         .remaining = std::nullopt,
                         .release = row.at("release").get<bool>(),
                         .who = row.at("who").get<std::string>(),
                         .reason = row.at("reason").get<std::string>()};
      if (const auto& left = row.at("leftMs"); !left.is_null()) {
        const auto ms = std::clamp<std::int64_t>(left.get<std::int64_t>(), 0, to_ms(HandsOffLimits::kMaxDuration));
        hands_off.remaining = left_of(std::chrono::milliseconds(ms), written, now.wall);
      }
      if (auto valid = model::validate(hands_off); !valid) {
        return Error(ErrorCode::kMalformed, "stored hands-off: " + valid.error().message());
      }
      Entry entry{std::nullopt, hands_off.who, hands_off.reason};
      if (hands_off.remaining) entry.deadline = now.mono + *hands_off.remaining;
      book.entries_[{NodeName(row.at("node").get<std::string>()), hands_off.group, hands_off.release}] = entry;
    }
    return book;
  } catch (const nlohmann::json::exception& problem) {
    return Error(ErrorCode::kMalformed, fmt::format("stored hands-off: {}", problem.what()));
  }
}

Result<void> HandsOffBook::begin(const NodeName& node, const HandsOff& hands_off, const Arrival& now) {
  if (auto valid = model::validate(hands_off); !valid) return valid;
  if (hands_off.remaining == model::kZeroDuration) {
    return Error(ErrorCode::kInvalidArgument, "hands-off: the duration is 0; want more");
  }
  const Key key{node, hands_off.group, hands_off.release};
  const auto before = entries_.find(key) == entries_.end() ? std::nullopt : std::optional(entries_.at(key));
  if (!before && rows(node, now.mono).size() >= HandsOffLimits::kMaxPerNode) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("node \"{}\" has {} groups to leave alone already, the limit; end one first", node.str(),
                             HandsOffLimits::kMaxPerNode));
  }
  Entry entry{std::nullopt, hands_off.who, hands_off.reason};
  if (hands_off.remaining) entry.deadline = now.mono + *hands_off.remaining;
  entries_[key] = std::move(entry);
  if (to_text(now).size() <= kMaxHandsOffTextBytes) return {};
  if (before) {
    entries_[key] = *before;
  } else {
    entries_.erase(key);
  }
  return Error(ErrorCode::kOverloaded, fmt::format("{} groups are to be left alone on all nodes together, and there is "
                                                   "no room for more; end some first",
                                                   entries_.size()));
}

Result<HandsOffBook::Row> HandsOffBook::end(const NodeName& node, const std::string& group, bool release,
                                            MonoTime now) {
  const auto found = entries_.find({node, group, release});
  if (found == entries_.end()) {
    return Error(ErrorCode::kNotFound,
                 release ? fmt::format("node \"{}\" is not released", node.str())
                         : fmt::format("node \"{}\" has no hands-off of cgroup \"{}\"", node.str(), group));
  }
  Row row = row_of(found->first, found->second, now);
  entries_.erase(found);
  return row;
}

std::vector<HandsOffBook::Row> HandsOffBook::expire(MonoTime now) {
  std::vector<Row> expired;
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.deadline && *it->second.deadline <= now) {
      expired.push_back(row_of(it->first, it->second, now));
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
  return expired;
}

bool HandsOffBook::forget(const NodeName& node) {
  return std::erase_if(entries_, [&](const auto& entry) { return std::get<0>(entry.first) == node; }) > 0;
}

std::optional<HandsOffBook::Row> HandsOffBook::find(const NodeName& node, const std::string& group, bool release,
                                                    MonoTime now) const {
  const auto found = entries_.find({node, group, release});
  if (found == entries_.end()) return std::nullopt;
  return row_of(found->first, found->second, now);
}

std::vector<HandsOffBook::Row> HandsOffBook::rows(const NodeName& node, MonoTime now) const {
  std::vector<Row> all;
  for (const auto& [key, entry] : entries_) {
    if (node.empty() || std::get<0>(key) == node) all.push_back(row_of(key, entry, now));
  }
  return all;
}

}  // namespace tideline::fleet
