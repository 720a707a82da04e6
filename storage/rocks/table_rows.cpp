#include "storage/rocks/table_rows.h"

#include <string_view>
#include <utility>

#include <rocksdb/slice.h>

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

model::Result<std::vector<TableRows::Raw>> TableRows::raw(const std::vector<TableKey>& keys) const {
  std::vector<Raw> found(keys.size());
  std::vector<std::string> bytes;
  bytes.reserve(keys.size());
  for (const TableKey& key : keys)
    bytes.push_back(table_key(key));
  const std::vector<rocksdb::Slice> slices(bytes.begin(), bytes.end());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  const auto look = [&](rocksdb::ColumnFamilyHandle* family, bool is_chunk) -> model::Result<void> {
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> states(keys.size());
    database_.db().MultiGet(options, family, slices.size(), slices.data(), values.data(), states.data());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (states[i].IsNotFound()) continue;
      Raw& one = found[i];
      if (states[i].ok()) {
        one.is_there = one.is_there || is_chunk;
        (is_chunk ? one.chunk : one.sketches).assign(values[i].data(), values[i].size());
        continue;
      }
      const model::Error error = database_.error(states[i], "reading " + name_of(keys[i]));
      if (error.code() != model::ErrorCode::kMalformed) return error;
      one.is_there = one.is_there || is_chunk;
      (is_chunk ? one.damage : one.sketch_damage) = error;
    }
    return {};
  };
  if (keys.empty()) return found;
  if (auto looked = look(database_.series, true); !looked) return looked.error();
  if (auto looked = look(database_.sketch, false); !looked) return looked.error();
  return found;
}

model::Result<std::optional<std::int64_t>> TableRows::next_block(series::Tier tier, const model::NodeName& node,
                                                                 std::int64_t block_s, std::int64_t end_s) const {
  std::optional<std::int64_t> next;
  for (const series::Stay stay : series::kStays) {
    const auto one = next_block_of({tier, block_s, stay}, node, next.value_or(end_s));
    if (!one) return one.error();
    if (*one) next = *one;
  }
  return next;
}

model::Result<std::optional<std::int64_t>> TableRows::next_block_of(const BlockKey& from, const model::NodeName& node,
                                                                    std::int64_t end_s) const {
  using Found = std::optional<std::int64_t>;
  if (from.block_s >= end_s) return Found();
  BoundedRows rows(database_, database_.series, node_block_begin(from, node), block_key({from.tier, end_s, from.stay}),
                   snapshot_);
  rows->SeekToFirst();
  while (rows->Valid()) {
    const auto head = block_head(view(rows->key()));
    if (!head) return model::Error(model::ErrorCode::kMalformed, "history: a key of a table does not parse");
    const std::string begin = node_block_begin(*head, node);
    if (view(rows->key()).starts_with(begin)) return Found(head->block_s);
    // Keys of a block are by node: this one's are behind, or it has none there.
    const BlockKey behind{head->tier, head->block_s + series::block_s(head->tier), head->stay};
    rows->Seek(view(rows->key()) < std::string_view(begin) ? begin : node_block_begin(behind, node));
  }
  if (!rows->status().ok()) return database_.error(rows->status(), "reading tables of node " + node.str());
  return Found();
}

namespace {

/// The node's tables of one block that stay as long as each other, by subject.
class TableCursor {
 public:
  TableCursor(Database& database, const BlockKey& block, const model::NodeName& node, const rocksdb::Snapshot* snapshot)
      : database_(database),
        node_(node),
        chunks_(database, database.series, node_block_begin(block, node), node_block_end(block, node), snapshot),
        sketches_(database, database.sketch, node_block_begin(block, node), node_block_end(block, node), snapshot) {}

  model::Result<void> begin() {
    chunks_->SeekToFirst();
    sketches_->SeekToFirst();
    return settle();
  }
  model::Result<void> next() {
    chunks_->Next();
    return settle();
  }
  /// Of the table that it stands at; nullopt behind the last.
  const std::optional<TableKey>& key() const { return key_; }
  model::Result<series::Table> table() {
    const auto bytes = view(chunks_->key());
    while (sketches_->Valid() && view(sketches_->key()) < bytes)
      sketches_->Next();
    if (!sketches_->status().ok()) return database_.error(sketches_->status(), "reading " + name_of(*key_));
    const bool has_sketches = sketches_->Valid() && view(sketches_->key()) == bytes;
    return stored_table(*key_, view(chunks_->value()), has_sketches ? view(sketches_->value()) : std::string_view());
  }

 private:
  model::Result<void> settle() {
    key_.reset();
    if (!chunks_->Valid()) {
      if (chunks_->status().ok()) return {};
      return database_.error(chunks_->status(), "reading tables of node " + node_.str());
    }
    key_ = stored_table_key(view(chunks_->key()));
    if (key_) return {};
    return model::Error(model::ErrorCode::kMalformed, "history: a key of a table does not parse");
  }

  Database& database_;
  const model::NodeName& node_;
  BoundedRows chunks_;
  BoundedRows sketches_;
  std::optional<TableKey> key_;
};

}  // namespace

model::Result<void> TableRows::walk(series::Tier tier, std::int64_t block_s, const model::NodeName& node,
                                    const Visit& visit) const {
  TableCursor lasting(database_, {tier, block_s, series::Stay::kLasting}, node, snapshot_);
  TableCursor passing(database_, {tier, block_s, series::Stay::kPassing}, node, snapshot_);
  for (TableCursor* cursor : {&lasting, &passing}) {
    if (auto begun = cursor->begin(); !begun) return begun;
  }
  while (lasting.key() || passing.key()) {
    const bool is_lasting = lasting.key() && (!passing.key() || lasting.key()->subject < passing.key()->subject);
    TableCursor& next = is_lasting ? lasting : passing;
    auto table = next.table();
    if (!table) return table.error();
    if (!visit(std::move(table).value())) return {};
    if (auto moved = next.next(); !moved) return moved;
  }
  return {};
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
