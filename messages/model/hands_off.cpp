#include "messages/model/hands_off.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tideline::model {
namespace {

Result<void> check_text(std::string_view field, const std::string& text) {
  const bool blank = std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
  if (blank) return invalid(fmt::format("hands-off: {} is empty", field));
  if (text.size() <= HandsOffLimits::kMaxTextBytes) return {};
  return invalid(
      fmt::format("hands-off: {} has {} bytes, limit {}", field, text.size(), HandsOffLimits::kMaxTextBytes));
}

Result<void> check_group(std::string_view group) {
  if (group.empty()) return invalid("hands-off: the cgroup is empty; want one below the tree's root");
  if (group.size() > HandsOffLimits::kMaxGroupBytes) {
    return invalid(
        fmt::format("hands-off: the cgroup has {} bytes, limit {}", group.size(), HandsOffLimits::kMaxGroupBytes));
  }
  if (group.front() == '/') {
    return invalid(fmt::format("hands-off: cgroup \"{}\" is absolute; want it relative to the tree's root", group));
  }
  for (std::size_t begin = 0; begin <= group.size();) {
    const auto end = std::min(group.find('/', begin), group.size());
    const auto part = group.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) {
      return invalid(fmt::format("hands-off: cgroup \"{}\" has the part \"{}\"", group, part));
    }
    begin = end + 1;
  }
  return {};
}

std::string subject_of(const HandsOff& hands_off) {
  return hands_off.group.empty() ? "/" : hands_off.group;
}

}  // namespace

Result<void> validate(const HandsOff& hands_off) {
  if (hands_off.release) {
    if (!hands_off.group.empty()) return invalid("release: it is of the whole tree, not of one cgroup");
  } else if (auto group = check_group(hands_off.group); !group) {
    return group;
  }
  if (!hands_off.release && !hands_off.remaining) return invalid("hands-off: it has no end");
  if (hands_off.remaining &&
      (*hands_off.remaining < kZeroDuration || *hands_off.remaining > HandsOffLimits::kMaxDuration)) {
    return invalid("hands-off: the duration is outside 0..7d");
  }
  if (auto who = check_text("who", hands_off.who); !who) return who;
  return check_text("reason", hands_off.reason);
}

bool covers(std::string_view group, std::string_view path) {
  if (group.empty()) return true;
  if (!path.starts_with(group)) return false;
  return path.size() == group.size() || path[group.size()] == '/';
}

std::string text_of(const HandsOff& hands_off) {
  return fmt::format("{} by {}: {}", hands_off.release ? "released" : "hands off", hands_off.who, hands_off.reason);
}

Event begun(const HandsOff& hands_off, WallTime at, Controller by) {
  return {at, by, Reason::kHandsOff, subject_of(hands_off), "", text_of(hands_off)};
}

Event over(const HandsOff& hands_off, WallTime at, Controller by, std::string how) {
  return {at, by, Reason::kHandsOff, subject_of(hands_off), text_of(hands_off), std::move(how)};
}

bool is_over(const Event& event) {
  return !event.old_value.empty();
}

}  // namespace tideline::model
