#pragma once
// Events of a range, out of a store into an archive and back.

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "storage/columns/archive.h"
#include "storage/store/history_store.h"

namespace tideline::series {

/// Series of the cluster's own events: policy and the like. No node can have that name.
inline constexpr std::string_view kClusterSeries = "/";

/// Events of [from, to) of a node, of the cluster with an empty name, oldest first, by the coordinator's clock. Of
/// those of one ms no more than HistoryStore::events() gives at once. An error of `visit` ends it, and is the answer.
model::Result<void> walk_events(const store::HistoryStore& history, const model::NodeName& node, model::WallTime from,
                                model::WallTime to, const std::function<model::Result<void>(model::Event&&)>& visit);

/// Puts them into the archive, kMaxArchivedEvents at a time; how many they were. What stands for no text or time that
/// an archive has is cut to one. kInvalidArgument where there are some of a name that read_events() would not take.
model::Result<std::uint64_t> write_events(const store::HistoryStore& history, const model::NodeName& node,
                                          model::WallTime from, model::WallTime to, columns::ArchiveWriter& writer);

struct ArchivedEvents {
  model::NodeName node;  // "" = the cluster
  std::vector<model::Event> events;
};
/// Of an extra of kind kEvents. kMalformed names series and offset.
model::Result<ArchivedEvents> read_events(const columns::ArchiveReader& archive, const columns::ChunkEntry& entry);

struct PutEvents {
  std::uint64_t put = 0;
  std::uint64_t there = 0;
};
/// Appends those that the store does not have: of equal ones as many as they are here. Their time becomes that of the
/// sender, too.
model::Result<PutEvents> put_events(store::HistoryStore& history, const ArchivedEvents& archived);

}  // namespace tideline::series
