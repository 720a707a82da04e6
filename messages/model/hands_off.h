#pragma once
// An operator keeps the agent off a part of the cgroup tree for a while.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::model {

struct HandsOffLimits {
  static constexpr Duration kMaxDuration = std::chrono::hours(24 * 7);
  static constexpr std::size_t kMaxPerNode = 64;
  static constexpr std::size_t kMaxGroupBytes = 512;
  static constexpr std::size_t kMaxTextBytes = 256;  // who, reason
};

/// Nothing of this group, or of a group below it, is written.
struct HandsOff {
  std::string group;                  // relative to the tree's root, e.g. "kubepods/besteffort"; "" = the whole tree
  std::optional<Duration> remaining;  // counted from where this is read; nullopt = until it is ended
  bool release = false;               // first all originals are put back; always of the whole tree
  std::string who;
  std::string reason;
  friend bool operator==(const HandsOff&, const HandsOff&) = default;
};

/// All that is to be left alone on one node; each order replaces the one before.
struct HandsOffOrder {
  std::uint64_t number = 0;  // rises with each order of one epoch
  Epoch epoch;
  std::vector<HandsOff> entries;
  friend bool operator==(const HandsOffOrder&, const HandsOffOrder&) = default;
};

/// kInvalidArgument, naming field and bound: who or reason empty or too long; remaining negative or above kMaxDuration;
/// a group that is empty without `release`, absolute, too long, or has an empty, "." or ".." part; a release of less
/// than the whole tree.
Result<void> validate(const HandsOff& hands_off);

/// `path` is `group` or lies below it.
bool covers(std::string_view group, std::string_view path);

/// "hands off by ann: moving threads by hand", "released by ann: kernel debugging".
std::string text_of(const HandsOff& hands_off);

/// Events of reason kHandsOff: subject is the group, "/" for the whole tree. A beginning has no old value and the text
/// as its new one; an end has the text as its old value and `how` as its new one.
Event begun(const HandsOff& hands_off, WallTime at, Controller by);
Event over(const HandsOff& hands_off, WallTime at, Controller by, std::string how);
/// Of an event of reason kHandsOff: it tells of an end.
bool is_over(const Event& event);

}  // namespace tideline::model
