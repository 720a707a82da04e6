#include "storage/rocks/table_writer.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>

#include "storage/rocks/damage.h"
#include "storage/rocks/layout.h"
#include "storage/series/pieces.h"
#include "storage/series/stay.h"
#include "storage/series/table_bytes.h"

namespace tideline::rocks {
namespace {

/// zstd's. Each percent less than that takes as long again.
constexpr int kGrowingLevel = 3;
constexpr int kSettledLevel = 6;
/// Pieces of a table that grows, before they are made one. Whoever reads it merges them.
constexpr std::size_t kMostGrowing = 8;
/// Tables that are read at once.
constexpr std::size_t kPartsAtOnce = 64;

/// Tables of 10 s are kept for days, and those of an hour get a row of the hour before it: not worth a second writing.
constexpr bool is_settled_once(series::Tier tier) {
  return tier != series::Tier::kTenSeconds;
}

std::int64_t end_ms_of(series::Tier tier, std::int64_t block_s) {
  return (block_s + series::block_s(tier)) * 1000;
}

std::uint64_t grown(std::uint64_t bytes, std::int64_t by) {
  const auto less = static_cast<std::uint64_t>(by < 0 ? -by : 0);
  return by < 0 ? bytes - std::min(bytes, less) : bytes + static_cast<std::uint64_t>(by);
}

}  // namespace

void TableWriter::saw(std::int64_t time_s) {
  newest_s_ = std::max(newest_s_.value_or(time_s), time_s);
}

model::Result<void> TableWriter::merge_in(series::Folded&& folded, std::int64_t settled_ms) {
  fit_names(folded);
  std::vector<Part> parts;
  for (auto& tables : folded.tiers) {
    for (series::Table& table : tables) {
      for (series::Table& block : series::by_block(std::move(table))) {
        const std::int64_t length_s = series::block_s(block.tier);
        TableKey key{.tier = block.tier,
                     .block_s = series::floor_to(block.times.front(), length_s),
                     .node = node_,
                     .subject = block.subject};
        parts.push_back({.key = std::move(key), .table = std::move(block)});
      }
      if (parts.size() < kPartsAtOnce) continue;
      if (auto merged = merge_parts(parts, settled_ms); !merged) return merged;
    }
    tables.clear();
  }
  if (auto merged = merge_parts(parts, settled_ms); !merged) return merged;
  for (const series::PodInfo& info : folded.pods) {
    if (auto merged = merge_in(info); !merged) return merged;
  }
  return {};
}

model::Result<void> TableWriter::merge_parts(std::vector<Part>& parts, std::int64_t settled_ms) {
  std::vector<TableKey> keys;
  keys.reserve(parts.size());
  for (const Part& part : parts)
    keys.push_back(part.key);
  const auto there = rows_.raw(keys);
  if (!there) return there.error();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const TableKey& key = parts[i].key;
    const bool is_settled = is_settled_once(key.tier) && end_ms_of(key.tier, key.block_s) <= settled_ms;
    if (auto merged = merge_part(parts[i], (*there)[i], is_settled); !merged) return merged;
  }
  parts.clear();
  return {};
}

model::Result<void> TableWriter::merge_part(Part& part, const TableRows::Raw& there, bool is_settled) {
  saw(part.table.times.back());
  const bool is_readable = there.is_there && !there.damage;
  for (const auto* damage : {&there.damage, &there.sketch_damage}) {
    if (*damage) damaged_.push_back(**damage);
  }
  if (is_readable && !is_settled && !there.sketch_damage) {
    auto grown_by_one = with_piece(part, there);
    if (grown_by_one && *grown_by_one) {
      put_values(part.key, **grown_by_one, there);
      return {};
    }
    if (!grown_by_one && grown_by_one.error().code() != model::ErrorCode::kMalformed) return grown_by_one.error();
  }
  if (is_readable) {
    auto before = stored_table(part.key, there.chunk, there.sketches);
    if (!before) {
      damaged_.push_back(before.error());
      // Where only its sketches are damaged the rest does not go with them.
      if (!there.sketches.empty()) before = stored_table(part.key, there.chunk, {});
    }
    if (before) part.table = series::merge(*before, part.table);
  }
  const auto whole = packed(part.key, part.table, is_settled ? kSettledLevel : kGrowingLevel);
  if (!whole) return whole.error();
  put_values(part.key, *whole, there);
  if (is_settled) settled_.insert(table_key(part.key));
  return {};
}

model::Result<void> TableWriter::settle(std::int64_t after_ms, std::int64_t settled_ms) {
  if (after_ms < 0) return {};
  for (const series::Tier tier : series::kTiers) {
    // Rows of before lie in the block that this instant is in, or in blocks that ended before.
    const std::int64_t block_s = series::floor_to(after_ms / 1000, series::block_s(tier));
    if (!is_settled_once(tier) || end_ms_of(tier, block_s) > settled_ms) continue;
    for (const series::Stay stay : series::kStays) {
      if (auto settled = settle_block({tier, block_s, stay}); !settled) return settled;
    }
  }
  return {};
}

model::Result<void> TableWriter::settle_block(const BlockKey& block) {
  std::vector<TableKey> keys;
  std::optional<model::Error> trouble;
  const DamageWalk tables(*state_.database, state_.database->series, nullptr);
  const auto walked = tables.walk(
      node_block_begin(block, node_), node_block_end(block, node_),
      [&](std::string_view key, std::string_view value) {
        if (!series::is_in_pieces(value) || settled_.contains(std::string(key))) return true;
        if (auto table = stored_table_key(key)) keys.push_back(*std::move(table));
        return true;
      },
      [&](const UnreadableRows& rows) {
        if (!rows.corrupt) trouble = model::Error(model::ErrorCode::kUnavailable, rows.why);
        return rows.corrupt;
      });
  if (!walked) return walked.error().in("tables of node " + node_.str());
  if (trouble) return trouble->in("tables of node " + node_.str());
  for (std::size_t first = 0; first < keys.size(); first += kPartsAtOnce) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    const auto some = static_cast<std::ptrdiff_t>(std::min(kPartsAtOnce, keys.size() - first));
    if (auto settled = settle_tables({begin, begin + some}); !settled) return settled;
  }
  return {};
}

model::Result<void> TableWriter::settle_tables(const std::vector<TableKey>& keys) {
  const auto there = rows_.raw(keys);
  if (!there) return there.error();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const TableRows::Raw& pieces = (*there)[i];
    const auto& damage = pieces.damage ? pieces.damage : pieces.sketch_damage;
    const auto table =
        damage ? model::Result<series::Table>(*damage) : stored_table(keys[i], pieces.chunk, pieces.sketches);
    if (!table) {
      // It stays as it is, and whoever reads it hears of it.
      damaged_.push_back(table.error());
      continue;
    }
    const auto whole = packed(keys[i], *table, kSettledLevel);
    if (!whole) return whole.error();
    put_values(keys[i], *whole, pieces);
  }
  return {};
}

model::Result<TableWriter::Packed> TableWriter::packed(const TableKey& key, const series::Table& table, int level) {
  auto chunk = chunks_.write(series::chunk_of(table), level);
  if (!chunk) return chunk.error().in("history of " + name_of(key));
  auto sketches = series::encode_sketches(table.sketches, chunks_.frames(), level);
  if (!sketches) return sketches.error().in("history of " + name_of(key));
  return Packed{.chunk = std::move(chunk).value(), .sketches = std::move(sketches).value()};
}

model::Result<std::optional<TableWriter::Packed>> TableWriter::with_piece(const Part& part,
                                                                          const TableRows::Raw& there) {
  using Found = std::optional<Packed>;
  const auto pieces = intact_pieces(part.key, there.chunk, there.sketches);
  if (!pieces) return pieces.error();
  if (*pieces >= kMostGrowing) return Found();
  const auto last = packed(part.key, part.table, kGrowingLevel);
  if (!last) return last.error();
  auto chunks = series::pieces_of(there.chunk);
  if (!chunks) return chunks.error();
  chunks->push_back(last->chunk);
  Packed both{.chunk = series::joined_pieces(*chunks), .sketches = {}};
  if (!there.sketches.empty() || !last->sketches.empty()) {
    auto beside = there.sketches.empty() ? std::vector<std::string_view>(*pieces) : std::vector<std::string_view>();
    if (!there.sketches.empty()) {
      auto of_sketches = series::pieces_of(there.sketches);
      if (!of_sketches) return of_sketches.error();
      beside = std::move(of_sketches).value();
    }
    beside.push_back(last->sketches);
    both.sketches = series::joined_pieces(beside);
  }
  return Found(std::move(both));
}

model::Result<void> TableWriter::put(const TableKey& key, const series::Table& table) {
  const auto values = packed(key, table, kSettledLevel);
  if (!values) return values.error();
  saw(table.times.back());
  put_values(key, *values, {});
  return {};
}

model::Result<void> TableWriter::merge_in(const series::PodInfo& info) {
  auto there = rows_.info(node_, info.uid);
  if (!there && there.error().code() != model::ErrorCode::kMalformed) return there.error();
  if (!there) damaged_.push_back(there.error());
  const bool is_there = there && there->has_value();
  const series::PodInfo both = is_there ? series::merge(**there, info) : info;
  if (!is_there || both != **there) batch_.Put(state_.database->info, info_key(node_, both.uid), info_value(both));
  saw(both.last_s);
  return {};
}

void TableWriter::put_values(const TableKey& key, const Packed& values, const TableRows::Raw& there) {
  const std::string bytes = table_key(key);
  batch_.Put(state_.database->series, bytes, values.chunk);
  if (!values.sketches.empty()) {
    batch_.Put(state_.database->sketch, bytes, values.sketches);
  } else if (there.damage || there.sketch_damage || !there.sketches.empty()) {
    // What there was could not be read, and its sketches, if any, are not of these rows.
    batch_.Delete(state_.database->sketch, bytes);
  }
  Growth& growth = growth_[{key.tier, key.block_s, series::stay_of(key.subject)}];
  growth.tables += there.is_there ? 0 : 1;
  growth.bytes += static_cast<std::int64_t>(values.chunk.size() + values.sketches.size()) -
                  static_cast<std::int64_t>(there.chunk.size() + there.sketches.size());
}

model::Result<void> TableWriter::commit(const std::optional<Hour>& hour, std::string_view what) {
  FoldRow row;
  if (const FoldState* state = state_.desk.find(node_)) {
    row = {.folded_until_ms = state->folded_until_ms, .newest_s = state->newest_s};
  } else {
    // Of a node without reports it is on disk alone.
    const auto stored = state_.fold_row(node_);
    if (!stored) return stored.error();
    row = stored->value_or(FoldRow{});
  }
  if (hour) row.folded_until_ms = hour->end_ms;
  if (newest_s_) row.newest_s = std::max(row.newest_s.value_or(*newest_s_), *newest_s_);
  batch_.Put(state_.database->fold, node_.str(), fold_value(row));

  std::map<BlockKey, BlockCount> counts;
  for (const auto& [key, growth] : growth_) {
    const auto there = state_.blocks.find(key);
    BlockCount count = there == state_.blocks.end() ? BlockCount{} : there->second;
    count.tables += growth.tables;
    count.bytes = grown(count.bytes, growth.bytes);
    batch_.Put(state_.database->block, block_key(key), block_value(count));
    counts.emplace(key, count);
  }
  if (auto written = state_.database->write(batch_, what); !written) return written;

  const std::unique_lock lock(state_.index_mutex);
  if (hour || state_.desk.find(node_) != nullptr) {
    FoldState& state = state_.desk.of(node_);
    state.newest_s = row.newest_s;
    if (hour) state.folded(hour->end_ms, hour->reports);
  }
  for (const auto& [key, count] : counts)
    state_.blocks.insert_or_assign(key, count);
  return {};
}

}  // namespace tideline::rocks
