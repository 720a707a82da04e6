#pragma once
// How far each node is folded, in memory.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::rocks {

/// Reports are folded by whole hours.
inline constexpr std::int64_t kFoldHourMs = 3'600'000;

/// As keys are in order, which begin with the length of the name.
struct KeyOrder {
  bool operator()(const model::NodeName& a, const model::NodeName& b) const {
    return a.str().size() != b.str().size() ? a.str().size() < b.str().size() : a < b;
  }
};

/// Reports of a stretch of time that is folded: all that are there.
struct CountedReports {
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;
  std::uint64_t reports = 0;
  friend bool operator==(const CountedReports&, const CountedReports&) = default;
};

struct FoldState {
  /// Its hours are folded so long after their end.
  std::int64_t lag_ms = 0;
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
  /// Hours that were folded since the store was opened, in order, each behind the one before it: so retention need not
  /// read what it drops. The last kMostCounted of them.
  std::vector<CountedReports> counted;
  /// That came for the hour which is being folded since it was closed.
  std::uint64_t came_since = 0;

  static constexpr std::size_t kMostCounted = 48;

  /// End of the hour that is folded next, once it is over; nullopt: there is nothing to fold.
  std::optional<std::int64_t> next_hour_end() const;
  bool is_hour_due(model::WallTime now) const;
  bool is_due(model::WallTime now) const { return late > 0 || is_hour_due(now); }
  /// A report was stored.
  void arrived(std::int64_t at_ms, bool is_late);
  /// folded_until is end_ms from now on. `reports`: those that the fold found; nullopt: it could not count them.
  void folded(std::int64_t end_ms, std::optional<std::uint64_t> reports);
  /// Of hours that were counted, one behind the other from that on in which the first report is, those that end by
  /// until_ms, and have `most` reports at most. nullopt: there is none.
  std::optional<CountedReports> whole_hours(std::int64_t first_report_ms, std::int64_t until_ms,
                                            std::uint64_t most) const;
  /// Reports from before are gone, or some of them.
  void forget_counts(std::int64_t before_ms);
};

/// For one writer and one folder, under the writer's lock; readers beside them under the index's.
class FoldDesk {
 public:
  using States = std::map<model::NodeName, FoldState, KeyOrder>;

  const States& states() const { return states_; }
  /// nullptr: nothing is known of it.
  const FoldState* find(const model::NodeName& node) const;
  FoldState& of(const model::NodeName& node);
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
