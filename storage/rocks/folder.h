#pragma once
// Makes tables of reports, an hour of a node at a time.
// Only the .cpp files of this room include this header.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "storage/rocks/pods_family.h"
#include "storage/rocks/store_state.h"
#include "storage/series/series_store.h"

namespace tideline::rocks {

/// How a report is folded once, whatever is killed when: under the writer's lock the hour is closed, so that a report
/// of it which comes from then on is marked as late in its own step, and a snapshot is taken. What the snapshot has of
/// the hour is folded, and one step puts the tables, how far the node is folded, and takes away the marks which the
/// snapshot had there. Reports with marks of hours before are folded likewise, and the marks go with that step.
class Folder {
 public:
  explicit Folder(StoreState& state) : state_(state) {}

  model::Result<series::FoldSlice> fold(model::WallTime now, const model::NodeName& from, std::size_t most);

 private:
  class Step;
  /// Whether more of the node is due than one slice takes.
  model::Result<bool> fold_node(const model::NodeName& node, model::WallTime now);
  /// Whether there was something to fold.
  model::Result<bool> fold_hour(const model::NodeName& node, model::WallTime now);
  /// Whether there were more than one step takes. Not those that came meanwhile: a node whose reports keep coming late
  /// would hold up all others.
  model::Result<bool> fold_late(const model::NodeName& node);
  /// End of the hour that is closed for it now, and a snapshot of just then; nullopt: none is due.
  model::Result<std::optional<std::int64_t>> close_hour(const model::NodeName& node, model::WallTime now,
                                                        std::optional<PodsReader>& reader);
  model::Result<std::optional<std::int64_t>> first_report(const model::NodeName& node, std::int64_t from_ms);
  void unreadable(std::uint64_t reports, const model::Error& error);

  StoreState& state_;
  series::FoldSlice slice_;
  bool disk_refused_ = false;
};

}  // namespace tideline::rocks
