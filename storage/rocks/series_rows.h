#pragma once
// Keys and values of the families of tables and of what belongs to them. layout.h has them byte by byte.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "storage/series/fold.h"
#include "storage/series/stay.h"
#include "storage/series/table.h"

namespace tideline::rocks {

/// One table: a row of `series` and, where it has sketches, one of `sketch`.
struct TableKey {
  series::Tier tier = series::Tier::kTenSeconds;
  std::int64_t block_s = 0;  // begin of its block, from 0 on
  model::NodeName node;
  series::Subject subject;
};
std::string table_key(const TableKey& key);
/// nullopt: it is none.
std::optional<TableKey> stored_table_key(std::string_view key);
/// The same of a key of format 3, in which tables that pass lie among the others; nullopt: it is no key of such a
/// table.
std::optional<TableKey> misplaced_table_key(std::string_view key);
/// "node n1, 1m of 2026-12-01T06:00:00Z, pod 4f-1", for errors.
std::string name_of(const TableKey& key);
/// "2026-12-01T06:00:00Z"; what lies beyond the years 1970 to 9999 as the nearer end.
std::string utc_text(std::int64_t time_s);

/// All nodes' tables of one block that stay as long as each other: they lie together.
struct BlockKey {
  series::Tier tier = series::Tier::kTenSeconds;
  std::int64_t block_s = 0;  // from 0 on
  series::Stay stay = series::Stay::kLasting;
  friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
};
/// Begin of all its tables' keys, and its own key in `block`.
std::string block_key(const BlockKey& block);
/// Behind the last key of the tier's tables that stay so long.
std::string tier_end(series::Tier tier, series::Stay stay);
/// Begin of the node's keys of the block, and behind the last of them.
std::string node_block_begin(const BlockKey& block, const model::NodeName& node);
std::string node_block_end(const BlockKey& block, const model::NodeName& node);
/// Of a key of `series`, `sketch` or `block`, which may have more behind it; nullopt: it has no such beginning.
std::optional<BlockKey> block_head(std::string_view key);
/// "1m of 2026-12-01T06:00:00Z", "1m-pods of 2026-12-01T06:00:00Z".
std::string name_of(const BlockKey& block);

/// chunk: the value of `series`, whole or in pieces (series/pieces.h). sketches: that of `sketch`, in as many, or ""
/// where there is none. kMalformed names the table.
model::Result<series::Table> stored_table(const TableKey& key, std::string_view chunk, std::string_view sketches);
/// Whether both values are as they were written, in how many pieces. Unpacks nothing. kMalformed names the table.
model::Result<std::size_t> intact_pieces(const TableKey& key, std::string_view chunk, std::string_view sketches);

using series::kMaxSubjectBytes;
/// Cuts names that are longer.
void fit_names(series::Folded& folded);

std::string info_key(const model::NodeName& node, const model::PodUid& uid);
/// Behind the node's last key; node_prefix is the begin of them.
std::string infos_end(const model::NodeName& node);
/// Node and uid.
struct InfoKey {
  model::NodeName node;
  model::PodUid uid;
};
std::optional<InfoKey> stored_info_key(std::string_view key);
std::string info_value(const series::PodInfo& info);
/// kMalformed names node and pod.
model::Result<series::PodInfo> stored_info(std::string_view key, std::string_view value);

struct FoldRow {
  std::int64_t folded_until_ms = 0;
  std::optional<std::int64_t> newest_s;
  friend bool operator==(const FoldRow&, const FoldRow&) = default;
};
std::string fold_value(const FoldRow& row);
std::optional<FoldRow> stored_fold(std::string_view value);

struct BlockCount {
  std::uint64_t tables = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const BlockCount&, const BlockCount&) = default;
};
std::string block_value(const BlockCount& count);
std::optional<BlockCount> stored_block(std::string_view value);

}  // namespace tideline::rocks
