#include "storage/rocks/table_writer.h"

#include <algorithm>
#include <mutex>
#include <string>

#include "storage/rocks/layout.h"
#include "storage/series/table_bytes.h"

namespace tideline::rocks {
namespace {

/// zstd's: a block that is written again each hour until it is over is not worth the time.
constexpr int kGrowingLevel = 3;
constexpr int kSettledLevel = 9;

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
  for (auto& tables : folded.tiers) {
    for (const series::Table& table : tables) {
      for (series::Table& block : series::by_block(table)) {
        const std::int64_t length_s = series::block_s(table.tier);
        const TableKey key{.tier = table.tier,
                           .block_s = series::floor_to(block.times.front(), length_s),
                           .node = node_,
                           .subject = table.subject};
        const int level = (key.block_s + length_s) * 1000 <= settled_ms ? kSettledLevel : kGrowingLevel;
        auto there = rows_.get(key);
        if (!there && there.error().code() != model::ErrorCode::kMalformed) return there.error();
        std::optional<std::uint64_t> before;
        if (!there) {
          damaged_.push_back(there.error());
          before = 0;
        } else if (*there) {
          before = (*there)->bytes;
          block = series::merge((*there)->table, block);
        }
        if (auto written = write(key, block, before, level); !written) return written;
      }
    }
    tables.clear();
  }
  for (const series::PodInfo& info : folded.pods) {
    if (auto merged = merge_in(info); !merged) return merged;
  }
  return {};
}

model::Result<void> TableWriter::put(const TableKey& key, const series::Table& table) {
  return write(key, table, std::nullopt, kSettledLevel);
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

model::Result<void> TableWriter::write(const TableKey& key, const series::Table& table,
                                       std::optional<std::uint64_t> before, int level) {
  const auto chunk = table_value(table, level);
  if (!chunk) return chunk.error().in("history of " + name_of(key));
  const auto sketches = series::encode_sketches(table.sketches);
  if (!sketches) return sketches.error().in("history of " + name_of(key));
  const std::string bytes = table_key(key);
  batch_.Put(state_.database->series, bytes, *chunk);
  if (!sketches->empty()) {
    batch_.Put(state_.database->sketch, bytes, *sketches);
  } else if (before == std::uint64_t{0}) {
    // What there was did not parse, and its sketches, if any, are not of these rows.
    batch_.Delete(state_.database->sketch, bytes);
  }
  Growth& growth = growth_[{key.tier, key.block_s}];
  growth.tables += before ? 0 : 1;
  growth.bytes +=
      static_cast<std::int64_t>(chunk->size() + sketches->size()) - static_cast<std::int64_t>(before.value_or(0));
  saw(table.times.back());
  return {};
}

model::Result<void> TableWriter::commit(std::optional<std::int64_t> folded_until_ms, std::string_view what) {
  FoldRow row;
  if (const FoldState* state = state_.desk.find(node_)) {
    row = {.folded_until_ms = state->folded_until_ms, .newest_s = state->newest_s};
  }
  if (folded_until_ms) row.folded_until_ms = *folded_until_ms;
  if (newest_s_) row.newest_s = std::max(row.newest_s.value_or(*newest_s_), *newest_s_);
  batch_.Put(state_.database->fold, node_.str(), fold_value(row));

  std::map<BlockKey, BlockCount> counts;
  for (const auto& [key, growth] : growth_) {
    const auto there = state_.blocks.find(key);
    BlockCount count = there == state_.blocks.end() ? BlockCount{} : there->second;
    count.tables += growth.tables;
    count.bytes = grown(count.bytes, growth.bytes);
    batch_.Put(state_.database->block, block_key(key.tier, key.block_s), block_value(count));
    counts.emplace(key, count);
  }
  if (auto written = state_.database->write(batch_, what); !written) return written;

  const std::unique_lock lock(state_.index_mutex);
  FoldState& state = state_.desk.of(node_);
  state.newest_s = row.newest_s;
  if (folded_until_ms) {
    state.folded_until_ms = row.folded_until_ms;
    // Of those behind it the next fold has a look.
    state.first_ms = row.folded_until_ms;
    state.first_is_known = false;
  }
  for (const auto& [key, count] : counts)
    state_.blocks.insert_or_assign(key, count);
  return {};
}

}  // namespace tideline::rocks
