#pragma once
// Which parts of which nodes the agents are to leave alone, and until when. A plain value: every time comes in.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "coordinator/fleet/arrival.h"
#include "messages/model/hands_off.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::fleet {

/// The text of a whole book, so that a store's setting can hold it.
inline constexpr std::size_t kMaxHandsOffTextBytes = 1 << 20;

class HandsOffBook {
 public:
  struct Row {
    model::NodeName node;
    model::HandsOff hands_off;  // `remaining` as of the question
    friend bool operator==(const Row&, const Row&) = default;
  };

  /// What to_text() gave, in an earlier process perhaps: what is left is then told by the wall clock, and at most what
  /// was left when it was written. kMalformed for anything else.
  static model::Result<HandsOffBook> from_text(const std::string& text, const Arrival& now);
  std::string to_text(const Arrival& now) const;

  /// Replaces the one of the same node, group and kind. kInvalidArgument: model::validate, or no time at all;
  /// kOverloaded beyond HandsOffLimits::kMaxPerNode or kMaxHandsOffTextBytes.
  model::Result<void> begin(const model::NodeName& node, const model::HandsOff& hands_off, const Arrival& now);
  /// What was ended; kNotFound names node and group.
  model::Result<Row> end(const model::NodeName& node, const std::string& group, bool release, model::MonoTime now);
  /// Drops and gives those whose time has come.
  std::vector<Row> expire(model::MonoTime now);
  /// False if there was none.
  bool forget(const model::NodeName& node);

  std::optional<Row> find(const model::NodeName& node, const std::string& group, bool release,
                          model::MonoTime now) const;
  /// Of one node, or of all with an empty name; by node, then by group.
  std::vector<Row> rows(const model::NodeName& node, model::MonoTime now) const;
  std::size_t size() const { return entries_.size(); }

 private:
  using Key = std::tuple<model::NodeName, std::string, bool>;
  struct Entry {
    std::optional<model::MonoTime> deadline;  // nullopt = until it is ended
    std::string who;
    std::string reason;
  };
  static Row row_of(const Key& key, const Entry& entry, model::MonoTime now);
  std::map<Key, Entry> entries_;
};

}  // namespace tideline::fleet
