#include "storage/rocks/table_rows.h"

#include <string_view>
#include <utility>

#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"

namespace tideline::rocks {

model::Result<std::optional<std::string>> TableRows::value(rocksdb::ColumnFamilyHandle* family, const std::string& key,
                                                           const std::string& what) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string found;
  const auto got = database_.db().Get(options, family, key, &found);
  if (got.IsNotFound()) return std::optional<std::string>();
  if (!got.ok()) return database_.error(got, "reading " + what);
  return std::optional(std::move(found));
}

model::Result<std::optional<TableRows::Stored>> TableRows::get(const TableKey& key) const {
  const std::string bytes = table_key(key);
  const std::string what = name_of(key);
  const auto chunk = value(database_.series, bytes, what);
  if (!chunk) return chunk.error();
  if (!*chunk) return std::optional<Stored>();
  const auto sketches = value(database_.sketch, bytes, what);
  if (!sketches) return sketches.error();
  const std::string_view beside = *sketches ? std::string_view(**sketches) : std::string_view();
  auto table = stored_table(key, **chunk, beside);
  if (!table) return table.error();
  return std::optional(Stored{std::move(table).value(), (*chunk)->size() + beside.size()});
}

model::Result<bool> TableRows::has(const TableKey& key) const {
  const auto chunk = value(database_.series, table_key(key), name_of(key));
  if (!chunk) return chunk.error();
  return chunk->has_value();
}

model::Result<std::optional<std::int64_t>> TableRows::next_block(series::Tier tier, const model::NodeName& node,
                                                                 std::int64_t block_s, std::int64_t end_s) const {
  using Found = std::optional<std::int64_t>;
  if (block_s >= end_s) return Found();
  BoundedRows rows(database_, database_.series, node_block_begin(tier, block_s, node), block_key(tier, end_s),
                   snapshot_);
  rows->SeekToFirst();
  while (rows->Valid()) {
    const auto head = block_head(view(rows->key()));
    if (!head) return model::Error(model::ErrorCode::kMalformed, "history: a key of a table does not parse");
    const std::string begin = node_block_begin(tier, head->block_s, node);
    if (view(rows->key()).starts_with(begin)) return Found(head->block_s);
    // Keys of a block are by node: this one's are behind, or it has none there.
    rows->Seek(view(rows->key()) < std::string_view(begin)
                   ? begin
                   : node_block_begin(tier, head->block_s + series::block_s(tier), node));
  }
  if (!rows->status().ok()) return database_.error(rows->status(), "reading tables of node " + node.str());
  return Found();
}

model::Result<void> TableRows::walk(series::Tier tier, std::int64_t block_s, const model::NodeName& node,
                                    const Visit& visit) const {
  const std::string begin = node_block_begin(tier, block_s, node);
  const std::string end = node_block_end(tier, block_s, node);
  BoundedRows sketches(database_, database_.sketch, begin, end, snapshot_);
  sketches->SeekToFirst();
  const auto one = [&](std::string_view bytes, std::string_view chunk) -> model::Result<bool> {
    const auto key = stored_table_key(bytes);
    if (!key) return model::Error(model::ErrorCode::kMalformed, "history: a key of a table does not parse");
    while (sketches->Valid() && view(sketches->key()) < bytes)
      sketches->Next();
    if (!sketches->status().ok()) return database_.error(sketches->status(), "reading " + name_of(*key));
    const bool has_sketches = sketches->Valid() && view(sketches->key()) == bytes;
    auto table = stored_table(*key, chunk, has_sketches ? view(sketches->value()) : std::string_view());
    if (!table) return table.error();
    return visit(std::move(table).value());
  };
  return walk_keys(database_, database_.series, begin, end, one, snapshot_, "reading tables of node " + node.str());
}

model::Result<std::optional<series::PodInfo>> TableRows::info(const model::NodeName& node,
                                                              const model::PodUid& uid) const {
  const std::string key = info_key(node, uid);
  const auto found = value(database_.info, key, "what pod " + uid.str() + " of node " + node.str() + " is");
  if (!found) return found.error();
  if (!*found) return std::optional<series::PodInfo>();
  auto info = stored_info(key, **found);
  if (!info) return info.error();
  return std::optional(std::move(info).value());
}

model::Result<void> TableRows::infos(const model::NodeName& node,
                                     const std::function<void(series::PodInfo&&)>& visit) const {
  const auto one = [&visit](std::string_view key, std::string_view bytes) -> model::Result<bool> {
    auto info = stored_info(key, bytes);
    if (!info) return info.error();
    visit(std::move(info).value());
    return true;
  };
  return walk_keys(database_, database_.info, node_prefix(node), infos_end(node), one, snapshot_,
                   "reading what pods of node " + node.str() + " are");
}

}  // namespace tideline::rocks
