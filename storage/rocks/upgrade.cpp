#include "storage/rocks/upgrade.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/write_batch.h>

#include "messages/log/log.h"
#include "storage/rocks/damage.h"
#include "storage/rocks/database.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"
#include "storage/rocks/series_rows.h"

namespace tideline::rocks {
namespace {

/// Of one step.
constexpr std::size_t kMostMovedBytes = 4 << 20;

/// Tables of pods and jobs from among the others to where they are on their own.
class TableMove {
 public:
  explicit TableMove(Database& database) : database_(database) {}

  model::Result<void> run() {
    for (const series::Tier tier : series::kTiers) {
      if (auto moved = move_tier(tier); !moved) return moved;
    }
    batch_.Delete(database_.meta, rocksdb::Slice(kUpgradeKey.data(), kUpgradeKey.size()));
    return write();
  }
  std::uint64_t tables() const { return tables_; }

 private:
  model::Result<void> move_tier(series::Tier tier) {
    std::optional<model::Error> trouble;
    const DamageWalk rows(database_, database_.series, nullptr);
    const auto walked = rows.walk(
        block_key({tier, 0, series::Stay::kLasting}), tier_end(tier, series::Stay::kLasting),
        [&](std::string_view bytes, std::string_view chunk) {
          const auto key = misplaced_table_key(bytes);
          if (!key) return true;
          auto moved = move(*key, bytes, chunk);
          if (moved && batch_.GetDataSize() >= kMostMovedBytes) moved = write();
          if (!moved) trouble = moved.error();
          return !trouble;
        },
        [&](const UnreadableRows& unreadable) {
          if (!unreadable.corrupt) trouble = model::Error(model::ErrorCode::kUnavailable, unreadable.why);
          return unreadable.corrupt;
        });
    if (trouble) return trouble->in("moving tables of pods");
    return walked;
  }

  model::Result<void> move(const TableKey& key, std::string_view old_key, std::string_view chunk) {
    const rocksdb::Slice from(old_key.data(), old_key.size());
    const std::string to = table_key(key);
    std::string sketches;
    const auto got = database_.db().Get({}, database_.sketch, from, &sketches);
    if (!got.ok() && !got.IsNotFound() && !got.IsCorruption()) return database_.error(got, "reading " + name_of(key));
    batch_.Put(database_.series, to, rocksdb::Slice(chunk.data(), chunk.size()));
    batch_.Delete(database_.series, from);
    if (got.ok()) {
      batch_.Put(database_.sketch, to, sketches);
      batch_.Delete(database_.sketch, from);
    }
    BlockCount& moved = moved_[{key.tier, key.block_s, series::Stay::kPassing}];
    ++moved.tables;
    moved.bytes += chunk.size() + (got.ok() ? sketches.size() : 0);
    ++tables_;
    return {};
  }

  model::Result<void> write() {
    for (const auto& [block, moved] : moved_) {
      const BlockKey before{block.tier, block.block_s, series::Stay::kLasting};
      const auto left = count_of(before);
      if (!left) return left.error();
      const auto there = count_of(block);
      if (!there) return there.error();
      const BlockCount rest{.tables = left->tables - std::min(left->tables, moved.tables),
                            .bytes = left->bytes - std::min(left->bytes, moved.bytes)};
      batch_.Put(database_.block, block_key(before), block_value(rest));
      batch_.Put(database_.block, block_key(block),
                 block_value({.tables = there->tables + moved.tables, .bytes = there->bytes + moved.bytes}));
    }
    if (auto written = database_.write(batch_, "moving tables of pods"); !written) return written;
    batch_.Clear();
    moved_.clear();
    return {};
  }

  model::Result<BlockCount> count_of(const BlockKey& block) {
    std::string value;
    const auto got = database_.db().Get({}, database_.block, block_key(block), &value);
    if (got.IsNotFound()) return BlockCount{};
    if (!got.ok()) return database_.error(got, "reading how many tables there are of " + name_of(block));
    const auto count = stored_block(value);
    if (count) return *count;
    return model::Error(model::ErrorCode::kMalformed,
                        "how many tables there are of " + name_of(block) + " does not parse");
  }

  Database& database_;
  rocksdb::WriteBatch batch_;
  std::map<BlockKey, BlockCount> moved_;  // in this step, to there
  std::uint64_t tables_ = 0;
};

}  // namespace

model::Result<void> finish_upgrade(Database& database) {
  const auto from = database.get_meta(kUpgradeKey);
  if (!from) return from.error();
  if (!from->has_value()) return {};
  log::info("history-upgrade", "{}: tables of pods are moved, as format {} has them", database.directory(), kFormat);
  TableMove move(database);
  if (auto moved = move.run(); !moved) return moved.error().in("history " + database.directory());
  log::info("history-upgraded", "{}: {} tables were moved", database.directory(), move.tables());
  return {};
}

}  // namespace tideline::rocks
