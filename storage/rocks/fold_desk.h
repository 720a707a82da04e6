#pragma once
// How far each node is folded, in memory.

#include <cstdint>
#include <map>
#include <optional>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::rocks {

/// As keys are in order, which begin with the length of the name.
struct KeyOrder {
  bool operator()(const model::NodeName& a, const model::NodeName& b) const {
    return a.str().size() != b.str().size() ? a.str().size() < b.str().size() : a < b;
  }
};

struct FoldState {
  /// Its reports from before are in tables, but for late ones; whole hours, ms since the epoch.
  std::int64_t folded_until_ms = 0;
  /// A report from before that comes now is late: the hours up to here are folded, or being folded.
  std::int64_t closed_until_ms = 0;
  /// No report from folded_until on is older; nullopt: there is none.
  std::optional<std::int64_t> first_ms;
  /// first_ms is that of one that is there, and not what the store had no look at since it was opened.
  bool first_is_known = false;
  /// Reports that are marked as late.
  std::uint64_t late = 0;
  /// Of its rows and pods' infos the newest, s since the epoch; nullopt: it has none.
  std::optional<std::int64_t> newest_s;

  /// End of the hour that is folded next, once it is over; nullopt: there is nothing to fold.
  std::optional<std::int64_t> next_hour_end() const;
  bool is_hour_due(model::WallTime now) const;
  bool is_due(model::WallTime now) const { return late > 0 || is_hour_due(now); }
  /// A report was stored.
  void arrived(std::int64_t at_ms, bool is_late);
};

/// For one writer and one folder, under the writer's lock; readers beside them under the index's.
class FoldDesk {
 public:
  using States = std::map<model::NodeName, FoldState, KeyOrder>;

  const States& states() const { return states_; }
  /// nullptr: nothing is known of it.
  const FoldState* find(const model::NodeName& node) const;
  FoldState& of(const model::NodeName& node) { return states_[node]; }
  void forget(const model::NodeName& node) { states_.erase(node); }
  /// Reports of the node from before are late.
  std::int64_t closed_until_ms(const model::NodeName& node) const;
  /// The first node from that one on, or behind it, of which something is due.
  std::optional<model::NodeName> due_from(const model::NodeName& node, model::WallTime now) const;
  std::optional<model::NodeName> due_behind(const model::NodeName& node, model::WallTime now) const;

 private:
  static std::optional<model::NodeName> first_due(States::const_iterator begin, States::const_iterator end,
                                                  model::WallTime now);
  States states_;
};

}  // namespace tideline::rocks
